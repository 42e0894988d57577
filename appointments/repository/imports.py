"""Statements that bring appointments of other systems in, many at once."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from appointments.repository import import_sessions as sessions
from appointments.rules.imported import ImportedService, NewImport, Stay
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

_SERVICES = """
SELECT code, id, name, duration_min, buffer_before_min, buffer_after_min, currency, cutoff_min, grace_min,
    chair_kind, seats
FROM appointments_service WHERE brand_id = $1 AND (code = ANY($2::varchar[]) OR id = ANY($3::uuid[]))
"""

_PEOPLE = """
SELECT h.shop_id, p.display_name, p.id FROM appointments_staff_shop h
JOIN appointments_staff p ON p.brand_id = $1 AND p.id = h.staff_id
WHERE h.brand_id = $1 AND h.shop_id = ANY($2::uuid[])
"""

_HERE = """
SELECT external_id FROM appointments_booking
WHERE brand_id = $1 AND external_source = $2 AND external_id = ANY($3::varchar[])
"""

_CHAIRS = """
SELECT shop_id, kind, id FROM appointments_resource
WHERE brand_id = $1 AND shop_id = ANY($2::uuid[]) AND status = 'active' ORDER BY name, id
"""

_BUSY = """
SELECT resource_id, starts_at, ends_at FROM appointments_occupancy
WHERE brand_id = $1 AND resource_id = ANY($2::uuid[]) AND is_live AND starts_at < $4 AND ends_at > $3
"""

# One after the other, so that of two that overlap in the file the first one counts.
_TAKE = """
INSERT INTO appointments_occupancy
    (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, session_id, is_live)
SELECT $1, o.id, $2, o.staff_id, o.first, o.until, o.booking_id, o.session_id, true
FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::uuid[])
    AS o (id, staff_id, first, until, booking_id, session_id)
WHERE NOT EXISTS (SELECT FROM appointments_booking b
    WHERE b.brand_id = $1 AND b.staff_id = o.staff_id AND b.state = 'completed' AND b.source = 'import'
    AND b.local_day BETWEEN (o.first - interval '2 days')::date AND (o.until + interval '2 days')::date
    AND b.starts_at < o.until AND b.ends_at > o.first)
ORDER BY o.id
ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING
RETURNING coalesce(booking_id, session_id)
"""

_TAKE_CHAIRS = """
INSERT INTO appointments_occupancy
    (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, session_id, is_live)
SELECT $1, o.id, $2, o.chair_id, o.first, o.until, o.booking_id, o.session_id, true
FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::uuid[], $8::uuid[])
    AS o (id, chair_id, first, until, booking_id, session_id)
ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING
RETURNING coalesce(booking_id, session_id)
"""

_LET_GO = """
DELETE FROM appointments_occupancy
WHERE brand_id = $1 AND (booking_id = ANY($2::uuid[]) OR session_id = ANY($2::uuid[]))
"""

_OVER = """
UPDATE appointments_occupancy SET is_live = false
WHERE brand_id = $1 AND (booking_id = ANY($2::uuid[]) OR session_id = ANY($2::uuid[]))
"""

_COLUMNS = {
    "id": "uuid", "code": "varchar", "shop_id": "uuid", "service_id": "uuid", "staff_id": "uuid",
    "resource_id": "uuid", "session_id": "uuid",
    "state": "varchar", "starts_at": "timestamptz", "ends_at": "timestamptz", "buffer_before_min": "int",
    "buffer_after_min": "int", "time_zone": "varchar", "local_day": "date", "service_name": "varchar",
    "currency": "varchar", "cutoff_min": "int", "grace_min": "int", "asked_at": "timestamptz",
    "confirmed_at": "timestamptz", "arrived_at": "timestamptz", "ended_at": "timestamptz",
    "is_day_only": "boolean", "external_source": "varchar", "external_id": "varchar",
    "external_client": "varchar", "reason": "varchar",
}  # fmt: skip

# The texts that are put together here are our own; every value is a parameter.
_INSERT = f"""
INSERT INTO appointments_booking (brand_id, created_at, deposit_state, source, attention, is_any_staff,
    price_minor, deposit_minor, sequence, channel, {", ".join(_COLUMNS)})
