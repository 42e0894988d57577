"""The life of one booking: each step is a conditional update, noted in its history and told."""

import datetime as dt
import uuid

from appointments.errors import BookingUnknown, NeedsDeposit, NotNow, PastCutoff, SlotPassed, TimeGone, TooEarly
from appointments.events import (
    ArrivalTakenBack,
    BookingArrived,
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingForgiven,
    BookingMissed,
    SlotFreed,
)
from appointments.repository import bookings, late
from appointments.rules import life
from appointments.service import deposits, facts, moves, prepaid, telling
from appointments.states import (
    BOOKING,
    CANCELLED,
    MISSED,
    Attention,
    BookingState,
    DepositState,
    ReasonCode,
    Source,
)
from appointments.types import Actor, BookingView
from yundian.payments import api as payments
from yundian.platform.outbox import outbox, timers
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
    reason_code: ReasonCode = ReasonCode.NONE,
) -> None:
    """Give the time back; ``booking`` is locked. Late, a customer may lose the deposit, if the service says so.

    ``NotNow`` once she was checked in: for her, and where she paid in a group for the shop too. Records
    ``BookingCancelled`` and ``SlotFreed``.
    """
    if booking.starts_at <= now and by is Actor.CUSTOMER:
        raise SlotPassed
    if booking.state is BookingState.HELD and booking.source is Source.GROUP:
        # Its group decides: leaving the group, or ending it, is done there.
        raise NotNow(state=booking.state.value)
    if booking.state is BookingState.ARRIVED and (by is Actor.CUSTOMER or await prepaid.order_of(door, booking)):
        # She is in the shop, whose people decide; and what she paid for in a group was handed over.
        raise NotNow(state=booking.state.value)
    is_late = by is Actor.CUSTOMER and life.is_late(booking, now=now)
    target = BookingState.CANCELLED_LATE if is_late else BookingState.CANCELLED
    await _move(door, booking, target, by=by, actor_id=actor_id, now=now, reason=reason, reason_code=reason_code)
    if booking.state is BookingState.HELD and booking.payment_id is not None:
        await payments.close_payment(door, payment_id=booking.payment_id)
    is_charged = is_late and booking.is_late_cancel_charged
    await deposits.settle(door, booking, is_charged=is_charged)
    await prepaid.settle(door, booking, is_charged=is_charged)
    told = BookingCancelled(
        booking=facts.of(booking),
        by=by.value,
        is_late=is_late,
        reason=reason,
        reason_code=reason_code.value,
        known_as=await moves.known_as(door, booking_id=booking.id),
    )
    await _give_back(door, booking, now, told)


