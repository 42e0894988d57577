"""which shop a message is about; under which number a provider was told of a try

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_MESSAGE, _ATTEMPT = "messaging_message", "messaging_attempt"
_KEY = f"fk_{_MESSAGE}_brand_id_shop_id"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(_MESSAGE, sa.Column("shop_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(_KEY, _MESSAGE, "stores_shop", ["brand_id", "shop_id"], ["brand_id", "id"])
    op.create_index(
        f"ix_{_MESSAGE}_shop",
        _MESSAGE,
        ["brand_id", "shop_id", "id"],
        postgresql_where=sa.text("shop_id IS NOT NULL"),
    )
    # Empty where a worker of before began the try: nobody knows any more under which number.
    op.add_column(_ATTEMPT, sa.Column("reference", sa.String(80), nullable=False, server_default=""))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column(_ATTEMPT, "reference")
    op.drop_index(f"ix_{_MESSAGE}_shop", _MESSAGE)
    op.drop_constraint(_KEY, _MESSAGE)
    op.drop_column(_MESSAGE, "shop_id")
