"""HQ pays an order back: whole, an amount, or pieces of its lines."""

import uuid

from yundian.orders.errors import OrderNotOpen, OrderUnknown, RefundTooLarge
from yundian.orders.events import RefundedLine
from yundian.orders.repository import moving, reading, refunds
from yundian.orders.repository.moving import Move
from yundian.orders.rules import price_of_pieces, refund_amount
from yundian.orders.service import life
from yundian.orders.states import OPEN, EventKind, OrderState
from yundian.orders.types import SUBJECT, Actor, OrderView, RefundRow, RefundWanted
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.outbox.door import Door


async def request(door: Door, *, order_id: uuid.UUID, wanted: RefundWanted, actor: Actor) -> int:
    """The amount that goes back. Whole before the hand-over, it cancels the order; ``orders.refunded.v1`` follows.

    Raises:
        RefundTooLarge: more than what was paid and is not on its way back already.
        OrderNotOpen: in part, and the order is not released yet: its sale has not been counted.
    """
    order = await _paid_order(door, order_id)
    payment = await payments.find_payment(door, subject_type=SUBJECT, subject_id=order_id)
    if payment is None:
        raise RefundTooLarge(refundable_minor=0)
    amount = refund_amount(order, wanted, refundable_minor=payment.refundable_minor)
    is_rest = amount == payment.refundable_minor
    if not is_rest and order.released_at is None:
        raise OrderNotOpen(state=order.state.value)
    if is_rest and order.state in OPEN:
        await life.void(door, order_ids=[order_id], reason="refunded", actor=actor)
    lines: list[RefundedLine] = price_of_pieces(order.lines, wanted.pieces) if wanted.pieces else []
    refund = await payments.request_refund(
        door, payment_id=payment.id, amount_minor=amount, reason=wanted.reason, actor_id=actor.id
    )
    await refunds.add_request(
        door,
        order_id=order_id,
        reference=str(refund.id),
        amount_minor=amount,
        currency=order.currency,
        reason=wanted.reason,
        requested_by=actor.id,
        lines=lines,
    )
    asked = Move(order_id=order_id, at=clock.now(), facts={"amount_minor": amount, "reason": wanted.reason})
    await moving.tell(door, kind=EventKind.REFUND_REQUESTED, moves=[asked], actor=actor)
    return amount


async def of_order(door: Door, *, order_id: uuid.UUID) -> list[RefundRow]:
    """What went or goes back, oldest first."""
    return await refunds.of_order(door, order_id=order_id)


async def _paid_order(door: Door, order_id: uuid.UUID) -> OrderView:
    """Locked: nobody hands it over meanwhile."""
    found = await reading.by_ids(door, order_ids=[order_id], lock=True)
    if not found:
        raise OrderUnknown
    if found[0].state in (OrderState.CREATED, OrderState.CLOSED):
        raise OrderNotOpen(state=found[0].state.value)
    return found[0]
