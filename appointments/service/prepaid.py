"""What a member of a group paid before: her order goes as her appointment goes, in the same transaction.

She has one code, that of her appointment. An order that is not released yet follows when it is (``catch_up``).
"""

import uuid

from appointments.errors import BookingUnknown, PaidBack
from appointments.repository import bookings
from appointments.repository import parties as repository
from appointments.states import BookingState, Source
from appointments.types import BookingView
from yundian.orders import api as orders
from yundian.orders.errors import NotReady
from yundian.orders.types import by_staff
from yundian.platform.outbox.door import Door

_CANCELLED, _MISSED = "appointment_cancelled", "appointment_missed"
_WAITING = frozenset({"created", "paid", "waiting"})
_CAME = frozenset({BookingState.ARRIVED, BookingState.IN_SERVICE, BookingState.COMPLETED})


async def order_of(door: Door, booking: BookingView) -> uuid.UUID | None:
    """The order that paid for this appointment, wherever it was moved since; most have none."""
    if booking.source is not Source.GROUP and booking.moved_from is None:
        return None
    return await repository.order_behind(door, booking_id=booking.id)


async def serve(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None) -> None:
    """She is here: what she paid for is handed over. ``PaidBack`` when she has her money back, ``RefundOpen``."""
    order_id = await order_of(door, booking)
    if order_id is None or actor_id is None:
        return
    try:
        await orders.hand_over(door, order_id=order_id, actor=by_staff(actor_id))
    except NotReady as error:
        raise PaidBack from error


async def settle(door: Door, booking: BookingView, *, is_charged: bool, is_missed: bool = False) -> None:
    """The appointment ended without service: what was paid is kept, or goes back."""
    order_id = await order_of(door, booking)
    if order_id is None:
        return
    reason = _MISSED if is_missed else _CANCELLED
    if is_charged:
        await orders.forfeit(door, order_id=order_id, reason=reason)
    else:
        await orders.cancel_paid(door, order_ids=[order_id], reason=reason, refund_reason=booking.code)


async def forgive(door: Door, booking: BookingView) -> None:
    """What was kept goes back after all."""
    order_id = await order_of(door, booking)
    if order_id is not None:
        await orders.pay_back(door, order_id=order_id, reason=booking.code)


async def booking_of(door: Door, *, member_id: uuid.UUID, order_id: uuid.UUID) -> BookingView | None:
    """The appointment that an order paid for, where it stands now."""
    found = await bookings.by_request(door, member_id=member_id, key=repository.key_of(order_id))
    while found is not None and found.state is BookingState.RESCHEDULED:
        found = await bookings.moved_to(door, booking_id=found.id)
    return found


async def is_waiting(door: Door, *, member_id: uuid.UUID, order_id: uuid.UUID) -> bool:
    """Whether her order still waits for its group, whose time is held so long."""
    order = (await orders.get_orders(door, order_ids=[order_id])).get(order_id)
    return order is not None and order.member_id == member_id and order.state.value in _WAITING


async def booking_in_shops(door: Door, *, order_id: uuid.UUID, shops: frozenset[uuid.UUID]) -> BookingView | None:
    """The same for the people of these shops; ``BookingUnknown`` where it is none of theirs."""
    order = (await orders.get_orders(door, order_ids=[order_id])).get(order_id)
    if order is None or order.fulfil_shop_id not in shops:
        raise BookingUnknown
    return await booking_of(door, member_id=order.member_id, order_id=order_id) if order.member_id else None


async def catch_up(door: Door, *, member_id: uuid.UUID, order_id: uuid.UUID) -> None:
    """The order was released after its appointment had gone on: it follows."""
    found = await booking_of(door, member_id=member_id, order_id=order_id)
    if found is None:
        return
    # Locked: whoever checks her in at this moment is seen, or sees that the order is released.
    found = await bookings.by_id(door, booking_id=found.id, is_locked=True) or found
    if found.state in _CAME:
        await serve(door, found, actor_id=await repository.checked_in_by(door, booking_id=found.id))
    elif found.state is BookingState.NO_SHOW_PENALIZED:
        await settle(door, found, is_charged=True, is_missed=True)
    elif found.state is BookingState.CANCELLED_LATE and found.is_late_cancel_charged:
        await settle(door, found, is_charged=True)
