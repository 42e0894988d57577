"""Reactions: timers of a booking's life, the deposit's payment, the waiting list, and what customers are told."""

import contextlib
import uuid
from collections.abc import Sequence

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import NotNow
from appointments.events import (
    ArrivalTakenBack,
    BookingArrived,
    BookingCancelled,
    BookingCompleted,
    BookingConfirmed,
    BookingDeclined,
    BookingEventBase,
    BookingExpired,
    BookingForgiven,
    BookingHeld,
    BookingMissed,
    BookingReassigned,
    BookingRequested,
    LineCalled,
    MoveUndone,
    PlansChanged,
    ProductTried,
    SlotFreed,
    SlotOffered,
)
from appointments.repository import bookings, paid
from appointments.rules import life as rules
from appointments.rules.life import NO_SHOW_TIMER, REQUEST_TIMER
from appointments.service import (
    chronicle,
    deposits,
    facts,
    life,
    line,
    moves,
    parties,
    prepaid,
    purchases,
    telling,
    undoing,
    waiting,
)
from appointments.service.booking import SUBJECT
from appointments.states import Attention, BookingState, ReasonCode, Source, WaitState
from appointments.types import Actor
from groupbuy.events import GroupEnded, GroupFilled
from groupbuy.types import SEAT
from stores.events import ShopChanged, ShopOpened
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
from yundian.platform.outbox.declare import Delivered, DueTimer, Subscriber, batch_subscriber, on_timer, subscriber

HOLD_TIMER = "appointments.hold"


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
    await waiting.taken(session, event.booking)


@subscriber(BookingConfirmed, name="appointments.watch_arrival")
async def watch_arrival(session: AsyncSession, event: BookingConfirmed) -> None:
    """Tell her, remind her, and find out when she does not come."""
    await waiting.settle(session, booking_id=event.booking.booking_id, target=WaitState.ACCEPTED)
    await waiting.taken(session, event.booking)
    # Locked: whoever cancels now takes back what we are about to tell.
    booking = await bookings.by_id(session, booking_id=event.booking.booking_id, is_locked=True)
    if booking is None or booking.state is not BookingState.CONFIRMED:
        return
    await timers.set_timer(session, name=NO_SHOW_TIMER, key=str(booking.id), due_at=rules.given_up_at(booking))
    if event.is_told_later:
        return
    if event.moved_from is not None:
        old = await bookings.by_id(session, booking_id=event.moved_from)
        if old is not None:
            await telling.over(session, facts.of(old))
    is_moved = event.moved_from is not None
    told = facts.of(booking)
    await telling.confirmed(session, told, is_moved=is_moved, now=booking.seen_at)
    if booking.attention is Attention.CHOOSE:
        await telling.changed(session, told, version="choose")


@subscriber(BookingReassigned, name="appointments.tell_reassigned")
async def tell_reassigned(session: AsyncSession, event: BookingReassigned) -> None:
    """As it stands now: what ended is told of nothing, and what is only held hears it when it is hers."""
    booking = await bookings.by_id(session, booking_id=event.booking.booking_id, is_locked=True)
    if booking is None or booking.state not in (BookingState.CONFIRMED, BookingState.REQUESTED):
        return
    is_open = booking.attention is Attention.CHOOSE
    version = "choose" if is_open else f"staff:{booking.sequence}"
    await telling.changed(session, facts.of(booking), version=version)


@subscriber(BookingDeclined, name="appointments.tell_declined")
async def tell_declined(session: AsyncSession, event: BookingDeclined) -> None:
    await telling.ended(session, event)


@subscriber(BookingCancelled, name="appointments.tell_cancelled")
async def tell_cancelled(session: AsyncSession, event: BookingCancelled) -> None:
    """Who cancelled herself need not be told."""
    if event.by == Actor.CUSTOMER.value:
        await telling.over(session, event.booking)
    else:
        known = await undoing.as_known(session, event)
        await telling.ended(session, msgspec.structs.replace(event, booking=known))
    await waiting.settle(session, booking_id=event.booking.booking_id, target=WaitState.WITHDRAWN)


