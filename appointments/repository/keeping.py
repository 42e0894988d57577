"""Statements about times that an appointment had before its shop moved it: kept for it until that is final.

They are rows like any other under the one constraint that forbids overlap: nobody can take them, and the move can
be undone. Where it is now counts for itself: only what is left of the old time beside that is kept.

Of a group session that goes on without it, its seat is kept: a row of the session that is not live, and the seat
stays counted. One that nobody is left in stays the only one of its service that begins then, without a free seat:
a live row of the session.
"""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.platform.outbox.door import Door, brand_of, fetch, run

# Of whoever serves and of the chair with the buffers, of the customer without; of a session as its own.
_KEEP = """
WITH had AS (
    SELECT of.resource_id, of.is_hers, range_agg(tstzrange(
        b.starts_at - CASE WHEN of.is_hers THEN interval '0' ELSE make_interval(mins => b.buffer_before_min) END,
        b.ends_at + CASE WHEN of.is_hers THEN interval '0' ELSE make_interval(mins => b.buffer_after_min) END
    )) AS times
    FROM unnest($4::uuid[], $5::uuid[], $6::uuid[]) AS was (booking_id, staff_id, chair_id)
    JOIN appointments_booking b ON b.brand_id = $1 AND b.id = was.booking_id
    CROSS JOIN LATERAL (VALUES (was.staff_id, false), (was.chair_id, false), (b.member_id, true))
        AS of (resource_id, is_hers)
    WHERE of.resource_id IS NOT NULL GROUP BY of.resource_id, of.is_hers
), has AS (
    SELECT o.resource_id, range_agg(tstzrange(o.starts_at, o.ends_at)) AS times FROM appointments_occupancy o
    WHERE o.brand_id = $1 AND o.is_live AND (o.booking_id = $2 OR o.session_id = $3) GROUP BY o.resource_id
)
INSERT INTO appointments_occupancy
    (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, session_id, is_live, is_kept)
SELECT $1, gen_random_uuid(), now(), had.resource_id, lower(left_over.span), upper(left_over.span),
    CASE WHEN had.is_hers OR $3::uuid IS NULL THEN $2::uuid END, CASE WHEN NOT had.is_hers THEN $3::uuid END,
    true, true
FROM had LEFT JOIN has USING (resource_id)
CROSS JOIN LATERAL unnest(had.times - coalesce(has.times, '{}'::tstzmultirange)) AS left_over (span)
WHERE upper(left_over.span) - lower(left_over.span) <= interval '24 hours'
ORDER BY had.resource_id, lower(left_over.span)
ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING
"""

# Not of the session that it sits in now. One that was left by the last one had nobody else's seat kept either; of
# two that begin at one time, the one that it was in last.
_KEEP_SEATS = """
WITH was AS (
    SELECT g.id, b.starts_at, b.ends_at, row_number() OVER (PARTITION BY g.shop_id, g.service_id, g.starts_at,
        g.is_open, g.is_private ORDER BY min(given.place)) = 1 AS is_last
    FROM unnest($3::uuid[]) WITH ORDINALITY AS given (booking_id, place)
    JOIN appointments_booking b ON b.brand_id = $1 AND b.id = given.booking_id
    JOIN appointments_session g ON g.brand_id = $1 AND g.id = b.session_id
    WHERE b.session_id IS DISTINCT FROM
        (SELECT now.session_id FROM appointments_booking now WHERE now.brand_id = $1 AND now.id = $2)
    GROUP BY g.brand_id, g.id, b.starts_at, b.ends_at
), seat AS (
    UPDATE appointments_session g SET is_open = true, taken = CASE WHEN g.is_open THEN g.taken + 1 ELSE g.seats END
    FROM was WHERE g.brand_id = $1 AND g.id = was.id AND CASE WHEN g.is_open THEN g.taken < g.seats
        ELSE was.is_last AND NOT g.is_private AND NOT EXISTS (SELECT FROM appointments_session other
            WHERE other.brand_id = $1 AND other.is_open AND NOT other.is_private AND other.shop_id = g.shop_id
            AND other.service_id = g.service_id AND other.starts_at = g.starts_at) END
    RETURNING g.id, was.starts_at, was.ends_at
)
INSERT INTO appointments_occupancy
    (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, is_live, is_kept)
SELECT $1, gen_random_uuid(), now(), seat.id, seat.starts_at, seat.ends_at, $2, NOT EXISTS (
    SELECT FROM appointments_occupancy o
    WHERE o.brand_id = $1 AND o.session_id = seat.id AND o.is_live AND NOT o.is_kept), true
FROM seat
"""


