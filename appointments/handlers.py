"""Reactions: timers of a booking's life, the deposit's payment, the waiting list, and what customers are told."""

import contextlib
import uuid
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import NotNow
from appointments.events import (
    BookingArrived,
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingExpired,
    BookingHeld,
    BookingMissed,
    BookingReassigned,
    BookingRequested,
    ProductTried,
    SlotFreed,
    SlotOffered,
)
from appointments.repository import bookings
from appointments.rules import life as rules
from appointments.service import chronicle, deposits, facts, life, parties, purchases, telling, waiting
from appointments.service.booking import SUBJECT
from appointments.states import BookingState, Source, WaitState
from appointments.types import Actor
from groupbuy.events import GroupEnded, GroupFilled
from groupbuy.types import SEAT
from yundian.channels.events import DocumentsMerged
from yundian.messaging.events import MessageDue
from yundian.orders.events import OrderRefunded, OrderReleased
from yundian.payments import api as payments
from yundian.payments.errors import NotRefundable, OrphanTaken
from yundian.payments.events import PaymentCaptured, PaymentClosed, PaymentOrphaned, PaymentRefunded
from yundian.platform.core import clock
from yundian.platform.db.conflicts import savepoint
from yundian.platform.db.database import Tx
from yundian.platform.outbox import timers
from yundian.platform.outbox.declare import Delivered, DueTimer, batch_subscriber, on_timer, subscriber

HOLD_TIMER = "appointments.hold"
REQUEST_TIMER = "appointments.request"
NO_SHOW_TIMER = "appointments.no_show"


@subscriber(BookingHeld, name="appointments.watch_hold")
async def watch_hold(session: AsyncSession, event: BookingHeld) -> None:
    """What a group holds ends with the group."""
    if event.booking.source == Source.GROUP:
        return
    await timers.set_timer(session, name=HOLD_TIMER, key=str(event.booking.booking_id), due_at=event.expires_at)


@subscriber(BookingRequested, name="appointments.watch_request")
async def watch_request(session: AsyncSession, event: BookingRequested) -> None:
    """Without a word from the shop until it would begin, it is declined."""
    await timers.set_timer(
        session, name=REQUEST_TIMER, key=str(event.booking.booking_id), due_at=event.booking.starts_at
    )
    await waiting.settle(session, booking_id=event.booking.booking_id, target=WaitState.ACCEPTED)


@subscriber(BookingConfirmed, name="appointments.watch_arrival")
async def watch_arrival(session: AsyncSession, event: BookingConfirmed) -> None:
    """Tell her, remind her, and find out when she does not come."""
    booking = await bookings.by_id(session, booking_id=event.booking.booking_id)
    if booking is None or booking.state is not BookingState.CONFIRMED:
        return
    await timers.set_timer(session, name=NO_SHOW_TIMER, key=str(booking.id), due_at=rules.given_up_at(booking))
    await waiting.settle(session, booking_id=booking.id, target=WaitState.ACCEPTED)
    if event.moved_from is not None:
        old = await bookings.by_id(session, booking_id=event.moved_from)
        if old is not None:
            await telling.ended(session, facts.of(old), reason=None)
    is_moved = event.moved_from is not None
    await telling.confirmed(session, event.booking, is_moved=is_moved, now=clock.now())


@subscriber(BookingReassigned, name="appointments.tell_reassigned")
async def tell_reassigned(session: AsyncSession, event: BookingReassigned) -> None:
    version = "choose" if event.is_open else f"staff:{event.booking.staff_id}"
    await telling.changed(session, event.booking, version=version)


@subscriber(BookingDeclined, name="appointments.tell_declined")
async def tell_declined(session: AsyncSession, event: BookingDeclined) -> None:
    await telling.ended(session, event.booking, reason=event.reason)


@subscriber(BookingCancelled, name="appointments.tell_cancelled")
async def tell_cancelled(session: AsyncSession, event: BookingCancelled) -> None:
    """Who cancelled herself need not be told."""
    await telling.ended(session, event.booking, reason=None if event.by == Actor.CUSTOMER.value else event.reason)
    await waiting.settle(session, booking_id=event.booking.booking_id, target=WaitState.WITHDRAWN)


@subscriber(BookingExpired, name="appointments.lapse_offer")
async def lapse_offer(session: AsyncSession, event: BookingExpired) -> None:
    await waiting.settle(session, booking_id=event.booking.booking_id, target=WaitState.LAPSED)


@subscriber(BookingMissed, name="appointments.forget_reminders")
async def forget_reminders(session: AsyncSession, event: BookingMissed) -> None:
    await telling.ended(session, event.booking, reason=None)


