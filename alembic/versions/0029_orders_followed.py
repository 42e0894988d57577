"""what follows an appointment goes with its order; lists of orders by status, documents by their day

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_PURCHASE, _KEY = "appointments_purchase", "fk_appointments_purchase_brand_id_order_id"
# Of none of these columns does paying or releasing an order write anything.
_ORDERS = {
    "ended": "closed_at IS NOT NULL",
    "collected": "handed_over_at IS NOT NULL AND completed_at IS NULL",
    "unfinished_abroad": "external_id <> '' AND completed_at IS NULL AND closed_at IS NULL",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _refer(ondelete="CASCADE")
    for name, which in _ORDERS.items():
        columns = ["brand_id", "placed_at", "id"]
        op.create_index(f"ix_orders_order_{name}", "orders_order", columns, postgresql_where=sa.text(which))
    op.create_index("ix_channels_document_occurred", "channels_document", ["brand_id", "channel", "occurred_at"])


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_channels_document_occurred", "channels_document")
    for name in _ORDERS:
        op.drop_index(f"ix_orders_order_{name}", "orders_order")
    _refer(ondelete=None)


def _refer(*, ondelete: str | None) -> None:
    op.drop_constraint(_KEY, _PURCHASE)
    columns, target = ["brand_id", "order_id"], ["brand_id", "id"]
    op.create_foreign_key(_KEY, _PURCHASE, "orders_order", columns, target, ondelete=ondelete)