@subscriber(BookingExpired, name="appointments.lapse_offer")
async def lapse_offer(session: AsyncSession, event: BookingExpired) -> None:
    await waiting.settle(session, booking_id=event.booking.booking_id, target=WaitState.LAPSED)


@subscriber(BookingMissed, name="appointments.forget_reminders")
async def forget_reminders(session: AsyncSession, event: BookingMissed) -> None:
    await telling.over(session, event.booking)


@subscriber(BookingCompleted, name="appointments.follow_up")
async def follow_up(session: AsyncSession, event: BookingCompleted) -> None:
    await telling.served(session, event.booking, at=event.completed_at)


@subscriber(SlotOffered, name="appointments.tell_offered")
async def tell_offered(session: AsyncSession, event: SlotOffered) -> None:
    """While it still stands: she may have left meanwhile, or let it lapse."""
    if await waiting.stands(session, wait_id=event.wait_id, expires_at=event.expires_at):
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


def _chronicled(kind: type[BookingEventBase], what: str) -> Subscriber:
    @batch_subscriber(kind, name=f"appointments.chronicle_{what}")
    async def keep(tx: Tx, delivered: Sequence[Delivered[BookingEventBase]]) -> None:
        """Her timeline says how her appointments stand; what was moved stands on it once."""
        told = [one.event for one in delivered]
        moved = [one.moved_from for one in told if isinstance(one, BookingConfirmed) and one.moved_from]
        await chronicle.keep(tx, booking_ids=[*moved, *(one.booking.booking_id for one in told)])

    return keep


# What brings her timeline in line with how her appointments stand.
_CHRONICLED = (
    _chronicled(BookingConfirmed, "confirmed"),
    _chronicled(BookingCancelled, "cancelled"),
    _chronicled(BookingMissed, "missed"),
    _chronicled(BookingForgiven, "forgiven"),
    _chronicled(BookingArrived, "arrived"),
    _chronicled(ArrivalTakenBack, "taken_back"),
    _chronicled(BookingCompleted, "completed"),
)


@batch_subscriber(MoveUndone, name="appointments.chronicle_undone")
async def chronicle_undone(tx: Tx, delivered: Sequence[Delivered[MoveUndone]]) -> None:
    both = [each for one in delivered for each in (one.event.booking.booking_id, one.event.instead_of)]
    await chronicle.keep(tx, booking_ids=both)


@batch_subscriber(ProductTried, name="appointments.chronicle_tried")
async def chronicle_tried(tx: Tx, delivered: Sequence[Delivered[ProductTried]]) -> None:
    await chronicle.keep_tried(tx, tried=[one.event for one in delivered])


@batch_subscriber(OrderReleased, name="appointments.follow_sales")
async def follow_sales(tx: Tx, delivered: Sequence[Delivered[OrderReleased]]) -> None:
    """What a customer buys soon after an appointment follows it."""
    await purchases.follow(tx, order_ids=[one.event.order.order_id for one in delivered], now=clock.now())


@batch_subscriber(OrderReleased, name="appointments.hand_over_late")
async def hand_over_late(tx: Tx, delivered: Sequence[Delivered[OrderReleased]]) -> None:
    """Who was checked in before her order was released has it handed over now."""
    for one in delivered:
        order = one.event.order
        if order.origin_type == SEAT and order.handed_by and order.member_id is not None:
            await prepaid.catch_up(tx, member_id=order.member_id, order_id=order.order_id)


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
    """To whoever waits for it, or for another service that fits into it."""
    # What begins soon and how long an offer stands: whatever this process's clock says.
    now = await bookings.moment(tx)
    await line.serve_freed(tx, freed=[one.event for one in delivered], now=now)


@batch_subscriber(LineCalled, name="appointments.serve_line")
async def serve_line(tx: Tx, delivered: Sequence[Delivered[LineCalled]]) -> None:
    """What can be had now is offered to whoever waits at a shop."""
    now = await bookings.moment(tx)
    await line.serve_called(tx, called=[one.event for one in delivered], now=now)


