"""What HQ's pages of set-up send, as it is typed, and the choices they offer."""

import datetime as dt
import re
import unicodedata
import uuid
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from appointments.rules.readiness import Lack
from appointments.states import DayKind, DayRule, SpanKind, Status, WaitMode
from appointments.types import Amount, PlanLine, ServiceFields, ServiceView, ShopDayView, StaffDayFields
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.web.i18n import gettext as _

Clock = Annotated[str, Meta(pattern=r"^\d{1,2}:[0-5]\d$")]
_PLAIN = re.compile(r"\d{1,12}(\.\d*)?|\.\d+", re.ASCII)
_MONEY = {"price": "price_minor", "deposit": "deposit_minor", "no_show_deposit": "no_show_deposit_minor"}


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

    def view(self) -> ShopDayView:
        opens, closes = both(self.opens, self.closes, ("opens", "closes"))
        return ShopDayView(day=self.day, opens=opens, closes=closes, reason=self.reason)


class StaffForm(msgspec.Struct, frozen=True, kw_only=True):
    display_name: Annotated[str, Meta(min_length=1, max_length=60)]
    home_shop_id: uuid.UUID
    title: Annotated[str, Meta(max_length=60)] = ""
    display_name_en: Annotated[str, Meta(max_length=60)] = ""
    title_en: Annotated[str, Meta(max_length=60)] = ""
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

    def fields(self) -> StaffDayFields:
        starts, ends = both(self.starts, self.ends, ("starts", "ends"))
        if self.kind is not DayKind.OFF and starts is None:
            raise InvalidInput("starts", "Required")
        return StaffDayFields(
            first=self.first,
            last=self.last,
            kind=self.kind,
            shop_id=self.shop_id,
            starts=starts,
            ends=ends,
            reason=self.reason,
        )


class PlanRow(NamedTuple):
    """One line of a week in the words of its form."""

    weekday: str
    kind: str
    shop_id: str
    starts: str
    ends: str

    @classmethod
    def of(cls, line: PlanLine) -> "PlanRow":
        return cls(str(line.weekday), line.kind.value, str(line.shop_id), text_of(line.starts), text_of(line.ends))


class PlanForm(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a week, column by column; a line without times is left out."""

    weekday: list[str] = []
    kind: list[str] = []
    shop_id: list[str] = []
    starts: list[str] = []
    ends: list[str] = []
    same: bool = False
    version: int | None = None

    def rows(self) -> list[PlanRow]:
        """As they were typed, to be shown again; empty ones left out."""
        columns = zip(self.weekday, self.kind, self.shop_id, self.starts, self.ends, strict=False)
        return [PlanRow(*(text.strip() for text in row)) for row in columns if row[3].strip() or row[4].strip()]

    def lines(self) -> list[PlanLine]:
        """The week; a line with one time only is refused. ``same``: the first line's day seven times."""
        rows = self.rows()
        if self.same and rows:
            rows = [
                row._replace(weekday=str(day))
                for day in range(1, 8)
                for row in rows
                if row.weekday == rows[0].weekday
            ]
        found = []
        for row in rows:
            first, last = both(row.starts, row.ends, ("lines", "lines"))
            if first is None or last is None:
                continue
            found.append(
                PlanLine(
                    weekday=int(row.weekday) if row.weekday in set("1234567") else 1,
                    kind=SpanKind.BREAK if row.kind == SpanKind.BREAK else SpanKind.WORK,
                    shop_id=_uuid(row.shop_id),
                    starts=first,
                    ends=last,
                )
            )
        return found


class ServiceForm(ServiceFields, frozen=True, kw_only=True):
    """A service as it is typed: money in yuan, a box that is not ticked is a no."""

    price: str = "0"
    deposit: str = "0"
    no_show_deposit: str = "0"

    def fields(self, currency: str) -> ServiceFields:
        """What is kept. Refuses amounts that cannot be, and a rule on a deposit that nobody has to pay."""
        typed = msgspec.structs.asdict(self)
        for shown, stored in _MONEY.items():
            typed[stored] = minor_of(typed.pop(shown), currency, field=shown)
        return sound(ServiceFields(**typed), deposit="deposit", no_show_deposit="no_show_deposit")


def sound(
    fields: ServiceFields, *, deposit: str = "deposit_minor", no_show_deposit: str = "no_show_deposit_minor"
) -> ServiceFields:
    """The same, or a refusal of what cannot be kept, under the names of what was sent."""
    highest = max(fields.deposit_minor, fields.no_show_deposit_minor)
    if fields.price_minor and highest > fields.price_minor:
        raise InvalidInput(
            deposit if fields.deposit_minor == highest else no_show_deposit, "not more than the price"
        )
    if fields.no_show_limit and not fields.no_show_deposit_minor:
        raise InvalidInput(no_show_deposit, "say how much has to be paid then")
    if (fields.is_late_cancel_charged or fields.is_no_show_charged) and not highest:
        raise InvalidInput(deposit, "nothing can be kept where no deposit is paid")
    return fields


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
        typed = Decimal(cleaned if _PLAIN.fullmatch(cleaned) else "")
        amount = Money.from_decimal(typed, currency)
        if amount.to_decimal() != typed:
            raise InvalidInput(field, "too many places after the point")
        return msgspec.convert(amount.minor, Amount)
    except (InvalidOperation, ValueError, msgspec.ValidationError) as error:
        raise InvalidInput(field, "Not an amount") from error


def span_of(starts: str, ends: str) -> tuple[int, int]:
    """Two times of day in minutes; an end at or before the start lies in the next day."""
    first, last = _minute(starts), _minute(ends)
    return first, last if last > first else last + 1440


def both(starts: str | None, ends: str | None, names: tuple[str, str]) -> tuple[int, int] | tuple[None, None]:
    """Two times of day, or none; one alone is refused."""
    if starts and ends:
        return span_of(starts, ends)
    if starts or ends:
        raise InvalidInput(names[1 if starts else 0], "give both times, or none")
    return None, None


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
        (DayRule.CLOSED.value, _("Closed on that day")),
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


def lack_label(lack: Lack) -> str:
    """What keeps customers from booking in a shop, and so what is to be done next."""
    return {
        Lack.CLOSED: _("The shop is not open"),
        Lack.HOURS: _("No opening hours"),
        Lack.PEOPLE: _("Nobody serves here"),
        Lack.WEEK: _("Nobody has a week"),
        Lack.SERVICES: _("Nobody here performs a service"),
        Lack.CHAIRS: _("No chair for the services"),
    }[lack]
