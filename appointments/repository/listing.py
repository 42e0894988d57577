"""The appointments behind a number: by the same conditions as the number itself."""

import datetime as dt
import uuid
from collections.abc import Collection
from enum import StrEnum

import msgspec

from appointments.repository import funnel, usage
from appointments.states import BookingState
from yundian.platform.core.words import Bilingual
from yundian.platform.outbox.door import Door, brand_of, fetch


class What(StrEnum):
    """What is counted; the last four of what was asked for on some days, the others of what was to be on them."""

    ALL = "all"
    SERVED = "served"
    MISSED = "missed"
    CANCELLED = "cancelled"
    CANCELLED_LATE = "cancelled_late"
    STOOD = "stood"
    ASKED = "asked"
    BOOKED = "booked"
    CAME = "came"
    BOUGHT = "bought"


_WHICH = {
    What.ALL: (usage.OF_DAYS, "true"),
    What.SERVED: (usage.OF_DAYS, usage.SERVED),
    What.MISSED: (usage.OF_DAYS, usage.MISSED),
    What.CANCELLED: (usage.OF_DAYS, usage.CANCELLED),
    What.CANCELLED_LATE: (usage.OF_DAYS, usage.CANCELLED_LATE),
    What.STOOD: (usage.OF_DAYS, f"{usage.STOOD} AND NOT b.is_day_only"),
    What.ASKED: (funnel.ASKED_ON, "true"),
    What.BOOKED: (funnel.ASKED_ON, funnel.BOOKED),
    What.CAME: (funnel.ASKED_ON, funnel.CAME),
    What.BOUGHT: (funnel.ASKED_ON, funnel.BOUGHT),
}
OF_ASKED = frozenset({What.ASKED, What.BOOKED, What.CAME, What.BOUGHT})

# The texts that are put together here are our own; every value is a parameter.
_NARROW = f"""{{days}} AND {{which}} AND ($4::uuid IS NULL OR b.shop_id = $4)
    AND ($5::uuid IS NULL OR b.staff_id = $5)
    AND ($6::uuid IS NULL OR b.service_id = $6) AND ($7::varchar IS NULL OR b.channel = $7)
    AND ($8::int IS NULL OR {usage.WEEKDAY} = $8) AND ($9::int IS NULL OR {usage.HOUR} = $9)"""

_LIST = """
SELECT b.id, b.code, b.shop_id, b.service_name, b.staff_id, s.display_name, b.state, b.channel, b.member_id,
    b.starts_at, b.ends_at, b.time_zone, b.is_day_only, b.asked_at, b.external_client,
    CASE WHEN v.name = b.service_name THEN v.name_en ELSE '' END, s.display_name_en
FROM appointments_booking b JOIN appointments_staff s ON s.brand_id = $1 AND s.id = b.staff_id
JOIN appointments_service v ON v.brand_id = $1 AND v.id = b.service_id
WHERE {narrow} AND ($10::timestamptz IS NULL OR (b.starts_at, b.id) < ($10, $11::uuid))
ORDER BY b.starts_at DESC, b.id DESC LIMIT $12
"""

_COUNT = "SELECT count(*) FROM appointments_booking b WHERE {narrow}"

_NET = """
SELECT p.currency, sum(p.amount_minor - p.refunded_minor)::bigint
FROM appointments_booking b JOIN appointments_purchase p ON p.brand_id = $1 AND p.booking_id = b.id
WHERE {narrow} GROUP BY 1 ORDER BY 1
"""

_PURCHASES = """
SELECT p.booking_id, p.order_id, p.amount_minor - p.refunded_minor, p.currency, p.bought_at, p.tried_lines
FROM appointments_purchase p WHERE p.brand_id = $1 AND {of}
ORDER BY p.bought_at, p.order_id
"""
_OF_BOOKINGS, _OF_ORDER = (
    _PURCHASES.format(of=of) for of in ("p.booking_id = ANY($2::uuid[])", "p.order_id = $2")
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A number, and what it is narrowed to; days are those of the shops."""

    what: What
    first: dt.date
    last: dt.date
    shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    service_id: uuid.UUID | None = None
    channel: str | None = None
    weekday: int | None = None
    hour: int | None = None

    @property
    def arguments(self) -> tuple[object, ...]:
        """In the order of the statements' parameters, after the brand."""
        return msgspec.structs.astuple(self)[1:]

    def statement(self, text: str) -> str:
        days, which = _WHICH[self.what]
        return text.format(narrow=_NARROW.format(days=days, which=which))


class Listed(Bilingual, frozen=True, kw_only=True):
    """One appointment of a number."""

    id: uuid.UUID
    code: str
    shop_id: uuid.UUID
    service_name: str
    staff_id: uuid.UUID
    staff_name: str
    state: BookingState
    channel: str
    member_id: uuid.UUID | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    is_day_only: bool
    asked_at: dt.datetime
    external_client: str
    service_name_en: str = ""
    staff_name_en: str = ""


class Followed(msgspec.Struct, frozen=True, kw_only=True):
    """An order that followed an appointment, less what went back; so many of its lines were tried there."""

    booking_id: uuid.UUID
    order_id: uuid.UUID
    net_minor: int
    currency: str
    bought_at: dt.datetime
    tried_lines: int


_LISTED = Listed.__struct_fields__
_FOLLOWS = Followed.__struct_fields__


async def some(
    door: Door, *, wanted: Wanted, before: tuple[dt.datetime, uuid.UUID] | None, limit: int
) -> list[Listed]:
    """The next of them, the latest first."""
    at, last = before or (None, None)
    rows = await fetch(door, wanted.statement(_LIST), brand_of(door), *wanted.arguments, at, last, limit)
    return [msgspec.convert(dict(zip(_LISTED, row, strict=True)), Listed) for row in rows]


async def count(door: Door, *, wanted: Wanted) -> int:
    """How many they are: the number itself."""
    [row] = await fetch(door, wanted.statement(_COUNT), brand_of(door), *wanted.arguments)
    return int(row[0])


async def net(door: Door, *, wanted: Wanted) -> dict[str, int]:
    """What was bought after them and not given back, minor units by currency."""
    rows = await fetch(door, wanted.statement(_NET), brand_of(door), *wanted.arguments)
    return {row[0]: row[1] for row in rows}


async def followed(door: Door, *, booking_ids: Collection[uuid.UUID]) -> list[Followed]:
    """The orders that followed these appointments, as they were bought."""
    rows = await fetch(door, _OF_BOOKINGS, brand_of(door), list(booking_ids))
    return [Followed(**dict(zip(_FOLLOWS, row, strict=True))) for row in rows]


async def followed_by(door: Door, *, order_id: uuid.UUID) -> Followed | None:
    """Which appointment an order followed, if any."""
    rows = await fetch(door, _OF_ORDER, brand_of(door), order_id)
    return Followed(**dict(zip(_FOLLOWS, rows[0], strict=True))) if rows else None
