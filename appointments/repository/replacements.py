"""Statements about appointments that are given to others in the background."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

# Nobody looks at what ended long ago.
_FORGET = (
    "DELETE FROM appointments_replacement WHERE brand_id = $1 AND ended_at < now() - interval '30 days'"
    " AND (staff_id = $2 OR shop_id = $3)"
)
_START = """
INSERT INTO appointments_replacement
    (brand_id, id, created_at, staff_id, shop_id, actor_id, booking_ids, staff_ids, done, given, asked)
VALUES ($1, $2, $3, $4, $5, $6, $7::uuid[], $8::uuid[], 0, 0, 0)
"""

# Each of them once, whoever else is at it.
_COUNT = """
UPDATE appointments_replacement SET done = done + 1, given = given + $4, asked = asked + $5,
    ended_at = CASE WHEN done + 1 = cardinality(booking_ids) THEN now() END
WHERE brand_id = $1 AND id = $2 AND done = $3
"""
_READ = """
SELECT r.id, r.staff_id, r.shop_id, cardinality(r.booking_ids) AS total, r.done, r.given, r.asked, r.ended_at
FROM appointments_replacement r WHERE r.brand_id = $1
"""
_NEXT = """
SELECT r.done, r.booking_ids[r.done + 1], r.staff_ids[r.done + 1], r.actor_id FROM appointments_replacement r
WHERE r.brand_id = $1 AND r.id = $2 AND r.ended_at IS NULL
"""


class Replacement(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: of ``total`` appointments so many are ``done``, of them ``given`` to others, or ``asked``."""

    id: uuid.UUID
    staff_id: uuid.UUID | None
    shop_id: uuid.UUID | None
    total: int
    done: int
    given: int
    asked: int
    ended_at: dt.datetime | None

    @property
    def is_running(self) -> bool:
        return self.ended_at is None

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 1.0


class Next(msgspec.Struct, frozen=True):
    """Which one is seen to next, who should have served it, and who said that she cannot."""

    place: int
    booking_id: uuid.UUID
    absent: uuid.UUID
    actor_id: uuid.UUID | None


async def start(
    door: Door,
    *,
    staff_id: uuid.UUID | None,
    shop_id: uuid.UUID | None,
    actor_id: uuid.UUID | None,
    bookings: Sequence[tuple[uuid.UUID, uuid.UUID]],
    now: dt.datetime,
) -> uuid.UUID:
    """Write down what is to be given to others: which bookings, and who should have served them."""
    await run(door, _FORGET, brand_of(door), staff_id, shop_id)
    made, ids = new_id(), [list(each) for each in zip(*bookings, strict=True)]
    await run(door, _START, brand_of(door), made, now, staff_id, shop_id, actor_id, *ids)
    return made


async def following(door: Door, *, run_id: uuid.UUID) -> Next | None:
    """The next one; none when all were seen to."""
    rows = await fetch(door, _NEXT, brand_of(door), run_id)
    return Next(*rows[0]) if rows else None


async def count(door: Door, *, run_id: uuid.UUID, place: int, given: int, asked: int) -> bool:
    """One more was seen to; not where somebody else has done so."""
    return await run(door, _COUNT, brand_of(door), run_id, place, given, asked) == 1


async def get(door: Door, *, run_id: uuid.UUID) -> Replacement | None:
    rows = await fetch(door, f"{_READ} AND r.id = $2", brand_of(door), run_id)
    return _of(rows[0]) if rows else None


async def latest(
    door: Door, *, staff_id: uuid.UUID | None = None, shop_id: uuid.UUID | None = None
) -> Replacement | None:
    """The last one of somebody or of a shop, while it goes on and for an hour after."""
    rows = await fetch(
        door,
        f"{_READ} AND (r.staff_id = $2 OR r.shop_id = $3)"
        " AND (r.ended_at IS NULL OR r.ended_at > now() - interval '1 hour')"
        " ORDER BY (r.ended_at IS NULL) DESC, r.created_at DESC LIMIT 1",
        brand_of(door),
        staff_id,
        shop_id,
    )
    return _of(rows[0]) if rows else None


def _of(row: Sequence[object]) -> Replacement:
    return msgspec.convert(dict(zip(Replacement.__struct_fields__, row, strict=True)), Replacement)
