"""What ``groupbuy.api`` and the service take and return. Amounts: minor units; times: aware UTC."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec
from msgspec import Meta

from groupbuy.states import CampaignState, GroupState, LatePolicy, SeatState, Standing
from yundian.platform.core.words import Bilingual

# How orders, credits and touches name what is ours.
SEAT = "groupbuy.seat"
CAMPAIGN = "groupbuy.campaign"
GROUP = "groupbuy.group"
CHANNEL = "groupbuy"

MAX_ITEMS = 50

Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\S")]
EnglishTitle = Annotated[str, Meta(max_length=80, description="Its English title; empty: none.")]
Description = Annotated[str, Meta(max_length=1000)]
Size = Annotated[int, Meta(ge=2, le=100)]
Pieces = Annotated[int, Meta(ge=1, le=100)]
Quota = Annotated[int, Meta(ge=1, le=10_000_000)]
Price = Annotated[int, Meta(ge=1, le=10_000_000_00)]
At = Annotated[dt.datetime, Meta(tz=True)]


class ItemFields(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU of a campaign: its price in a group and how many pieces there are."""

    sku_id: uuid.UUID
    group_price_minor: Price
    quota: Quota


class CampaignFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ says about a campaign. ``short_fill_size``: so many real members are enough at the deadline."""

    name: Name
    title: Name
    title_en: EnglishTitle = ""
    description: Description = ""
    description_en: Description = ""
    size: Size
    starts_at: At
    ends_at: At
    group_life_s: Annotated[int, Meta(ge=60, le=2_592_000)] = 86_400
    seat_life_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    per_member_limit: Annotated[int, Meta(ge=1, le=1000)] = 1
    pieces_per_seat: Pieces = 1
    late_policy: LatePolicy = LatePolicy.OPEN_NEW_GROUP
    short_fill_size: int | None = None
    is_all_shops: bool = True
    has_pickup_choice: bool = True
    items: Annotated[tuple[ItemFields, ...], Meta(max_length=MAX_ITEMS)] = ()
    shop_ids: Annotated[tuple[uuid.UUID, ...], Meta(max_length=5000)] = ()


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU of a campaign as it stands; ``left`` is what can still be bought of the quota."""

    id: uuid.UUID
    sku_id: uuid.UUID
    position: int
    sku_code: str
    name: str
    shade_name: str
    shade_hex: str | None
    single_price_minor: int
    group_price_minor: int
    currency: str
    quota: int
    reserved: int
    sold: int

    @property
    def left(self) -> int:
        return self.quota - self.reserved - self.sold


class CampaignView(Bilingual, frozen=True, kw_only=True):
    id: uuid.UUID
    code: str
    name: str
    title: str
    title_en: str = ""
    description: str
    description_en: str = ""
    state: CampaignState
    size: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    group_life_s: int
    seat_life_s: int
    per_member_limit: int
    pieces_per_seat: int
    late_policy: LatePolicy
    short_fill_size: int | None
    is_all_shops: bool
    has_pickup_choice: bool
    published_at: dt.datetime | None
    closed_at: dt.datetime | None
    version: int
    opens_with: str = ""

    def standing(self, now: dt.datetime) -> Standing:
        if self.state is CampaignState.DRAFT:
            return Standing.DRAFT
        if self.state is CampaignState.CLOSED:
            return Standing.CLOSED
        if now < self.starts_at:
            return Standing.SCHEDULED
        return Standing.RUNNING if now < self.ends_at else Standing.ENDED


class CampaignWithItems(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign, what it sells, and the shops that take part (empty where all do)."""

    campaign: CampaignView
    items: tuple[ItemView, ...]
    shop_ids: tuple[uuid.UUID, ...]

    def includes(self, shop_id: uuid.UUID) -> bool:
        return self.campaign.is_all_shops or shop_id in self.shop_ids

    @property
    def lowest(self) -> ItemView | None:
        """The item with the lowest group price: what a list says ``from``."""
        return min(self.items, key=lambda item: item.group_price_minor, default=None)


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """A group as it stands. ``taken`` counts reserved and paid seats, ``paid`` those that are paid."""

    id: uuid.UUID
    code: str
    campaign_id: uuid.UUID
    shop_id: uuid.UUID | None
    link_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    leader_member_id: uuid.UUID
    state: GroupState
    size: int
    short_fill_size: int | None
    late_policy: LatePolicy
    taken: int
    paid: int
    opened_at: dt.datetime
    deadline_at: dt.datetime
    filled_at: dt.datetime | None
    ended_at: dt.datetime | None
    end_reason: str

    @property
    def missing(self) -> int:
        """How many paying members it still needs."""
        return self.size - self.paid

    def is_joinable(self, now: dt.datetime) -> bool:
        return self.state in (GroupState.OPENING, GroupState.OPEN) and now < self.deadline_at

    @property
    def has_room(self) -> bool:
        return self.taken < self.size


class SeatView(msgspec.Struct, frozen=True, kw_only=True):
    """One member's seat; items, pieces and prices of a piece stand in lists of equal length."""

    id: uuid.UUID
    group_id: uuid.UUID
    campaign_id: uuid.UUID
    member_id: uuid.UUID
    order_id: uuid.UUID
    order_number: str
    payment_id: uuid.UUID | None
    shop_id: uuid.UUID | None
    link_id: uuid.UUID | None
    pickup_shop_id: uuid.UUID
    item_ids: tuple[uuid.UUID, ...]
    quantities: tuple[int, ...]
    unit_prices: tuple[int, ...]
    total_minor: int
    currency: str
    nth: int
    state: SeatState
    expires_at: dt.datetime
    paid_at: dt.datetime | None
    ended_at: dt.datetime | None
    replaced_by: uuid.UUID | None
    created_at: dt.datetime


class Wanted(msgspec.Struct, frozen=True):
    """So many pieces of a SKU."""

    sku_id: uuid.UUID
    quantity: Pieces = 1


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a member asks for: a seat in the group, or in a new one of the campaign where no group is named.

    ``visitor`` is the browser's own random id, as attribution keeps it.
    """

    campaign_code: str = ""
    group_code: str = ""
    lines: tuple[Wanted, ...]
    pickup_shop_id: uuid.UUID
    visitor: str = ""
    note: str = ""


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A seat and the order to pay for. ``is_new`` is false for the unpaid seat she had already."""

    seat_id: uuid.UUID
    group_id: uuid.UUID
    group_code: str
    order_id: uuid.UUID
    order_number: str
    payment_id: uuid.UUID
    pay_path: str
    total_minor: int
    currency: str
    expires_at: dt.datetime
    is_new: bool


class CampaignNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as it goes: groups by how they stand, seats, pieces and money of confirmed seats.

    ``short_groups`` filled below their size by the campaign's own rule.
    """

    campaign_id: uuid.UUID
    open_groups: int
    filled_groups: int
    short_groups: int
    failed_groups: int
    reserved_seats: int
    paid_seats: int
    confirmed_seats: int
    refunded_seats: int
    confirmed_minor: int
    waiting_minor: int
    currency: str
