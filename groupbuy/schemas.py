"""What the group-buys' API takes and answers, and what its pages' forms send."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal, Self

import msgspec
from litestar import Request
from msgspec import Meta

from groupbuy.errors import CampaignUnknown
from groupbuy.service.seats import Buyer
from groupbuy.states import CampaignState, GroupState, LatePolicy, SeatState, Standing
from groupbuy.types import (
    CampaignFields,
    CampaignWithItems,
    Checkout,
    GroupView,
    ItemView,
    SeatView,
    Wanted,
    Wish,
)
from yundian.attribution import api as attribution
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services

Version = Annotated[int, Meta(ge=1, le=2**31 - 1, description="As it was read; a stale one is refused.")]
Code = Annotated[str, Meta(max_length=16)]


class CampaignCreate(CampaignFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A campaign as HQ describes it."""


class CampaignUpdate(CampaignFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole campaign as it shall be; what people joined on stays as it is once it is published."""

    version: Version


class VersionOnly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Version


class CampaignEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``ends_groups``: also end the groups that are open, and give their money back."""

    version: Version
    ends_groups: bool = False


class ItemRead(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU of a campaign for HQ, with its counters in pieces."""

    sku_id: uuid.UUID
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


class CampaignRead(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign for HQ. ``opens_with``: the room that opens its groups with something of its own, or nobody."""

    id: uuid.UUID
    code: str
    name: str
    title: str
    title_en: str
    description: str
    description_en: str
    state: CampaignState
    standing: Standing
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
    opens_with: str
    version: int
    items: list[ItemRead]
    shop_ids: list[uuid.UUID]

    @classmethod
    def of(cls, whole: CampaignWithItems) -> Self:
        campaign = whole.campaign
        own = {name: getattr(campaign, name) for name in campaign.__struct_fields__}
        return cls(
            **own,
            standing=campaign.standing(clock.now()),
            items=[msgspec.convert(item, ItemRead, from_attributes=True) for item in whole.items],
            shop_ids=list(whole.shop_ids),
        )


class OfferItem(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU as a customer sees it; how many pieces were sold to others is not her business."""

    sku_id: uuid.UUID
    name: str
    shade_name: str
    shade_hex: str | None
    single_price_minor: int
    group_price_minor: int
    currency: str
    is_sold_out: bool

    @classmethod
    def of(cls, item: ItemView) -> Self:
        return cls(
            sku_id=item.sku_id,
            name=item.name,
            shade_name=item.shade_name,
            shade_hex=item.shade_hex,
            single_price_minor=item.single_price_minor,
            group_price_minor=item.group_price_minor,
            currency=item.currency,
            is_sold_out=item.left <= 0,
        )


class OfferRead(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign as a customer sees it. ``short_fill_size``: so many are enough at a group's deadline."""

    code: str
    title: str
    title_en: str
    description: str
    description_en: str
    standing: Standing
    size: int
    starts_at: dt.datetime
    ends_at: dt.datetime
    per_member_limit: int
    pieces_per_seat: int
    short_fill_size: int | None
    items: list[OfferItem]

    @classmethod
    def of(cls, whole: CampaignWithItems) -> Self:
        campaign = whole.campaign
        if campaign.state is CampaignState.DRAFT:
            raise CampaignUnknown
        return cls(
            code=campaign.code,
            title=campaign.title,
            title_en=campaign.title_en,
            description=campaign.description,
            description_en=campaign.description_en,
            standing=campaign.standing(clock.now()),
            size=campaign.size,
            starts_at=campaign.starts_at,
            ends_at=campaign.ends_at,
            per_member_limit=campaign.per_member_limit,
            pieces_per_seat=campaign.pieces_per_seat,
            short_fill_size=campaign.short_fill_size,
            items=[OfferItem.of(item) for item in whole.items],
        )


class LinkWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop's link to a campaign. ``is_own``: in the caller's own name; what comes by it counts for her too."""

    shop_id: uuid.UUID
    channel: Literal["share", "poster", "qr", "wecom"] = "share"
    is_own: bool = False


class GroupRead(msgspec.Struct, frozen=True, kw_only=True):
    """A group as everybody sees it: how many, until when. Who is in it is shown on its page alone."""

    code: str
    state: GroupState
    size: int
    taken: int
    paid: int
    short_fill_size: int | None
    opened_at: dt.datetime
    deadline_at: dt.datetime
    filled_at: dt.datetime | None
    end_reason: str
    shop_id: uuid.UUID | None

    @classmethod
    def of(cls, group: GroupView) -> Self:
        return msgspec.convert(group, cls, from_attributes=True)


class SeatRead(msgspec.Struct, frozen=True, kw_only=True):
    """One's own seat."""

    id: uuid.UUID
    state: SeatState
    order_id: uuid.UUID
    order_number: str
    pickup_shop_id: uuid.UUID
    total_minor: int
    currency: str
    expires_at: dt.datetime
    paid_at: dt.datetime | None

    @classmethod
    def of(cls, seat: SeatView) -> Self:
        return msgspec.convert(seat, cls, from_attributes=True)


class MySeat(msgspec.Struct, frozen=True, kw_only=True):
    """One's own seat and how its group stands."""

    seat: SeatRead
    group: GroupRead

    @classmethod
    def of(cls, seat: SeatView, group: GroupView) -> Self:
        return cls(seat=SeatRead.of(seat), group=GroupRead.of(group))


class WantedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku_id: uuid.UUID
    quantity: Annotated[int, Meta(ge=1, le=100)] = 1


class SeatWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A seat in ``group_code``, or, with ``campaign_code`` alone, in a new group of the campaign."""

    group_code: Code = ""
    campaign_code: Code = ""
    lines: Annotated[list[WantedLine], Meta(min_length=1, max_length=20)]
    pickup_shop_id: uuid.UUID
    note: Annotated[str, Meta(max_length=200)] = ""

    def wish(self) -> Wish:
        return Wish(
            group_code=self.group_code,
            campaign_code=self.campaign_code,
            lines=tuple(Wanted(line.sku_id, line.quantity) for line in self.lines),
            pickup_shop_id=self.pickup_shop_id,
            note=self.note,
        )


class CheckoutRead(msgspec.Struct, frozen=True, kw_only=True):
    """A seat that is kept until ``expires_at``, and where to pay for it."""

    seat_id: uuid.UUID
    group_code: str
    order_id: uuid.UUID
    order_number: str
    pay_path: str
    total_minor: int
    currency: str
    expires_at: dt.datetime
    is_new: bool

    @classmethod
    def of(cls, made: Checkout) -> Self:
        return msgspec.convert(made, cls, from_attributes=True)


class CheckoutForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the checkout page sends."""

    sku_id: uuid.UUID
    pickup_shop_id: uuid.UUID
    quantity: Annotated[int, Meta(ge=1, le=100)] = 1

    def wish(self, *, group_code: str = "", campaign_code: str = "") -> Wish:
        return Wish(
            group_code=group_code,
            campaign_code=campaign_code,
            lines=(Wanted(self.sku_id, self.quantity),),
            pickup_shop_id=self.pickup_shop_id,
        )


def buyer_of(
    request: Request[Any, Any, Any], services: Services, principal: Principal, *, payer: str = ""
) -> Buyer:
    """Who checks out with this request."""
    return Buyer(
        brand_id=principal.brand,
        brand_code=principal.brand_code,
        member_id=principal.own_id,
        visitor=attribution.visitor_of(services.settings, services.keyring, request.cookies),
        payer=payer,
    )
