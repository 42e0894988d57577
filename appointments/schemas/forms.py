"""What the room's pages send, and the words they show."""

import datetime as dt
import unicodedata
import uuid
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appointments.states import BookingState, DayKind, DayRule, DepositState, SpanKind, Status, WaitMode
from appointments.types import Amount, PlanLine, ServiceFields, ServiceView
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.web.i18n import gettext as _

Code = Annotated[str, Meta(min_length=4, max_length=16)]
Reason = Annotated[str, Meta(max_length=200)]
Clock = Annotated[str, Meta(pattern=r"^\d{1,2}:[0-5]\d$")]
_MONEY = {"price": "price_minor", "deposit": "deposit_minor", "no_show_deposit": "no_show_deposit_minor"}


class BookForm(msgspec.Struct, frozen=True, kw_only=True):
    """A time, and who is to serve (nobody named: anybody)."""

    start: Annotated[dt.datetime, Meta(tz=True)]
    staff: uuid.UUID | None = None


class GroupForm(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a group meets."""

    shop: uuid.UUID
    start: Annotated[dt.datetime, Meta(tz=True)]
    staff: uuid.UUID | None = None


class MoveForm(msgspec.Struct, frozen=True, kw_only=True):
    """Other people or another chair at the same time."""

    staff: uuid.UUID | None = None
    chair: uuid.UUID | None = None


class CodeForm(msgspec.Struct, frozen=True, kw_only=True):
    code: Code


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    reason: Reason = ""


class TriedForm(msgspec.Struct, frozen=True, kw_only=True):
    """A product that was tried, by the code on its box."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=120)] = ""


class WalkInForm(msgspec.Struct, frozen=True, kw_only=True):
    shop: uuid.UUID
    service: uuid.UUID
    staff: uuid.UUID | None = None


class WaitForm(msgspec.Struct, frozen=True, kw_only=True):
    day: dt.date
    staff: uuid.UUID | None = None


class ChairForm(msgspec.Struct, frozen=True, kw_only=True):
    kind: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Annotated[str, Meta(min_length=1, max_length=40)]


class StatusForm(msgspec.Struct, frozen=True, kw_only=True):
    status: Status


class RuleForm(msgspec.Struct, frozen=True, kw_only=True):
    holidays: DayRule
    workdays: DayRule


class ShopDayForm(msgspec.Struct, frozen=True, kw_only=True):
    """A date with other hours; without any the shop is closed. ``is_usual`` takes it back."""

    day: dt.date
    opens: Clock | None = None
    closes: Clock | None = None
    reason: Annotated[str, Meta(max_length=120)] = ""
    is_usual: bool = False


class StaffForm(msgspec.Struct, frozen=True, kw_only=True):
    display_name: Annotated[str, Meta(min_length=1, max_length=60)]
    home_shop_id: uuid.UUID
    title: Annotated[str, Meta(max_length=60)] = ""
    daily_cap: Annotated[int, Meta(ge=0, le=100)] = 0
    status: Status = Status.ACTIVE
    service_ids: list[uuid.UUID] = []
    guest_shop_ids: list[uuid.UUID] = []
    version: int | None = None


class AwayForm(msgspec.Struct, frozen=True, kw_only=True):
    first: dt.date
    last: dt.date
    kind: DayKind
    shop_id: uuid.UUID | None = None
    starts: Clock | None = None
    ends: Clock | None = None
    reason: Annotated[str, Meta(max_length=120)] = ""


class PlanForm(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a week, column by column; a line without times is left out."""

    weekday: list[str] = []
    kind: list[str] = []
    shop_id: list[str] = []
    starts: list[str] = []
    ends: list[str] = []

    def lines(self) -> list[PlanLine]:
        rows = zip(self.weekday, self.kind, self.shop_id, self.starts, self.ends, strict=False)
        found = []
        for day, kind, shop, starts, ends in rows:
            if starts and ends:
                first, last = span_of(starts, ends)
                found.append(
                    PlanLine(
                        weekday=int(day) if day in "1234567" else 1,
                        kind=SpanKind.BREAK if kind == SpanKind.BREAK else SpanKind.WORK,
                        shop_id=_uuid(shop),
                        starts=first,
                        ends=last,
                    )
                )
        return found


def service_fields(values: dict[str, str], currency: str) -> ServiceFields:
    """A service as it was typed: money in yuan, a box that is not ticked is a no."""
    raw: dict[str, Any] = {name: value for name, value in values.items() if value}
    for typed, stored in _MONEY.items():
        raw[stored] = minor_of(raw.pop(typed, "0"), currency, field=typed)
    for field in msgspec.structs.fields(ServiceFields):
        if field.type is bool:
            raw[field.name] = field.name in raw
    known = {field.name for field in msgspec.structs.fields(ServiceFields)}
    try:
        return msgspec.convert({k: v for k, v in raw.items() if k in known}, ServiceFields, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`") or "name"
        raise InvalidInput(name, str(error).partition(" - ")[0]) from error


def service_values(service: ServiceView) -> dict[str, Any]:
    """A service as its form shows it."""
    values = msgspec.structs.asdict(service)
    for typed, stored in _MONEY.items():
        values[typed] = format(Money(values[stored], service.currency).to_decimal(), "f")
    return values


def minor_of(text: str, currency: str, *, field: str) -> int:
    """An amount as people type it."""
    cleaned = unicodedata.normalize("NFKC", text).strip().lstrip("¥").replace(",", "")
    try:
        minor = Money.from_decimal(Decimal(cleaned), currency).minor
        return msgspec.convert(minor, Amount)
    except (InvalidOperation, ValueError, msgspec.ValidationError) as error:
        raise InvalidInput(field, "Not an amount") from error


def span_of(starts: str, ends: str) -> tuple[int, int]:
    """Two times of day in minutes; an end at or before the start lies in the next day."""
    first, last = _minute(starts), _minute(ends)
    return first, last if last > first else last + 1440


def text_of(minute: int) -> str:
    """Minutes after midnight as a clock shows them."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def _minute(text: str) -> int:
    hour, _colon, minute = text.partition(":")
    if not (len(text) <= 5 and hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        raise InvalidInput("starts", "not a time of day like 09:30")
    return int(hour) * 60 + int(minute)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput("shop_id", "Not a shop") from error


TONES = {
    "held": "warn", "requested": "warn", "confirmed": "info", "arrived": "good", "in_service": "good",
    "completed": "good", "no_show": "bad", "no_show_penalized": "bad", "declined": "neutral",
}  # fmt: skip


def state_label(state: BookingState) -> str:
    return {
        BookingState.HELD: _("Held for payment"),
        BookingState.REQUESTED: _("Waiting for the shop"),
        BookingState.CONFIRMED: _("Booked"),
        BookingState.ARRIVED: _("Arrived"),
        BookingState.IN_SERVICE: _("In service"),
        BookingState.COMPLETED: _("Served"),
        BookingState.EXPIRED: _("Not paid in time"),
        BookingState.DECLINED: _("Declined by the shop"),
        BookingState.RESCHEDULED: _("Moved"),
        BookingState.CANCELLED: _("Cancelled"),
        BookingState.CANCELLED_LATE: _("Cancelled late"),
        BookingState.NO_SHOW: _("Did not come"),
        BookingState.NO_SHOW_PENALIZED: _("Did not come, deposit kept"),
        BookingState.WAIVED: _("Did not come, forgiven"),
    }[state]


def deposit_label(state: DepositState) -> str:
    return {
        DepositState.NONE: "",
        DepositState.REQUIRED: _("To be paid"),
        DepositState.PAID: _("Paid"),
        DepositState.APPLIED_TO_SALE: _("Counts towards the bill"),
        DepositState.REFUNDING: _("On its way back"),
        DepositState.REFUNDED: _("Refunded"),
        DepositState.FORFEITED: _("Kept"),
    }[state]


def event_label(kind: str) -> str:
    """A line of a booking's history."""
    if kind == "reassigned":
        return _("Somebody else serves")
    if kind == "choose":
        return _("Nobody is free: the customer chooses")
    return state_label(BookingState(kind))


def weekdays() -> list[tuple[int, str]]:
    names = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))
    return list(enumerate(names, 1))


def wait_modes() -> list[tuple[str, str]]:
    return [
        (WaitMode.SEQUENTIAL.value, _("To one after the other, held for each")),
        (WaitMode.BROADCAST.value, _("To all at once, the first one wins")),
        (WaitMode.OFF.value, _("No waiting list")),
    ]


def holiday_rules() -> list[tuple[str, str]]:
    return [
        (DayRule.AS_USUAL.value, _("As any other day")),
        (DayRule.CLOSED.value, _("Closed")),
        (DayRule.AS_SUNDAY.value, _("Like a Sunday")),
    ]


def workday_rules() -> list[tuple[str, str]]:
    return [
        (DayRule.AS_USUAL.value, _("As any other weekend")),
        (DayRule.AS_MONDAY.value, _("Like a Monday")),
    ]


def day_kinds() -> list[tuple[str, str]]:
    return [
        (DayKind.OFF.value, _("Away the whole day")),
        (DayKind.WORK.value, _("Other working hours")),
        (DayKind.BREAK.value, _("One more break")),
    ]


LABELS: dict[str, Any] = {
    "state_label": state_label,
    "deposit_label": deposit_label,
    "event_label": event_label,
    "text_of": text_of,
    "tones": TONES,
}
