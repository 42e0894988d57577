"""links, touches, credits

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("attribution_link", "attribution_touch", "attribution_credit", "attribution_transfer")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_link()
    _create_touch()
    _create_credit()
    _create_transfer()
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DELETE FROM directory WHERE kind = 'link'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{target}.brand_id", f"{target}.id"], name=f"fk_{table}_brand_id_{column}"
    )


def _create_link() -> None:
    table = "attribution_link"
    op.create_table(
        table,
        *_row(),
        sa.Column("token", sa.String(12, collation="C"), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("target_type", sa.String(40), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("target_path", sa.String(300), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("parent_link_id", sa.Uuid(), nullable=True),
        sa.Column("sharer_member_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(120), nullable=False),
        sa.Column("picture", sa.String(300), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("old_opens", sa.Integer(), nullable=False),
        sa.UniqueConstraint("brand_id", "token", name=f"uq_{table}_brand_id_token"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "sharer_member_id", "members_member"),
    )
    op.create_index(
        "uq_attribution_link_live",
        table,
        [
            "brand_id",
            "target_id",
            "target_type",
            "channel",
            "shop_id",
            "staff_id",
            "sharer_member_id",
            "parent_link_id",
        ],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("ix_attribution_link_brand_id_shop_id_id", table, ["brand_id", "shop_id", "id"])
    op.create_index("ix_attribution_link_parent", table, ["brand_id", "parent_link_id"])
    # Last: see 0006.
    op.create_primary_key("pk_attribution_link", table, ["brand_id", "id"])
    op.create_foreign_key(
        f"fk_{table}_brand_id_parent_link_id", table, table, ["brand_id", "parent_link_id"], ["brand_id", "id"]
    )


def _create_touch() -> None:
    table = "attribution_touch"
    op.create_table(
        table,
        *_row(),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_hash", sa.LargeBinary(), nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agent", sa.String(32), nullable=False),
        sa.Column("is_bot", sa.Boolean(), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        sa.UniqueConstraint(
            "brand_id",
            "link_id",
            "visitor_hash",
            "kind",
            "slot",
            name=f"uq_{table}_brand_id_link_id_visitor_hash_kind_slot",
        ),
        _reference(table, "member_id", "members_member"),
    )
    op.create_index("ix_attribution_touch_visitor", table, ["brand_id", "visitor_hash", "at"])
    op.create_index("ix_attribution_touch_member", table, ["brand_id", "member_id", "at"])


def _create_credit() -> None:
    table = "attribution_credit"
    op.create_table(
        table,
        *_row(),
        sa.Column("subject_type", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("touch_id", sa.Uuid(), nullable=True),
        sa.Column("assist_link_id", sa.Uuid(), nullable=True),
        sa.Column("marks", postgresql.ARRAY(sa.String(32)), nullable=False),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_minor >= 0 AND refunded_minor >= 0", name=f"ck_{table}_amounts"),
        sa.UniqueConstraint(
            "brand_id", "subject_type", "subject_id", name=f"uq_{table}_brand_id_subject_type_subject_id"
        ),
    )
    op.create_index(f"ix_{table}_brand_id_link_id", table, ["brand_id", "link_id"])
    # Last: see 0006.
    op.create_primary_key(f"pk_{table}", table, ["brand_id", "id"])


def _create_transfer() -> None:
    table = "attribution_transfer"
    op.create_table(
        table,
        *_row(),
        sa.Column("credit_id", sa.Uuid(), nullable=False),
        sa.Column("from_shop_id", sa.Uuid(), nullable=True),
        sa.Column("to_shop_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{table}"),
        _reference(table, "credit_id", "attribution_credit"),
    )
    op.create_index(f"ix_{table}_brand_id_credit_id", table, ["brand_id", "credit_id"])