SELECT $1, $2, 'none', 'import', '', false, 0, 0, 0, 'import', {", ".join(f"i.{name}" for name in _COLUMNS)}
FROM unnest({", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_COLUMNS.values(), 3))})
    AS i ({", ".join(_COLUMNS)})
"""  # noqa: S608

_NOTE = """
INSERT INTO appointments_booking_event (brand_id, id, created_at, booking_id, kind, actor, detail)
SELECT $1, n.id, $2, n.booking_id, n.kind, 'system', 'import'
FROM unnest($3::uuid[], $4::uuid[], $5::varchar[]) AS n (id, booking_id, kind)
"""


# What a file brought in is known as long as it can be taken back.
_REMEMBER = """
INSERT INTO appointments_import (brand_id, run_id, booking_id) SELECT $1, $2, unnest($3::uuid[])
"""


@dataclass(frozen=True)
class Known:
    """What a batch may refer to: services by code or id, people by shop and name or id, chairs by shop and kind;
    and what is here already."""

    services: dict[str, ImportedService]
    people: dict[tuple[uuid.UUID, str], list[uuid.UUID]]
    chairs: dict[tuple[uuid.UUID, str], list[uuid.UUID]]
    here: frozenset[str]


async def known(
    tx: Tx,
    *,
    shop_ids: Sequence[uuid.UUID],
    services: Collection[str],
    source: str,
    external_ids: Sequence[str],
) -> Known:
    """Four statements, whatever the size of the batch."""
    found: dict[str, ImportedService] = {}
    for code, *rest in await tx.fetch(_SERVICES, tx.brand, sorted(services), _ids(services)):
        found[code] = found[str(rest[0])] = ImportedService(*rest)
    people: dict[tuple[uuid.UUID, str], list[uuid.UUID]] = {}
    for shop_id, name, staff_id in await tx.fetch(_PEOPLE, tx.brand, list(shop_ids)):
        people.setdefault((shop_id, name.casefold()), []).append(staff_id)
        people[shop_id, str(staff_id)] = [staff_id]
    here = await tx.fetch(_HERE, tx.brand, source, list(external_ids))
    chairs: dict[tuple[uuid.UUID, str], list[uuid.UUID]] = {}
    for shop_id, kind, chair_id in await tx.fetch(_CHAIRS, tx.brand, list(shop_ids)):
        chairs.setdefault((shop_id, kind), []).append(chair_id)
    return Known(found, people, chairs, frozenset(row[0] for row in here))


def _ids(texts: Collection[str]) -> list[uuid.UUID]:
    """Those of the texts that are ids."""
    found = []
    for text in texts:
        with contextlib.suppress(ValueError):
            found.append(uuid.UUID(text))
    return found


class Lost(StrEnum):
    """Why one could not be written."""

    STAFF = "staff"  # the person is in another appointment then
    CHAIR = "chair"  # every chair is
    SESSION = "session"  # the service has its session with somebody else then
    SEAT = "seat"  # its session is full


async def put(
    tx: Tx, *, run_id: uuid.UUID, bookings: Sequence[NewImport], known: Known, now: dt.datetime
) -> dict[uuid.UUID, Lost]:
    """Write them; those whose time or seat somebody else has are left out and returned, with the reason.

    Who comes to the same session takes a seat of it: the session's time is taken once.
    """
    alone = [Stay.alone(one) for one in bookings if one.takes_time and one.service.seats == 1]
    seated = await sessions.seat(tx, [one for one in bookings if one.takes_time and one.service.seats > 1])
    lost = dict.fromkeys(seated.full, Lost.SEAT)
    # In the order of the file.
    places = {one.id: place for place, one in enumerate(bookings)}
    stays = sorted([*alone, *seated.opened], key=lambda stay: places[stay.members[0].id])
    chairs = await _settle(tx, stays, known, now, lost)
    kept = [one for one in bookings if one.id not in lost]
    if not kept:
        return lost
    at = {one.id: stay for stay in (*stays, *seated.joined) for one in stay.members}
    await sessions.take_seats(tx, stays=seated.joined)
    rows = []
    for one in kept:
        stay = at.get(one.id)
        session_id = stay.id if stay is not None and stay.is_session else None
        rows.append(one.row((chairs.get(stay.id) or stay.chair_id) if stay is not None else None, session_id))
    await tx.execute(_INSERT, tx.brand, now, *(list(column) for column in zip(*rows, strict=True)))
    ids = [one.id for one in kept]
    await tx.execute(_NOTE, tx.brand, now, [new_id() for _ in kept], ids, [one.state for one in kept])
    await tx.execute(_OVER, tx.brand, [stay.id for stay in stays if not stay.is_coming])
    await tx.execute(_REMEMBER, tx.brand, run_id, ids)
    return lost


async def _settle(
    tx: Tx, stays: Sequence[Stay], known: Known, now: dt.datetime, lost: dict[uuid.UUID, Lost]
) -> dict[uuid.UUID, uuid.UUID]:
    """Take the time of people and chairs, open sessions; which chairs, and in ``lost`` who could not be had."""
    staff = await _take(tx, _TAKE, [(stay, stay.staff_id) for stay in stays], now)
    gone = {stay.id: Lost.STAFF for stay in stays if stay.id not in staff}
    wanting = [stay for stay in stays if stay.chair_kind and stay.id not in gone]
    chairs = await _seat(tx, wanting, known, now) if wanting else {}
    gone |= {stay.id: Lost.CHAIR for stay in wanting if stay.id not in chairs}
    opening = [stay for stay in stays if stay.is_session and stay.id not in gone]
    opened = await sessions.open_them(tx, stays=opening, chairs=chairs, now=now)
    gone |= {stay.id: Lost.SESSION for stay in opening if stay.id not in opened}
    if gone:
        await tx.execute(_LET_GO, tx.brand, list(gone))
    lost |= {one.id: gone[stay.id] for stay in stays if stay.id in gone for one in stay.members}
    return chairs


async def _take(
    tx: Tx, statement: str, wanted: Sequence[tuple[Stay, uuid.UUID]], now: dt.datetime
) -> set[uuid.UUID]:
    """Whose time could be had."""
    columns = [
        [new_id() for _ in wanted],
        [resource for _, resource in wanted],
        [stay.occupied[0] for stay, _ in wanted],
        [stay.occupied[1] for stay, _ in wanted],
        [None if stay.is_session else stay.id for stay, _ in wanted],
        [stay.id if stay.is_session else None for stay, _ in wanted],
    ]
    return {row[0] for row in await tx.fetch(statement, tx.brand, now, *columns)}


async def _seat(tx: Tx, stays: Sequence[Stay], known: Known, now: dt.datetime) -> dict[uuid.UUID, uuid.UUID]:
    """A free chair for each, in their order; who finds none, or loses it to somebody who books now, has none."""
    spans = [stay.occupied for stay in stays]
    first, until = min(span[0] for span in spans), max(span[1] for span in spans)
    ids = [chair_id for chairs in known.chairs.values() for chair_id in chairs]
    busy: dict[uuid.UUID, list[tuple[dt.datetime, dt.datetime]]] = {}
    for chair_id, begins, ends in await tx.fetch(_BUSY, tx.brand, ids, first, until):
        busy.setdefault(chair_id, []).append((begins, ends))
    wanted: list[tuple[Stay, uuid.UUID]] = []
    for stay, (begins, ends) in zip(stays, spans, strict=True):
        for chair_id in known.chairs.get((stay.members[0].shop_id, stay.chair_kind), []):
            taken = busy.setdefault(chair_id, [])
            if all(end <= begins or start >= ends for start, end in taken):
                taken.append((begins, ends))
                wanted.append((stay, chair_id))
                break
    got = await _take(tx, _TAKE_CHAIRS, wanted, now) if wanted else set()
    return {stay.id: chair_id for stay, chair_id in wanted if stay.id in got}
