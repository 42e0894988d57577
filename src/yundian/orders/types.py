"""What ``orders.api`` and the service take and return. Amounts: minor units of ``currency``; times: aware UTC."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec

from yundian.orders.states import (
    ActorKind,
    EventKind,
    FulfilmentStatus,
    HandOverState,
    OrderState,
    PaymentStatus,
    UncollectedState,
)
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id

# The subject type under which payments know an order.
SUBJECT = "order"

Note = Annotated[str, msgspec.Meta(max_length=400)]


class NewLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it is sold now: names and prices are kept as they are. ``discount_minor`` is of the whole line."""

    sku_id: uuid.UUID | None
    sku_code: str
    name: str
    quantity: int
    unit_minor: int
    shade_name: str = ""
    discount_minor: int = 0

    @property
    def goods_minor(self) -> int:
        return self.unit_minor * self.quantity

    @property
    def total_minor(self) -> int:
        return self.goods_minor - self.discount_minor


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order to be placed; its sums follow from its lines.

    ``number``: ``api.new_number`` makes one. ``origin``: the opaque thing of an upper room ("groupbuy.seat").
    ``stock_reference``: what the stock was set aside under in ``fulfil_shop_id``, if any. ``handed_by``: the room
    that hands it over. ``external_shop``, ``external_id``, ``source_state``: of other systems' orders.
    """

    id: uuid.UUID = msgspec.field(default_factory=new_id)
    number: str
    channel: str
    currency: str
    lines: tuple[NewLine, ...]
    shipping_minor: int = 0
    member_id: uuid.UUID | None = None
    attributed_shop_id: uuid.UUID | None = None
    fulfil_shop_id: uuid.UUID | None = None
    home_shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    origin_type: str = ""
    origin_id: uuid.UUID | None = None
    placed_at: dt.datetime = msgspec.field(default_factory=clock.now)
    expires_at: dt.datetime | None = None
    stock_reference: str = ""
    handed_by: str = ""
    external_shop: str = ""
    external_id: str = ""
    source_state: str = ""
    note: Note = ""

    @property
    def goods_minor(self) -> int:
        return sum(line.goods_minor for line in self.lines)

    @property
    def discount_minor(self) -> int:
        return sum(line.discount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.goods_minor - self.discount_minor + self.shipping_minor


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    order_id: uuid.UUID
    number: str


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who moves an order."""

    kind: ActorKind = ActorKind.HOUSE
    id: uuid.UUID | None = None


HOUSE = Actor()


def by_customer(member_id: uuid.UUID) -> Actor:
    """The member whose order it is."""
    return Actor(kind=ActorKind.CUSTOMER, id=member_id)


def by_staff(account_id: uuid.UUID) -> Actor:
    """Somebody of the staff, by her account."""
    return Actor(kind=ActorKind.STAFF, id=account_id)


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    line_no: int
    sku_id: uuid.UUID | None
    sku_code: str
    name: str
    shade_name: str
    quantity: int
    unit_minor: int
    discount_minor: int
    total_minor: int
    refunded_minor: int
    refunded_quantity: int


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """One order with its lines, in the order of their numbers.

    ``difference_minor``: by how much another system's total is not goods - discount + shipping.
    """

    id: uuid.UUID
    number: str
    channel: str
    external_shop: str
    external_id: str
    source_state: str
    origin_type: str
    origin_id: uuid.UUID | None
    member_id: uuid.UUID | None
    state: OrderState
    close_reason: str
    attributed_shop_id: uuid.UUID | None
    fulfil_shop_id: uuid.UUID | None
    home_shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    payment_id: uuid.UUID | None
    stock_reference: str
    currency: str
    goods_minor: int
    discount_minor: int
    shipping_minor: int
    total_minor: int
    paid_minor: int
    refunded_minor: int
    placed_at: dt.datetime
    expires_at: dt.datetime | None
    paid_at: dt.datetime | None
    released_at: dt.datetime | None
    handed_over_at: dt.datetime | None
    completed_at: dt.datetime | None
    closed_at: dt.datetime | None
    note: str
    country: str
    province: str
    difference_minor: int
    is_backfill: bool
    handed_by: str
    lines: tuple[LineView, ...]

    @property
    def is_foreign(self) -> bool:
        """Of another system: it is told here, and paid, handed over and paid back there."""
        return bool(self.external_id)

    @property
    def shown_number(self) -> str:
        """The number that people know."""
        return self.external_id or self.number

    @property
    def payment_status(self) -> PaymentStatus:
        if self.paid_minor == 0:
            return PaymentStatus.UNPAID
        if self.refunded_minor == 0:
            return PaymentStatus.PAID
        is_all = self.refunded_minor >= self.paid_minor
        return PaymentStatus.REFUNDED if is_all else PaymentStatus.REFUNDED_PARTLY

    @property
    def fulfilment_status(self) -> FulfilmentStatus:
        return _FULFILMENT[self.state]

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)


_FULFILMENT = {
    OrderState.CREATED: FulfilmentStatus.NONE,
    OrderState.PAID: FulfilmentStatus.WAITING,
    OrderState.WAITING: FulfilmentStatus.WAITING,
    OrderState.READY: FulfilmentStatus.READY,
    OrderState.COLLECTED: FulfilmentStatus.DONE,
    OrderState.COMPLETED: FulfilmentStatus.DONE,
    OrderState.CLOSED: FulfilmentStatus.NONE,
    OrderState.CANCELLED: FulfilmentStatus.NONE,
}


