"""what providers' bills said beside our books

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_BILL, _GAP = "payments_bill", "payments_bill_gap"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_bill()
    _create_gap()
    for table in (_BILL, _GAP):
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table(_GAP)
    op.drop_table(_BILL)


def _create_bill() -> None:
    op.create_table(
        _BILL,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("merchant_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(64), nullable=False),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payments", sa.Integer(), nullable=False),
        sa.Column("refunds", sa.Integer(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_millis", sa.BigInteger(), nullable=False),
        sa.Column("near_midnight", sa.Integer(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["brand_id", "account_id"],
            ["payments_account.brand_id", "payments_account.id"],
            name="fk_payments_bill_brand_id_account_id",
        ),
        sa.UniqueConstraint(
            "brand_id", "provider", "merchant_id", "day", name="uq_payments_bill_brand_id_provider_merchant_id_day"
        ),
    )
    due = sa.text("next_at IS NOT NULL")
    op.create_index("ix_payments_bill_due", _BILL, ["brand_id", "next_at"], postgresql_where=due)
    op.create_index("ix_payments_bill_day", _BILL, ["brand_id", "day", "id"])
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key("pk_payments_bill", _BILL, ["brand_id", "id"])


def _create_gap() -> None:
    op.create_table(
        _GAP,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("out_trade_no", sa.String(64), nullable=False),
        sa.Column("out_refund_no", sa.String(64), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("ours_minor", sa.BigInteger(), nullable=True),
        sa.Column("theirs_minor", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["brand_id", "bill_id"],
            ["payments_bill.brand_id", "payments_bill.id"],
            name="fk_payments_bill_gap_brand_id_bill_id",
        ),
    )
    op.create_index("ix_payments_bill_gap_brand_id_bill_id", _GAP, ["brand_id", "bill_id"])
    op.create_primary_key("pk_payments_bill_gap", _GAP, ["brand_id", "id"])
