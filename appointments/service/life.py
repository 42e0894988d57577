"""The life of one booking: each step is a conditional update, noted in its history and told."""

import datetime as dt
import uuid

from appointments.errors import BookingUnknown, NotNow, PastCutoff, SlotPassed, SlotTaken, TooEarly
from appointments.events import (
    BookingArrived,
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingMissed,
    SlotFreed,
)
from appointments.repository import bookings
from appointments.rules import life
from appointments.service import deposits, facts, telling
from appointments.states import BOOKING, MISSED, BookingState, DepositState, Source
from appointments.types import Actor, BookingView
from yundian.payments import api as payments
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.door import Door


async def see(
    door: Door,
    *,
    booking_id: uuid.UUID,
    shops: frozenset[uuid.UUID] | None = None,
    member_id: uuid.UUID | None = None,
    is_locked: bool = False,
) -> BookingView:
    """A booking of one of these shops (``None``: any), of this member if one is named; else ``BookingUnknown``."""
    found = await bookings.by_id(door, booking_id=booking_id, is_locked=is_locked)
    if found is None or (shops is not None and found.shop_id not in shops):
        raise BookingUnknown
    if member_id is not None and found.member_id != member_id:
        raise BookingUnknown
    return found


async def see_code(door: Door, *, code: str, member_id: uuid.UUID | None = None) -> BookingView:
    """A booking by what its customer shows; with a member, if it is hers. Else ``BookingUnknown``."""
    found = await bookings.by_code(door, code=code, member_id=member_id)
    if found is None:
        raise BookingUnknown
    return found


async def cancel(
    door: Door,
    booking: BookingView,
    *,
    by: Actor,
    actor_id: uuid.UUID | None,
    now: dt.datetime,
    reason: str = "",
) -> None:
    """Give the time back; ``booking`` is locked. Late, a customer may lose the deposit, if the service says so.

    Records ``BookingCancelled`` and ``SlotFreed``.
    """
    if booking.starts_at <= now and by is Actor.CUSTOMER:
        raise SlotPassed
    if booking.state is BookingState.HELD and booking.source is Source.GROUP:
        # Its group decides: leaving the group, or ending it, is done there.
        raise NotNow(state=booking.state.value)
    is_late = by is Actor.CUSTOMER and life.is_late(booking, now=now)
    target = BookingState.CANCELLED_LATE if is_late else BookingState.CANCELLED
    await _move(door, booking, target, by=by, actor_id=actor_id, now=now, reason=reason)
    if booking.state is BookingState.HELD and booking.payment_id is not None:
        await payments.close_payment(door, payment_id=booking.payment_id)
    await deposits.settle(door, booking, is_charged=is_late and booking.is_late_cancel_charged)
    told = BookingCancelled(booking=facts.of(booking), by=by.value, is_late=is_late, reason=reason)
    await _give_back(door, booking, now, told)


