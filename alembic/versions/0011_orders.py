"""orders, lines, history, hand-over, refunds

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = ("orders_order", "orders_line", "orders_event", "orders_handover", "orders_refund")
# An order is moved several times in its first minutes: room on the page keeps its index entries untouched.
_ROOM_ON_THE_PAGE = "ALTER TABLE orders_order SET (fillfactor = 80)"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_order()
    _create_line()
    _create_event()
    _create_handover()
    _create_refund()
    op.execute(_ROOM_ON_THE_PAGE)
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_order() -> None:
    table = "orders_order"
    op.create_table(
        table,
        *_row(),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("external_shop", sa.String(64), nullable=False),
        sa.Column("external_id", sa.String(120), nullable=False),
        sa.Column("source_state", sa.String(64), nullable=False),
        sa.Column("origin_type", sa.String(40), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("close_reason", sa.String(80), nullable=False),
        sa.Column("attributed_shop_id", sa.Uuid(), nullable=True),
        sa.Column("fulfil_shop_id", sa.Uuid(), nullable=True),
        sa.Column("home_shop_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("stock_reference", sa.String(80), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        *_minor("goods_minor", "discount_minor", "shipping_minor", "total_minor", "paid_minor", "refunded_minor"),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        *_times("expires_at", "paid_at", "released_at", "handed_over_at", "completed_at", "closed_at"),
        sa.Column("note", sa.String(400), nullable=False),
        sa.CheckConstraint(
            "total_minor = goods_minor - discount_minor + shipping_minor", name="ck_orders_order_sums_up"
        ),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= paid_minor", name="ck_orders_order_refunds_within_paid"
        ),
        _reference(table, "member_id", "members_member"),
        sa.UniqueConstraint("brand_id", "number", name="uq_orders_order_brand_id_number"),
    )
    op.create_index(
        "uq_orders_order_external",
        table,
        ["brand_id", "channel", "external_shop", "external_id"],
        unique=True,
        postgresql_where=sa.text("external_id <> ''"),
    )
    op.create_index("ix_orders_order_brand_id_placed_at_id", table, ["brand_id", "placed_at", "id"])
    op.create_index("ix_orders_order_member", table, ["brand_id", "member_id", "placed_at", "id"])
    op.create_index("ix_orders_order_attributed", table, ["brand_id", "attributed_shop_id", "placed_at", "id"])
    op.create_index(
        "ix_orders_order_campaign",
        table,
        ["brand_id", "campaign_id", "placed_at", "id"],
        postgresql_where=sa.text("campaign_id IS NOT NULL"),
    )
    op.create_index(
        "ix_orders_order_open_at_shop",
        table,
        ["brand_id", "fulfil_shop_id", "placed_at", "id"],
        postgresql_where=sa.text("handed_over_at IS NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "ix_orders_order_handed_over",
        table,
        ["brand_id", "fulfil_shop_id", "handed_over_at", "id"],
        postgresql_where=sa.text("handed_over_at IS NOT NULL"),
    )
    # Last: see 0006.
    op.create_primary_key("pk_orders_order", table, ["brand_id", "id"])


def _create_line() -> None:
    table = "orders_line"
    op.create_table(
        table,
        *_part_of_order(table),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=True),
        sa.Column("sku_code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("shade_name", sa.String(80), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        *_minor("unit_minor", "discount_minor", "total_minor", "refunded_minor"),
        sa.Column("refunded_quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="ck_orders_line_quantity_positive"),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= total_minor", name="ck_orders_line_refunds_within_total"
        ),
        sa.CheckConstraint(
            "0 <= refunded_quantity AND refunded_quantity <= quantity",
            name="ck_orders_line_refunded_pieces_within_quantity",
        ),
        sa.PrimaryKeyConstraint("brand_id", "order_id", "line_no", name="pk_orders_line"),
    )


def _create_event() -> None:
    table = "orders_event"
    op.create_table(
        table,
        *_part_of_order(table),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("facts", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "order_id", "id", name="pk_orders_event"),
    )


def _create_handover() -> None:
    table = "orders_handover"
    op.create_table(
        table,
        *_row(),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("code_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Uuid(), nullable=True),
        _reference(table, "order_id", "orders_order"),
        sa.UniqueConstraint("brand_id", "order_id", name="uq_orders_handover_brand_id_order_id"),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_orders_handover"),
    )
    op.create_index(
        "uq_orders_handover_live_code",
        table,
        ["brand_id", "shop_id", "code_hash"],
        unique=True,
        postgresql_where=sa.text("state = 'issued'"),
    )
    op.create_index("ix_orders_handover_code", table, ["brand_id", "shop_id", "code_hash"])


def _create_refund() -> None:
    table = "orders_refund"
    op.create_table(
        table,
        *_row(),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(120), nullable=False),
        *_minor("amount_minor"),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("was_released", sa.Boolean(), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="ck_orders_refund_amount_positive"),
        _reference(table, "order_id", "orders_order"),
        sa.UniqueConstraint(
            "brand_id", "order_id", "reference", name="uq_orders_refund_brand_id_order_id_reference"
        ),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_orders_refund"),
    )


def _row() -> list[sa.Column]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _part_of_order(table: str) -> list[sa.Column | sa.ForeignKeyConstraint]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        _reference(table, "order_id", "orders_order"),
    ]


def _minor(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in names]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{target}.brand_id", f"{target}.id"], name=f"fk_{table}_brand_id_{column}"
    )
