"""The deposit of a booking: money has its own state, and follows payments' facts."""

import datetime as dt
import uuid

from appointments.events import BookingConfirmed, BookingRequested
from appointments.repository import bookings, paid
from appointments.repository import setup as services
from appointments.rules import life
from appointments.service import facts
from appointments.states import BookingState, DepositState
from appointments.types import Actor, BookingView
from yundian.payments import api as payments
from yundian.payments.types import RefundWish
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

# Whatever it was for: all of it is hers again.
_HAD = (DepositState.PAID, DepositState.APPLIED_TO_SALE, DepositState.REFUNDING, DepositState.FORFEITED)


async def settle(door: Door, booking: BookingView, *, is_charged: bool) -> None:
    """The booking ended without service: the deposit is kept, or goes back."""
    target = life.after_end(booking, is_charged=is_charged)
    if target is DepositState.REFUNDING:
        await _refund(door, booking, from_=DepositState.PAID)
    elif target is not None:
        await bookings.move_deposit(door, booking_id=booking.id, sources=[DepositState.PAID], target=target)


async def forgive(door: Door, booking: BookingView) -> None:
    """A deposit that was kept goes back after all."""
    if booking.deposit_state is DepositState.FORFEITED:
        await _refund(door, booking, from_=DepositState.FORFEITED)


async def take_back(door: Door, booking: BookingView) -> None:
    """She came after all: a deposit that was kept counts again."""
    await bookings.move_deposit(
        door, booking_id=booking.id, sources=[DepositState.FORFEITED], target=DepositState.PAID
    )


async def captured(door: Door, *, payment_id: uuid.UUID, now: dt.datetime) -> None:
    """Paid: what was set aside is hers. Came the money for a booking that ended, it goes back at once."""
    booking = await paid.by_payment(door, payment_id=payment_id)
    if booking is None:
        return
    is_new = await bookings.move_deposit(
        door, booking_id=booking.id, sources=[DepositState.REQUIRED], target=DepositState.PAID
    )
    if not is_new:
        return
    service = await services.get_service(door, service_id=booking.service_id)
    target = life.first_state(service)
    is_held = await bookings.move(door, booking_id=booking.id, sources=[BookingState.HELD], target=target, now=now)
    if not is_held:
        await _refund(door, booking, from_=DepositState.PAID)
        return
    await bookings.note(
        door, booking_id=booking.id, kind=target.value, actor=Actor.SYSTEM, actor_id=None, now=now, detail="paid"
    )
    is_confirmed = target is BookingState.CONFIRMED
    told = facts.of(booking)
    await outbox.record(door, BookingConfirmed(booking=told) if is_confirmed else BookingRequested(booking=told))


async def refunded(door: Door, *, payment_id: uuid.UUID, refunded_minor: int) -> None:
    """Money arrived at the customer's, asked for here or by headquarters: ``refunded_minor`` in all so far."""
    booking = await paid.by_payment(door, payment_id=payment_id)
    if booking is not None and refunded_minor >= booking.deposit_minor:
        await bookings.move_deposit(door, booking_id=booking.id, sources=_HAD, target=DepositState.REFUNDED)


async def _refund(door: Door, booking: BookingView, *, from_: DepositState) -> None:
    moved = await bookings.move_deposit(
        door, booking_id=booking.id, sources=[from_], target=DepositState.REFUNDING
    )
    if moved and booking.payment_id is not None:
        # All that is left: headquarters may have sent some of it back, or is about to.
        await payments.request_refunds(
            door, refunds=[RefundWish(payment_id=booking.payment_id, reason=booking.code)]
        )
