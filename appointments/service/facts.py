"""The facts of a booking that travel with its events."""

from appointments.events import BookingFacts
from appointments.types import BookingView, NewBooking


def of(booking: BookingView | NewBooking) -> BookingFacts:
    """As it is now; of a new one only when it is known who serves."""
    if booking.staff_id is None:
        raise RuntimeError("nobody serves yet")
    return BookingFacts(
        booking_id=booking.id,
        code=booking.code,
        shop_id=booking.shop_id,
        service_id=booking.service_id,
        service_name=booking.service_name,
        staff_id=booking.staff_id,
        member_id=booking.member_id,
        source=booking.source.value,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        time_zone=booking.time_zone,
        price_minor=booking.price_minor,
        deposit_minor=booking.deposit_minor,
        currency=booking.currency,
    )
