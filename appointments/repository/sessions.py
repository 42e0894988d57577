"""Statements about group sessions that are moved as a whole, and about a move that is taken back."""

import uuid

from appointments.repository import bookings
from appointments.states import Attention
from appointments.types import BookingView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_SEATED = (
    "SELECT id FROM appointments_booking WHERE brand_id = $1 AND session_id = $2 AND state = ANY($3::varchar[])"
)

# What was paid goes back with it. The one that stood meanwhile is a link of the chain before it: who has its code
# is led on, and both are newer than what any calendar or page has seen.
_BRING_BACK = """
UPDATE appointments_booking o SET state = CASE WHEN o.confirmed_at IS NULL THEN 'requested' ELSE 'confirmed' END,
    attention = $4, ended_at = NULL, deposit_state = n.deposit_state, deposit_minor = n.deposit_minor,
    payment_id = n.payment_id, moved_from = n.id, sequence = greatest(o.sequence, n.sequence) + 1
FROM appointments_booking n
WHERE o.brand_id = $1 AND o.id = $2 AND o.state = 'rescheduled' AND n.brand_id = $1 AND n.id = $3
"""
_HAND_BACK = """
UPDATE appointments_booking SET deposit_state = 'none', deposit_minor = 0, payment_id = NULL
WHERE brand_id = $1 AND id = $2
"""
_LEAD_ON = "UPDATE appointments_booking SET moved_from = $3 WHERE brand_id = $1 AND moved_from = $2"


async def seated(door: Door, *, session_id: uuid.UUID) -> list[BookingView]:
    """Everybody who has a seat, in one order."""
    states = ["held", "requested", "confirmed", "arrived", "in_service", "completed"]
    rows = await fetch(door, f"{_SEATED} ORDER BY id", brand_of(door), session_id, states)
    found = {one.id: one for one in await bookings.by_ids(door, booking_ids=[row[0] for row in rows])}
    return [found[row[0]] for row in rows]


async def seats_of(door: Door, *, session_id: uuid.UUID) -> tuple[int, bool]:
    """How many seats it has, and whether a group bought it together."""
    sql = "SELECT seats, is_private FROM appointments_session WHERE brand_id = $1 AND id = $2"
    [row] = await fetch(door, sql, brand_of(door), session_id)
    return row[0], row[1]


async def bring_back(door: Door, *, old: BookingView, instead_of: BookingView, attention: Attention) -> None:
    """What was moved away stands again in place of what it became; its time is not taken yet."""
    await run(door, _BRING_BACK, brand_of(door), old.id, instead_of.id, attention.value)
    await run(door, _HAND_BACK, brand_of(door), instead_of.id)
    await run(door, _LEAD_ON, brand_of(door), old.id, old.moved_from)


async def hand_party_on(door: Door, *, session_id: uuid.UUID, to: uuid.UUID) -> None:
    """The group that bought a session meets in another one."""
    sql = "UPDATE appointments_party SET session_id = $3 WHERE brand_id = $1 AND session_id = $2"
    await run(door, sql, brand_of(door), session_id, to)
