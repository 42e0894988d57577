"""timeline and totals of members

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_MEMBER = ["members_member.brand_id", "members_member.id"]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_timeline()
    _create_totals()
    # "C": a prefix of a name is a range of bytes, whatever the database's language.
    op.alter_column("members_member", "nickname", type_=sa.String(80, collation="C"), existing_nullable=False)
    op.create_index(
        "ix_members_member_named",
        "members_member",
        ["brand_id", "nickname", "id"],
        # Partial: no younger index may pass for the primary key (0006).
        postgresql_where=sa.text("nickname <> ''"),
    )
    for table in ("members_timeline", "members_totals"):
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_members_member_named", "members_member")
    op.alter_column("members_member", "nickname", type_=sa.String(80), existing_nullable=False)
    op.drop_table("members_totals")
    op.drop_table("members_timeline")


def _create_timeline() -> None:
    table = "members_timeline"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("ref_type", sa.String(32), nullable=False),
        sa.Column("ref_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("facts", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "member_id", "kind", "ref_type", "ref_id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["brand_id", "member_id"], _MEMBER, name=f"fk_{table}_brand_id_member_id"),
    )
    op.create_index(f"ix_{table}_newest", table, ["brand_id", "member_id", "at", "kind", "ref_id"])
    op.create_index(f"ix_{table}_number", table, ["brand_id", "number"], postgresql_where=sa.text("number <> ''"))


def _create_totals() -> None:
    table = "members_totals"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("sales", sa.BigInteger(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "member_id", "channel", "currency", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["brand_id", "member_id"], _MEMBER, name=f"fk_{table}_brand_id_member_id"),
    )