@subscriber(BookingCompleted, name="appointments.follow_up")
async def follow_up(session: AsyncSession, event: BookingCompleted) -> None:
    await telling.served(session, event.booking, at=event.completed_at)


@subscriber(SlotOffered, name="appointments.tell_offered")
async def tell_offered(session: AsyncSession, event: SlotOffered) -> None:
    await telling.offered(session, event)


@batch_subscriber(GroupFilled, name="appointments.book_group")
async def book_group(tx: Tx, delivered: Sequence[Delivered[GroupFilled]]) -> None:
    """The session that was held is booked for everybody."""
    for one in delivered:
        orders = {seat.member_id: seat.order_id for seat in one.event.seats}
        await parties.fill(tx, group_id=one.event.group_id, orders=orders, now=clock.now())


@batch_subscriber(GroupEnded, name="appointments.free_group")
async def free_group(tx: Tx, delivered: Sequence[Delivered[GroupEnded]]) -> None:
    """The session that was held can be had again."""
    for one in delivered:
        await parties.free(tx, group_id=one.event.group_id, now=clock.now())


@batch_subscriber(BookingConfirmed, name="appointments.chronicle_confirmed")
async def chronicle_confirmed(tx: Tx, delivered: Sequence[Delivered[BookingConfirmed]]) -> None:
    """Her timeline says how her appointments stand; what was moved stands on it once."""
    moved = [one.event.moved_from for one in delivered if one.event.moved_from is not None]
    await chronicle.keep(tx, booking_ids=[*moved, *(one.event.booking.booking_id for one in delivered)])


@batch_subscriber(BookingCancelled, name="appointments.chronicle_cancelled")
async def chronicle_cancelled(tx: Tx, delivered: Sequence[Delivered[BookingCancelled]]) -> None:
    await chronicle.keep(tx, booking_ids=[one.event.booking.booking_id for one in delivered])


@batch_subscriber(BookingMissed, name="appointments.chronicle_missed")
async def chronicle_missed(tx: Tx, delivered: Sequence[Delivered[BookingMissed]]) -> None:
    await chronicle.keep(tx, booking_ids=[one.event.booking.booking_id for one in delivered])


@batch_subscriber(BookingArrived, name="appointments.chronicle_arrived")
async def chronicle_arrived(tx: Tx, delivered: Sequence[Delivered[BookingArrived]]) -> None:
    await chronicle.keep(tx, booking_ids=[one.event.booking.booking_id for one in delivered])


@batch_subscriber(BookingCompleted, name="appointments.chronicle_completed")
async def chronicle_completed(tx: Tx, delivered: Sequence[Delivered[BookingCompleted]]) -> None:
    await chronicle.keep(tx, booking_ids=[one.event.booking.booking_id for one in delivered])


@batch_subscriber(ProductTried, name="appointments.chronicle_tried")
async def chronicle_tried(tx: Tx, delivered: Sequence[Delivered[ProductTried]]) -> None:
    await chronicle.keep_tried(tx, tried=[one.event for one in delivered])


@batch_subscriber(OrderReleased, name="appointments.follow_sales")
async def follow_sales(tx: Tx, delivered: Sequence[Delivered[OrderReleased]]) -> None:
    """What a customer buys soon after an appointment follows it."""
    await purchases.follow(tx, order_ids=[one.event.order.order_id for one in delivered], now=clock.now())


@batch_subscriber(OrderRefunded, name="appointments.follow_refunds")
async def follow_refunds(tx: Tx, delivered: Sequence[Delivered[OrderRefunded]]) -> None:
    """What goes back is taken off again."""
    await purchases.follow(tx, order_ids=[one.event.order.order_id for one in delivered], now=clock.now())


@batch_subscriber(DocumentsMerged, name="appointments.follow_documents")
async def follow_documents(tx: Tx, delivered: Sequence[Delivered[DocumentsMerged]]) -> None:
    """The same of what she buys at a till or on a marketplace: it follows as its source says now."""
    for one in delivered:
        await purchases.follow_foreign(
            tx, order_ids=one.event.order_ids, member_ids=one.event.member_ids, now=clock.now()
        )


@subscriber(OrderRefunded, name="appointments.give_seat_back")
async def give_seat_back(session: AsyncSession, event: OrderRefunded) -> None:
    """A member's money is back after her group was complete."""
    order = event.order
    is_whole = event.refunded_minor >= order.total_minor
    if order.origin_type == SEAT and order.member_id is not None and is_whole:
        await parties.give_seat_back(session, member_id=order.member_id, order_id=order.order_id, now=clock.now())


