"""orders: which room hands an order over by a code of its own

Revision ID: 0033
Revises: 0032
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("orders_order", sa.Column("handed_by", sa.String(32), nullable=False, server_default=""))
    # What a group of sessions has paid and nobody collected yet.
    op.execute(
        "UPDATE orders_order o SET handed_by = c.opens_with FROM groupbuy_campaign c"
        " WHERE c.brand_id = o.brand_id AND c.id = o.campaign_id AND c.opens_with <> ''"
        " AND o.handed_over_at IS NULL AND o.closed_at IS NULL AND o.external_id = ''"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("orders_order", "handed_by")
