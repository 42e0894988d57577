"""The life of orders, set-based: waiting, released, closed, cancelled. What is asked twice happens once."""

import datetime as dt
import uuid
from collections.abc import Sequence

from stores import api as stores
from yundian.attribution import api as attribution
from yundian.attribution.types import Subject
from yundian.orders.events import OrderCancelled, OrderClosed, OrderReleased
from yundian.orders.repository import handover, moving
from yundian.orders.repository.moving import Move
from yundian.orders.rules import facts_of
from yundian.orders.states import EventKind
from yundian.orders.types import HOUSE, SUBJECT, Actor, OrderView
from yundian.payments import api as payments
from yundian.payments.types import RefundWish
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door


async def mark_waiting(door: Door, *, order_ids: Sequence[uuid.UUID], at: dt.datetime) -> list[uuid.UUID]:
    moved = await moving.move(door, kind=EventKind.WAITING, moves=_moves(order_ids, at))
    return [order.id for order in moved]


async def release(door: Door, *, order_ids: Sequence[uuid.UUID], at: dt.datetime) -> list[OrderView]:
    """Two statements however many. Records ``OrderReleased`` each."""
    moved = await moving.move(door, kind=EventKind.RELEASED, moves=_moves(order_ids, at))
    await outbox.record(door, *(OrderReleased(order=facts_of(order), released_at=at) for order in moved))
    step("orders.released")
    return moved


async def close(door: Door, *, order_ids: Sequence[uuid.UUID], reason: str, actor: Actor = HOUSE) -> int:
    """Unpaid orders with a payment end with it: paying may be faster. Those without one are closed at once."""
    wanted = await moving.want_closed(door, order_ids=order_ids, reason=reason)
    without = []
    for order_id in wanted:
        payment = await payments.find_payment(door, subject_type=SUBJECT, subject_id=order_id)
        if payment is None:
            without.append(order_id)
        else:
            await payments.close_payment(door, payment_id=payment.id)
    await ended(door, order_ids=without, reason=reason, actor=actor)
    return len(wanted)


async def ended(
    door: Door, *, order_ids: Sequence[uuid.UUID], reason: str, actor: Actor = HOUSE
) -> list[OrderView]:
    """Nobody paid, and nobody can any more: the stock goes back. Records ``OrderClosed`` each."""
    now = clock.now()
    moves = [Move(order_id=order_id, at=now, text=reason, facts={"reason": reason}) for order_id in order_ids]
    moved = await moving.move(door, kind=EventKind.CLOSED, moves=moves, actor=actor)
    await _give_stock_back(door, moved, now)
    await outbox.record(
        door,
        *(OrderClosed(order=facts_of(order), reason=order.close_reason, closed_at=now) for order in moved),
    )
    step("orders.closed")
    return moved


async def expire(door: Door, *, order_id: uuid.UUID) -> None:
    """Close an unpaid order that has no payment; one that has ends with it."""
    if await payments.find_payment(door, subject_type=SUBJECT, subject_id=order_id) is None:
        await ended(door, order_ids=[order_id], reason="timeout")


async def cancel_paid(
    door: Door,
    *,
    order_ids: Sequence[uuid.UUID],
    reason: str,
    refund_reason: str = "",
    actor: Actor = HOUSE,
) -> list[OrderView]:
    """The money goes back, the stock too, and no code is worth anything. Records ``OrderCancelled`` each."""
    cancelled = await void(door, order_ids=order_ids, reason=reason, actor=actor)
    wishes = [
        RefundWish(payment_id=order.payment_id, reason=refund_reason or reason)
        for order in cancelled
        if order.payment_id is not None
    ]
    await payments.request_refunds(door, refunds=wishes)
    step("orders.cancelled")
    return cancelled


async def void(
    door: Door, *, order_ids: Sequence[uuid.UUID], reason: str, actor: Actor = HOUSE
) -> list[OrderView]:
    """Cancelled, but for the money."""
    now = clock.now()
    moves = [Move(order_id=order_id, at=now, text=reason, facts={"reason": reason}) for order_id in order_ids]
    moved = await moving.move(door, kind=EventKind.CANCELLED, moves=moves, actor=actor)
    await handover.void(door, order_ids=[order.id for order in moved if order.released_at is not None])
    await _give_stock_back(door, moved, now)
    await outbox.record(
        door, *(OrderCancelled(order=facts_of(order), reason=reason, cancelled_at=now) for order in moved)
    )
    return moved


async def _give_stock_back(door: Door, orders: Sequence[OrderView], now: dt.datetime) -> None:
    held = [
        (order.fulfil_shop_id, order.stock_reference)
        for order in orders
        if order.stock_reference and order.fulfil_shop_id is not None
    ]
    await stores.release_stock_of(door, references=held, now=now)


def _moves(order_ids: Sequence[uuid.UUID], at: dt.datetime) -> list[Move]:
    return [Move(order_id=order_id, at=at) for order_id in order_ids]


async def follow_credit(door: Door, *, order_id: uuid.UUID) -> None:
    """Attribute the order to the shop its credit has now: read after the order is locked, so the last is right."""
    if await moving.hold(door, order_id=order_id):
        credit = await attribution.get_credit(door, subject=Subject(SUBJECT, order_id))
        await moving.credit_to(door, order_id=order_id, shop_id=credit.shop_id, staff_id=credit.staff_id)
