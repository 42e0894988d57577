"""Seats of group sessions that a file names: several of one time sit in one session, as many as it has seats."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appointments.repository.plan_parts import BUSY_STATES
from appointments.rules.imported import NewImport, Stay
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

# A session always has somebody in it, who is found by the day of the one who serves.
_HERE = """
SELECT DISTINCT g.id FROM unnest($2::uuid[], $3::date[]) AS k (staff_id, day)
JOIN appointments_booking b ON b.brand_id = $1 AND b.staff_id = k.staff_id AND b.local_day = k.day
    AND b.session_id IS NOT NULL
JOIN appointments_session g ON g.brand_id = $1 AND g.id = b.session_id AND NOT g.is_private
"""

_LOCK = """
SELECT id, shop_id, service_id, staff_id, resource_id, starts_at, ends_at, seats, is_open FROM appointments_session
WHERE brand_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""

# Those who were served have left the count of a session, and sat in it all the same.
_SEATED = f"""
SELECT session_id, count(*) FROM appointments_booking
WHERE brand_id = $1 AND session_id = ANY($2::uuid[]) AND state IN {BUSY_STATES} GROUP BY session_id
"""  # noqa: S608

_OPEN = """
INSERT INTO appointments_session (brand_id, id, created_at, shop_id, service_id, staff_id, resource_id, starts_at,
    ends_at, seats, taken, is_open, is_private)
SELECT $1, s.id, $2, s.shop_id, s.service_id, s.staff_id, s.resource_id, s.starts_at, s.ends_at, s.seats, s.taken,
    s.is_open, false
FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::uuid[], $8::timestamptz[], $9::timestamptz[],
    $10::int[], $11::int[], $12::boolean[])
    AS s (id, shop_id, service_id, staff_id, resource_id, starts_at, ends_at, seats, taken, is_open)
ON CONFLICT DO NOTHING RETURNING id
"""

_TAKE_SEATS = """
UPDATE appointments_session g SET taken = g.taken + s.seats FROM unnest($2::uuid[], $3::int[]) AS s (id, seats)
WHERE g.brand_id = $1 AND g.id = s.id AND g.is_open
"""

Key = tuple[uuid.UUID, uuid.UUID, uuid.UUID, dt.datetime, dt.datetime]


@dataclass(frozen=True)
class Seated:
    """Who sits where: in sessions that are here, in new ones, or nowhere."""

    joined: list[Stay]
    opened: list[Stay]
    full: list[uuid.UUID]


@dataclass(frozen=True)
class _Session:
    id: uuid.UUID
    chair_id: uuid.UUID | None
    left: int


async def seat(tx: Tx, bookings: Sequence[NewImport]) -> Seated:
    """A seat for each, in their order, in the session of its shop, service, person and time."""
    here = await _here(tx, bookings) if bookings else {}
    wanting: dict[Key, list[NewImport]] = {}
    for one in bookings:
        wanting.setdefault(_key(one), []).append(one)
    seated = Seated([], [], [])
    for key, members in wanting.items():
        session = here.get(key)
        left = session.left if session is not None else members[0].service.seats
        seated.full.extend(one.id for one in members[left:])
        if session is None:
            seated.opened.append(Stay(id=new_id(), members=members[:left], is_session=True))
        elif left:
            stay = Stay(id=session.id, members=members[:left], is_session=True, chair_id=session.chair_id)
            seated.joined.append(stay)
    return seated


async def open_them(
    tx: Tx, *, stays: Sequence[Stay], chairs: Mapping[uuid.UUID, uuid.UUID], now: dt.datetime
) -> set[uuid.UUID]:
    """Write new sessions: which of them; the others' service has its session with somebody else then."""
    if not stays:
        return set()
    firsts = [stay.members[0] for stay in stays]
    columns = [
        [stay.id for stay in stays],
        [one.shop_id for one in firsts],
        [one.service.id for one in firsts],
        [one.staff_id for one in firsts],
        [chairs.get(stay.id) for stay in stays],
        [one.starts_at for one in firsts],
        [one.ends_at for one in firsts],
        [one.service.seats for one in firsts],
        # Who was served has left.
        [len(stay.members) if stay.is_coming else 0 for stay in stays],
        [stay.is_coming for stay in stays],
    ]
    return {row[0] for row in await tx.fetch(_OPEN, tx.brand, now, *columns)}


async def take_seats(tx: Tx, *, stays: Sequence[Stay]) -> None:
    """Count who joined sessions that are still to come."""
    coming = [stay for stay in stays if stay.is_coming]
    if coming:
        ids, seats = [stay.id for stay in coming], [len(stay.members) for stay in coming]
        await tx.execute(_TAKE_SEATS, tx.brand, ids, seats)


async def _here(tx: Tx, bookings: Sequence[NewImport]) -> dict[Key, _Session]:
    """Sessions that they may join, locked: of the past all, of the future those that are open."""
    days = sorted({(one.staff_id, one.local_day) for one in bookings})
    found = await tx.fetch(_HERE, tx.brand, [staff for staff, _ in days], [day for _, day in days])
    rows = await tx.fetch(_LOCK, tx.brand, sorted(row[0] for row in found))
    taken = {row[0]: row[1] for row in await tx.fetch(_SEATED, tx.brand, [row["id"] for row in rows])}
    coming = {_key(one) for one in bookings if one.is_coming}
    here: dict[Key, _Session] = {}
    for row in rows:
        key = (row["shop_id"], row["service_id"], row["staff_id"], row["starts_at"], row["ends_at"])
        if row["is_open"] or key not in coming:
            left = max(row["seats"] - taken.get(row["id"], 0), 0)
            here[key] = _Session(row["id"], row["resource_id"], left)
    return here


def _key(one: NewImport) -> Key:
    return one.shop_id, one.service.id, one.staff_id, one.starts_at, one.ends_at