@batch_subscriber(MessageDue, name="appointments.recheck_reminders")
async def recheck_reminders(tx: Tx, delivered: Sequence[Delivered[MessageDue]]) -> None:
    """Whether what she is to be reminded of still stands."""
    await telling.recheck(tx, due=[one.event for one in delivered], now=clock.now())


@batch_subscriber(SlotFreed, name="appointments.offer_freed_slot")
async def offer_freed_slot(tx: Tx, delivered: Sequence[Delivered[SlotFreed]]) -> None:
    """To whoever waits for it."""
    for one in delivered:
        await waiting.offer(tx, freed=one.event, now=clock.now())


@subscriber(PaymentCaptured, name="appointments.take_deposit")
async def take_deposit(session: AsyncSession, event: PaymentCaptured) -> None:
    if event.subject_type == SUBJECT:
        await deposits.captured(session, payment_id=event.payment_id, now=clock.now())


@subscriber(PaymentClosed, name="appointments.free_unpaid")
async def free_unpaid(session: AsyncSession, event: PaymentClosed) -> None:
    """Nobody can pay any more: only now it is sure that the time is free."""
    if event.subject_type != SUBJECT:
        return
    booking = await bookings.by_payment(session, payment_id=event.payment_id)
    if booking is not None:
        await life.expire(session, booking, now=clock.now())


@subscriber(PaymentRefunded, name="appointments.note_refund")
async def note_refund(session: AsyncSession, event: PaymentRefunded) -> None:
    if event.subject_type == SUBJECT:
        await deposits.refunded(session, payment_id=event.payment_id)


@subscriber(PaymentOrphaned, name="appointments.return_late_money")
async def return_late_money(session: AsyncSession, event: PaymentOrphaned) -> None:
    """Paid after the time was given back, or twice: nobody is charged without a time of hers."""
    if event.subject_type != SUBJECT or event.reason not in ("late", "duplicate"):
        return
    # Headquarters may have been first: refunded it, or settled it with her in another way.
    with contextlib.suppress(OrphanTaken, NotRefundable):
        async with savepoint(session):
            await payments.refund_orphan(session, orphan_id=event.orphan_id, reason=event.reason)


@on_timer(HOLD_TIMER)
async def end_hold(session: AsyncSession, due: DueTimer) -> None:
    """Not paid in time. While somebody may just be paying, payments decides: it tells whether she did."""
    booking = await bookings.by_id(session, booking_id=uuid.UUID(due.key), is_locked=True)
    if booking is None or booking.state is not BookingState.HELD:
        return
    if booking.payment_id is None:
        await life.expire(session, booking, now=clock.now())
    else:
        await payments.close_payment(session, payment_id=booking.payment_id)


@on_timer(REQUEST_TIMER)
async def end_request(session: AsyncSession, due: DueTimer) -> None:
    booking = await bookings.by_id(session, booking_id=uuid.UUID(due.key), is_locked=True)
    if booking is not None and booking.state is BookingState.REQUESTED:
        await life.decline(session, booking, by=Actor.SYSTEM, actor_id=None, now=clock.now(), reason="no answer")


@on_timer(NO_SHOW_TIMER)
async def note_no_show(session: AsyncSession, due: DueTimer) -> None:
    booking = await bookings.by_id(session, booking_id=uuid.UUID(due.key), is_locked=True)
    if booking is None or booking.state is not BookingState.CONFIRMED:
        return
    try:
        await life.miss(session, booking, by=Actor.SYSTEM, actor_id=None, now=clock.now())
    except NotNow:
        return


@on_timer(waiting.OFFER_TIMER)
async def end_offer(session: AsyncSession, due: DueTimer) -> None:
    await waiting.lapse(session, wait_id=uuid.UUID(due.key))


SUBSCRIBERS = (
    watch_hold,
    watch_request,
    watch_arrival,
    tell_reassigned,
    tell_declined,
    tell_cancelled,
    lapse_offer,
    forget_reminders,
    follow_up,
    tell_offered,
    chronicle_confirmed,
    chronicle_cancelled,
    chronicle_missed,
    chronicle_arrived,
    chronicle_completed,
    chronicle_tried,
    book_group,
    free_group,
    give_seat_back,
    follow_sales,
    follow_refunds,
    follow_documents,
    recheck_reminders,
    offer_freed_slot,
    take_deposit,
    free_unpaid,
    note_refund,
    return_late_money,
)
TIMERS = (end_hold, end_request, note_no_show, end_offer)