async def check_in(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """She has come; also somebody who was given up, if her time is still free. Records ``BookingArrived``."""
    if now < booking.starts_at - life.EARLY:
        raise TooEarly(from_=(booking.starts_at - life.EARLY).isoformat())
    if booking.state in MISSED:
        if now >= booking.ends_at:
            raise SlotPassed
        if booking.session_id is not None and not await bookings.rejoin(door, session_id=booking.session_id):
            raise SlotTaken
        await bookings.revive(door, booking_id=booking.id)
        await deposits.take_back(door, booking)
    await _move(door, booking, BookingState.ARRIVED, by=Actor.SHOP, actor_id=actor_id, now=now)
    await outbox.record(door, BookingArrived(booking=facts.of(booking), arrived_at=now))


async def start(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """The service begins."""
    await _move(door, booking, BookingState.IN_SERVICE, by=Actor.SHOP, actor_id=actor_id, now=now)


async def complete(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """Served: the rest of the time is free, the deposit counts towards the sale. Records ``BookingCompleted``."""
    await _move(door, booking, BookingState.COMPLETED, by=Actor.SHOP, actor_id=actor_id, now=now)
    await bookings.move_deposit(
        door, booking_id=booking.id, sources=[DepositState.PAID], target=DepositState.APPLIED_TO_SALE
    )
    await bookings.release(door, booking_id=booking.id)
    await outbox.record(door, BookingCompleted(booking=facts.of(booking), completed_at=now))


async def miss(
    door: Door, booking: BookingView, *, by: Actor, actor_id: uuid.UUID | None, now: dt.datetime
) -> None:
    """She did not come, and the grace is over. Records ``BookingMissed``."""
    if now < life.given_up_at(booking):
        raise TooEarly(grace_min=booking.grace_min)
    is_charged = booking.is_no_show_charged and booking.deposit_state is DepositState.PAID
    target = BookingState.NO_SHOW_PENALIZED if is_charged else BookingState.NO_SHOW
    await _move(door, booking, target, by=by, actor_id=actor_id, now=now)
    await deposits.settle(door, booking, is_charged=is_charged)
    await _give_back(door, booking, now, BookingMissed(booking=facts.of(booking), is_charged=is_charged))


async def waive(
    door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime, reason: str
) -> None:
    """Forgive that she did not come: it counts no more, and a kept deposit goes back."""
    await _move(door, booking, BookingState.WAIVED, by=Actor.SHOP, actor_id=actor_id, now=now, reason=reason)
    await deposits.forgive(door, booking)


async def approve(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """The shop says yes. Records ``BookingConfirmed``."""
    if booking.starts_at <= now:
        raise SlotPassed
    await _move(door, booking, BookingState.CONFIRMED, by=Actor.SHOP, actor_id=actor_id, now=now)
    await outbox.record(door, BookingConfirmed(booking=facts.of(booking)))


async def decline(
    door: Door, booking: BookingView, *, by: Actor, actor_id: uuid.UUID | None, now: dt.datetime, reason: str
) -> None:
    """The shop says no: the deposit goes back. Records ``BookingDeclined`` and ``SlotFreed``."""
    await _move(door, booking, BookingState.DECLINED, by=by, actor_id=actor_id, now=now, reason=reason)
    await deposits.settle(door, booking, is_charged=False)
    await _give_back(door, booking, now, BookingDeclined(booking=facts.of(booking), reason=reason))


async def expire(door: Door, booking: BookingView, *, now: dt.datetime) -> None:
    """What was set aside is free again. Records ``BookingExpired`` and ``SlotFreed``."""
    if booking.state is not BookingState.HELD:
        return
    await _move(door, booking, BookingState.EXPIRED, by=Actor.SYSTEM, actor_id=None, now=now)
    await _give_back(door, booking, now, BookingExpired(booking=facts.of(booking)))


def check_cutoff(booking: BookingView, *, now: dt.datetime) -> None:
    """Refuse a customer's change that comes too late."""
    if booking.starts_at <= now:
        raise SlotPassed
    if life.is_late(booking, now=now):
        raise PastCutoff(cutoff_min=booking.cutoff_min)


async def _move(
    door: Door,
    booking: BookingView,
    target: BookingState,
    *,
    by: Actor,
    actor_id: uuid.UUID | None,
    now: dt.datetime,
    reason: str = "",
) -> None:
    moved = await bookings.move(
        door,
        booking_id=booking.id,
        sources=BOOKING.sources_of(target),
        target=target,
        now=now,
        reason=reason,
        is_end=target not in (BookingState.CONFIRMED, BookingState.ARRIVED, BookingState.IN_SERVICE),
    )
    if not moved:
        raise NotNow(state=booking.state.value)
    await bookings.note(
        door, booking_id=booking.id, kind=target.value, actor=by, actor_id=actor_id, now=now, detail=reason
    )


async def _give_back(door: Door, booking: BookingView, now: dt.datetime, told: Event) -> None:
    await bookings.release(door, booking_id=booking.id)
    await telling.silence(door, booking_id=booking.id)
    events = [told]
    if booking.starts_at > now:
        events.append(freed(booking))
    await outbox.record(door, *events)


def freed(booking: BookingView) -> SlotFreed:
    """That the time of a booking can be had again."""
    return SlotFreed(
        shop_id=booking.shop_id,
        service_id=booking.service_id,
        staff_id=booking.staff_id,
        starts_at=booking.starts_at,
        local_day=booking.local_day,
    )
