"""What became of what was booked, and when people come: statements over days."""

import datetime as dt
import uuid

import msgspec

from yundian.platform.outbox.door import Door, brand_of, fetch

# What the numbers count, and what is listed behind them.
OF_DAYS = """b.brand_id = $1 AND b.local_day BETWEEN $2 AND $3 AND ($4::uuid IS NULL OR b.shop_id = $4)
    AND b.state NOT IN ('held', 'expired', 'rescheduled')"""
SERVED = "b.state IN ('arrived', 'in_service', 'completed')"
MISSED = "b.state IN ('no_show', 'no_show_penalized', 'waived')"
CANCELLED = "b.state IN ('cancelled', 'cancelled_late', 'declined')"
CANCELLED_LATE = "b.state = 'cancelled_late'"
STOOD = "b.state IN ('requested', 'confirmed', 'arrived', 'in_service', 'completed')"
WEEKDAY = "extract(isodow FROM b.starts_at AT TIME ZONE b.time_zone)::int"
HOUR = "extract(hour FROM b.starts_at AT TIME ZONE b.time_zone)::int"

# The texts that are put together here are our own; every value is a parameter.
_BOOKED = f"""
SELECT b.shop_id, b.staff_id, count(*) AS booked,
    count(*) FILTER (WHERE {SERVED}) AS served,
    count(*) FILTER (WHERE {MISSED}) AS missed,
    count(*) FILTER (WHERE {CANCELLED}) AS cancelled,
    count(*) FILTER (WHERE {CANCELLED_LATE}) AS cancelled_late,
    (coalesce(sum(extract(epoch FROM b.ends_at - b.starts_at)) FILTER (WHERE b.of_session = 1 AND {STOOD}
        AND NOT b.is_day_only), 0) / 60)::int AS minutes
FROM (SELECT shop_id, staff_id, state, starts_at, ends_at, is_day_only,
        row_number() OVER (PARTITION BY coalesce(session_id, id), staff_id, {STOOD} ORDER BY id) AS of_session
    FROM appointments_booking b WHERE {OF_DAYS}) b
GROUP BY b.shop_id, b.staff_id
"""  # noqa: S608

# When appointments begin, by the clock of the shop; who shares a session comes at the same time, and is counted.
_BEGINNINGS = f"""
SELECT {WEEKDAY} AS weekday, {HOUR} AS hour, count(*)
FROM appointments_booking b WHERE {OF_DAYS} AND {STOOD} AND NOT b.is_day_only GROUP BY 1, 2
"""  # noqa: S608


class Usage(msgspec.Struct, kw_only=True):
    """One person in one shop over some days; minutes of service, and of work that was planned."""

    shop_id: uuid.UUID
    staff_id: uuid.UUID
    booked: int = 0
    served: int = 0
    missed: int = 0
    cancelled: int = 0
    cancelled_late: int = 0
    minutes: int = 0
    planned: int = 0

    @property
    def share(self) -> float:
        """How much of the planned time was taken."""
        return min(self.minutes / self.planned, 1.0) if self.planned else 0.0


async def usage(door: Door, *, first: dt.date, last: dt.date, shop_id: uuid.UUID | None = None) -> list[Usage]:
    """By shop and person, everybody who was booked. A group session takes its time once, whoever sat in it."""
    return [
        Usage(
            shop_id=shop,
            staff_id=staff,
            booked=booked,
            served=served,
            missed=missed,
            cancelled=cancelled,
            cancelled_late=late,
            minutes=minutes,
        )
        for shop, staff, booked, served, missed, cancelled, late, minutes in await fetch(
            door, _BOOKED, brand_of(door), first, last, shop_id
        )
    ]


async def beginnings(
    door: Door, *, first: dt.date, last: dt.date, shop_id: uuid.UUID | None = None
) -> dict[tuple[int, int], int]:
    """How many appointments begin, by week day (1 is Monday) and hour of the shop's clock."""
    rows = await fetch(door, _BEGINNINGS, brand_of(door), first, last, shop_id)
    return {(weekday, hour): count for weekday, hour, count in rows}
