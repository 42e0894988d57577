"""Shops, when they are open, and what they have in stock."""

import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from stores.states import SHOP, MovementKind, ShopStatus
from yundian.platform.db.base import EditableRow, Row, brand_key, brand_reference, english, text_enum


class Shop(EditableRow, table=True):
    """A place where the brand serves customers. Coordinates are WGS-84 degrees."""

    __tablename__ = "stores_shop"
    __table_args__ = (
        brand_key("code"),
        sa.CheckConstraint("code <> '' AND name <> ''", name="named"),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="both_coordinates"),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        # The box around a customer.
        sa.Index(None, "brand_id", "latitude", "longitude"),
        # The filters of the list, in the list's order, and search by prefix.
        sa.Index(None, "brand_id", "status", "code"),
        sa.Index(None, "brand_id", "province", "city", "code"),
        sa.Index(None, "brand_id", "name", "code"),
        # A partial one: the checks of foreign keys never take it for the primary key (ADR 0003).
        sa.Index(None, "brand_id", "name_en", "code", postgresql_where=sa.text("name_en <> ''")),
        sa.Index(None, "brand_id", "city", "code"),
    )

    # "C": a prefix is a range of bytes, whatever the database's language.
    code: str = Field(sa_type=sa.String(40, collation="C"))
    name: str = Field(sa_type=sa.String(80, collation="C"))
    name_en: str = english(80, collation="C")
    status: ShopStatus = Field(default=ShopStatus.OPENING, sa_type=text_enum(ShopStatus))
    country: str = Field(default="CN", sa_type=sa.CHAR(2))
    province: str = Field(default="", sa_type=sa.String(60))
    city: str = Field(default="", sa_type=sa.String(60, collation="C"))
    district: str = Field(default="", sa_type=sa.String(60))
    address: str = Field(default="", sa_type=sa.String(200))
    address_en: str = english(200)
    postcode: str = Field(default="", sa_type=sa.String(16))
    phone: str = Field(default="", sa_type=sa.String(32))
    latitude: float | None = Field(default=None, sa_type=sa.Double)
    longitude: float | None = Field(default=None, sa_type=sa.Double)
    time_zone: str = Field(default="Asia/Shanghai", sa_type=sa.String(40))
    source: str = Field(default="", sa_type=sa.String(80))
    source_ref: str = Field(default="", sa_type=sa.String(80))

    def move_to(self, target: ShopStatus) -> None:
        self.status = SHOP.check(self.status, target)


class OpeningHours(Row, table=True):
    """One stretch of a week day in minutes of the shop's wall clock; past 1,440 it is the next day."""

    __tablename__ = "stores_opening_hours"
    __table_args__ = (
        brand_key("shop_id", "weekday", "opens"),
        brand_reference("shop_id", "stores_shop", ondelete="CASCADE"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
        sa.CheckConstraint("opens BETWEEN 0 AND 1439", name="opens"),
        sa.CheckConstraint("closes > opens AND closes <= opens + 1440", name="closes"),
    )

    shop_id: uuid.UUID
    weekday: int = Field(sa_type=sa.SmallInteger)
    opens: int = Field(sa_type=sa.SmallInteger)
    closes: int = Field(sa_type=sa.SmallInteger)


class PastHours(Row, table=True):
    """What a shop's weekly hours were, and whether it served customers, until ``created_at``.

    ``hours``: ``[week day, opens, closes]`` of each. Kept for those who ask how a day was planned that is over.
    """

    __tablename__ = "stores_past_hours"
    __table_args__ = (
        brand_reference("shop_id", "stores_shop", ondelete="CASCADE"),
        sa.Index(None, "brand_id", "shop_id", "created_at"),
    )

    shop_id: uuid.UUID
    is_in_business: bool
    hours: list[list[int]] = Field(sa_type=JSONB)


class Stock(Row, table=True):
    """Pieces of one SKU in one shop. Moved by conditional updates only; the ledger says why."""

    __tablename__ = "stores_stock"
    __table_args__ = (
        brand_key("shop_id", "sku_id"),
        brand_reference("shop_id", "stores_shop"),
        brand_reference("sku_id", "catalog_sku"),
        sa.CheckConstraint("on_hand >= 0", name="on_hand"),
        sa.CheckConstraint("reserved >= 0", name="reserved"),
        sa.CheckConstraint("reserved <= on_hand", name="reserved_on_hand"),
        sa.CheckConstraint("low_at >= 0", name="low_at"),
        sa.Index(None, "brand_id", "sku_id"),
    )

    shop_id: uuid.UUID
    sku_id: uuid.UUID
    on_hand: int = 0
    reserved: int = 0
    low_at: int = 3


class StockMovement(Row, table=True):
    """The ledger: on hand and reserved are the sums of their deltas. Never changed, never deleted."""

    __tablename__ = "stores_stock_movement"
    __table_args__ = (
        brand_reference("shop_id", "stores_shop"),
        brand_reference("sku_id", "catalog_sku"),
        sa.Index("ix_stores_stock_movement_history", "brand_id", "shop_id", "sku_id", "id"),
        # A reference reserves once, and what it reserved is settled once.
        sa.Index(
            "uq_stores_stock_movement_reserve",
            "brand_id",
            "shop_id",
            "reference",
            "sku_id",
            unique=True,
            postgresql_where=sa.text("kind = 'reserve'"),
        ),
        sa.Index(
            "uq_stores_stock_movement_settle",
            "brand_id",
            "shop_id",
            "reference",
            "sku_id",
            unique=True,
            postgresql_where=sa.text("kind IN ('release', 'commit')"),
        ),
        # The same delivery note is received once.
        sa.Index(
            "uq_stores_stock_movement_receive",
            "brand_id",
            "shop_id",
            "reference",
            "sku_id",
            unique=True,
            postgresql_where=sa.text("kind IN ('receive', 'adjust') AND reference IS NOT NULL"),
        ),
    )

    shop_id: uuid.UUID
    sku_id: uuid.UUID
    kind: MovementKind = Field(sa_type=text_enum(MovementKind))
    on_hand_delta: int = 0
    reserved_delta: int = 0
    reference: str | None = Field(default=None, sa_type=sa.String(80))
    reason: str = Field(default="", sa_type=sa.String(200))
    actor_id: uuid.UUID | None = None
