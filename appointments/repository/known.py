"""What is set up, kept by this process for as long as the database says that nothing of it changed (ADR 0024).

Services, people with their skills and weeks, and chairs change a few times a day, and are most of what a booking
would have to read. Each change gives the brand another revision, by triggers, in the transaction that makes it. It
is read in the same statement as what is busy: either all of it is as it was, or all is asked again.
"""

import datetime as dt
import uuid
from collections import OrderedDict, defaultdict
from collections.abc import Iterable

import msgspec
from asyncpg.pgproto.pgproto import UUID

from appointments.repository.plan_parts import (
    NEVER,
    OF_BOOKING,
    REVISION,
    Around,
    Question,
    Shop,
    around,
    booked,
    busy_then,
    last_booked,
    taken,
)
from appointments.states import DayKind
from appointments.types import DayEntry, Plans, ServiceView, StaffPlan
from yundian.platform.outbox.door import Door, brand_of, fetch

# Some tens of kilobytes each.
_MOST_KEPT = 256

# ``$12`` everybody who serves, ``$13`` who or what may be busy, ``$17`` who has a cap, if anybody: as text, put
# together once, where the driver would look at each id each time. ``$14`` to ``$16`` the time that is asked about.
_IDS = {number: f"string_to_array(${number}, ',')::uuid[]" for number in (12, 13, 17)}
_TAKEN = taken(
    OF_BOOKING, whom=_IDS[13], since="$14::timestamptz", until="$15::timestamptz", served="$16::timestamptz"
)
_BOOKED = f"""coalesce((SELECT json_agg(json_build_array(d.staff_id, d.local_day, d.n))
    FROM ({booked(OF_BOOKING, whom=_IDS[17])}) d), '[]')"""  # noqa: S608


def _load(counted: str) -> str:
    # Without OFFSET who is busy would be looked up wherever it is named, which is twice.
    return f"""
SELECT json_build_object({around(OF_BOOKING)},
    'days', coalesce((SELECT json_agg(json_build_array(d.staff_id, d.day, d.kind, d.starts, d.ends,
            coalesce(d.shop_id = $2, false)))
        FROM appointments_staff_day d
        WHERE d.brand_id = $1 AND d.staff_id = ANY({_IDS[12]}) AND d.day BETWEEN $6 AND $7), '[]'),
    'booked', {counted})::text,
    {REVISION}, busy.ids,
    ARRAY(SELECT {last_booked(busy="busy.ids")} FROM unnest({_IDS[12]}) WITH ORDINALITY s(id, place)
        ORDER BY s.place)
FROM (SELECT ARRAY({_TAKEN}) AS ids OFFSET 0) busy
"""  # noqa: S608


_LOAD, _LOAD_COUNTED = _load("'[]'::json"), _load(_BOOKED)


class Setup(msgspec.Struct, frozen=True):
    """What of a shop and a service holds until the next revision; of the staff who they are, and their week."""

    revision: uuid.UUID
    service: ServiceView
    staff: tuple[StaffPlan, ...]
    chairs: tuple[uuid.UUID, ...]


class _Kept(msgspec.Struct, frozen=True):
    """A set-up with what its statement is asked with: ``people``, ``capped`` and ``busy`` are lists of ids."""

    setup: Setup
    people: str
    capped: str
    busy: str


class _Day(msgspec.Struct, frozen=True, array_like=True):
    staff_id: uuid.UUID
    day: dt.date
    kind: DayKind
    starts: int | None
    ends: int | None
    is_here: bool


class _Now(Around):
    days: tuple[_Day, ...]
    booked: tuple[tuple[uuid.UUID, dt.date, int], ...]


_now = msgspec.json.Decoder(_Now)
_Key = tuple[uuid.UUID, uuid.UUID, uuid.UUID]
_kept: OrderedDict[_Key, _Kept] = OrderedDict()


def keep(brand_id: uuid.UUID, question: Question, setup: Setup) -> None:
    """Remember what was found; those not asked for longest are forgotten."""
    key = (brand_id, question.shop_id, question.service_id)
    before = _kept.get(key)
    if before is not None and before.setup.revision == setup.revision:
        _kept.move_to_end(key)
        return
    lasting = tuple(StaffPlan(_quick(one.id), one.name, one.cap, one.plan) for one in setup.staff)
    people = [one.id for one in lasting]
    _kept[key] = _Kept(
        msgspec.structs.replace(setup, staff=lasting, chairs=tuple(map(_quick, setup.chairs))),
        people=_listed(people),
        capped=_listed(one.id for one in lasting if one.cap),
        busy=_listed([*people, *setup.chairs]),
    )
    _kept.move_to_end(key)
    if len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)


def forget() -> None:
    """Know nothing: all is read again."""
    _kept.clear()


async def load(door: Door, question: Question) -> tuple[Shop | None, Plans | None] | None:
    """The plans by what is known; ``None`` when that is nothing, or not what the database says now."""
    key = (brand_of(door), question.shop_id, question.service_id)
    kept = _kept.get(key)
    if kept is None:
        return None
    setup = kept.setup
    served = question.until + dt.timedelta(minutes=setup.service.duration_min)
    [row] = await fetch(
        door,
        _LOAD_COUNTED if kept.capped else _LOAD,
        key[0],
        *question.arguments,
        kept.people,
        f"{kept.busy},{question.member_id}" if question.member_id else kept.busy,
        question.since - dt.timedelta(minutes=setup.service.buffer_before_min),
        served + dt.timedelta(minutes=setup.service.buffer_after_min),
        served,
        *([kept.capped] if kept.capped else ()),
    )
    if row[1] != setup.revision:
        return None
    if key in _kept:
        _kept.move_to_end(key)
    now = _now.decode(row[0])
    busy = busy_then(question, setup.service, row[2])
    staff = tuple(
        StaffPlan(one.id, one.name, one.cap, one.plan, busy=busy.get(one.id, NEVER), last_booked_at=last)
        for one, last in zip(setup.staff, row[3], strict=True)
    )
    if now.days or now.booked:
        staff = _on_these_days(staff, now)
    return now.shop, now.plans(
        service=setup.service, staff=staff, chairs=setup.chairs, busy=busy, member_id=question.member_id
    )


def _on_these_days(staff: tuple[StaffPlan, ...], now: _Now) -> tuple[StaffPlan, ...]:
    """What of these days is not as every week, and how much is booked on them."""
    days: dict[uuid.UUID, list[DayEntry]] = defaultdict(list)
    for each in now.days:
        days[each.staff_id].append(DayEntry(each.day, each.kind, each.starts, each.ends, each.is_here))
    booked: dict[uuid.UUID, dict[dt.date, int]] = defaultdict(dict)
    for staff_id, day, count in now.booked:
        booked[staff_id][day] = count
    return tuple(
        msgspec.structs.replace(one, days=tuple(days.get(one.id, ())), booked=booked.get(one.id, {}))
        for one in staff
    )


def _quick(one: uuid.UUID) -> uuid.UUID:
    """The same as the driver has it: hashed and compared without Python, which a booking does a hundred times."""
    return UUID(one.bytes)


def _listed(ids: Iterable[uuid.UUID]) -> str:
    return ",".join(map(str, ids))
