"""campaigns, groups, seats

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = (
    "groupbuy_campaign",
    "groupbuy_item",
    "groupbuy_campaign_shop",
    "groupbuy_group",
    "groupbuy_seat",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_campaign()
    _create_item()
    _create_campaign_shop()
    _create_group()
    _create_seat()
    for table in _TABLES:
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_campaign() -> None:
    table = "groupbuy_campaign"
    op.create_table(
        table,
        *_row(),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("title", sa.String(80), nullable=False),
        sa.Column("description", sa.String(1000), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("group_life_s", sa.Integer(), nullable=False),
        sa.Column("seat_life_s", sa.Integer(), nullable=False),
        sa.Column("per_member_limit", sa.Integer(), nullable=False),
        sa.Column("pieces_per_seat", sa.Integer(), nullable=False),
        sa.Column("late_policy", sa.String(32), nullable=False),
        sa.Column("short_fill_size", sa.SmallInteger(), nullable=True),
        sa.Column("is_all_shops", sa.Boolean(), nullable=False),
        sa.Column("has_pickup_choice", sa.Boolean(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.UniqueConstraint("brand_id", "code", name="uq_groupbuy_campaign_brand_id_code"),
        sa.CheckConstraint("size BETWEEN 2 AND 100", name="ck_groupbuy_campaign_size"),
        sa.CheckConstraint("ends_at > starts_at", name="ck_groupbuy_campaign_window"),
        sa.CheckConstraint("group_life_s BETWEEN 60 AND 2592000", name="ck_groupbuy_campaign_group_life"),
        sa.CheckConstraint("seat_life_s BETWEEN 60 AND 86400", name="ck_groupbuy_campaign_seat_life"),
        sa.CheckConstraint("per_member_limit BETWEEN 1 AND 1000", name="ck_groupbuy_campaign_per_member_limit"),
        sa.CheckConstraint("pieces_per_seat BETWEEN 1 AND 100", name="ck_groupbuy_campaign_pieces_per_seat"),
        sa.CheckConstraint("short_fill_size BETWEEN 2 AND size - 1", name="ck_groupbuy_campaign_short_fill_size"),
    )
    op.create_index("ix_groupbuy_campaign_brand_id_state_ends_at", table, ["brand_id", "state", "ends_at"])
    # Last: see 0006.
    op.create_primary_key("pk_groupbuy_campaign", table, ["brand_id", "id"])


def _create_item() -> None:
    table = "groupbuy_item"
    op.create_table(
        table,
        *_row(),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("sku_code", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("shade_name", sa.String(120), nullable=False),
        sa.Column("shade_hex", sa.CHAR(7), nullable=True),
        sa.Column("single_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("group_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        _reference(table, "campaign_id", "groupbuy_campaign", ondelete="CASCADE"),
        _reference(table, "sku_id", "catalog_sku"),
        sa.UniqueConstraint(
            "brand_id", "campaign_id", "sku_id", name="uq_groupbuy_item_brand_id_campaign_id_sku_id"
        ),
        sa.CheckConstraint("group_price_minor > 0", name="ck_groupbuy_item_group_price"),
        sa.CheckConstraint(
            "reserved >= 0 AND sold >= 0 AND reserved + sold <= quota", name="ck_groupbuy_item_within_quota"
        ),
    )
    op.create_index("ix_groupbuy_item_brand_id_sku_id", table, ["brand_id", "sku_id"])
    # Counters that many buyers move: room for the new versions of their rows on the same page.
    op.execute("ALTER TABLE groupbuy_item SET (fillfactor = 50)")
    op.create_primary_key("pk_groupbuy_item", table, ["brand_id", "id"])


def _create_campaign_shop() -> None:
    table = "groupbuy_campaign_shop"
    op.create_table(
        table,
        *_row(),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        _reference(table, "campaign_id", "groupbuy_campaign", ondelete="CASCADE"),
        _reference(table, "shop_id", "stores_shop"),
        sa.UniqueConstraint(
            "brand_id", "campaign_id", "shop_id", name="uq_groupbuy_campaign_shop_brand_id_campaign_id_shop_id"
        ),
    )
    op.create_index("ix_groupbuy_campaign_shop_brand_id_shop_id", table, ["brand_id", "shop_id"])
    op.create_primary_key("pk_groupbuy_campaign_shop", table, ["brand_id", "id"])


def _create_group() -> None:
    table = "groupbuy_group"
    op.create_table(
        table,
        *_row(),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("leader_member_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("short_fill_size", sa.SmallInteger(), nullable=True),
        sa.Column("late_policy", sa.String(32), nullable=False),
        sa.Column("taken", sa.SmallInteger(), nullable=False),
        sa.Column("paid", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(32), nullable=False),
        _reference(table, "campaign_id", "groupbuy_campaign"),
        _reference(table, "shop_id", "stores_shop"),
        sa.UniqueConstraint("brand_id", "code", name="uq_groupbuy_group_brand_id_code"),
        sa.CheckConstraint("taken BETWEEN 0 AND size", name="ck_groupbuy_group_taken"),
        sa.CheckConstraint("paid BETWEEN 0 AND taken", name="ck_groupbuy_group_paid"),
    )
    op.create_index(
        "ix_groupbuy_group_joinable",
        table,
        ["brand_id", "campaign_id", "shop_id", "deadline_at"],
        postgresql_where=sa.text("state IN ('opening', 'open')"),
    )
    op.create_index("ix_groupbuy_group_brand_id_shop_id_id", table, ["brand_id", "shop_id", "id"])
    op.create_index("ix_groupbuy_group_brand_id_campaign_id_id", table, ["brand_id", "campaign_id", "id"])
    op.execute("ALTER TABLE groupbuy_group SET (fillfactor = 80)")
    # Last: see 0006.
    op.create_primary_key("pk_groupbuy_group", table, ["brand_id", "id"])


def _create_seat() -> None:
    table = "groupbuy_seat"
    op.create_table(
        table,
        *_row(),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.String(32), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("shop_id", sa.Uuid(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("pickup_shop_id", sa.Uuid(), nullable=False),
        sa.Column("item_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("quantities", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("unit_prices", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.CHAR(3), nullable=False),
        sa.Column("nth", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        _reference(table, "group_id", "groupbuy_group"),
        # Deferred: a seat whose later gates are shut has no order, and is rolled back by whoever tried.
        sa.ForeignKeyConstraint(
            ["brand_id", "order_id"],
            ["orders_order.brand_id", "orders_order.id"],
            name="fk_groupbuy_seat_brand_id_order_id",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.UniqueConstraint("brand_id", "order_id", name="uq_groupbuy_seat_brand_id_order_id"),
        sa.CheckConstraint("total_minor > 0", name="ck_groupbuy_seat_total"),
        sa.CheckConstraint(
            "cardinality(item_ids) = cardinality(quantities) AND cardinality(item_ids) = cardinality(unit_prices)",
            name="ck_groupbuy_seat_lines",
        ),
    )
    op.create_index(
        "uq_groupbuy_seat_live",
        table,
        ["brand_id", "campaign_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('reserved', 'paid')"),
    )
    op.create_index(
        "uq_groupbuy_seat_nth",
        table,
        ["brand_id", "campaign_id", "member_id", "nth"],
        unique=True,
        postgresql_where=sa.text("state IN ('reserved', 'paid', 'confirmed', 'refunded_after')"),
    )
    op.create_index("ix_groupbuy_seat_brand_id_group_id", table, ["brand_id", "group_id"])
    op.create_index("ix_groupbuy_seat_brand_id_member_id_id", table, ["brand_id", "member_id", "id"])
    op.create_primary_key("pk_groupbuy_seat", table, ["brand_id", "id"])


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _reference(table: str, column: str, target: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column],
        [f"{target}.brand_id", f"{target}.id"],
        name=f"fk_{table}_brand_id_{column}",
        ondelete=ondelete,
    )
