"""Which booking a payment belongs to."""

import uuid

from appointments.repository import bookings
from appointments.types import BookingView
from yundian.platform.outbox.door import Door, brand_of, fetch

_LOCK = "SELECT id FROM appointments_booking WHERE brand_id = $1 AND payment_id = $2 FOR NO KEY UPDATE"
_IS_ANYBODYS = "SELECT FROM appointments_booking WHERE brand_id = $1 AND payment_id = $2"


async def by_payment(door: Door, *, payment_id: uuid.UUID) -> BookingView | None:
    """The booking a payment belongs to now, locked; it moves along when the booking is moved."""
    while not (locked := await fetch(door, _LOCK, brand_of(door), payment_id)):
        # Who waited while it was moved looks again: the row that was waited for has lost the payment to another.
        if not await fetch(door, _IS_ANYBODYS, brand_of(door), payment_id):
            return None
    return await bookings.by_id(door, booking_id=locked[0][0])
