"""All that decides which times can be had, in one statement.

What is set up comes as JSON. Busy times, thousands in a month, come as pairs of numbers in bytes, the first and
the end cell of each, which costs either side a fraction of what their text does.
"""

import datetime as dt
import struct
import uuid
from collections.abc import Mapping

import msgspec

from appointments.states import DayRule, SpanKind
from appointments.types import (
    Busy,
    ChairPlan,
    DayEntry,
    HoursEntry,
    PlanEntry,
    Plans,
    ServiceView,
    SessionPlan,
    ShopDayEntry,
    StaffPlan,
)
from stores import api as stores
from yundian.platform.outbox.door import Door, brand_of, fetch

_WANTED = "SELECT id FROM people UNION ALL SELECT id FROM chairs UNION ALL SELECT $8::uuid"

_CELLS = """string_agg(int8send((date_part('epoch', o.starts_at)::bigint / 300 << 32)
    | (date_part('epoch', o.ends_at)::bigint + 299) / 300), '') AS cells"""

# Plain comparisons, which row policies leave their index. Nothing takes longer than a day (a constraint), so that
# the index is read from one end of the asked time to the other and not to the end of all time.
_LIVE = """FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.is_live
    AND o.ends_at > (SELECT since FROM bounds) AND o.ends_at < (SELECT until FROM bounds) + interval '24 hours'
    AND o.starts_at < (SELECT until FROM bounds)
    AND (o.booking_id IS NULL OR o.booking_id IS DISTINCT FROM $11::uuid)"""

# Many times of each are found one resource after the other, the few that lie in one hour all at once.
_BUSY_DAYS = f"SELECT w.id, (SELECT {_CELLS} {_LIVE} AND o.resource_id = w.id) AS cells FROM ({_WANTED}) w"  # noqa: S608
_BUSY_HOUR = f"SELECT o.resource_id AS id, {_CELLS} {_LIVE} AND o.resource_id = ANY(ARRAY({_WANTED})) GROUP BY 1"

_LAST_BOOKED = """(SELECT b.created_at FROM appointments_booking b WHERE b.brand_id = $1 AND b.staff_id = s.id
    AND b.state IN ('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed') AND $10::boolean
    ORDER BY b.created_at DESC LIMIT 1)"""

# A group session is one appointment of hers, however many sit in it.
_BOOKED = """(SELECT json_object_agg(d.local_day, d.n) FROM (
    SELECT b.local_day, count(DISTINCT coalesce(b.session_id, b.id)) AS n FROM appointments_booking b
    WHERE b.brand_id = $1 AND b.staff_id = s.id AND b.local_day BETWEEN $6 AND $7 AND s.daily_cap > 0
    AND b.state IN ('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed')
    AND b.id IS DISTINCT FROM $11::uuid GROUP BY b.local_day) d)"""

_STAFF = f"""(SELECT json_agg(json_build_array(s.id, s.display_name, s.daily_cap,
    (SELECT to_json(array_agg(ARRAY[p.weekday, (p.kind = 'break')::int, p.starts, p.ends]))
        FROM appointments_plan_span p WHERE p.brand_id = $1 AND p.staff_id = s.id
        AND (p.shop_id = $2 OR p.kind = 'break')),
    (SELECT json_agg(json_build_array(d.day, d.kind, d.starts, d.ends, coalesce(d.shop_id = $2, false)))
        FROM appointments_staff_day d WHERE d.brand_id = $1 AND d.staff_id = s.id AND d.day BETWEEN $6 AND $7),
    {_BOOKED}, {_LAST_BOOKED}) ORDER BY s.id) FROM people s)"""  # noqa: S608

_SESSIONS = """(SELECT json_agg(json_build_object('id', g.id, 'staff_id', g.staff_id, 'starts_at', g.starts_at,
        'left', g.seats - g.taken))
    FROM appointments_session g WHERE g.brand_id = $1 AND g.shop_id = $2 AND g.service_id = $3 AND g.is_open
    AND NOT g.is_private AND g.starts_at >= $4 AND g.starts_at <= $5)"""

_DAYS = """(SELECT json_agg(json_build_array(d.day, d.opens, d.closes)) FROM appointments_shop_day d
    WHERE d.brand_id = $1 AND d.shop_id = $2 AND d.day BETWEEN $6 AND $7)"""

_RULE = """(SELECT json_build_array(r.holidays, r.workdays) FROM appointments_shop_rule r
    WHERE r.brand_id = $1 AND r.shop_id = $2)"""

_MEMBER = """(SELECT json_build_array(
    count(*) FILTER (WHERE b.state = 'held' AND b.starts_at > now()),
    count(*) FILTER (WHERE b.state IN ('no_show', 'no_show_penalized') AND b.starts_at > $9))
    FROM appointments_booking b WHERE b.brand_id = $1 AND b.member_id = $8::uuid AND b.starts_at > $9)"""

