"""files that people bring in are of several kinds, not of orders alone

Revision ID: 0035
Revises: 0034
"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_TABLE = "channels_upload"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # What the release before adds meanwhile are files of orders.
    op.add_column(_TABLE, sa.Column("kind", sa.String(40), nullable=False, server_default="channels.orders"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(f"DELETE FROM {_TABLE} WHERE kind <> 'channels.orders'")  # noqa: S608
    op.drop_column(_TABLE, "kind")
