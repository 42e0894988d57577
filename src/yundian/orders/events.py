"""What orders tells other rooms. Every event carries the order as it stands, so nobody reads it back."""

import datetime as dt
import uuid

import msgspec

from yundian.platform.outbox.declare import Event


class LineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was sold; ``total_minor`` is after its discount."""

    line_no: int
    sku_id: uuid.UUID | None
    sku_code: str
    name: str
    quantity: int
    total_minor: int


class RefundedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What one refund gives back of one line; the lines of a refund sum up to it."""

    line_no: int
    quantity: int
    amount_minor: int


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its three shops: whose link brought it, who hands it over, where the member is at home.

    Amounts are minor units of ``currency``; ``total_minor`` = goods - discount + shipping. ``origin`` is the
    opaque thing of an upper room that placed it.
    """

    order_id: uuid.UUID
    number: str
    channel: str
    member_id: uuid.UUID | None
    attributed_shop_id: uuid.UUID | None
    fulfil_shop_id: uuid.UUID | None
    home_shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    origin_type: str
    origin_id: uuid.UUID | None
    currency: str
    goods_minor: int
    discount_minor: int
    shipping_minor: int
    total_minor: int
    placed_at: dt.datetime
    lines: tuple[LineFacts, ...]
    # The room that hands it over by a code of its own; empty: the counter.
    handed_by: str = ""


class OrderPlaced(Event, frozen=True, kw_only=True, tag="orders.placed.v1"):
    """Placed and not paid yet."""

    order: OrderFacts


class OrderPaid(Event, frozen=True, kw_only=True, tag="orders.paid.v1"):
    """Paid in full, once per order. ``paid_at`` is the provider's time."""

    order: OrderFacts
    payment_id: uuid.UUID
    amount_minor: int
    paid_at: dt.datetime


class OrderReleased(Event, frozen=True, kw_only=True, tag="orders.released.v1"):
    """It may be handed over: nothing it waited for is missing any more. A sale, from now on."""

    order: OrderFacts
    released_at: dt.datetime


class OrderUncollected(Event, frozen=True, kw_only=True, tag="orders.uncollected.v1"):
    """Nobody came for it yet; at ``refund_at`` it is paid back if nobody does."""

    order: OrderFacts
    refund_at: dt.datetime


class OrderClosed(Event, frozen=True, kw_only=True, tag="orders.closed.v1"):
    """Never paid, and over. ``reason``: ``timeout``, ``buyer``, ``shop``."""

    order: OrderFacts
    reason: str
    closed_at: dt.datetime


class OrderCancelled(Event, frozen=True, kw_only=True, tag="orders.cancelled.v1"):
    """Paid, and over before it was handed over; its refund is on the way."""

    order: OrderFacts
    reason: str
    cancelled_at: dt.datetime


class OrderRefunded(Event, frozen=True, kw_only=True, tag="orders.refunded.v1"):
    """One refund arrived; ``refunded_minor`` is the sum so far. ``was_released`` tells a return from no sale."""

    order: OrderFacts
    refund_id: uuid.UUID
    amount_minor: int
    refunded_minor: int
    refunded_at: dt.datetime
    was_released: bool
    lines: tuple[RefundedLine, ...]


class OrderCollected(Event, frozen=True, kw_only=True, tag="orders.collected.v1"):
    """Handed over in a shop, by whom."""

    order: OrderFacts
    collected_at: dt.datetime
    shop_id: uuid.UUID
    staff_id: uuid.UUID


EVENTS = (
    OrderPlaced,
    OrderPaid,
    OrderReleased,
    OrderUncollected,
    OrderClosed,
    OrderCancelled,
    OrderRefunded,
    OrderCollected,
)
