"""What the rules, the service and ``appointments.api`` take and return. Times are aware UTC, money minor units."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from appointments.states import (
    Attention,
    BookingState,
    DayKind,
    DayRule,
    DepositState,
    ReasonCode,
    Source,
    SpanKind,
    Status,
    WaitMode,
    WaitState,
)
from yundian.platform.core.words import Bilingual


class Actor(StrEnum):
    """Who changed a booking."""

    CUSTOMER = "customer"
    SHOP = "shop"
    SYSTEM = "system"


class ServiceView(Bilingual, frozen=True, kw_only=True):
    """A service with its policies; durations in minutes."""

    id: uuid.UUID
    code: str
    name: str
    category: str
    description: str
    status: Status
    duration_min: int
    buffer_before_min: int
    buffer_after_min: int
    step_min: int
    seats: int
    chair_kind: str
    price_minor: int
    deposit_minor: int
    no_show_deposit_minor: int
    currency: str
    needs_approval: bool
    notice_min: int
    horizon_days: int
    cutoff_min: int
    hold_min: int
    grace_min: int
    is_late_cancel_charged: bool
    is_no_show_charged: bool
    no_show_limit: int
    wait_mode: WaitMode
    offer_min: int
    version: int
    name_en: str = ""
    category_en: str = ""
    description_en: str = ""


# Cells of five minutes: those from which, and those until which somebody or something is busy.
Busy = tuple[tuple[int, ...], tuple[int, ...]]


class PlanEntry(msgspec.Struct, frozen=True, array_like=True):
    """Work or a break on a week day, in minutes of the wall clock."""

    weekday: int
    kind: SpanKind
    starts: int
    ends: int


class DayEntry(msgspec.Struct, frozen=True, array_like=True):
    """A date on which the plan does not hold. ``is_here``: at the shop that is asked about."""

    day: dt.date
    kind: DayKind
    starts: int | None
    ends: int | None
    is_here: bool


class StaffPlan(msgspec.Struct, frozen=True):
    """Somebody who may perform the service; ``booked`` counts by day."""

    id: uuid.UUID
    name: str
    cap: int
    plan: tuple[PlanEntry, ...]
    days: tuple[DayEntry, ...] = ()
    busy: Busy = ((), ())
    booked: dict[dt.date, int] = {}
    last_booked_at: dt.datetime | None = None


class ChairPlan(msgspec.Struct, frozen=True):
    id: uuid.UUID
    busy: Busy = ((), ())


class SessionPlan(msgspec.Struct, frozen=True):
    """A group session that is open, full or not."""

    id: uuid.UUID
    staff_id: uuid.UUID
    starts_at: dt.datetime
    left: int


class HoursEntry(msgspec.Struct, frozen=True, array_like=True):
    """Opening time of a week day in minutes of the wall clock."""

    weekday: int
    opens: int
    closes: int


class ShopDayEntry(msgspec.Struct, frozen=True, array_like=True):
    """A date with other hours; without any the shop is closed."""

    day: dt.date
    opens: int | None
    closes: int | None


class Plans(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides which times can be had, of one shop, one service and a stretch of days."""

    service: ServiceView
    staff: tuple[StaffPlan, ...]
    chairs: tuple[ChairPlan, ...] = ()
    sessions: tuple[SessionPlan, ...] = ()
    shop_days: tuple[ShopDayEntry, ...] = ()
    holidays: DayRule = DayRule.AS_USUAL
    workdays: DayRule = DayRule.AS_USUAL
    member_busy: Busy = ((), ())
    member_holds: int = 0
    member_no_shows: int = 0
    asked_at: dt.datetime | None = None  # by the database's clock, where it gave them


class Stretch(msgspec.Struct, frozen=True):
    """The local days that are asked about, both included."""

    first: dt.date
    last: dt.date


