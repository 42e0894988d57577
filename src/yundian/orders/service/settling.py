"""What payments tells, applied to orders: many at once, in any order, as often as it is told."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

import msgspec

from yundian.orders.errors import OrderUnknown, PaymentNotExpected
from yundian.orders.events import OrderPaid, OrderRefunded, RefundedLine
from yundian.orders.repository import moving, reading, refunds
from yundian.orders.repository.moving import Move
from yundian.orders.repository.refunds import Booked
from yundian.orders.rules import after_refund, facts_of, fits, spread
from yundian.orders.service import life
from yundian.orders.states import OPEN, EventKind, OrderState
from yundian.orders.types import SUBJECT, OrderView
from yundian.payments import api as payments
from yundian.payments.types import RefundWish
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    order_id: uuid.UUID
    payment_id: uuid.UUID
    amount_minor: int
    currency: str
    paid_at: dt.datetime


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that arrived at the payer."""

    order_id: uuid.UUID
    refund_id: uuid.UUID
    amount_minor: int
    currency: str
    refunded_at: dt.datetime


async def captured(door: Door, *, captures: Sequence[Capture]) -> None:
    """Paid, once an order. Records ``OrderPaid`` each.

    Raises:
        PaymentNotExpected: not the order's amount or currency.
        OrderUnknown: money for an order that is not there.
    """
    by_order = {one.order_id: one for one in captures}
    moves = [
        Move(
            order_id=one.order_id,
            at=one.paid_at,
            amount_minor=one.amount_minor,
            ref=one.payment_id,
            text=one.currency,
            facts={"payment_id": one.payment_id, "amount_minor": one.amount_minor},
        )
        for one in by_order.values()
    ]
    moved = await moving.move(door, kind=EventKind.PAID, moves=moves)
    await outbox.record(door, *(_paid(order, by_order[order.id]) for order in moved))
    step("orders.paid")
    rest = by_order.keys() - {order.id for order in moved}
    if rest:
        await _not_moved(door, [by_order[order_id] for order_id in sorted(rest)])


def _paid(order: OrderView, capture: Capture) -> OrderPaid:
    return OrderPaid(
        order=facts_of(order),
        payment_id=capture.payment_id,
        amount_minor=capture.amount_minor,
        paid_at=capture.paid_at,
    )


async def _not_moved(door: Door, captures: Sequence[Capture]) -> None:
    """Told before; or money that the order does not want, which goes back or needs a person."""
    orders = await _locked(door, [one.order_id for one in captures])
    for one in captures:
        order = orders[one.order_id]
        if order.state is OrderState.CREATED:
            raise PaymentNotExpected(number=order.number, amount_minor=one.amount_minor, currency=one.currency)
        if order.state is OrderState.CLOSED:
            await payments.request_refunds(
                door, refunds=[RefundWish(payment_id=one.payment_id, reason="order closed")]
            )


async def refunded(door: Door, *, arrivals: Sequence[Arrival]) -> None:
    """Paid back, once a refund, spread over the lines. A whole refund of what nobody collected cancels the order.

    Records ``OrderRefunded`` each.
    """
    fresh = list({one.refund_id: one for one in arrivals}.values())
    orders = await _locked(door, [one.order_id for one in fresh])
    if await _capture_first(door, orders.values()):
        orders = await _locked(door, list(orders))
    known = await refunds.known(door, order_ids=list(orders))
    booked: list[Booked] = []
    events: list[OrderRefunded] = []
    for one in fresh:
        before = known.get((one.order_id, str(one.refund_id)))
        order = orders[one.order_id]
        # A closed order never had money: it went back without having been counted.
        if (before is not None and before.is_arrived) or order.state is OrderState.CLOSED:
            continue
        lines = _lines_of(order, one, before.lines if before else ())
        orders[order.id] = after = after_refund(order, one.amount_minor, lines)
        booked.append(_booked(order, one, lines))
        events.append(_refunded(after, one, lines))
    if booked:
        await refunds.book(door, booked=booked)
        await moving.tell(door, kind=EventKind.REFUNDED, moves=[_told(one) for one in booked])
        await outbox.record(door, *events)
        await _cancel_refunded(door, orders.values())
    step("orders.refunded")


async def _capture_first(door: Door, orders: Iterable[OrderView]) -> bool:
    """A refund may be told before its payment: the payment is looked up, and is told without effect later."""
    unpaid = [order for order in orders if order.state is OrderState.CREATED]
    for order in unpaid:
        payment = await payments.find_payment(door, subject_type=SUBJECT, subject_id=order.id)
        if payment is None or payment.paid_at is None:
            raise OrderUnknown(number=order.number)
        capture = Capture(
            order_id=order.id,
            payment_id=payment.id,
            amount_minor=payment.captured_minor,
            currency=payment.currency,
            paid_at=payment.paid_at,
        )
        await captured(door, captures=[capture])
    return bool(unpaid)


def _lines_of(order: OrderView, one: Arrival, planned: Sequence[RefundedLine]) -> Sequence[RefundedLine]:
    return planned if planned and fits(order, planned, one.amount_minor) else spread(order, one.amount_minor)


def _booked(order: OrderView, one: Arrival, lines: Sequence[RefundedLine]) -> Booked:
    return Booked(
        order_id=order.id,
        reference=str(one.refund_id),
        amount_minor=one.amount_minor,
        currency=one.currency,
        refunded_at=one.refunded_at,
        was_released=order.released_at is not None,
        lines=lines,
    )


def _refunded(after: OrderView, one: Arrival, lines: Sequence[RefundedLine]) -> OrderRefunded:
    return OrderRefunded(
        order=facts_of(after),
        refund_id=one.refund_id,
        amount_minor=one.amount_minor,
        refunded_minor=after.refunded_minor,
        refunded_at=one.refunded_at,
        was_released=after.released_at is not None,
        lines=tuple(lines),
    )


def _told(one: Booked) -> Move:
    facts = {"refund_id": one.reference, "amount_minor": one.amount_minor}
    return Move(order_id=one.order_id, at=one.refunded_at, facts=facts)


async def _cancel_refunded(door: Door, orders: Iterable[OrderView]) -> None:
    whole = [order.id for order in orders if order.state in OPEN and order.refunded_minor >= order.paid_minor]
    if whole:
        await life.void(door, order_ids=whole, reason="refunded")


async def _locked(door: Door, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, OrderView]:
    orders = {order.id: order for order in await reading.by_ids(door, order_ids=order_ids, lock=True)}
    missing = set(order_ids) - orders.keys()
    if missing:
        raise OrderUnknown(order_ids=sorted(map(str, missing)))
    return orders
