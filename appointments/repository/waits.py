"""Statements about the waiting list. Nobody is offered twice: each step is conditional on the state before."""

import datetime as dt
import uuid
from collections.abc import Sequence

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


async def line(
    door: Door,
    *,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    staff_id: uuid.UUID,
    day: dt.date,
    minute: int,
    limit: int,
) -> list[WaitView]:
    """Who waits for this time, in the order they came; locked, so that two offers never go to the same one."""
    return await _read(
        door,
        "WHERE brand_id = $1 AND shop_id = $2 AND service_id = $3 AND day = $4 AND state = 'waiting'"
        " AND (staff_id IS NULL OR staff_id = $5) AND from_min <= $6 AND until_min > $6"
        " ORDER BY id LIMIT $7 FOR UPDATE SKIP LOCKED",
        shop_id, service_id, day, staff_id, minute, limit,
    )  # fmt: skip


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


async def _read(door: Door, condition: str, *args: object) -> list[WaitView]:
    sql = f"SELECT {', '.join(_COLUMNS)} FROM appointments_wait {condition}"  # noqa: S608  (texts of our own)
    rows = await fetch(door, sql, brand_of(door), *args)
    return [msgspec.convert(dict(zip(_COLUMNS, row, strict=True)), WaitView, strict=False) for row in rows]
