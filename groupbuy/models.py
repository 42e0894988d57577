"""Campaigns, the groups they open, and the seats in them."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field

from groupbuy.states import CampaignState, GroupState, LatePolicy, SeatState
from yundian.platform.db.base import (
    EditableRow,
    Row,
    brand_key,
    brand_reference,
    currency_code,
    english,
    minor_units,
    text_enum,
)

_JOINABLE = sa.text("state IN ('opening', 'open')")
_LIVE = sa.text("state IN ('reserved', 'paid')")
_OCCUPYING = sa.text("state IN ('reserved', 'paid', 'confirmed', 'refunded_after')")


class Campaign(EditableRow, table=True):
    """An offer: so many people together pay so much. Its terms are fixed once it is published."""

    __tablename__ = "groupbuy_campaign"
    __table_args__ = (
        brand_key("code"),
        sa.CheckConstraint("size BETWEEN 2 AND 100", name="size"),
        sa.CheckConstraint("ends_at > starts_at", name="window"),
        sa.CheckConstraint("group_life_s BETWEEN 60 AND 2592000", name="group_life"),
        sa.CheckConstraint("seat_life_s BETWEEN 60 AND 86400", name="seat_life"),
        sa.CheckConstraint("per_member_limit BETWEEN 1 AND 1000", name="per_member_limit"),
        sa.CheckConstraint("pieces_per_seat BETWEEN 1 AND 100", name="pieces_per_seat"),
        sa.CheckConstraint("short_fill_size BETWEEN 2 AND size - 1", name="short_fill_size"),
        sa.Index(None, "brand_id", "state", "ends_at"),
    )

    code: str = Field(sa_type=sa.String(16))
    name: str = Field(sa_type=sa.String(80))
    title: str = Field(sa_type=sa.String(80))
    title_en: str = english(80)
    description: str = Field(default="", sa_type=sa.String(1000))
    description_en: str = english(1000)
    state: CampaignState = Field(default=CampaignState.DRAFT, sa_type=text_enum(CampaignState))
    size: int = Field(sa_type=sa.SmallInteger)
    starts_at: dt.datetime
    ends_at: dt.datetime
    group_life_s: int
    seat_life_s: int
    per_member_limit: int
    pieces_per_seat: int
    late_policy: LatePolicy = Field(default=LatePolicy.OPEN_NEW_GROUP, sa_type=text_enum(LatePolicy))
    short_fill_size: int | None = Field(default=None, sa_type=sa.SmallInteger)
    is_all_shops: bool = True
    has_pickup_choice: bool = True
    published_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    # The upper room that alone opens its groups; empty: anybody who checks out.
    opens_with: str = Field(default="", sa_type=sa.String(32), sa_column_kwargs={"server_default": ""})


class Item(Row, table=True):
    """One SKU of a campaign with its quota in pieces; what it is called is kept as it was when it was chosen."""

    __tablename__ = "groupbuy_item"
    __table_args__ = (
        brand_key("campaign_id", "sku_id"),
        brand_reference("campaign_id", "groupbuy_campaign", ondelete="CASCADE"),
        brand_reference("sku_id", "catalog_sku"),
        sa.CheckConstraint("group_price_minor > 0", name="group_price"),
        sa.CheckConstraint("reserved >= 0 AND sold >= 0 AND reserved + sold <= quota", name="within_quota"),
        sa.Index(None, "brand_id", "sku_id"),
    )

    campaign_id: uuid.UUID
    sku_id: uuid.UUID
    position: int = Field(sa_type=sa.SmallInteger)
    sku_code: str = Field(sa_type=sa.String(64))
    name: str = Field(sa_type=sa.String(200))
    shade_name: str = Field(default="", sa_type=sa.String(120))
    shade_hex: str | None = Field(default=None, sa_type=sa.CHAR(7))
    single_price_minor: int = minor_units()
    group_price_minor: int = minor_units()
    currency: str = currency_code()
    quota: int
    reserved: int = 0
    sold: int = 0


class CampaignShop(Row, table=True):
    """A shop that takes part, where not all of them do."""

    __tablename__ = "groupbuy_campaign_shop"
    __table_args__ = (
        brand_key("campaign_id", "shop_id"),
        brand_reference("campaign_id", "groupbuy_campaign", ondelete="CASCADE"),
        brand_reference("shop_id", "stores_shop"),
        sa.Index(None, "brand_id", "shop_id"),
    )

    campaign_id: uuid.UUID
    shop_id: uuid.UUID


class Group(Row, table=True):
    """People who buy together. ``taken`` counts reserved and paid seats; the terms are those of its opening."""

    __tablename__ = "groupbuy_group"
    __table_args__ = (
        brand_key("code"),
        brand_reference("campaign_id", "groupbuy_campaign"),
        brand_reference("shop_id", "stores_shop"),
        sa.CheckConstraint("taken BETWEEN 0 AND size", name="taken"),
        sa.CheckConstraint("paid BETWEEN 0 AND taken", name="paid"),
        # Groups somebody may join, of a shop or of a campaign; and the lists of both.
        sa.Index(
            "ix_groupbuy_group_joinable",
            "brand_id",
            "campaign_id",
            "shop_id",
            "deadline_at",
            postgresql_where=_JOINABLE,
        ),
        sa.Index(None, "brand_id", "shop_id", "id"),
        sa.Index(None, "brand_id", "campaign_id", "id"),
    )

    code: str = Field(sa_type=sa.String(16))
    campaign_id: uuid.UUID
    shop_id: uuid.UUID | None = None
    link_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    leader_member_id: uuid.UUID
    state: GroupState = Field(default=GroupState.OPENING, sa_type=text_enum(GroupState))
    size: int = Field(sa_type=sa.SmallInteger)
    short_fill_size: int | None = Field(default=None, sa_type=sa.SmallInteger)
    late_policy: LatePolicy = Field(sa_type=text_enum(LatePolicy))
    taken: int = Field(sa_type=sa.SmallInteger)
    paid: int = Field(default=0, sa_type=sa.SmallInteger)
    opened_at: dt.datetime
    deadline_at: dt.datetime
    filled_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    end_reason: str = Field(default="", sa_type=sa.String(32))


class Seat(Row, table=True):
    """One member's place in a group, and her order. ``nth`` numbers her seats of the campaign: her limit.

    What she takes stands in three lists of equal length: items, pieces, and the price of a piece.
    """

    __tablename__ = "groupbuy_seat"
    __table_args__ = (
        brand_key("order_id"),
        brand_reference("group_id", "groupbuy_group"),
        # Deferred: a seat whose later gates are shut has no order, and is rolled back by whoever tried.
        sa.ForeignKeyConstraint(
            ["brand_id", "order_id"],
            ["orders_order.brand_id", "orders_order.id"],
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.CheckConstraint("total_minor > 0", name="total"),
        sa.CheckConstraint(
            "cardinality(item_ids) = cardinality(quantities) AND cardinality(item_ids) = cardinality(unit_prices)",
            name="lines",
        ),
        sa.Index(
            "uq_groupbuy_seat_live", "brand_id", "campaign_id", "member_id", unique=True, postgresql_where=_LIVE
        ),
        sa.Index(
            "uq_groupbuy_seat_nth",
            "brand_id",
            "campaign_id",
            "member_id",
            "nth",
            unique=True,
            postgresql_where=_OCCUPYING,
        ),
        sa.Index(None, "brand_id", "group_id"),
        sa.Index(None, "brand_id", "member_id", "id"),
    )

    group_id: uuid.UUID
    campaign_id: uuid.UUID
    member_id: uuid.UUID
    order_id: uuid.UUID
    order_number: str = Field(sa_type=sa.String(32))
    payment_id: uuid.UUID | None = None
    shop_id: uuid.UUID | None = None
    link_id: uuid.UUID | None = None
    pickup_shop_id: uuid.UUID
    item_ids: list[uuid.UUID] = Field(sa_type=sa.ARRAY(sa.Uuid()))
    quantities: list[int] = Field(sa_type=sa.ARRAY(sa.Integer()))
    unit_prices: list[int] = Field(sa_type=sa.ARRAY(sa.BigInteger()))
    total_minor: int = minor_units()
    currency: str = currency_code()
    nth: int = Field(sa_type=sa.SmallInteger)
    state: SeatState = Field(default=SeatState.RESERVED, sa_type=text_enum(SeatState))
    expires_at: dt.datetime
    paid_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    replaced_by: uuid.UUID | None = None
