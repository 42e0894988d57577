"""Statements about the waiting list. Nobody is offered twice: each step is conditional on the state before."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Sequence

import msgspec

from appointments.states import WaitState
from appointments.types import WaitView
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_COLUMNS = (
    "id", "member_id", "shop_id", "service_id", "staff_id", "day", "from_min", "until_min", "state",
    "offered_start", "offer_expires_at", "booking_id",
)  # fmt: skip

_ADD = """
INSERT INTO appointments_wait (brand_id, id, created_at, member_id, shop_id, service_id, staff_id, day, from_min,
    until_min, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting')
ON CONFLICT (brand_id, member_id, shop_id, service_id, day) WHERE state IN ('waiting', 'offered') DO NOTHING
"""

_MOVE = """
UPDATE appointments_wait SET state = $3, offered_start = coalesce($5, offered_start),
    offer_expires_at = coalesce($6, offer_expires_at), booking_id = coalesce($7, booking_id)
WHERE brand_id = $1 AND id = $2 AND state = ANY($4::varchar[])
"""


# How a shop's line is kept in order: whoever serves it does so alone.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

_SHOPS = """
SELECT DISTINCT shop_id FROM appointments_wait
WHERE brand_id = $1 AND shop_id = ANY($2::uuid[]) AND day >= $3 AND state = 'waiting' ORDER BY shop_id
"""

_DAYS = """
SELECT DISTINCT day FROM appointments_wait
WHERE brand_id = $1 AND shop_id = $2 AND day >= $3 AND ($4::date[] IS NULL OR day = ANY($4)) AND state = 'waiting'
ORDER BY day LIMIT $5
"""

_TOLD = """
SELECT service_id, offered_start FROM appointments_wait
WHERE brand_id = $1 AND shop_id = $2 AND day BETWEEN $3::date - 1 AND $3::date + 1 AND state = 'offered'
AND booking_id IS NULL AND offer_expires_at > $4
"""

_BUSY = """
SELECT resource_id, starts_at, ends_at FROM appointments_occupancy
WHERE brand_id = $1 AND resource_id = ANY($2::uuid[]) AND is_live AND ends_at > $3 AND starts_at < $4
AND ends_at < $4::timestamptz + interval '24 hours'
"""

_OF_SERVICE = """
SELECT DISTINCT shop_id FROM appointments_wait
WHERE brand_id = $1 AND service_id = $2 AND day >= $3 AND state = 'waiting'
"""

_TAKE = """
UPDATE appointments_wait SET
    state = CASE WHEN member_id = $3::uuid THEN 'accepted' ELSE 'waiting' END,
    booking_id = CASE WHEN member_id = $3::uuid THEN $2::uuid END,
    offered_start = CASE WHEN member_id = $3::uuid THEN offered_start END,
    offer_expires_at = CASE WHEN member_id = $3::uuid THEN offer_expires_at END
WHERE brand_id = $1 AND shop_id = $4 AND service_id = $5 AND offered_start = $6 AND state = 'offered'
AND booking_id IS NULL
AND EXISTS (SELECT FROM appointments_service s WHERE s.brand_id = $1 AND s.id = $5 AND s.wait_mode = 'broadcast')
"""


async def add(
    door: Door,
    *,
    member_id: uuid.UUID,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    day: dt.date,
    window: tuple[int, int],
    now: dt.datetime,
) -> uuid.UUID | None:
    """At the end of the line; ``None`` when she stands in it already."""
    wait_id = new_id()
    added = await run(
        door, _ADD, brand_of(door), wait_id, now, member_id, shop_id, service_id, staff_id, day, *window
    )
    return wait_id if added else None


async def lock_line(door: Door, *, shop_id: uuid.UUID) -> None:
    """Nobody else serves this shop's line until the transaction ends."""
    await fetch(door, _ONE_AT_A_TIME, f"appointments.line:{brand_of(door)}:{shop_id}")


async def shops_waiting(door: Door, *, shop_ids: Iterable[uuid.UUID], since: dt.date) -> list[uuid.UUID]:
    """At which of these shops somebody waits, in one order."""
    return [row[0] for row in await fetch(door, _SHOPS, brand_of(door), list(shop_ids), since)]


async def shops_of_service(door: Door, *, service_id: uuid.UUID, since: dt.date) -> list[uuid.UUID]:
    """Where somebody waits for a service."""
    return [row[0] for row in await fetch(door, _OF_SERVICE, brand_of(door), service_id, since)]


async def days(
    door: Door, *, shop_id: uuid.UUID, only: Collection[dt.date] | None, since: dt.date, limit: int
) -> list[dt.date]:
    """For which days somebody waits at a shop, the next first; ``only``: of these."""
    wanted = None if only is None else list(only)
    return [row[0] for row in await fetch(door, _DAYS, brand_of(door), shop_id, since, wanted, limit)]


async def line(door: Door, *, shop_id: uuid.UUID, day: dt.date, limit: int) -> list[WaitView]:
    """Who waits for a day, for whatever service, in the order they came; locked, so that who leaves waits."""
    return await _read(
        door,
        "WHERE brand_id = $1 AND shop_id = $2 AND day = $3 AND state = 'waiting' ORDER BY id LIMIT $4 FOR UPDATE",
        shop_id, day, limit,
    )  # fmt: skip


async def told(
    door: Door, *, shop_id: uuid.UUID, day: dt.date, now: dt.datetime
) -> list[tuple[uuid.UUID, dt.datetime]]:
    """Which times of which services are offered to all, about that day."""
    return [(row[0], row[1]) for row in await fetch(door, _TOLD, brand_of(door), shop_id, day, now)]


async def busy(
    door: Door, *, member_ids: Collection[uuid.UUID], around: tuple[dt.datetime, dt.datetime]
) -> list[tuple[uuid.UUID, dt.datetime, dt.datetime]]:
    """When these customers are in appointments, in whatever shop."""
    rows = await fetch(door, _BUSY, brand_of(door), list(member_ids), *around)
    return [(row[0], row[1], row[2]) for row in rows]


async def of_member(door: Door, *, member_id: uuid.UUID, since: dt.date) -> list[WaitView]:
    """Where she waits, or was offered something."""
    return await _read(
        door,
        "WHERE brand_id = $1 AND member_id = $2 AND day >= $3 AND state IN ('waiting', 'offered')"
        " ORDER BY day, id",
        member_id, since,
    )  # fmt: skip


async def of_day(door: Door, *, shop_id: uuid.UUID, day: dt.date) -> list[WaitView]:
    return await _read(
        door,
        "WHERE brand_id = $1 AND shop_id = $2 AND day = $3 AND state IN ('waiting', 'offered') ORDER BY id",
        shop_id, day,
    )  # fmt: skip


async def by_id(door: Door, *, wait_id: uuid.UUID) -> WaitView | None:
    found = await _read(door, "WHERE brand_id = $1 AND id = $2", wait_id)
    return found[0] if found else None


async def by_booking(door: Door, *, booking_id: uuid.UUID) -> WaitView | None:
    """The place whose offer this booking is."""
    found = await _read(door, "WHERE brand_id = $1 AND booking_id = $2", booking_id)
    return found[0] if found else None


async def move(
    door: Door,
    *,
    wait_id: uuid.UUID,
    sources: Sequence[WaitState],
    target: WaitState,
    start: dt.datetime | None = None,
    expires_at: dt.datetime | None = None,
    booking_id: uuid.UUID | None = None,
) -> bool:
    names = [state.value for state in sources]
    moved = await run(door, _MOVE, brand_of(door), wait_id, target.value, names, start, expires_at, booking_id)
    return moved == 1


async def take(
    door: Door,
    *,
    booking_id: uuid.UUID,
    member_id: uuid.UUID | None,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    start: dt.datetime,
) -> int:
    """Of those who were told of a time all at once, one has it, and whoever was slower waits again; how many."""
    return await run(door, _TAKE, brand_of(door), booking_id, member_id, shop_id, service_id, start)


async def _read(door: Door, condition: str, *args: object) -> list[WaitView]:
    sql = f"SELECT {', '.join(_COLUMNS)} FROM appointments_wait {condition}"  # noqa: S608  (texts of our own)
    rows = await fetch(door, sql, brand_of(door), *args)
    return [msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), WaitView, strict=False) for row in rows]