@batch_subscriber(PlansChanged, name="appointments.wake_line")
async def wake_line(tx: Tx, delivered: Sequence[Delivered[PlansChanged]]) -> None:
    """Once for each shop, however much was changed."""
    await line.wake(tx, shop_ids={shop for one in delivered for shop in one.event.shop_ids})


def _woken(kind: type[ShopChanged] | type[ShopOpened], when: str) -> Subscriber:
    @batch_subscriber(kind, name=f"appointments.wake_line_of_{when}")
    async def wake(tx: Tx, delivered: Sequence[Delivered[ShopChanged | ShopOpened]]) -> None:
        """It may be open longer, or again."""
        await line.wake(tx, shop_ids={one.event.shop_id for one in delivered})

    return wake


@subscriber(PaymentCaptured, name="appointments.take_deposit")
async def take_deposit(session: AsyncSession, event: PaymentCaptured) -> None:
    if event.subject_type == SUBJECT:
        await deposits.captured(session, payment_id=event.payment_id, now=clock.now())


@subscriber(PaymentClosed, name="appointments.free_unpaid")
async def free_unpaid(session: AsyncSession, event: PaymentClosed) -> None:
    """Nobody can pay any more: only now it is sure that the time is free."""
    if event.subject_type != SUBJECT:
        return
    booking = await paid.by_payment(session, payment_id=event.payment_id)
    if booking is not None:
        await life.expire(session, booking, now=booking.seen_at)


@subscriber(PaymentRefunded, name="appointments.note_refund")
async def note_refund(session: AsyncSession, event: PaymentRefunded) -> None:
    if event.subject_type == SUBJECT:
        await deposits.refunded(session, payment_id=event.payment_id, refunded_minor=event.refunded_minor)


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
        await life.expire(session, booking, now=booking.seen_at)
    else:
        await payments.close_payment(session, payment_id=booking.payment_id)


@on_timer(REQUEST_TIMER)
async def end_request(session: AsyncSession, due: DueTimer) -> None:
    booking = await bookings.by_id(session, booking_id=uuid.UUID(due.key), is_locked=True)
    if booking is not None and booking.state is BookingState.REQUESTED:
        code = ReasonCode.NO_ANSWER
        await life.decline(session, booking, by=Actor.SYSTEM, actor_id=None, now=booking.seen_at, reason_code=code)


@on_timer(NO_SHOW_TIMER)
async def note_no_show(session: AsyncSession, due: DueTimer) -> None:
    booking = await bookings.by_id(session, booking_id=uuid.UUID(due.key), is_locked=True)
    if booking is None or booking.state is not BookingState.CONFIRMED:
        return
    now = booking.seen_at
    try:
        if booking.attention is Attention.CHOOSE:
            # Nobody could serve her and she did not say what she wants instead: that is not her doing.
            code = ReasonCode.NOT_CHOSEN
            await life.cancel(session, booking, by=Actor.SYSTEM, actor_id=None, now=now, reason_code=code)
        else:
            await life.miss(session, booking, by=Actor.SYSTEM, actor_id=None, now=now)
    except NotNow:
        return


@on_timer(moves.TIMER)
async def tell_moved(session: AsyncSession, due: DueTimer) -> None:
    """What a shop moved cannot be undone any more."""
    move = msgspec.convert(due.payload, moves.Move, strict=False)
    await undoing.settle(session, booking_id=uuid.UUID(due.key), move=move, now=clock.now())


@on_timer(line.OFFER_TIMER)
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
    *_CHRONICLED,
    chronicle_undone,
    chronicle_tried,
    book_group,
    free_group,
    give_seat_back,
    follow_sales,
    hand_over_late,
    follow_refunds,
    follow_documents,
    recheck_reminders,
    offer_freed_slot,
    serve_line,
    wake_line,
    _woken(ShopChanged, "changed"),
    _woken(ShopOpened, "opened"),
    take_deposit,
    free_unpaid,
    note_refund,
    return_late_money,
)
TIMERS = (end_hold, end_request, note_no_show, tell_moved, end_offer)
