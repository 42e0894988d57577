"""facts and rollups

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = (
    "reports_fact",
    "reports_day",
    "reports_month",
    "reports_member_day",
    "reports_campaign",
    "reports_moved",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_fact()
    _create_rollup("reports_day", "business_date")
    _create_rollup("reports_month", "month")
    _create_member_day()
    _create_campaign()
    _create_moved()
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_fact() -> None:
    table = "reports_fact"
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("document_type", sa.String(32), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("fulfil_shop_id", sa.Uuid(), nullable=True),
        sa.Column("home_shop_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("country", sa.CHAR(2), nullable=False),
        sa.Column("province", sa.String(60), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.PrimaryKeyConstraint(
            "brand_id", "document_id", "basis", "kind", "document_type", "line_no", name="pk_reports_fact"
        ),
        sa.CheckConstraint("basis IN ('accrual', 'cash')", name="ck_reports_fact_basis"),
        sa.CheckConstraint("kind IN ('sale', 'refund')", name="ck_reports_fact_kind"),
        # Line 0 is what the lines do not say: shipping, or a difference of the source.
        sa.CheckConstraint("line_no >= 0 AND (amount_minor >= 0 OR line_no = 0)", name="ck_reports_fact_amount"),
        sa.CheckConstraint("quantity >= 0", name="ck_reports_fact_quantity"),
    )
    op.create_index("ix_reports_fact_day", table, ["brand_id", "basis", "business_date", "document_id"])
    op.create_index("ix_reports_fact_brand_id_order_id", table, ["brand_id", "order_id"])


def _create_rollup(table: str, period: str) -> None:
    op.create_table(
        table,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column(period, sa.Date(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunds", sa.BigInteger(), nullable=False),
        sa.Column("refunds_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "brand_id", "basis", period, "channel", "shop_id", "campaign_id", "currency", name=f"pk_{table}"
        ),
    )
    op.create_index(f"ix_{table}_shop", table, ["brand_id", "basis", "shop_id", period])


def _create_member_day() -> None:
    op.create_table(
        "reports_member_day",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "brand_id",
            "basis",
            "business_date",
            "member_id",
            "channel",
            "shop_id",
            "campaign_id",
            "currency",
            name="pk_reports_member_day",
        ),
    )
    op.create_index(
        "ix_reports_member_day_shop", "reports_member_day", ["brand_id", "basis", "shop_id", "business_date"]
    )


def _create_campaign() -> None:
    op.create_table(
        "reports_campaign",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "campaign_id", name="pk_reports_campaign"),
    )


def _create_moved() -> None:
    op.create_table(
        "reports_moved",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "order_id", name="pk_reports_moved"),
    )
