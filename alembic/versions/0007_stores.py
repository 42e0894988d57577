"""shops, hours, stock

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_shop()
    _create_hours()
    _create_stock()
    _create_movement()


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _reference(table: str, column: str, to: str, **kwargs: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{to}.brand_id", f"{to}.id"], name=f"fk_{table}_brand_id_{column}", **kwargs
    )


def _create_shop() -> None:
    op.create_table(
        "stores_shop",
        *_row(),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(40, collation="C"), nullable=False),
        sa.Column("name", sa.String(80, collation="C"), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("country", sa.CHAR(2), nullable=False),
        sa.Column("province", sa.String(60), nullable=False),
        sa.Column("city", sa.String(60, collation="C"), nullable=False),
        sa.Column("district", sa.String(60), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("postcode", sa.String(16), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("time_zone", sa.String(40), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("source_ref", sa.String(80), nullable=False),
        sa.UniqueConstraint("brand_id", "code", name="uq_stores_shop_brand_id_code"),
        sa.CheckConstraint("code <> '' AND name <> ''", name="ck_stores_shop_named"),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="ck_stores_shop_both_coordinates"),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="ck_stores_shop_latitude"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="ck_stores_shop_longitude"),
    )
    for columns in (
        ["brand_id", "latitude", "longitude"],
        ["brand_id", "status", "code"],
        ["brand_id", "province", "city", "code"],
        ["brand_id", "name", "code"],
        ["brand_id", "city", "code"],
    ):
        op.create_index(f"ix_stores_shop_{'_'.join(columns)}", "stores_shop", columns)
    # Last: before the first ANALYZE the planner holds all indexes that begin with brand_id for equal and takes the
    # newest, also for the checks of foreign keys to this table (ADR 0010).
    op.create_primary_key("pk_stores_shop", "stores_shop", ["brand_id", "id"])
    op.protect_by_brand("stores_shop")


def _create_hours() -> None:
    op.create_table(
        "stores_opening_hours",
        *_row(),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("opens", sa.SmallInteger(), nullable=False),
        sa.Column("closes", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_stores_opening_hours"),
        sa.UniqueConstraint(
            "brand_id",
            "shop_id",
            "weekday",
            "opens",
            name="uq_stores_opening_hours_brand_id_shop_id_weekday_opens",
        ),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="ck_stores_opening_hours_weekday"),
        sa.CheckConstraint("opens BETWEEN 0 AND 1439", name="ck_stores_opening_hours_opens"),
        sa.CheckConstraint("closes > opens AND closes <= opens + 1440", name="ck_stores_opening_hours_closes"),
        _reference("stores_opening_hours", "shop_id", "stores_shop", ondelete="CASCADE"),
    )
    op.protect_by_brand("stores_opening_hours")


def _create_stock() -> None:
    op.create_table(
        "stores_stock",
        *_row(),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("low_at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_stores_stock"),
        sa.UniqueConstraint("brand_id", "shop_id", "sku_id", name="uq_stores_stock_brand_id_shop_id_sku_id"),
        sa.CheckConstraint("on_hand >= 0", name="ck_stores_stock_on_hand"),
        sa.CheckConstraint("reserved >= 0", name="ck_stores_stock_reserved"),
        sa.CheckConstraint("reserved <= on_hand", name="ck_stores_stock_reserved_on_hand"),
        sa.CheckConstraint("low_at >= 0", name="ck_stores_stock_low_at"),
        _reference("stores_stock", "shop_id", "stores_shop"),
        _reference("stores_stock", "sku_id", "catalog_sku"),
    )
    op.create_index("ix_stores_stock_brand_id_sku_id", "stores_stock", ["brand_id", "sku_id"])
    op.protect_by_brand("stores_stock")


def _create_movement() -> None:
    table = "stores_stock_movement"
    op.create_table(
        table,
        *_row(),
        sa.Column("shop_id", sa.Uuid(), nullable=False),
        sa.Column("sku_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("on_hand_delta", sa.Integer(), nullable=False),
        sa.Column("reserved_delta", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(80), nullable=True),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_stores_stock_movement"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "sku_id", "catalog_sku"),
    )
    op.create_index("ix_stores_stock_movement_history", table, ["brand_id", "shop_id", "sku_id", "id"])
    for name, where in (
        ("reserve", "kind = 'reserve'"),
        ("settle", "kind IN ('release', 'commit')"),
        ("receive", "kind IN ('receive', 'adjust') AND reference IS NOT NULL"),
    ):
        op.create_index(
            f"uq_{table}_{name}",
            table,
            ["brand_id", "shop_id", "reference", "sku_id"],
            unique=True,
            postgresql_where=sa.text(where),
        )
    op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("stores_stock_movement")
    op.drop_table("stores_stock")
    op.drop_table("stores_opening_hours")
    op.drop_table("stores_shop")
