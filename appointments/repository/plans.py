"""All that decides which times can be had, in one statement.

What is set up comes as JSON, busy times, thousands in a month, as numbers in bytes. For a moment, which is what a
booking asks about, the process keeps what is set up (``known``), and asks for the rest only.
"""

import datetime as dt
import uuid
from collections.abc import Mapping

import msgspec

from appointments.repository import known
from appointments.repository.plan_parts import (
    CELLS,
    NEVER,
    OF_BOOKING,
    OF_SESSION,
    REVISION,
    Around,
    NotOwn,
    Question,
    Shop,
    around,
    booked,
    busy_of,
    busy_then,
    last_booked,
    live,
    taken,
)
from appointments.states import SpanKind
from appointments.types import Busy, DayEntry, PlanEntry, Plans, ServiceView, StaffPlan
from yundian.platform.outbox.door import Door, brand_of, fetch

_WANTED = "SELECT id FROM people UNION ALL SELECT id FROM chairs UNION ALL SELECT $8::uuid"
_SINCE, _SERVED, _UNTIL = "(SELECT since FROM bounds)", "(SELECT served FROM bounds)", "(SELECT until FROM bounds)"
_NOBODY = "'{}'::uuid[]"


def _busy_days(own: NotOwn) -> str:
    """Many times of each, found one resource after the other."""
    times = f"SELECT {CELLS} {live(own, since=_SINCE, until=_UNTIL)} AND o.resource_id = w.id"
    return f"SELECT w.id, ({times}) AS cells FROM ({_WANTED}) w"  # noqa: S608


def _busy_then(own: NotOwn) -> str:
    """Whether they are, all at once."""
    found = taken(own, whom=f"ARRAY({_WANTED})", since=_SINCE, until=_UNTIL, served=_SERVED)
    return f"SELECT id, NULL::bytea AS cells FROM ({found}) o"  # noqa: S608


def _load(own: NotOwn, *, busy: str, is_moment: bool) -> str:
    """The whole question. The texts that are put together are our own; every value is a parameter."""
    counted = f"""(SELECT json_object_agg(d.local_day, d.n) FROM ({booked(own, whom="ARRAY[s.id]")}) d
        WHERE s.daily_cap > 0)"""  # noqa: S608
    staff = f"""(SELECT json_agg(json_build_array(s.id, s.display_name, s.daily_cap,
    (SELECT to_json(array_agg(ARRAY[p.weekday, (p.kind = 'break')::int, p.starts, p.ends]))
        FROM appointments_plan_span p WHERE p.brand_id = $1 AND p.staff_id = s.id
        AND (p.shop_id = $2 OR p.kind = 'break')),
    (SELECT json_agg(json_build_array(d.day, d.kind, d.starts, d.ends, coalesce(d.shop_id = $2, false)))
        FROM appointments_staff_day d WHERE d.brand_id = $1 AND d.staff_id = s.id AND d.day BETWEEN $6 AND $7),
    {counted}, {last_booked(busy="ARRAY(SELECT id FROM busy)" if is_moment else _NOBODY)}) ORDER BY s.id)
    FROM people s)"""  # noqa: S608
    return f"""
WITH service AS MATERIALIZED (
    SELECT * FROM appointments_service WHERE brand_id = $1 AND id = $3
), bounds AS MATERIALIZED (
    SELECT $4::timestamptz - make_interval(mins => buffer_before_min) AS since,
        $5::timestamptz + make_interval(mins => duration_min) AS served,
        $5::timestamptz + make_interval(mins => duration_min + buffer_after_min) AS until FROM service
), people AS MATERIALIZED (
    SELECT s.id, s.display_name, s.daily_cap FROM appointments_skill k
    JOIN appointments_staff_shop h ON h.brand_id = $1 AND h.staff_id = k.staff_id AND h.shop_id = $2
    JOIN appointments_staff s ON s.brand_id = $1 AND s.id = k.staff_id AND s.status = 'active'
    WHERE k.brand_id = $1 AND k.service_id = $3
), chairs AS MATERIALIZED (
    SELECT r.id, r.name FROM appointments_resource r JOIN service v ON v.chair_kind = r.kind AND v.chair_kind <> ''
    WHERE r.brand_id = $1 AND r.shop_id = $2 AND r.status = 'active'
), busy AS MATERIALIZED ({busy})
SELECT json_build_object({around(own)},
    'service', (SELECT row_to_json(service) FROM service),
    'staff', coalesce({staff}, '[]'),
    'chairs', coalesce((SELECT json_agg(id ORDER BY name, id) FROM chairs), '[]'),
    'revision', {REVISION})::text,
    (SELECT array_agg(id) FROM busy), (SELECT array_agg(cells) FROM busy)
"""  # noqa: S608


# By whether a moment is asked about, and whether a session is moved.
_LOADS = {
    (False, False): _load(OF_BOOKING, busy=_busy_days(OF_BOOKING), is_moment=False),
    (False, True): _load(OF_SESSION, busy=_busy_days(OF_SESSION), is_moment=False),
    (True, False): _load(OF_BOOKING, busy=_busy_then(OF_BOOKING), is_moment=True),
    (True, True): _load(OF_SESSION, busy=_busy_then(OF_SESSION), is_moment=True),
}


class _Person(msgspec.Struct, array_like=True):
    id: uuid.UUID
    name: str
    cap: int
    plan: msgspec.Raw
    days: tuple[DayEntry, ...] | None
    booked: dict[dt.date, int] | None
    last_booked_at: dt.datetime | None


class _Found(Around):
    service: ServiceView | None
    staff: tuple[_Person, ...]
    chairs: tuple[uuid.UUID, ...]
    revision: uuid.UUID | None


_found = msgspec.json.Decoder(_Found)
_spans = msgspec.json.Decoder(list[tuple[int, int, int, int]] | None)
_KINDS = (SpanKind.WORK, SpanKind.BREAK)


async def load(door: Door, question: Question) -> tuple[Shop | None, Plans | None]:
    """A shop, and its plans for one service, over the time that is asked about.

    One statement; for a moment in a shop whose set-up was changed since this process saw it, two.
    """
    if question.is_moment and not question.is_session:
        answer = await known.load(door, question)
        if answer is not None:
            return answer
    statement = _LOADS[question.is_moment, question.is_session]
    [row] = await fetch(door, statement, brand_of(door), *question.arguments)
    found = _found.decode(row[0])
    if found.shop is None or found.service is None:
        return found.shop, None
    ids = row[1] or ()
    if question.is_moment:
        busy = busy_then(question, found.service, ids)
    else:
        busy = dict(zip(ids, map(busy_of, row[2] or ()), strict=True))
    staff = _staff(found.staff, busy)
    if found.revision is not None:
        known.keep(brand_of(door), question, known.Setup(found.revision, found.service, staff, found.chairs))
    return found.shop, found.plans(
        service=found.service, staff=staff, chairs=found.chairs, busy=busy, member_id=question.member_id
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
                busy.get(one.id, NEVER),
                one.booked or {},
                one.last_booked_at,
            )
        )
    return tuple(staff)
