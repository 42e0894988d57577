"""the tests of a template, found among millions of messages

Revision ID: 0041
Revises: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_TABLE = "messaging_message"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index(
        f"ix_{_TABLE}_tests", _TABLE, ["brand_id", "template", "id"], postgresql_where=sa.text("is_test")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(f"ix_{_TABLE}_tests", _TABLE)
