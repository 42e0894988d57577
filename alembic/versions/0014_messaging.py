"""messages, each try to send them, consents and their use, what members want and HQ decides

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MEMBER = ["members_member.brand_id", "members_member.id"]
MESSAGE = ["messaging_message.brand_id", "messaging_message.id"]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_message()
    _create_attempt()
    _create_credits()
    _create_choices()
    _create_settings()


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _edited() -> list[sa.Column[object]]:
    return [
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _member(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["brand_id", "member_id"], MEMBER, name=f"fk_{table}_brand_id_member_id")


def _create_message() -> None:
    table = "messaging_message"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        _text("fact_key", 120),
        _text("template", 60),
        _text("message_class", 32),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        _text("only_channel", 16),
        _text("locale", 8),
        _text("zone", 40),
        _text("path", 300),
        sa.Column("values_sealed", sa.LargeBinary(), nullable=True),
        _time("send_after", nullable=False),
        _time("useless_after"),
        _text("recheck", 60),
        _time("checked_at"),
        _text("state", 32),
        _text("reason", 60),
        _text("channel", 16),
        _text("recipient", 40),
        sa.Column("tried", ARRAY(sa.String(16)), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("channel_tries", sa.Integer(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        _time("next_at"),
        _time("sent_at"),
        _time("delivered_at"),
        _time("ended_at"),
        sa.UniqueConstraint("brand_id", "fact_key", "template", name=f"uq_{table}_brand_id_fact_key_template"),
        _member(table),
    )
    op.create_index(
        f"ix_{table}_due", table, ["brand_id", "next_at"], postgresql_where=sa.text("next_at IS NOT NULL")
    )
    op.create_index(f"ix_{table}_member", table, ["brand_id", "member_id", "id"])
    op.create_index(f"ix_{table}_state", table, ["brand_id", "state", "id"])
    op.create_index(
        f"ix_{table}_kept", table, ["brand_id", "ended_at"], postgresql_where=sa.text("values_sealed IS NOT NULL")
    )
    # Last, so that the checks of foreign keys use it before the first ANALYZE (ADR 0003).
    op.create_primary_key(f"pk_{table}", table, ["brand_id", "id"])
    op.protect_by_brand(table)


def _create_attempt() -> None:
    table = "messaging_attempt"
    op.create_table(
        table,
        *_row(),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("channel", 16),
        _text("app_id", 32),
        _text("template_ref", 64),
        _text("recipient", 40),
        _text("state", 16),
        _text("code", 60),
        _text("provider_ref", 80),
        _time("ended_at"),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint("brand_id", "message_id", "number", name=f"uq_{table}_brand_id_message_id_number"),
        sa.ForeignKeyConstraint(["brand_id", "message_id"], MESSAGE, name=f"fk_{table}_brand_id_message_id"),
    )
    op.create_index(
        f"ix_{table}_provider_ref",
        table,
        ["brand_id", "app_id", "provider_ref"],
        postgresql_where=sa.text("provider_ref <> ''"),
    )
    op.protect_by_brand(table)


def _create_credits() -> None:
    table = "messaging_credit"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        _text("app_id", 32),
        _text("template_id", 64),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint(
            "brand_id",
            "member_id",
            "app_id",
            "template_id",
            name=f"uq_{table}_brand_id_member_id_app_id_template_id",
        ),
        _member(table),
        sa.CheckConstraint("remaining >= 0", name=f"ck_{table}_not_negative"),
    )
    op.protect_by_brand(table)
    table = "messaging_credit_entry"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        _text("app_id", 32),
        _text("template_id", 64),
        _text("reference", 80),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint(
            "brand_id", "member_id", "app_id", "template_id", "reference", name=f"uq_{table}_reference"
        ),
        _member(table),
    )
    op.protect_by_brand(table)


def _create_choices() -> None:
    table = "messaging_choice"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        _text("message_class", 32),
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        _text("text_version", 20),
        _text("via", 32),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        _member(table),
    )
    op.create_index(f"ix_{table}_member", table, ["brand_id", "member_id", "message_class", "id"])
    op.protect_by_brand(table)
    table = "messaging_day_count"
    op.create_table(
        table,
        *_row(),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint("brand_id", "member_id", "day", name=f"uq_{table}_brand_id_member_id_day"),
    )
    op.protect_by_brand(table)


def _create_settings() -> None:
    table = "messaging_template"
    op.create_table(
        table,
        *_row(),
        *_edited(),
        _text("code", 60),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_urgent", sa.Boolean(), nullable=False),
        _text("official_template_id", 64),
        _text("mini_template_id", 64),
        _text("mini_page", 200),
        sa.Column("texts", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint("brand_id", "code", name=f"uq_{table}_brand_id_code"),
    )
    op.protect_by_brand(table)
    table = "messaging_policy"
    op.create_table(
        table,
        *_row(),
        *_edited(),
        sa.Column("quiet_from", sa.Time(), nullable=False),
        sa.Column("quiet_until", sa.Time(), nullable=False),
        sa.Column("marketing_per_day", sa.Integer(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("is_sms_on", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.CheckConstraint("id = brand_id", name=f"ck_{table}_one_row"),
        sa.CheckConstraint("marketing_per_day BETWEEN 0 AND 20", name=f"ck_{table}_marketing_per_day"),
        sa.CheckConstraint("retention_days BETWEEN 1 AND 1095", name=f"ck_{table}_retention"),
    )
    op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("policy", "template", "day_count", "choice", "credit_entry", "credit", "attempt", "message"):
        op.drop_table(f"messaging_{table}")
