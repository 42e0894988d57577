"""The JSON of appointments. Times carry their offset, money is minor units of ``currency``."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec
from msgspec import Meta

from appointments.repository.tried import TriedView
from appointments.service.steps import Step
from appointments.states import Attention, BookingState, DepositState, ReasonCode, Source, WaitMode
from appointments.types import BookingView, ServiceView

At = Annotated[dt.datetime, Meta(tz=True)]


class ServiceRead(msgspec.Struct, frozen=True, kw_only=True):
    """A service as customers see it; durations in minutes. ``wait_mode``: whether one can wait for a full day."""

    id: uuid.UUID
    name: str
    name_en: str
    category: str
    category_en: str
    description: str
    description_en: str
    duration_min: int
    seats: int
    price_minor: int
    deposit_minor: int
    currency: str
    needs_approval: bool
    horizon_days: int
    cutoff_min: int
    wait_mode: WaitMode

    @classmethod
    def of(cls, service: ServiceView) -> "ServiceRead":
        return msgspec.convert(service, cls, from_attributes=True)


class AppointmentWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``staff_id`` of null: whoever is free."""

    shop_id: uuid.UUID
    service_id: uuid.UUID
    start: At
    staff_id: uuid.UUID | None = None


class MoveWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    start: At
    staff_id: uuid.UUID | None = None


class ShopMoveWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another time; nobody named: whoever is free. ``sequence``: the appointment's, as it was seen."""

    start: At
    staff_id: uuid.UUID | None = None
    sequence: int | None = None


class UndoWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A move that is taken back. ``sequence``: the appointment's as the move left it."""

    sequence: int


class AppointmentRead(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment. ``pay_path``: where its deposit is paid while the time is held; else empty.

    ``reason`` is what people said when it ended, ``reason_code`` what the house did. ``moved_to``: the code under
    which one of one's own lives on, where it is asked for by an old one. ``is_day_only``: another system knew the
    day and not the time.
    """

    id: uuid.UUID
    code: str
    state: BookingState
    deposit_state: DepositState
    attention: Attention
    source: Source
    shop_id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    service_name_en: str
    staff_id: uuid.UUID
    staff_name: str
    staff_name_en: str
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
    reason: str
    reason_code: ReasonCode
    is_day_only: bool
    pay_path: str = ""
    moved_to: str = ""

    @classmethod
    def of(cls, booking: BookingView, *, pay_path: str = "", moved_to: str = "") -> "AppointmentRead":
        same = {name: getattr(booking, name) for name in cls.__struct_fields__ if hasattr(booking, name)}
        cutoff_at = booking.starts_at - dt.timedelta(minutes=booking.cutoff_min)
        if booking.state is BookingState.WAIVED:
            # Why a shop forgave her is for the shop to read: in the history.
            same["reason"] = ""
        return cls(**same, cutoff_at=cutoff_at, pay_path=pay_path, moved_to=moved_to)


class BoardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment on a shop's board. The customer's name is on her sheet alone. Those with the same
    ``session_id`` are in one group session."""

    appointment: AppointmentRead
    chair_id: uuid.UUID | None
    chair: str | None
    member_id: uuid.UUID | None
    session_id: uuid.UUID | None

    @classmethod
    def of(cls, one: BookingView) -> "BoardEntry":
        return cls(
            appointment=AppointmentRead.of(one),
            chair_id=one.resource_id,
            chair=one.resource_name,
            member_id=one.member_id,
            session_id=one.session_id,
        )


class CodeWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the customer shows."""

    code: Annotated[str, Meta(min_length=4, max_length=16)]


class WalkInWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody stands in the shop; with her number she is the customer who has it."""

    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None = None
    phone: Annotated[str, Meta(max_length=32, description="Of a customer; empty: nobody who is known")] = ""


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
