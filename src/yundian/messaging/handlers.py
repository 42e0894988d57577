"""Reactions to what other rooms tell: messages about groups and orders, and what WeChat says of messages."""

import datetime as dt
import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.events import GroupFilled
from stores import api as stores
from yundian.catalog import api as catalog
from yundian.members.events import SubscriptionMessageEnded, SubscriptionTakenBack, TemplateMessageEnded
from yundian.messaging.service import hearing, queueing
from yundian.messaging.types import MessageWish, Value
from yundian.orders.events import OrderCancelled, OrderFacts, OrderRefunded, OrderReleased, OrderUncollected
from yundian.platform.core.money import Money
from yundian.platform.core.words import Words
from yundian.platform.outbox.declare import subscriber

# News of last week is no news: after an outage of days, or for an order that came in late from elsewhere.
_FRESH = dt.timedelta(days=3)
# Its group did not fill in time; or was over when the money came.
_GROUP_FAILED = frozenset({"group_failed", "group_over"})
# Asked of orders when the message is due: it may have been cancelled, or handed over, meanwhile.
_STILL_READY = "orders.still_ready"
# Orders of a till are told at the till.
_AT_THE_TILL = "pos"


@subscriber(GroupFilled, name="messaging.tell_group_filled")
async def tell_group_filled(session: AsyncSession, event: GroupFilled) -> None:
    """To each of its members."""
    wishes = [
        MessageWish(
            fact_key=f"group:{event.group_id}:{seat.order_id}",
            member_id=seat.member_id,
            template="group.filled",
            shop_id=event.shop_id,
            values={"group": event.code, "order": seat.order_number},
            path=_order_path(seat.order_number),
            useless_after=event.filled_at + _FRESH,
        )
        for seat in event.seats
    ]
    await queueing.queue(session, wishes=wishes)


@subscriber(OrderCancelled, name="messaging.tell_group_expired")
async def tell_group_expired(session: AsyncSession, event: OrderCancelled) -> None:
    """A group did not fill; the money is on its way back."""
    if event.reason not in _GROUP_FAILED:
        return
    order = event.order
    values: dict[str, Value] = {
        "order": order.number,
        "product": await _product(session, order),
        "amount": Money(order.total_minor, order.currency),
    }
    await _tell(session, order, "group.expired", f"order:{order.order_id}", values, event.cancelled_at)


@subscriber(OrderReleased, name="messaging.tell_order_ready")
async def tell_order_ready(session: AsyncSession, event: OrderReleased) -> None:
    """Ready for hand-over in a shop. Not what is shipped, nor what another room hands over and tells."""
    order = event.order
    if order.fulfil_shop_id is None or order.handed_by:
        return
    shop = await _shop_name(session, order.fulfil_shop_id)
    values: dict[str, Value] = {"order": order.number, "product": await _product(session, order), "shop": shop}
    await _tell(
        session, order, "order.ready", f"order:{order.order_id}", values, event.released_at, recheck=_STILL_READY
    )


@subscriber(OrderUncollected, name="messaging.tell_order_uncollected")
async def tell_order_uncollected(session: AsyncSession, event: OrderUncollected) -> None:
    """Nobody came for it yet; asked again before it is sent."""
    order = event.order
    if order.fulfil_shop_id is None:
        return
    values: dict[str, Value] = {
        "order": order.number,
        "product": await _product(session, order),
        "shop": await _shop_name(session, order.fulfil_shop_id),
        "until": event.refund_at,
    }
    await _tell(
        session,
        order,
        "order.uncollected",
        f"order:{order.order_id}",
        values,
        event.refund_at - _FRESH,
        recheck=_STILL_READY,
    )


@subscriber(OrderRefunded, name="messaging.tell_order_refunded")
async def tell_order_refunded(session: AsyncSession, event: OrderRefunded) -> None:
    """Each refund of an order is a fact of its own."""
    order = event.order
    values: dict[str, Value] = {
        "order": order.number,
        "product": await _product(session, order),
        "amount": Money(event.amount_minor, order.currency),
    }
    await _tell(session, order, "order.refunded", f"refund:{event.refund_id}", values, event.refunded_at)


@subscriber(TemplateMessageEnded, name="messaging.note_delivery")
async def note_delivery(session: AsyncSession, event: TemplateMessageEnded) -> None:
    """Arrived; or it did not, and the next way is tried."""
    await hearing.template_ended(session, app_id=event.app_id, provider_ref=event.message_ref, status=event.status)


@subscriber(SubscriptionMessageEnded, name="messaging.note_subscription")
async def note_subscription(session: AsyncSession, event: SubscriptionMessageEnded) -> None:
    """The same of the mini program's messages; it may say how one ended that nobody knew of."""
    await hearing.subscription_ended(
        session,
        app_id=event.app_id,
        template_id=event.template_id,
        provider_ref=event.message_ref,
        error_code=event.error_code,
        member_id=event.member_id,
    )


@subscriber(SubscriptionTakenBack, name="messaging.void_consents")
async def void_consents(session: AsyncSession, event: SubscriptionTakenBack) -> None:
    await hearing.taken_back(
        session, app_id=event.app_id, template_id=event.template_id, member_id=event.member_id, ref=event.ref
    )


async def _tell(
    session: AsyncSession,
    order: OrderFacts,
    template: str,
    fact_key: str,
    values: dict[str, Value],
    happened_at: dt.datetime,
    *,
    recheck: str = "",
) -> None:
    """Nobody is told of an order without a member, or of one she stood at the till for."""
    if order.member_id is None or order.channel.partition(":")[0] == _AT_THE_TILL:
        return
    wish = MessageWish(
        fact_key=fact_key,
        member_id=order.member_id,
        template=template,
        values=values,
        path=_order_path(order.number),
        useless_after=happened_at + _FRESH,
        recheck=recheck,
        shop_id=order.fulfil_shop_id,
    )
    await queueing.queue(session, wishes=[wish])


async def _shop_name(session: AsyncSession, shop_id: uuid.UUID) -> Words:
    found = (await stores.get_shops(session, ids={shop_id})).get(shop_id)
    return Words(found.name, found.name_en) if found else Words("")


async def _product(session: AsyncSession, order: OrderFacts) -> Words:
    """The first line's name stands for all; in English while the catalogue calls it so."""
    if not order.lines:
        return Words(order.number)
    line = order.lines[0]
    sku = (await catalog.get_skus(session, ids={line.sku_id})).get(line.sku_id) if line.sku_id else None
    return Words(line.name, sku.product_name_en if sku and sku.product_name == line.name else "")


def _order_path(number: str) -> str:
    return f"/m/{{brand}}/orders/{number}"


SUBSCRIBERS = (
    tell_group_filled,
    tell_group_expired,
    tell_order_ready,
    tell_order_uncollected,
    tell_order_refunded,
    note_delivery,
    note_subscription,
    void_consents,
)
