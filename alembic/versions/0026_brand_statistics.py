"""a brand that statistics do not know

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# Statistics that know every brand there was promise that a new one has nothing: any index that starts with the brand
# then looks as good as the right one, and a file's thousands of look-ups each read all that the brand has by now.
# Without statistics of this column every brand is believed to be one of two hundred.
_TABLES = (
    "members_member",
    "members_identity",
    "members_timeline",
    "members_totals",
    "orders_order",
    "orders_line",
    "orders_return",
    "channels_document",
    "channels_claim",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN brand_id SET STATISTICS 0")
        _forget(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN brand_id SET STATISTICS -1")


def _forget(table: str) -> None:
    """What was counted before; older servers keep it until the table is made anew."""
    version = op.get_bind().scalar(sa.text("SELECT current_setting('server_version_num')::int"))
    if version is not None and version >= 180000:
        op.execute(f"SELECT pg_clear_attribute_stats(current_schema()::text, '{table}', 'brand_id', false)")
