"""Statements about who comes after she was given up: her time again, if nobody else has it."""

import uuid

from appointments.types import BookingView
from yundian.platform.outbox.door import Door, brand_of, fetch

# Late-comers of one session come one after the other, each seeing what the one before made of it.
_LOCK_SESSION = "SELECT id FROM appointments_session WHERE brand_id = $1 AND id = $2 FOR NO KEY UPDATE"

# Whose time would be two people's at once. The constraint decides all the same where two come in this moment.
_BLOCKED = """
SELECT 1 FROM again a JOIN appointments_occupancy o ON o.brand_id = $1 AND o.resource_id = a.resource_id
    AND o.is_live AND o.starts_at < a.ends_at AND o.ends_at > a.starts_at
"""

# The last one who left it closed it, and gave the time of staff and chair away.
_REJOIN = f"""
WITH again AS MATERIALIZED (
    SELECT id, resource_id, starts_at, ends_at FROM appointments_occupancy
    WHERE brand_id = $1 AND session_id = $2 AND NOT is_live AND NOT is_kept
), seat AS (
    UPDATE appointments_session g SET taken = taken + 1, is_open = true
    WHERE g.brand_id = $1 AND g.id = $2 AND g.taken < g.seats AND (g.is_open OR NOT EXISTS ({_BLOCKED})
        AND NOT EXISTS (SELECT FROM appointments_session other WHERE other.brand_id = $1 AND other.is_open
            AND NOT other.is_private AND NOT g.is_private AND other.shop_id = g.shop_id
            AND other.service_id = g.service_id AND other.starts_at = g.starts_at))
    RETURNING g.id
), opened AS (
    UPDATE appointments_occupancy o SET is_live = true FROM again a, seat WHERE o.brand_id = $1 AND o.id = a.id
)
SELECT count(*) FROM seat
"""  # noqa: S608  (texts of our own)

# What somebody else held before, as a group's first member may have, is not hers.
_REVIVE = f"""
WITH again AS MATERIALIZED (
    SELECT id, resource_id, starts_at, ends_at FROM appointments_occupancy
    WHERE brand_id = $1 AND booking_id = $2 AND NOT is_live AND NOT is_kept AND resource_id = ANY($3::uuid[])
), blocked AS (
    SELECT EXISTS ({_BLOCKED}) AS is_so
), opened AS (
    UPDATE appointments_occupancy o SET is_live = true FROM again a, blocked
    WHERE o.brand_id = $1 AND o.id = a.id AND NOT blocked.is_so
)
SELECT is_so FROM blocked
"""  # noqa: S608


async def lock_session(door: Door, *, session_id: uuid.UUID) -> None:
    """Nobody else joins or leaves it until the transaction ends."""
    await fetch(door, _LOCK_SESSION, brand_of(door), session_id)


async def take_again(door: Door, *, booking: BookingView) -> bool:
    """The time of a booking that was given up: of staff and chair, or her seat in the session, and her own.

    ``False``, and nothing is taken, where somebody else has any of it now. ``booking`` is locked.
    """
    brand = brand_of(door)
    if booking.session_id is not None:
        await lock_session(door, session_id=booking.session_id)
        [seats] = await fetch(door, _REJOIN, brand, booking.session_id)
        if not seats[0]:
            return False
    hers = [one for one in (booking.staff_id, booking.resource_id, booking.member_id) if one is not None]
    [blocked] = await fetch(door, _REVIVE, brand, booking.id, hers)
    return not blocked[0]