async def cancel_own(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """The same by its customer: whoever taps twice has given it back once."""
    if booking.state not in CANCELLED:
        await cancel(door, booking, by=Actor.CUSTOMER, actor_id=actor_id, now=now)


async def check_in(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """She has come; also somebody who was given up, if her time is still free. Records ``BookingArrived``.

    ``NeedsDeposit`` while her time is only set aside, ``TimeGone`` where it is somebody else's now, ``PaidBack``
    where what she paid went back when she was given up.
    """
    check_paid(booking)
    if now < booking.starts_at - life.EARLY:
        raise TooEarly(from_=(booking.starts_at - life.EARLY).isoformat())
    if booking.state in MISSED:
        if now >= booking.ends_at:
            raise SlotPassed
        if not await late.take_again(door, booking=booking):
            raise TimeGone
        await deposits.take_back(door, booking)
    await _move(door, booking, BookingState.ARRIVED, by=Actor.SHOP, actor_id=actor_id, now=now)
    await prepaid.serve(door, booking, actor_id=actor_id)
    await outbox.record(door, BookingArrived(booking=facts.of(booking), arrived_at=now))


async def take_back_arrival(
    door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime
) -> None:
    """She was checked in by mistake, and is waited for anew. Records ``ArrivalTakenBack``.

    ``NotNow`` for who walked in, and for who paid in a group, whose goods were handed over with it.
    """
    is_final = booking.source is Source.WALK_IN or await prepaid.order_of(door, booking) is not None
    if is_final or not await bookings.unarrive(door, booking_id=booking.id):
        raise NotNow(state=booking.state.value)
    # The timer may have gone off while she seemed to be here.
    given_up_at = max(life.given_up_at(booking), life.waited_until(now, booking.grace_min))
    await timers.set_timer(door, name=life.NO_SHOW_TIMER, key=str(booking.id), due_at=given_up_at)
    await bookings.note(door, booking_id=booking.id, kind="not_here", actor=Actor.SHOP, actor_id=actor_id, now=now)
    await outbox.record(door, ArrivalTakenBack(booking=facts.of(booking)))


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
    """She did not come, and the grace is over. Records ``BookingMissed``.

    ``NotNow`` where nobody could have served her: that is no absence of hers.
    """
    if booking.attention is Attention.CHOOSE:
        raise NotNow(state=booking.state.value)
    if now < life.given_up_at(booking):
        raise TooEarly(grace_min=booking.grace_min)
    has_paid = booking.deposit_state is DepositState.PAID or await prepaid.order_of(door, booking) is not None
    is_charged = booking.is_no_show_charged and has_paid
    target = BookingState.NO_SHOW_PENALIZED if is_charged else BookingState.NO_SHOW
    await _move(door, booking, target, by=by, actor_id=actor_id, now=now)
    await deposits.settle(door, booking, is_charged=is_charged)
    await prepaid.settle(door, booking, is_charged=is_charged, is_missed=True)
    await _give_back(door, booking, now, BookingMissed(booking=facts.of(booking), is_charged=is_charged))


async def waive(
    door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime, reason: str
) -> None:
    """Forgive that she did not come: it counts no more, a kept deposit goes back. Records ``BookingForgiven``."""
    await _move(door, booking, BookingState.WAIVED, by=Actor.SHOP, actor_id=actor_id, now=now, reason=reason)
    await deposits.forgive(door, booking)
    await prepaid.forgive(door, booking)
    await outbox.record(door, BookingForgiven(booking=facts.of(booking)))


async def approve(door: Door, booking: BookingView, *, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """The shop says yes. Records ``BookingConfirmed``."""
    if booking.state is not BookingState.REQUESTED:
        raise NotNow(state=booking.state.value)
    if booking.starts_at <= now:
        raise SlotPassed
    await _move(door, booking, BookingState.CONFIRMED, by=Actor.SHOP, actor_id=actor_id, now=now)
    await outbox.record(door, BookingConfirmed(booking=facts.of(booking)))


async def decline(
    door: Door,
    booking: BookingView,
    *,
    by: Actor,
    actor_id: uuid.UUID | None,
    now: dt.datetime,
    reason: str = "",
    reason_code: ReasonCode = ReasonCode.NONE,
) -> None:
    """The shop says no, in words, or the house does: the deposit goes back.

    Records ``BookingDeclined`` and ``SlotFreed``.
    """
    target = BookingState.DECLINED
    await _move(door, booking, target, by=by, actor_id=actor_id, now=now, reason=reason, reason_code=reason_code)
    await deposits.settle(door, booking, is_charged=False)
    await prepaid.settle(door, booking, is_charged=False)
    told = BookingDeclined(booking=facts.of(booking), reason=reason, reason_code=reason_code.value)
    await _give_back(door, booking, now, told)


async def expire(door: Door, booking: BookingView, *, now: dt.datetime) -> None:
    """What was set aside is free again. Records ``BookingExpired`` and ``SlotFreed``."""
    if booking.state is not BookingState.HELD:
        return
    await _move(door, booking, BookingState.EXPIRED, by=Actor.SYSTEM, actor_id=None, now=now)
    await _give_back(door, booking, now, BookingExpired(booking=facts.of(booking)))


def check_paid(booking: BookingView) -> None:
    """Refuse what is done with an appointment that stands: this one is set aside until its deposit is paid."""
    if booking.state is BookingState.HELD and booking.deposit_state is DepositState.REQUIRED:
        raise NeedsDeposit(deposit_minor=booking.deposit_minor, currency=booking.currency)


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
    reason_code: ReasonCode = ReasonCode.NONE,
) -> None:
    moved = await bookings.move(
        door,
        booking_id=booking.id,
        sources=BOOKING.sources_of(target),
        target=target,
        now=now,
        reason=reason,
        reason_code=reason_code,
        is_end=target not in (BookingState.CONFIRMED, BookingState.ARRIVED, BookingState.IN_SERVICE),
    )
    if not moved:
        raise NotNow(state=booking.state.value)
    detail = reason or reason_code.value
    await bookings.note(
        door, booking_id=booking.id, kind=target.value, actor=by, actor_id=actor_id, now=now, detail=detail
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
