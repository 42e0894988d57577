"""pictures that were removed are found without reading those that are shown

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_NAME, _TABLE = "ix_catalog_picture_removed", "catalog_picture"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    which = sa.text("removed_at IS NOT NULL")
    op.create_index(_NAME, _TABLE, ["brand_id", "removed_at"], postgresql_where=which)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(_NAME, _TABLE)