class HistoryView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to an order. ``facts`` are ids, amounts and reasons; never a code or a person."""

    id: uuid.UUID
    at: dt.datetime
    kind: EventKind
    actor_kind: ActorKind
    actor_id: uuid.UUID | None
    facts: dict[str, Any]


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """``shop_id`` matches any of an order's three shops; ``shop_ids``: whose sales and hand-overs the caller sees
    (``None``: all). ``placed_before`` is exclusive. ``number``, ours or the source's, is looked up as ``ids``."""

    states: frozenset[OrderState] = frozenset()
    shop_id: uuid.UUID | None = None
    shop_ids: frozenset[uuid.UUID] | None = None
    campaign_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    channel: str = ""
    placed_from: dt.datetime | None = None
    placed_before: dt.datetime | None = None
    number: str = ""
    ids: frozenset[uuid.UUID] | None = None


class HandOverView(msgspec.Struct, frozen=True, kw_only=True):
    """An order's pick-up code as it stands; the code itself is opened by the service alone."""

    id: uuid.UUID
    order_id: uuid.UUID
    shop_id: uuid.UUID
    state: HandOverState
    used_at: dt.datetime | None
    used_by: uuid.UUID | None


class PickUpCode(msgspec.Struct, frozen=True):
    """The code a customer shows. Never logged, never in an event."""

    digits: str

    @property
    def text(self) -> str:
        """As it is read aloud: three groups of three."""
        return " ".join(self.digits[at : at + 3] for at in range(0, len(self.digits), 3))


class RefundWanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whole (all that is left), an amount, or pieces of lines; at most one of the latter two."""

    reason: str
    amount_minor: int | None = None
    pieces: dict[int, int] = {}


class RefundRow(msgspec.Struct, frozen=True, kw_only=True):
    """A refund of an order; not arrived yet without ``refunded_at``."""

    id: uuid.UUID
    reference: str
    amount_minor: int
    currency: str
    reason: str
    requested_by: uuid.UUID | None
    refunded_at: dt.datetime | None
    was_released: bool
    created_at: dt.datetime


class UncollectedView(msgspec.Struct, frozen=True, kw_only=True):
    """That nobody came for an order, and when it is paid back if that stays so."""

    state: UncollectedState
    refund_at: dt.datetime


class ReturnRow(msgspec.Struct, frozen=True, kw_only=True):
    """Another system's refund; ``is_estimated``: it says no day; ``is_own``: a document of its own tells it."""

    id: uuid.UUID
    external_id: str
    is_own: bool
    amount_minor: int
    currency: str
    refunded_at: dt.datetime
    is_estimated: bool


class StagedOrder(NamedTuple):
    """An order of another system as its newest document tells it: a row of ``orders_staged``.

    ``is_known``: the order is there already, under this id. ``shop_id`` sold it and handed it over.
    ``released_at``: when it counts as a sale (none: it does not); ``paid_at`` is set then too.
    ``difference_minor``: by how much the total is not goods - discount + shipping. ``first_name`` and ``pieces``
    are of its lines, for timelines.
    """

    order_id: uuid.UUID
    is_known: bool
    number: str
    channel: str
    external_shop: str
    external_id: str
    source_state: str
    state: str
    close_reason: str
    member_id: uuid.UUID | None
    shop_id: uuid.UUID | None
    currency: str
    goods_minor: int
    discount_minor: int
    shipping_minor: int
    total_minor: int
    difference_minor: int
    paid_minor: int
    placed_at: dt.datetime
    paid_at: dt.datetime | None
    released_at: dt.datetime | None
    completed_at: dt.datetime | None
    closed_at: dt.datetime | None
    country: str
    province: str
    is_backfill: bool
    first_name: str
    pieces: int


class SoldLine(Protocol):
    """A line as another system tells it; quantity and amounts may be negative. ``line_id``: its own name of it."""

    @property
    def sku(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_minor(self) -> int: ...
    @property
    def discount_minor(self) -> int: ...
    @property
    def total_minor(self) -> int: ...
    @property
    def line_id(self) -> str: ...


class StagedLines(NamedTuple):
    """The lines of a staged order: rows of ``orders_staged_line``, numbered from one."""

    order_id: uuid.UUID
    currency: str
    lines: Sequence[SoldLine]


class StagedReturn(NamedTuple):
    """A refund that another system gave: a row of ``orders_staged_return``.

    ``is_own``: a document of its own tells it, not its order's. ``has_before``: of its own, that it is there
    already under this id; else that its order is, which may have told of it. ``order_external_id`` is empty where
    the source does not say, ``order_id`` while its order is not looked up. ``lines``: a JSON array of ``sku_id``,
    ``sku_code``, ``name``, ``quantity``, ``amount_minor``.
    """

    return_id: uuid.UUID
    is_own: bool
    has_before: bool
    channel: str
    external_shop: str
    external_id: str
    order_external_id: str
    order_id: uuid.UUID | None
    member_id: uuid.UUID | None
    shop_id: uuid.UUID | None
    number: str
    amount_minor: int
    currency: str
    refunded_at: dt.datetime
    is_estimated: bool
    country: str
    province: str
    lines: str
