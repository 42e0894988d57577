"""How busy shops and people were, and what became of what was booked: two statements over days."""

import datetime as dt
import uuid

import msgspec

from yundian.platform.outbox.door import Door, brand_of, fetch

_BOOKED = """
SELECT b.shop_id, b.staff_id, count(*) AS booked,
    count(*) FILTER (WHERE b.state IN ('arrived', 'in_service', 'completed')) AS served,
    count(*) FILTER (WHERE b.state IN ('no_show', 'no_show_penalized', 'waived')) AS missed,
    count(*) FILTER (WHERE b.state IN ('cancelled', 'cancelled_late', 'declined')) AS cancelled,
    count(*) FILTER (WHERE b.state = 'cancelled_late') AS cancelled_late,
    (coalesce(sum(extract(epoch FROM b.ends_at - b.starts_at)) FILTER (WHERE b.state IN
        ('requested', 'confirmed', 'arrived', 'in_service', 'completed')), 0) / 60)::int AS minutes
FROM appointments_booking b
WHERE b.brand_id = $1 AND b.local_day BETWEEN $2 AND $3 AND b.state NOT IN ('held', 'expired', 'rescheduled')
GROUP BY b.shop_id, b.staff_id
"""

_PLANNED = """
WITH days AS (SELECT d::date AS day FROM generate_series($2::date, $3::date, interval '1 day') d)
SELECT shop_id, staff_id, sum(minutes)::int AS minutes FROM (
    SELECT p.shop_id, p.staff_id,
        CASE WHEN p.kind = 'work' THEN p.ends - p.starts ELSE p.starts - p.ends END AS minutes
    FROM appointments_plan_span p JOIN days ON extract(isodow FROM days.day) = p.weekday
    WHERE p.brand_id = $1 AND NOT EXISTS (SELECT FROM appointments_staff_day x
        WHERE x.brand_id = $1 AND x.staff_id = p.staff_id AND x.day = days.day AND x.kind <> 'break')
    UNION ALL
    SELECT x.shop_id, x.staff_id, x.ends - x.starts FROM appointments_staff_day x
    WHERE x.brand_id = $1 AND x.kind = 'work' AND x.day BETWEEN $2 AND $3
) spans GROUP BY shop_id, staff_id
"""


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


async def usage(door: Door, *, first: dt.date, last: dt.date) -> list[Usage]:
    """By shop and person, everybody who worked or was booked."""
    found: dict[tuple[uuid.UUID, uuid.UUID], Usage] = {}
    for shop_id, staff_id, booked, served, missed, cancelled, late, minutes in await fetch(
        door, _BOOKED, brand_of(door), first, last
    ):
        found[shop_id, staff_id] = Usage(
            shop_id=shop_id,
            staff_id=staff_id,
            booked=booked,
            served=served,
            missed=missed,
            cancelled=cancelled,
            cancelled_late=late,
            minutes=minutes,
        )
    for shop_id, staff_id, planned in await fetch(door, _PLANNED, brand_of(door), first, last):
        found.setdefault((shop_id, staff_id), Usage(shop_id=shop_id, staff_id=staff_id)).planned = planned
    return list(found.values())