def given_back(kept: str) -> str:
    """Parts of a statement: the seats among the rows that ``kept`` has deleted are anybody's.

    Whoever gave the last one back ends the session, and frees the time of its staff and chair, and what was kept
    for it as a whole.
    """
    return f"""{kept}_seat AS (
    UPDATE appointments_session g SET taken = CASE WHEN k.is_live THEN 0 ELSE greatest(g.taken - k.seats, 0) END,
        is_open = NOT k.is_live AND g.is_open AND g.taken > k.seats
    FROM (SELECT resource_id, bool_or(is_live) AS is_live, count(*)::int AS seats FROM {kept}
        GROUP BY resource_id) k
    WHERE g.brand_id = $1 AND g.id = k.resource_id RETURNING g.id, g.is_open
), {kept}_whole AS (DELETE FROM appointments_occupancy o USING {kept}_seat s
    WHERE o.brand_id = $1 AND o.session_id = s.id AND NOT s.is_open AND o.is_kept
), {kept}_time AS (
    UPDATE appointments_occupancy o SET is_live = false FROM {kept}_seat s
    WHERE o.brand_id = $1 AND o.session_id = s.id AND NOT s.is_open AND o.is_live AND NOT o.is_kept
)"""  # noqa: S608  (texts of our own)


def _drop(which: str) -> str:
    return f"""WITH kept AS (DELETE FROM appointments_occupancy WHERE brand_id = $1 AND is_kept AND {which}
    RETURNING resource_id, is_live), {given_back("kept")} SELECT count(*) FROM kept"""  # noqa: S608


_DROP = _drop("booking_id = $2")
_DROP_SESSION = _drop("session_id = $2")
_DROP_WHOLE = _drop("is_live AND resource_id = $2")

# Of a group session any of its appointments stands for all: they are moved, and moved back, together.
_OF_SHOP = """
SELECT o.resource_id, o.starts_at, o.ends_at, b.id, b.service_name FROM appointments_occupancy o
CROSS JOIN LATERAL (SELECT x.id, x.service_name, x.shop_id, x.member_id FROM appointments_booking x
    WHERE x.brand_id = $1 AND CASE WHEN o.booking_id IS NULL THEN x.session_id = o.session_id AND x.state IN
        ('requested', 'confirmed') ELSE x.id = o.booking_id END ORDER BY x.id LIMIT 1) b
WHERE o.brand_id = $1 AND o.is_kept AND o.is_live AND b.shop_id = $2 AND o.ends_at > $3 AND o.starts_at < $4
AND o.resource_id IS DISTINCT FROM b.member_id
AND NOT EXISTS (SELECT FROM appointments_session g WHERE g.brand_id = $1 AND g.id = o.resource_id)
ORDER BY o.starts_at, o.resource_id
"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A time of somebody or of a chair that is kept for an appointment which is elsewhere now."""

    resource_id: uuid.UUID
    starts_at: dt.datetime
    ends_at: dt.datetime
    booking_id: uuid.UUID
    service_name: str


async def keep(
    door: Door,
    *,
    booking_id: uuid.UUID,
    session_id: uuid.UUID | None,
    had: Sequence[tuple[uuid.UUID, uuid.UUID, uuid.UUID | None]],
) -> None:
    """For this booking, what is left of the times it had: which booking it was, who served, on which chair."""
    bookings, staff, chairs = ([one[place] for one in had] for place in range(3))
    await run(door, _KEEP, brand_of(door), booking_id, session_id, bookings, staff, chairs)
    await run(door, _KEEP_SEATS, brand_of(door), booking_id, bookings)


async def drop(door: Door, *, booking_id: uuid.UUID) -> None:
    """What was kept for a booking is anybody's."""
    await fetch(door, _DROP, brand_of(door), booking_id)


async def drop_whole(door: Door, *, session_id: uuid.UUID | None) -> None:
    """A session that nobody is in and that was kept as a whole, for whomever, is no more."""
    if session_id is not None:
        await fetch(door, _DROP_WHOLE, brand_of(door), session_id)


async def drop_session(door: Door, *, session_id: uuid.UUID | None) -> None:
    """The same of a group session."""
    if session_id is not None:
        await fetch(door, _DROP_SESSION, brand_of(door), session_id)


async def of_shop(door: Door, *, shop_id: uuid.UUID, since: dt.datetime, until: dt.datetime) -> list[Kept]:
    """What is kept of people and chairs of a shop, in order."""
    rows = await fetch(door, _OF_SHOP, brand_of(door), shop_id, since, until)
    names = ("resource_id", "starts_at", "ends_at", "booking_id", "service_name")
    return [msgspec.convert(dict(zip(names, row, strict=True)), Kept) for row in rows]
