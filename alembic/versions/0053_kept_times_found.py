"""times that are kept for what a shop moved are found

Revision ID: 0053
Revises: 0052
"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_appointments_occupancy_kept", "appointments_occupancy"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    columns = ["brand_id", "booking_id"]
    op.create_index_concurrently(_NAME, _TABLE, columns, postgresql_where=sa.text("is_kept"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index_concurrently(_NAME)
