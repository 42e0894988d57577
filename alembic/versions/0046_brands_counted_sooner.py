"""a brand that came after the last ANALYZE is counted after some thousand rows, not after a tenth of the table

Revision ID: 0046
Revises: 0045
"""

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

# What is looked up by more than its id, and keeps the statistics of its brands (ADR 0023). The lock is that of a
# VACUUM: readers and writers go on.
_TABLES = (
    "appointments_booking",
    "appointments_booking_event",
    "appointments_occupancy",
    "appointments_party",
    "appointments_plan_span",
    "appointments_purchase",
    "appointments_session",
    "appointments_tried",
    "appointments_wait",
    "attribution_credit",
    "attribution_link",
    "attribution_touch",
    "catalog_product",
    "catalog_sku",
    "groupbuy_group",
    "groupbuy_seat",
    "members_consent",
    "messaging_attempt",
    "messaging_credit",
    "messaging_credit_entry",
    "messaging_message",
    "orders_event",
    "orders_handover",
    "orders_refund",
    "payments_attempt",
    "payments_notice",
    "payments_payment",
    "payments_refund",
    "reports_fact",
    "stores_stock",
    "stores_stock_movement",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in _TABLES:
        settings = "autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = 2000"
        op.execute(f"ALTER TABLE {table} SET ({settings})")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.execute(f"ALTER TABLE {table} RESET (autovacuum_analyze_scale_factor, autovacuum_analyze_threshold)")
