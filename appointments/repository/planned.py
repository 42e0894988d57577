"""How long people were planned to work on days that are over: statements over shops and days."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

import msgspec

from yundian.platform.core import clock
from yundian.platform.outbox.door import Door, brand_of, fetch, run

# Nobody is planned before she is known: two days before that, whatever the zone, nothing is missing.
_BEGIN = """
INSERT INTO appointments_planned_shop (brand_id, shop_id, kept_until)
SELECT $1, h.shop_id, min((p.created_at AT TIME ZONE 'UTC')::date) - 2
FROM appointments_staff_shop h JOIN appointments_staff p ON p.brand_id = $1 AND p.id = h.staff_id
WHERE h.brand_id = $1 AND h.shop_id = ANY($2::uuid[]) GROUP BY h.shop_id ORDER BY h.shop_id
ON CONFLICT (brand_id, shop_id) DO NOTHING
"""

# No zone is farther ahead of UTC than that a day is over there which has not begun in UTC.
_BEHIND = """
SELECT u.shop_id, u.kept_until, now() FROM appointments_planned_shop u
WHERE u.brand_id = $1 AND u.kept_until < (now() AT TIME ZONE 'UTC')::date
AND u.shop_id > $3 AND ($2::uuid[] IS NULL OR u.shop_id = ANY($2)) ORDER BY u.shop_id LIMIT $4
"""

_LOCK = """
SELECT u.shop_id, u.kept_until FROM appointments_planned_shop u
WHERE u.brand_id = $1 AND u.shop_id = ANY($2::uuid[]) ORDER BY u.shop_id FOR NO KEY UPDATE
"""

_KEEP = """
INSERT INTO appointments_planned (brand_id, shop_id, day, staff_id, minutes)
SELECT $1, i.shop_id, i.day, i.staff_id, i.minutes
FROM unnest($2::uuid[], $3::date[], $4::uuid[], $5::int[]) AS i (shop_id, day, staff_id, minutes)
ON CONFLICT (brand_id, shop_id, day, staff_id) DO NOTHING
"""

_KEPT = """
UPDATE appointments_planned_shop SET kept_until = $3
WHERE brand_id = $1 AND shop_id = ANY($2::uuid[]) AND kept_until < $3
"""

_FORGET = """
DELETE FROM appointments_planned f USING unnest($2::uuid[], $3::date[], $4::uuid[]) AS i (shop_id, day, staff_id)
WHERE f.brand_id = $1 AND f.shop_id = i.shop_id AND f.day = i.day AND f.staff_id = i.staff_id
"""

_FORGET_DAY = "DELETE FROM appointments_planned WHERE brand_id = $1 AND shop_id = $2 AND day = $3"

# With the day until which they count: what is kept at this moment is counted here or by the plan, never twice.
_READ = """
SELECT u.shop_id, u.kept_until, f.staff_id, sum(f.minutes)::int
FROM appointments_planned_shop u
LEFT JOIN appointments_planned f ON f.brand_id = $1 AND f.shop_id = u.shop_id
    AND f.day BETWEEN $2 AND $3 AND f.day <= u.kept_until
WHERE u.brand_id = $1 AND ($4::uuid IS NULL OR u.shop_id = $4)
GROUP BY u.shop_id, u.kept_until, f.staff_id
"""

_FIRST = uuid.UUID(int=0)


class PlannedDay(msgspec.Struct, frozen=True, kw_only=True):
    """One person, one shop, one day; minutes of work while the shop was open."""

    shop_id: uuid.UUID
    day: dt.date
    staff_id: uuid.UUID
    minutes: int


class Behind(msgspec.Struct, frozen=True, kw_only=True):
    """Until when the days of shops are kept, and what the database's clock says."""

    until: dict[uuid.UUID, dt.date]
    now: dt.datetime


class Kept(msgspec.Struct, kw_only=True):
    """Until which day a shop's are kept, and how long each was planned to work on those that were asked for."""

    until: dt.date
    minutes: dict[uuid.UUID, int]


async def watch(door: Door, *, shop_ids: Collection[uuid.UUID]) -> None:
    """From now on the days of these shops are kept, those since somebody was entered there included."""
    await run(door, _BEGIN, brand_of(door), list(shop_ids))


async def behind(
    door: Door, *, shop_ids: Collection[uuid.UUID] | None, after: uuid.UUID | None, limit: int
) -> Behind:
    """Shops of which a day may be over that is not kept, in the order of their ids."""
    wanted = None if shop_ids is None else list(shop_ids)
    rows = await fetch(door, _BEHIND, brand_of(door), wanted, after or _FIRST, limit)
    return Behind(until={shop: until for shop, until, _now in rows}, now=rows[0][2] if rows else clock.now())


async def lock(door: Door, *, shop_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dt.date]:
    """Nobody else keeps days of these shops until the transaction ends. Until when they are kept."""
    return {row[0]: row[1] for row in await fetch(door, _LOCK, brand_of(door), list(shop_ids))}


async def keep(door: Door, *, days: Sequence[PlannedDay]) -> None:
    """Write down whoever was planned; what is known of a person's day stays."""
    if worked := [one for one in days if one.minutes]:
        await run(door, _KEEP, brand_of(door), *_columns(worked), [one.minutes for one in worked])


async def kept(door: Door, *, shop_ids: Collection[uuid.UUID], until: dt.date) -> None:
    """All of these shops is written down until this day."""
    await run(door, _KEPT, brand_of(door), list(shop_ids), until)


async def forget(door: Door, *, days: Sequence[PlannedDay]) -> None:
    """Of these shops, days and people something else is true."""
    if days:
        await run(door, _FORGET, brand_of(door), *_columns(days))


async def forget_day(door: Door, *, shop_id: uuid.UUID, day: dt.date) -> None:
    """Nobody was planned there on that day after all."""
    await run(door, _FORGET_DAY, brand_of(door), shop_id, day)


async def read(
    door: Door, *, first: dt.date, last: dt.date, shop_id: uuid.UUID | None = None
) -> dict[uuid.UUID, Kept]:
    """By shop, what is kept of these days."""
    found: dict[uuid.UUID, Kept] = {}
    for shop, until, staff, minutes in await fetch(door, _READ, brand_of(door), first, last, shop_id):
        one = found.setdefault(shop, Kept(until=until, minutes={}))
        if staff is not None:
            one.minutes[staff] = minutes
    return found


def _columns(days: Sequence[PlannedDay]) -> tuple[list[uuid.UUID], list[dt.date], list[uuid.UUID]]:
    return [one.shop_id for one in days], [one.day for one in days], [one.staff_id for one in days]
