"""payments, attempts, notices, refunds, orphans

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = (
    "payments_account",
    "payments_payment",
    "payments_attempt",
    "payments_notice",
    "payments_orphan",
    "payments_orphan_action",
    "payments_refund",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_account()
    _create_payment()
    _create_attempt()
    _create_notice()
    _create_orphan()
    _create_orphan_action()
    _create_refund()
    # Global: who a notice belongs to is what is not known.
    op.create_table(
        "unclaimed_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider", sa.String(16), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unclaimed_notice"),
        sa.UniqueConstraint("digest", name="uq_unclaimed_notice_digest"),
    )
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("unclaimed_notice")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_account() -> None:
    table = "payments_account"
    op.create_table(
        table,
        *_row(),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("label", sa.String(80), nullable=False),
        sa.Column("app_id", sa.String(64), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.UniqueConstraint(
            "brand_id",
            "provider",
            "merchant_id",
            "app_id",
            name="uq_payments_account_brand_id_provider_merchant_id_app_id",
        ),
    )
    op.create_index(
        "ix_payments_account_active",
        table,
        ["brand_id", "provider"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    # Last: see 0006.
    op.create_primary_key("pk_payments_account", table, ["brand_id", "id"])


def _create_payment() -> None:
    table = "payments_payment"
    op.create_table(
        table,
        *_row(),
        sa.Column("subject_type", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(120), nullable=False),
        sa.Column("return_path", sa.String(200), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("payer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name="ck_payments_payment_amount_positive"),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= reserved_minor AND reserved_minor <= captured_minor",
            name="ck_payments_payment_refunds_within_captured",
        ),
    )
    op.create_index("ix_payments_payment_brand_id_state_id", table, ["brand_id", "state", "id"])
    op.create_index("ix_payments_payment_brand_id_subject_id", table, ["brand_id", "subject_id"])
    op.create_index(
        "ix_payments_payment_expiring",
        table,
        ["brand_id", "expires_at"],
        postgresql_where=sa.text("state IN ('pending', 'closing')"),
    )
    op.create_index(
        "ix_payments_payment_live_subject",
        table,
        ["brand_id", "subject_type", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'closing', 'succeeded')"),
    )
    # Last: see 0006.
    op.create_primary_key("pk_payments_payment", table, ["brand_id", "id"])


def _create_attempt() -> None:
    table = "payments_attempt"
    op.create_table(
        table,
        *_row(),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("out_trade_no", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("failure", sa.String(64), nullable=False),
        sa.Column("client_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("provider_ref", sa.String(64), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polls", sa.Integer(), nullable=False),
        _reference(table, "account_id", "payments_account"),
        _reference(table, "payment_id", "payments_payment"),
        sa.UniqueConstraint("brand_id", "out_trade_no", name="uq_payments_attempt_brand_id_out_trade_no"),
    )
    op.create_index("ix_payments_attempt_brand_id_payment_id", table, ["brand_id", "payment_id"])
    op.create_index("ix_payments_attempt_brand_id_provider_ref", table, ["brand_id", "provider_ref"])
    op.create_index(
        "ix_payments_attempt_due",
        table,
        ["brand_id", "next_poll_at"],
        postgresql_where=sa.text("next_poll_at IS NOT NULL"),
    )
    # Last: see 0006.
    op.create_primary_key("pk_payments_attempt", table, ["brand_id", "id"])


def _create_notice() -> None:
    table = "payments_notice"
    op.create_table(
        table,
        *_row(),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", sa.String(160), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("signature_ok", sa.Boolean(), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("app_id", sa.String(64), nullable=False),
        sa.Column("out_trade_no", sa.String(64), nullable=False),
        sa.Column("standing", sa.String(16), nullable=False),
        sa.Column("provider_ref", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(3), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("out_refund_no", sa.String(64), nullable=False),
        sa.Column("refund_standing", sa.String(16), nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_ref", sa.String(64), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(64), nullable=False),
        sa.UniqueConstraint("brand_id", "account_id", "ref", name="uq_payments_notice_brand_id_account_id_ref"),
    )
    op.create_index("ix_payments_notice_brand_id_out_trade_no", table, ["brand_id", "out_trade_no"])
    # Last: see 0006.
    op.create_primary_key("pk_payments_notice", table, ["brand_id", "id"])


def _create_orphan() -> None:
    table = "payments_orphan"
    op.create_table(
        table,
        *_row(),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("out_trade_no", sa.String(64), nullable=False),
        sa.Column("provider_ref", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("linked_payment_id", sa.Uuid(), nullable=True),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= reserved_minor AND reserved_minor <= amount_minor",
            name="ck_payments_orphan_refunds_within_amount",
        ),
        _reference(table, "account_id", "payments_account"),
        sa.UniqueConstraint(
            "brand_id",
            "out_trade_no",
            "reason",
            "provider_ref",
            name="uq_payments_orphan_brand_id_out_trade_no_reason_provider_ref",
        ),
    )
    op.create_index("ix_payments_orphan_brand_id_payment_id", table, ["brand_id", "payment_id"])
    op.create_index("ix_payments_orphan_brand_id_status_id", table, ["brand_id", "status", "id"])
    # Last: see 0006.
    op.create_primary_key("pk_payments_orphan", table, ["brand_id", "id"])


def _create_orphan_action() -> None:
    table = "payments_orphan_action"
    op.create_table(
        table,
        *_row(),
        sa.Column("orphan_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("text", sa.String(400), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        _reference(table, "orphan_id", "payments_orphan"),
    )
    op.create_index("ix_payments_orphan_action_brand_id_orphan_id", table, ["brand_id", "orphan_id"])
    # Last: see 0006.
    op.create_primary_key("pk_payments_orphan_action", table, ["brand_id", "id"])


def _create_refund() -> None:
    table = "payments_refund"
    op.create_table(
        table,
        *_row(),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("orphan_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("out_trade_no", sa.String(64), nullable=False),
        sa.Column("out_refund_no", sa.String(64), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("reason", sa.String(80), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("failure", sa.String(64), nullable=False),
        sa.Column("provider_ref", sa.String(64), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "amount_minor > 0 AND amount_minor <= total_minor", name="ck_payments_refund_amount_within_total"
        ),
        sa.CheckConstraint("(payment_id IS NULL) <> (orphan_id IS NULL)", name="ck_payments_refund_one_origin"),
        _reference(table, "account_id", "payments_account"),
        _reference(table, "orphan_id", "payments_orphan"),
        _reference(table, "payment_id", "payments_payment"),
        sa.UniqueConstraint("brand_id", "out_refund_no", name="uq_payments_refund_brand_id_out_refund_no"),
    )
    op.create_index("ix_payments_refund_brand_id_orphan_id", table, ["brand_id", "orphan_id"])
    op.create_index("ix_payments_refund_brand_id_payment_id", table, ["brand_id", "payment_id"])
    op.create_index("ix_payments_refund_brand_id_state_id", table, ["brand_id", "state", "id"])
    op.create_index(
        "ix_payments_refund_due",
        table,
        ["brand_id", "next_poll_at"],
        postgresql_where=sa.text("next_poll_at IS NOT NULL"),
    )
    # Last: see 0006.
    op.create_primary_key("pk_payments_refund", table, ["brand_id", "id"])


def _row() -> list[sa.Column]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{target}.brand_id", f"{target}.id"], name=f"fk_{table}_brand_id_{column}"
    )
