"""Group-buys react to what orders, payments and stores tell, and to time; a chunk is a few statements."""

import uuid
from collections.abc import Iterable, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.events import GroupEnded, GroupFilled
from groupbuy.repository.groups import Paid
from groupbuy.service import confirming, ending, filling, late
from groupbuy.service.ending import DEADLINE
from groupbuy.service.late import LateMoney
from groupbuy.states import EndReason
from groupbuy.types import SEAT
from stores.events import ShopClosed
from yundian.orders.events import OrderCancelled, OrderClosed, OrderFacts, OrderPaid, OrderRefunded
from yundian.orders.types import SUBJECT
from yundian.payments.events import PaymentOrphaned
from yundian.platform.core import clock
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, DueTimer, batch_subscriber, on_timer


@batch_subscriber(OrderPaid, name="groupbuy.take_money")
async def take_money(tx: Tx, delivered: Sequence[Delivered[OrderPaid]]) -> None:
    """The last seat that is paid fills its group."""
    paid = {
        one.event.order.order_id: Paid(one.event.order.order_id, one.event.paid_at)
        for one in delivered
        if _is_ours(one.event.order)
    }
    if paid:
        await filling.take_money(tx, paid=list(paid.values()), now=clock.now())


@batch_subscriber(OrderClosed, name="groupbuy.release_seats")
async def release_seats(tx: Tx, delivered: Sequence[Delivered[OrderClosed]]) -> None:
    """Nobody paid: the seats are free for others."""
    closed = _ids(one.event.order for one in delivered)
    if closed:
        await ending.release_seats(tx, order_ids=closed, now=clock.now())


@batch_subscriber(OrderCancelled, name="groupbuy.note_cancelled")
async def note_cancelled(tx: Tx, delivered: Sequence[Delivered[OrderCancelled]]) -> None:
    """Cancelled by HQ or the shop while the group was open; what we cancelled ourselves is over already."""
    cancelled = _ids(one.event.order for one in delivered)
    if cancelled:
        await ending.note_cancelled(tx, order_ids=cancelled, now=clock.now())


@batch_subscriber(OrderRefunded, name="groupbuy.take_back")
async def take_back(tx: Tx, delivered: Sequence[Delivered[OrderRefunded]]) -> None:
    """A seat is over when all its money is back; a part of it changes nothing here."""
    whole = _ids(one.event.order for one in delivered if one.event.refunded_minor >= one.event.order.total_minor)
    if whole:
        await ending.take_back(tx, order_ids=whole)


@batch_subscriber(GroupFilled, name="groupbuy.release_orders")
async def release_orders(tx: Tx, delivered: Sequence[Delivered[GroupFilled]]) -> None:
    await confirming.release(tx, filled=[one.event for one in delivered])


@batch_subscriber(GroupEnded, name="groupbuy.give_back")
async def give_back(tx: Tx, delivered: Sequence[Delivered[GroupEnded]]) -> None:
    """A thousand groups at midnight are a few statements for each chunk."""
    group_ids = sorted({one.event.group_id for one in delivered})
    await ending.give_back(tx, group_ids=group_ids, now=clock.now())


@batch_subscriber(PaymentOrphaned, name="groupbuy.place_late_money")
async def place_late_money(tx: Tx, delivered: Sequence[Delivered[PaymentOrphaned]]) -> None:
    """Late and doubled money of seats; what does not match or is not ours is HQ's."""
    for one in delivered:
        event = one.event
        if event.subject_type != SUBJECT or event.subject_id is None or event.reason not in ("late", "duplicate"):
            continue
        money = LateMoney(
            orphan_id=event.orphan_id,
            order_id=event.subject_id,
            amount_minor=event.amount_minor,
            currency=event.currency,
            is_duplicate=event.reason == "duplicate",
        )
        await late.place_late_money(tx, money=money, now=clock.now())


@batch_subscriber(ShopClosed, name="groupbuy.end_groups_of_shop")
async def end_groups_of_shop(tx: Tx, delivered: Sequence[Delivered[ShopClosed]]) -> None:
    """A shop that is gone hands nothing out: the money of its open groups goes back, and of seats elsewhere whose
    pieces would be collected there."""
    for shop_id in sorted({one.event.shop_id for one in delivered}):
        now = clock.now()
        await ending.cancel_groups(tx, shop_id=shop_id, reason=EndReason.SHOP, now=now)
        await ending.leave_shop(tx, shop_id=shop_id, now=now)


@on_timer(DEADLINE)
async def deadline(session: AsyncSession, timer: DueTimer) -> None:
    """A group's time is up."""
    await ending.reach_deadline(session, group_id=uuid.UUID(timer.key), now=clock.now())


def _is_ours(order: OrderFacts) -> bool:
    return order.origin_type == SEAT


def _ids(orders: Iterable[OrderFacts]) -> list[uuid.UUID]:
    return sorted({order.order_id for order in orders if _is_ours(order)})


SUBSCRIBERS = (
    take_money,
    release_seats,
    note_cancelled,
    take_back,
    release_orders,
    give_back,
    place_late_money,
    end_groups_of_shop,
)
TIMERS = (deadline,)