class BookingView(Bilingual, frozen=True, kw_only=True):
    """An appointment as it stands at ``seen_at``, by the database's clock. Names of people are not in it but for
    the staff's."""

    seen_at: dt.datetime
    id: uuid.UUID
    code: str
    shop_id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    staff_id: uuid.UUID
    staff_name: str
    resource_id: uuid.UUID | None
    resource_name: str | None
    session_id: uuid.UUID | None
    member_id: uuid.UUID | None
    state: BookingState
    deposit_state: DepositState
    source: Source
    attention: Attention
    starts_at: dt.datetime
    ends_at: dt.datetime
    buffer_before_min: int
    buffer_after_min: int
    time_zone: str
    local_day: dt.date
    is_any_staff: bool
    price_minor: int
    deposit_minor: int
    currency: str
    payment_id: uuid.UUID | None
    expires_at: dt.datetime | None
    arrived_at: dt.datetime | None
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    created_at: dt.datetime
    reason: str
    reason_code: ReasonCode
    moved_from: uuid.UUID | None
    sequence: int
    cutoff_min: int
    grace_min: int
    is_late_cancel_charged: bool
    is_no_show_charged: bool
    channel: str
    asked_at: dt.datetime
    confirmed_at: dt.datetime | None
    is_day_only: bool
    external_client: str
    link_version: int = 0
    service_name_en: str = ""
    staff_name_en: str = ""

    @property
    def occupied_from(self) -> dt.datetime:
        return self.starts_at - dt.timedelta(minutes=self.buffer_before_min)

    @property
    def occupied_until(self) -> dt.datetime:
        return self.ends_at + dt.timedelta(minutes=self.buffer_after_min)


class WaitView(msgspec.Struct, frozen=True, kw_only=True):
    id: uuid.UUID
    member_id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None
    day: dt.date
    from_min: int
    until_min: int
    state: WaitState
    offered_start: dt.datetime | None
    offer_expires_at: dt.datetime | None
    booking_id: uuid.UUID | None


class NewBooking(msgspec.Struct, frozen=True, kw_only=True):
    """A booking to be written. Who serves and where is filled in when it is known."""

    id: uuid.UUID
    code: str
    created_at: dt.datetime
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None = None
    resource_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    member_id: uuid.UUID | None
    state: BookingState
    deposit_state: DepositState = DepositState.NONE
    source: Source
    starts_at: dt.datetime
    ends_at: dt.datetime
    buffer_before_min: int
    buffer_after_min: int
    time_zone: str
    local_day: dt.date
    service_name: str
    is_any_staff: bool
    price_minor: int
    deposit_minor: int = 0
    currency: str
    payment_id: uuid.UUID | None = None
    expires_at: dt.datetime | None = None
    arrived_at: dt.datetime | None = None
    moved_from: uuid.UUID | None = None
    sequence: int = 0
    request_key: str | None = None
    cutoff_min: int = 0
    grace_min: int = 0
    is_late_cancel_charged: bool = False
    is_no_show_charged: bool = False
    channel: str = ""
    asked_at: dt.datetime
    confirmed_at: dt.datetime | None = None
    seats: int = 1
    # A group's own session: nobody else may join.
    is_private: bool = False

    @property
    def served(self) -> tuple[dt.datetime, dt.datetime]:
        return self.starts_at, self.ends_at

    @property
    def occupied(self) -> tuple[dt.datetime, dt.datetime]:
        """The time of staff and chair, buffers included."""
        before, after = dt.timedelta(minutes=self.buffer_before_min), dt.timedelta(minutes=self.buffer_after_min)
        return self.starts_at - before, self.ends_at + after

    def with_people(self, staff_id: uuid.UUID | None, resource_id: uuid.UUID | None) -> "NewBooking":
        return msgspec.structs.replace(
            self, staff_id=staff_id or self.staff_id, resource_id=resource_id or self.resource_id
        )


