"""What customers are told by JSON, beside their appointments. Times carry their offset, money is minor units."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from appointments.repository.parties import PartyView
from appointments.rules import life as rules
from appointments.schemas.wire import At, ServiceRead
from appointments.service.finding import FreeShop
from appointments.service.planning import Asked
from appointments.states import Attention, BookingState, DepositState, PartyState, ReasonCode, WaitState
from appointments.types import BookingView, WaitView
from stores.types import ShopView
from yundian.platform.core.words import Words


class BookableShop(msgspec.Struct, frozen=True, kw_only=True):
    """A shop where one can book. ``distance_m`` is known where a place was given; ``address_en`` is all of it."""

    shop_id: uuid.UUID
    name: str
    name_en: str
    city: str
    district: str
    address: str
    address_en: str
    phone: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    distance_m: float | None = None

    @classmethod
    def of(cls, shop: ShopView, distance_m: float | None = None) -> "BookableShop":
        same = {name: getattr(shop, name) for name in cls.__struct_fields__ if hasattr(shop, name)}
        return cls(**same, shop_id=shop.id, distance_m=distance_m)


class FreeShopRead(msgspec.Struct, frozen=True, kw_only=True):
    """A shop that offers the service; ``next_start`` of null: nothing is free within two weeks."""

    shop_id: uuid.UUID
    name: str
    name_en: str
    city: str
    address: str
    address_en: str
    time_zone: str
    latitude: float | None
    longitude: float | None
    distance_m: float | None
    next_start: dt.datetime | None

    @classmethod
    def of(cls, one: FreeShop) -> "FreeShopRead":
        shop = one.shop
        return cls(
            shop_id=shop.id,
            name=shop.name,
            name_en=shop.name_en,
            city=shop.city,
            address=shop.address,
            address_en=shop.address_en,
            time_zone=shop.time_zone,
            latitude=shop.latitude,
            longitude=shop.longitude,
            distance_m=one.distance_m,
            next_start=one.next_start,
        )


class DayRead(msgspec.Struct, frozen=True):
    """A local day of the shop and the times that can be had on it."""

    day: dt.date
    starts: list[dt.datetime]


class PersonChoice(msgspec.Struct, frozen=True):
    """Somebody who performs the service, to be named in a wish."""

    id: uuid.UUID
    name: str
    name_en: str


class TimesRead(msgspec.Struct, frozen=True, kw_only=True):
    """Days without a free time are left out; on ``full_days`` all is booked: one may wait for them.

    ``holidays_unknown``: days that cannot be told yet are among them, the ``unknown_days``. ``deposit_minor``:
    what has to be paid before, by this customer.
    """

    time_zone: str
    days: list[DayRead]
    next_start: dt.datetime | None
    holidays_unknown: bool
    full_days: list[dt.date]
    unknown_days: list[dt.date]
    people: list[PersonChoice]
    deposit_minor: int
    currency: str

    @classmethod
    def of(
        cls,
        asked: Asked,
        by_day: dict[dt.date, list[dt.datetime]],
        *,
        names: Mapping[uuid.UUID, Words],
        full_days: list[dt.date] | None = None,
        deposit_minor: int = 0,
    ) -> "TimesRead":
        openings, plans = asked.openings, asked.openings.plans
        starts = [start for each in by_day.values() for start in each]
        return cls(
            time_zone=asked.time_zone,
            days=[DayRead(day, found) for day, found in by_day.items()],
            next_start=starts[0] if starts else None,
            holidays_unknown=bool(~openings.known & openings.days),
            full_days=full_days or [],
            unknown_days=sorted(openings.unknown_days()),
            people=[
                PersonChoice(one.id, one.name, names[one.id].en if one.id in names else "") for one in plans.staff
            ],
            deposit_minor=deposit_minor,
            currency=plans.service.currency,
        )


class WaitWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A local day of the shop that is full; ``staff_id`` of null: whoever is free."""

    shop_id: uuid.UUID
    service_id: uuid.UUID
    day: dt.date
    staff_id: uuid.UUID | None = None


class WaitRead(msgspec.Struct, frozen=True, kw_only=True):
    """A place on a waiting list.

    Offered: a time became free, and stands until ``offer_expires_at``. With an ``appointment_code`` it is held:
    accept or cancel that appointment. Without one everybody who waits was told, and who books it first has it.
    """

    id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None
    day: dt.date
    state: WaitState
    offered_start: dt.datetime | None
    offer_expires_at: dt.datetime | None
    appointment_code: str = ""

    @classmethod
    def of(cls, wait: WaitView, *, appointment_code: str = "") -> "WaitRead":
        same = {name: getattr(wait, name) for name in cls.__struct_fields__ if hasattr(wait, name)}
        return cls(**same, appointment_code=appointment_code)


class SecretLink(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever has it may see this one appointment and cancel it, until ``ends_at``. To be kept like a key."""

    token: str
    url: str
    ends_at: dt.datetime


class LinkedAppointment(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment as its secret address shows it: no name, no phone and no code of the customer's.

    ``is_late``: past the cut-off; ``is_late_cancel_charged`` says whether a deposit is kept then.
    """

    state: BookingState
    attention: Attention
    service_name: str
    service_name_en: str
    staff_name: str
    staff_name_en: str
    shop: BookableShop
    starts_at: dt.datetime
    ends_at: dt.datetime
    local_day: dt.date
    price_minor: int
    deposit_minor: int
    deposit_state: DepositState
    currency: str
    reason: str
    reason_code: ReasonCode
    cutoff_at: dt.datetime
    is_late: bool
    is_late_cancel_charged: bool
    is_cancellable: bool

    @classmethod
    def of(cls, booking: BookingView, shop: ShopView) -> "LinkedAppointment":
        same = {name: getattr(booking, name) for name in cls.__struct_fields__ if hasattr(booking, name)}
        if booking.state is BookingState.WAIVED:
            same["reason"] = ""
        return cls(
            **same,
            shop=BookableShop.of(shop),
            cutoff_at=rules.cutoff_of(booking),
            is_late=rules.is_late(booking, now=booking.seen_at),
            is_cancellable=rules.is_cancellable(booking),
        )


class GroupWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group that is to be opened, and the session it holds."""

    campaign_code: str
    sku_id: uuid.UUID
    shop_id: uuid.UUID
    start: At
    staff_id: uuid.UUID | None = None


class GroupOpened(msgspec.Struct, frozen=True, kw_only=True):
    """Pay at ``pay_path`` before ``expires_at``. ``is_new`` is false for the unpaid seat she had already."""

    group_code: str
    order_number: str
    pay_path: str
    total_minor: int
    currency: str
    expires_at: dt.datetime
    is_new: bool


class GroupChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What groups of a campaign buy a session of, and where they may meet, the nearest shop first."""

    campaign_code: Annotated[str, Meta(examples=["K7M2QX9A"])]
    size: int
    service: ServiceRead
    shops: list[BookableShop]


class GroupSessionRead(msgspec.Struct, frozen=True, kw_only=True):
    """When and where a group meets: ``held`` while it fills, ``booked`` for everybody, or ``freed``."""

    state: PartyState
    service_id: uuid.UUID
    shop: BookableShop
    starts_at: dt.datetime
    ends_at: dt.datetime

    @classmethod
    def of(cls, party: PartyView, shop: ShopView) -> "GroupSessionRead":
        same = {name: getattr(party, name) for name in cls.__struct_fields__ if hasattr(party, name)}
        return cls(**same, shop=BookableShop.of(shop))
