"""What happens to members and their orders is kept on their timelines, many at once."""

import datetime as dt
import uuid
from collections.abc import Sequence

from yundian.members.events import MemberJoined, PhoneBound
from yundian.members.service import timeline
from yundian.members.types import Happening, TimelineKind
from yundian.orders.events import (
    OrderCancelled,
    OrderClosed,
    OrderCollected,
    OrderFacts,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderReleased,
)
from yundian.platform.core.clock import UTC
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, batch_subscriber


@batch_subscriber(OrderPlaced, name="members.note_placed")
async def note_placed(tx: Tx, delivered: Sequence[Delivered[OrderPlaced]]) -> None:
    await _keep(
        tx, [_of_order(one.event.order, TimelineKind.PLACED, one.event.order.placed_at) for one in delivered]
    )


@batch_subscriber(OrderPaid, name="members.note_paid")
async def note_paid(tx: Tx, delivered: Sequence[Delivered[OrderPaid]]) -> None:
    """Adds to what she paid."""
    await _keep(
        tx,
        [
            _of_order(one.event.order, TimelineKind.PAID, one.event.paid_at, amount_minor=one.event.amount_minor)
            for one in delivered
        ],
    )


@batch_subscriber(OrderReleased, name="members.note_released")
async def note_released(tx: Tx, delivered: Sequence[Delivered[OrderReleased]]) -> None:
    await _keep(
        tx, [_of_order(one.event.order, TimelineKind.RELEASED, one.event.released_at) for one in delivered]
    )


@batch_subscriber(OrderCollected, name="members.note_collected")
async def note_collected(tx: Tx, delivered: Sequence[Delivered[OrderCollected]]) -> None:
    await _keep(
        tx,
        [
            _of_order(one.event.order, TimelineKind.COLLECTED, one.event.collected_at, shop_id=one.event.shop_id)
            for one in delivered
        ],
    )


@batch_subscriber(OrderRefunded, name="members.note_refunded")
async def note_refunded(tx: Tx, delivered: Sequence[Delivered[OrderRefunded]]) -> None:
    """Adds to what she got back, once for each refund."""
    await _keep(
        tx,
        [
            _of_order(
                one.event.order,
                TimelineKind.REFUNDED,
                one.event.refunded_at,
                ref=("refund", one.event.refund_id),
                amount_minor=one.event.amount_minor,
            )
            for one in delivered
        ],
    )


@batch_subscriber(OrderCancelled, name="members.note_cancelled")
async def note_cancelled(tx: Tx, delivered: Sequence[Delivered[OrderCancelled]]) -> None:
    await _keep(
        tx,
        [
            _of_order(one.event.order, TimelineKind.CANCELLED, one.event.cancelled_at, reason=one.event.reason)
            for one in delivered
        ],
    )


@batch_subscriber(OrderClosed, name="members.note_closed")
async def note_closed(tx: Tx, delivered: Sequence[Delivered[OrderClosed]]) -> None:
    await _keep(
        tx,
        [
            _of_order(one.event.order, TimelineKind.CLOSED, one.event.closed_at, reason=one.event.reason)
            for one in delivered
        ],
    )


@batch_subscriber(MemberJoined, name="members.note_joined")
async def note_joined(tx: Tx, delivered: Sequence[Delivered[MemberJoined]]) -> None:
    await _keep(
        tx,
        [
            _of_member(one.event.member_id, TimelineKind.JOINED, one.event_id, via=one.event.via)
            for one in delivered
        ],
    )


@batch_subscriber(PhoneBound, name="members.note_phone_bound")
async def note_phone_bound(tx: Tx, delivered: Sequence[Delivered[PhoneBound]]) -> None:
    await _keep(tx, [_of_member(one.event.member_id, TimelineKind.PHONE_BOUND, one.event_id) for one in delivered])


async def _keep(tx: Tx, happenings: list[Happening | None]) -> None:
    """Orders of nobody we know are left out."""
    await timeline.keep(tx, happenings=[one for one in happenings if one is not None])


def _of_order(
    order: OrderFacts,
    kind: TimelineKind,
    at: dt.datetime,
    *,
    ref: tuple[str, uuid.UUID] | None = None,
    amount_minor: int | None = None,
    shop_id: uuid.UUID | None = None,
    reason: str = "",
) -> Happening | None:
    if order.member_id is None:
        return None
    ref_type, ref_id = ref or ("order", order.order_id)
    first = order.lines[0].name if order.lines else ""
    facts: dict[str, str | int] = {"name": first, "pieces": sum(line.quantity for line in order.lines)}
    if order.handed_by:
        facts["handed_by"] = order.handed_by
    return Happening(
        member_id=order.member_id,
        kind=kind,
        ref_type=ref_type,
        ref_id=ref_id,
        at=at,
        order_id=order.order_id,
        number=order.number,
        channel=order.channel,
        shop_id=shop_id or order.attributed_shop_id,
        amount_minor=order.total_minor if amount_minor is None else amount_minor,
        currency=order.currency,
        facts={**facts, "reason": reason} if reason else facts,
    )


def _of_member(member_id: uuid.UUID, kind: TimelineKind, event_id: uuid.UUID, **facts: str) -> Happening:
    """At the time that the event's own id tells."""
    at = dt.datetime.fromtimestamp((event_id.int >> 80) / 1000, tz=UTC)
    return Happening(member_id=member_id, kind=kind, ref_type="event", ref_id=event_id, at=at, facts=dict(facts))


SUBSCRIBERS = (
    note_joined,
    note_phone_bound,
    note_placed,
    note_paid,
    note_released,
    note_collected,
    note_refunded,
    note_cancelled,
    note_closed,
)
