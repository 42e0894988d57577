"""who waits for a day is found whatever she waits for

Revision ID: 0052
Revises: 0051
"""

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

_TABLE, _WAITING = "appointments_wait", sa.text("state = 'waiting'")
_OLD, _NEW = "ix_appointments_wait_line", "ix_appointments_wait_of_day"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index_concurrently(_NEW, _TABLE, ["brand_id", "shop_id", "day", "id"], postgresql_where=_WAITING)
    op.drop_index_concurrently(_OLD)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    columns = ["brand_id", "shop_id", "service_id", "day", "id"]
    op.create_index_concurrently(_OLD, _TABLE, columns, postgresql_where=_WAITING)
    op.drop_index_concurrently(_NEW)
