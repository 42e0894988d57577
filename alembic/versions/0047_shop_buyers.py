"""buyers of each shop are counted in the order of an index

Revision ID: 0047
Revises: 0046
"""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_reports_member_day_shop_member", "reports_member_day"
_KEY = ["brand_id", "basis", "shop_id", "member_id", "business_date"]


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(_NAME, _TABLE, _KEY, postgresql_include=["currency"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(_NAME, _TABLE)
