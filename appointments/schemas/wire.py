"""The JSON of appointments. Times carry their offset, money is minor units of ``currency``."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec
from msgspec import Meta

from appointments.repository.tried import TriedView
from appointments.service.finding import FreeShop
from appointments.service.steps import Step
from appointments.states import Attention, BookingState, DepositState, Source
from appointments.types import BookingView, ServiceView

At = Annotated[dt.datetime, Meta(tz=True)]


class ServiceRead(msgspec.Struct, frozen=True, kw_only=True):
    """A service as customers see it; durations in minutes."""

    id: uuid.UUID
    name: str
    category: str
    description: str
    duration_min: int
    seats: int
    price_minor: int
    deposit_minor: int
    currency: str
    needs_approval: bool
    horizon_days: int
    cutoff_min: int

    @classmethod
    def of(cls, service: ServiceView) -> "ServiceRead":
        return msgspec.convert(service, cls, from_attributes=True)


class FreeShopRead(msgspec.Struct, frozen=True, kw_only=True):
    """A shop that offers the service; ``next_start`` of null: nothing is free within two weeks."""

    shop_id: uuid.UUID
    name: str
    city: str
    address: str
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
            city=shop.city,
            address=shop.address,
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


class TimesRead(msgspec.Struct, frozen=True, kw_only=True):
    """Days without a free time are left out. ``holidays_unknown``: days that cannot be told yet are among them."""

    time_zone: str
    days: list[DayRead]
    next_start: dt.datetime | None
    holidays_unknown: bool


class AppointmentWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``staff_id`` of null: whoever is free."""

    shop_id: uuid.UUID
    service_id: uuid.UUID
    start: At
    staff_id: uuid.UUID | None = None


class MoveWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    start: At
    staff_id: uuid.UUID | None = None


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


class AppointmentRead(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment. ``pay_path``: where its deposit is paid while the time is held; else empty."""

    id: uuid.UUID
    code: str
    state: BookingState
    deposit_state: DepositState
    attention: Attention
    source: Source
    shop_id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    staff_id: uuid.UUID
    staff_name: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    local_day: dt.date
    price_minor: int
    deposit_minor: int
    currency: str
    expires_at: dt.datetime | None
    arrived_at: dt.datetime | None
    cutoff_at: dt.datetime
    sequence: int
    pay_path: str = ""

    @classmethod
    def of(cls, booking: BookingView, *, pay_path: str = "") -> "AppointmentRead":
        same = {name: getattr(booking, name) for name in cls.__struct_fields__ if hasattr(booking, name)}
        cutoff_at = booking.starts_at - dt.timedelta(minutes=booking.cutoff_min)
        return cls(**same, cutoff_at=cutoff_at, pay_path=pay_path)


class BoardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment on a shop's board. The customer's name is on her sheet alone."""

    appointment: AppointmentRead
    chair: str | None
    member_id: uuid.UUID | None


class CodeWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer shows."""

    code: Annotated[str, Meta(min_length=4, max_length=16)]


class WalkInWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody stands in the shop."""

    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None = None


class StepWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    step: Step
    reason: Annotated[str, Meta(max_length=200)] = ""


class TriedWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product that was tried, by its SKU's code as it stands on the box."""

    sku_code: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=120)] = ""


class TriedRead(msgspec.Struct, frozen=True, kw_only=True):
    sku_id: uuid.UUID
    sku_code: str
    name: str
    note: str

    @classmethod
    def of(cls, one: TriedView) -> "TriedRead":
        return msgspec.convert(one, cls, from_attributes=True)