# The texts that are put together here are our own; every value is a parameter.
_LOAD = f"""
WITH service AS MATERIALIZED (
    SELECT * FROM appointments_service WHERE brand_id = $1 AND id = $3
), bounds AS MATERIALIZED (
    SELECT $4::timestamptz - make_interval(mins => buffer_before_min) AS since,
        $5::timestamptz + make_interval(mins => duration_min + buffer_after_min) AS until FROM service
), people AS MATERIALIZED (
    SELECT s.id, s.display_name, s.daily_cap FROM appointments_skill k
    JOIN appointments_staff_shop h ON h.brand_id = $1 AND h.staff_id = k.staff_id AND h.shop_id = $2
    JOIN appointments_staff s ON s.brand_id = $1 AND s.id = k.staff_id AND s.status = 'active'
    WHERE k.brand_id = $1 AND k.service_id = $3
), chairs AS MATERIALIZED (
    SELECT r.id, r.name FROM appointments_resource r JOIN service v ON v.chair_kind = r.kind AND v.chair_kind <> ''
    WHERE r.brand_id = $1 AND r.shop_id = $2 AND r.status = 'active'
), busy AS MATERIALIZED ({{busy}})
SELECT json_build_object(
    'shop', {stores.opening_json("$2")},
    'service', (SELECT row_to_json(service) FROM service),
    'staff', coalesce({_STAFF}, '[]'),
    'chairs', coalesce((SELECT json_agg(id ORDER BY name, id) FROM chairs), '[]'),
    'sessions', coalesce({_SESSIONS}, '[]'),
    'shop_days', coalesce({_DAYS}, '[]'),
    'rule', {_RULE},
    'member', {_MEMBER})::text,
    (SELECT array_agg(id) FROM busy), (SELECT array_agg(cells) FROM busy)
"""  # noqa: S608
LOAD_DAYS = _LOAD.format(busy=_BUSY_DAYS)
LOAD_MOMENT = _LOAD.format(busy=_BUSY_HOUR)


class Shop(msgspec.Struct, frozen=True, array_like=True):
    """Where: its zone, whether it is in business, and its weekly hours."""

    time_zone: str
    is_in_business: bool
    hours: tuple[HoursEntry, ...]


class _Person(msgspec.Struct, array_like=True):
    id: uuid.UUID
    name: str
    cap: int
    plan: msgspec.Raw
    days: tuple[DayEntry, ...] | None
    booked: dict[dt.date, int] | None
    last_booked_at: dt.datetime | None


class _Found(msgspec.Struct):
    shop: Shop | None
    service: ServiceView | None
    staff: tuple[_Person, ...]
    chairs: tuple[uuid.UUID, ...]
    sessions: tuple[SessionPlan, ...]
    shop_days: tuple[ShopDayEntry, ...]
    rule: tuple[DayRule, DayRule] | None
    member: tuple[int, int]


_found = msgspec.json.Decoder(_Found)
_spans = msgspec.json.Decoder(list[tuple[int, int, int, int]] | None)
_KINDS = (SpanKind.WORK, SpanKind.BREAK)
_NEVER: Busy = ((), ())


async def load(
    door: Door,
    *,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    since: dt.datetime,
    until: dt.datetime,
    first: dt.date,
    last: dt.date,
    member_id: uuid.UUID | None,
    no_shows_since: dt.datetime,
    is_booking: bool,
    moving: uuid.UUID | None,
) -> tuple[Shop | None, Plans | None]:
    """A shop, and its plans for one service, for what begins from ``since`` until ``until``, both included.

    ``is_booking`` also asks who was booked when; ``moving`` is a booking whose own time does not count.
    """
    [row] = await fetch(
        door,
        LOAD_MOMENT if since == until else LOAD_DAYS,
        brand_of(door),
        shop_id,
        service_id,
        since,
        until,
        first,
        last,
        member_id,
        no_shows_since,
        is_booking,
        moving,
    )
    found = _found.decode(row[0])
    if found.shop is None or found.service is None:
        return found.shop, None
    busy = dict(zip(row[1] or (), map(_busy, row[2] or ()), strict=True))
    holidays, workdays = found.rule or (DayRule.AS_USUAL, DayRule.AS_USUAL)
    return found.shop, Plans(
        service=found.service,
        staff=_staff(found.staff, busy),
        chairs=tuple(ChairPlan(id, busy.get(id, _NEVER)) for id in found.chairs),
        sessions=found.sessions,
        shop_days=found.shop_days,
        holidays=holidays,
        workdays=workdays,
        member_busy=busy.get(member_id, _NEVER) if member_id else _NEVER,
        member_holds=found.member[0],
        member_no_shows=found.member[1],
    )


def _staff(people: tuple[_Person, ...], busy: Mapping[uuid.UUID, Busy]) -> tuple[StaffPlan, ...]:
    # Many work by the same plan: it is read once, and is the same object for all of them.
    plans: dict[bytes, tuple[PlanEntry, ...]] = {}
    staff = []
    for one in people:
        raw = bytes(one.plan)
        plan = plans.get(raw)
        if plan is None:
            spans = _spans.decode(raw) or ()
            plan = plans[raw] = tuple(PlanEntry(day, _KINDS[kind], *at) for day, kind, *at in spans)
        staff.append(
            StaffPlan(
                one.id,
                one.name,
                one.cap,
                plan,
                one.days or (),
                busy.get(one.id, _NEVER),
                one.booked or {},
                one.last_booked_at,
            )
        )
    return tuple(staff)


def _busy(cells: bytes | None) -> Busy:
    if not cells:
        return _NEVER
    numbers = struct.unpack(f">{len(cells) // 4}i", cells)
    return numbers[::2], numbers[1::2]
