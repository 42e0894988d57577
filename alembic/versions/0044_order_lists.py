"""lists of cancelled orders, of ended ones by channel, and of orders by what a shop is to them read their own index

Revision ID: 0044
Revises: 0043
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_TABLE = "orders_order"
_LIST = ("placed_at", "id")
_ELSEWHERE = "{role}_shop_id IS NOT NULL AND {role}_shop_id IS DISTINCT FROM attributed_shop_id"
_LISTS = {
    "cancelled": (("brand_id", *_LIST), "is_cancelled"),
    "ended_of_channel": (("brand_id", "channel", *_LIST), "closed_at IS NOT NULL"),
    "fulfilled_elsewhere": (("brand_id", "fulfil_shop_id", *_LIST), _ELSEWHERE.format(role="fulfil")),
    "home_elsewhere": (("brand_id", "home_shop_id", *_LIST), _ELSEWHERE.format(role="home")),
}
# A generated column would make the whole table anew while nobody orders. Of every change, not of the status only: a
# row that changes is not seen where the filling looks for it.
_FOLLOW = """
CREATE OR REPLACE FUNCTION orders_follow_cancelled() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    NEW.is_cancelled := NEW.state = 'cancelled';
    RETURN NEW;
END $$
"""
_TRIGGER = f"""
CREATE OR REPLACE TRIGGER follow_cancelled BEFORE INSERT OR UPDATE ON {_TABLE} FOR EACH ROW
WHEN (NEW.is_cancelled <> (NEW.state = 'cancelled')) EXECUTE FUNCTION orders_follow_cancelled()
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    is_cancelled = sa.Column("is_cancelled", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column(_TABLE, is_cancelled, if_not_exists=True)
    op.execute(_FOLLOW)
    op.execute(_TRIGGER)
    op.fill_in_steps(_TABLE, "is_cancelled = true", "state = 'cancelled' AND NOT is_cancelled")
    for name, (columns, which) in _LISTS.items():
        op.create_index_concurrently(f"ix_orders_order_{name}", _TABLE, columns, postgresql_where=sa.text(which))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in reversed(_LISTS):
        op.drop_index_concurrently(f"ix_orders_order_{name}")
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(f"DROP TRIGGER IF EXISTS follow_cancelled ON {_TABLE}")
    op.execute("DROP FUNCTION IF EXISTS orders_follow_cancelled()")
    op.drop_column(_TABLE, "is_cancelled", if_exists=True)
