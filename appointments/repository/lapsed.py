"""What was held for somebody and came to nothing: of a group that was not complete, of an offer nobody took."""

import datetime as dt
import uuid

from appointments.repository import bookings
from appointments.types import BookingView
from yundian.platform.outbox.door import Door, brand_of, fetch

_OF_MEMBER = """
SELECT id FROM appointments_booking
WHERE brand_id = $1 AND member_id = $2 AND ends_at >= $3 AND state = 'expired' AND source IN ('group', 'waitlist')
ORDER BY starts_at DESC, id DESC LIMIT $4
"""
_GROUP_BEHIND = "SELECT group_id FROM appointments_party WHERE brand_id = $1 AND session_id = $2"


async def of_member(door: Door, *, member_id: uuid.UUID, since: dt.datetime, limit: int) -> list[BookingView]:
    """Hers of times that were to end since then, the latest first."""
    found = [row[0] for row in await fetch(door, _OF_MEMBER, brand_of(door), member_id, since, limit)]
    views = {one.id: one for one in await bookings.by_ids(door, booking_ids=found)} if found else {}
    return [views[one] for one in found]


async def group_behind(door: Door, *, session_id: uuid.UUID) -> uuid.UUID | None:
    """The group whose session this is."""
    rows = await fetch(door, _GROUP_BEHIND, brand_of(door), session_id)
    return rows[0][0] if rows else None
