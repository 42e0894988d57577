"""identities of other systems, timelines found by what happened, orders that nobody collects

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_DAYS = sa.text("uncollected_days = 0 OR uncollected_days BETWEEN 7 AND 365")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Numbers of other systems are longer than ours.
    op.alter_column("members_timeline", "number", type_=sa.String(120), existing_nullable=False)
    op.create_index("ix_members_timeline_ref", "members_timeline", ["brand_id", "ref_id"])
    # The default stays: code of before does not know the column.
    op.add_column("brand_policy", sa.Column("uncollected_days", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint("ck_brand_policy_uncollected_window", "brand_policy", _DAYS)
    _create_uncollected()
    op.protect_by_brand("orders_uncollected")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("orders_uncollected")
    op.drop_constraint("ck_brand_policy_uncollected_window", "brand_policy")
    op.drop_column("brand_policy", "uncollected_days")
    op.drop_index("ix_members_timeline_ref", "members_timeline")
    op.execute("UPDATE members_timeline SET number = left(number, 64) WHERE length(number) > 64")
    op.alter_column("members_timeline", "number", type_=sa.String(64), existing_nullable=False)


def _create_uncollected() -> None:
    table = "orders_uncollected"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refund_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "order_id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["brand_id", "order_id"],
            ["orders_order.brand_id", "orders_order.id"],
            name=f"fk_{table}_brand_id_order_id",
        ),
    )
    op.create_index(
        f"ix_{table}_due",
        table,
        ["brand_id", "refund_at", "order_id"],
        postgresql_where=sa.text("state = 'reminded'"),
    )