Minutes = Annotated[int, Meta(ge=0, le=43_200)]
Text = Annotated[str, Meta(max_length=40)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
EnglishName = Annotated[str, Meta(max_length=80, description="Its English name; empty: none.")]
Amount = Annotated[int, Meta(ge=0, le=100_000_000)]


class ServiceFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ says of a service. Lengths are multiples of five minutes."""

    code: Annotated[str, Meta(min_length=1, max_length=40)]
    name: Name
    duration_min: Annotated[int, Meta(ge=5, le=720, multiple_of=5)]
    category: Text = ""
    description: Annotated[str, Meta(max_length=400)] = ""
    name_en: EnglishName = ""
    category_en: Text = ""
    description_en: Annotated[str, Meta(max_length=400)] = ""
    status: Status = Status.ACTIVE
    buffer_before_min: Annotated[int, Meta(ge=0, le=240, multiple_of=5)] = 0
    buffer_after_min: Annotated[int, Meta(ge=0, le=240, multiple_of=5)] = 0
    step_min: Annotated[int, Meta(ge=5, le=720, multiple_of=5)] = 15
    seats: Annotated[int, Meta(ge=1, le=100)] = 1
    chair_kind: Annotated[str, Meta(max_length=32)] = ""
    price_minor: Amount = 0
    deposit_minor: Amount = 0
    no_show_deposit_minor: Amount = 0
    needs_approval: bool = False
    notice_min: Minutes = 60
    horizon_days: Annotated[int, Meta(ge=1, le=365)] = 30
    cutoff_min: Minutes = 120
    hold_min: Annotated[int, Meta(ge=1, le=120)] = 10
    grace_min: Minutes = 15
    is_late_cancel_charged: bool = False
    is_no_show_charged: bool = False
    no_show_limit: Annotated[int, Meta(ge=0, le=100)] = 0
    wait_mode: WaitMode = WaitMode.SEQUENTIAL
    offer_min: Annotated[int, Meta(ge=1, le=1440)] = 30


class StaffFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ says of somebody who serves: where, what, and how often a day at most (0: no limit)."""

    display_name: Annotated[str, Meta(min_length=1, max_length=60)]
    home_shop_id: uuid.UUID
    title: Annotated[str, Meta(max_length=60)] = ""
    display_name_en: Annotated[str, Meta(max_length=60)] = ""
    title_en: Annotated[str, Meta(max_length=60)] = ""
    guest_shop_ids: tuple[uuid.UUID, ...] = ()
    service_ids: tuple[uuid.UUID, ...] = ()
    account_id: uuid.UUID | None = None
    daily_cap: Annotated[int, Meta(ge=0, le=100)] = 0
    status: Status = Status.ACTIVE


class StaffView(Bilingual, frozen=True, kw_only=True):
    id: uuid.UUID
    display_name: str
    display_name_en: str
    title: str
    title_en: str
    home_shop_id: uuid.UUID
    account_id: uuid.UUID | None
    daily_cap: int
    status: Status
    feed_version: int
    version: int
    shop_ids: tuple[uuid.UUID, ...] = ()
    service_ids: tuple[uuid.UUID, ...] = ()


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of somebody's week."""

    shop_id: uuid.UUID
    weekday: Annotated[int, Meta(ge=1, le=7)]
    kind: SpanKind
    starts: Annotated[int, Meta(ge=0, lt=1440)]
    ends: Annotated[int, Meta(gt=0, le=2880)]


class StaffDayFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is different from one date to another, both included."""

    first: dt.date
    last: dt.date
    kind: DayKind
    shop_id: uuid.UUID | None = None
    starts: Annotated[int, Meta(ge=0, lt=1440)] | None = None
    ends: Annotated[int, Meta(gt=0, le=2880)] | None = None
    reason: Annotated[str, Meta(max_length=120)] = ""


class ShopDayView(msgspec.Struct, frozen=True, kw_only=True):
    """A date with other hours; without any the shop is closed."""

    day: dt.date
    opens: int | None
    closes: int | None
    reason: str
