"""Orders react to what payments tells, and to time."""

import uuid
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.attribution.events import Transferred
from yundian.messaging import api as messaging
from yundian.messaging.events import MessageDue
from yundian.orders.service import handing_over, life, lists, settling
from yundian.orders.service.handing_over import COMPLETION
from yundian.orders.service.placing import EXPIRY
from yundian.orders.service.settling import Arrival, Capture
from yundian.orders.states import OrderState
from yundian.orders.types import SUBJECT
from yundian.payments.events import PaymentCaptured, PaymentClosed, PaymentRefunded
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, DueTimer, batch_subscriber, on_timer, subscriber

# As messaging queues it.
_STILL_READY = "orders.still_ready"


@batch_subscriber(PaymentCaptured, name="orders.apply_capture")
async def apply_capture(tx: Tx, delivered: Sequence[Delivered[PaymentCaptured]]) -> None:
    captures = [
        Capture(
            order_id=one.event.subject_id,
            payment_id=one.event.payment_id,
            amount_minor=one.event.amount_minor,
            currency=one.event.currency,
            paid_at=one.event.paid_at,
        )
        for one in delivered
        if one.event.subject_type == SUBJECT
    ]
    if captures:
        await settling.captured(tx, captures=captures)


@batch_subscriber(PaymentClosed, name="orders.apply_close")
async def apply_close(tx: Tx, delivered: Sequence[Delivered[PaymentClosed]]) -> None:
    """Nobody paid; why the order was closed before, if somebody closed it, stays as it was said."""
    ended = [one.event.subject_id for one in delivered if one.event.subject_type == SUBJECT]
    if ended:
        await life.ended(tx, order_ids=sorted(set(ended)), reason="timeout")


@batch_subscriber(PaymentRefunded, name="orders.apply_refund")
async def apply_refund(tx: Tx, delivered: Sequence[Delivered[PaymentRefunded]]) -> None:
    arrivals = [
        Arrival(
            order_id=one.event.subject_id,
            refund_id=one.event.refund_id,
            amount_minor=one.event.amount_minor,
            currency=one.event.currency,
            refunded_at=one.event.refunded_at,
        )
        for one in delivered
        if one.event.subject_type == SUBJECT
    ]
    if arrivals:
        await settling.refunded(tx, arrivals=arrivals)


@subscriber(Transferred, name="orders.follow_transfer")
async def follow_transfer(session: AsyncSession, event: Transferred) -> None:
    """The order is where its credit is now, in whatever order the transfers are told."""
    if event.subject_type == SUBJECT:
        await life.follow_credit(session, order_id=event.subject_id)


@batch_subscriber(MessageDue, name="orders.recheck_messages")
async def recheck_messages(tx: Tx, delivered: Sequence[Delivered[MessageDue]]) -> None:
    """Whether what a customer is to be told is still ready: nobody is called to a shop for nothing."""
    asked = {
        one.event.message_id: uuid.UUID(one.event.fact_key.removeprefix("order:"))
        for one in delivered
        if one.event.recheck == _STILL_READY
    }
    if asked:
        found = await lists.get_orders(tx, order_ids=sorted(set(asked.values())))
        ready = {order.id for order in found.values() if order.state is OrderState.READY}
        still = {message for message, order_id in asked.items() if order_id in ready}
        await messaging.answer(tx, still=still, outdated=asked.keys() - still)


@on_timer(EXPIRY)
async def expire(session: AsyncSession, timer: DueTimer) -> None:
    """An order that nobody opened a payment for; a payment ends by itself and is told."""
    await life.expire(session, order_id=uuid.UUID(timer.key))


@on_timer(COMPLETION)
async def complete(session: AsyncSession, timer: DueTimer) -> None:
    """The after-sale window is over."""
    await handing_over.complete(session, order_id=uuid.UUID(timer.key))


SUBSCRIBERS = (apply_capture, apply_close, apply_refund, follow_transfer, recheck_messages)
TIMERS = (expire, complete)
