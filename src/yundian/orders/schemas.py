"""What the API takes and gives, what the pages' forms send, and what states are called on screens."""

import datetime as dt
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from yundian.orders.states import ActorKind, EventKind, FulfilmentStatus, OrderState, PaymentStatus
from yundian.orders.types import Actor, OrderView, RefundWanted
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.core.principal import Principal, PrincipalKind
from yundian.platform.web.i18n import gettext as _

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
CodeText = Annotated[str, msgspec.Meta(min_length=1, max_length=32, examples=["123 456 789"])]
_LONGEST_COUNT = 7
YUAN = r"^[0-9]{1,9}(\.[0-9]{1,2})?$"


class LineRead(msgspec.Struct, frozen=True, kw_only=True):
    """A line as it was sold. ``discount_minor`` and ``total_minor`` are of the whole line."""

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


class OrderRead(msgspec.Struct, frozen=True, kw_only=True):
    """An order. Amounts are minor units (fen) of ``currency``.

    ``total`` = goods - discount + shipping + difference.
    ``attributed_shop_id`` brought it, ``fulfil_shop_id`` hands it over, ``home_shop_id`` is the member's own.
    ``paid`` and ``refunded`` are what came and went back so far; they may differ from ``total``.

    Of an order that another system told: ``external_shop`` (the shop's code) and ``external_id`` are its number
    there, ``source_state`` is its own word, ``difference`` by how much its total is not its lines, discount and
    shipping (kept, never guessed away), ``country`` (ISO 3166, two letters) and ``province`` (as the source writes
    it) where the goods went; empty where nobody says. ``is_backfill``: history that was brought in later.
    """

    id: uuid.UUID
    number: str
    channel: str
    external_shop: str
    external_id: str
    source_state: str
    state: OrderState
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    close_reason: str
    member_id: uuid.UUID | None
    attributed_shop_id: uuid.UUID | None
    fulfil_shop_id: uuid.UUID | None
    home_shop_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    currency: str
    goods_minor: int
    discount_minor: int
    shipping_minor: int
    difference_minor: int
    total_minor: int
    paid_minor: int
    refunded_minor: int
    placed_at: dt.datetime
    paid_at: dt.datetime | None
    released_at: dt.datetime | None
    handed_over_at: dt.datetime | None
    completed_at: dt.datetime | None
    closed_at: dt.datetime | None
    country: str
    province: str
    is_backfill: bool
    lines: tuple[LineRead, ...]

    @classmethod
    def of(cls, view: OrderView) -> "OrderRead":
        return msgspec.convert(view, cls, from_attributes=True)


class OwnOrderRead(msgspec.Struct, frozen=True, kw_only=True):
    """One's own order, with the code it is collected with while it waits in the shop."""

    order: OrderRead
    pick_up_code: str | None


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that is left, unless an amount or ``pieces`` (line number to quantity) are named."""

    reason: Reason
    amount_minor: Annotated[int, msgspec.Meta(gt=0, le=10**12, examples=[400])] | None = None
    pieces: dict[str, Annotated[int, msgspec.Meta(gt=0, le=10**6)]] = {}

    def wanted(self) -> RefundWanted:
        pieces = {_count_of(number): count for number, count in self.pieces.items()}
        return RefundWanted(reason=self.reason, amount_minor=self.amount_minor, pieces=pieces)


class RefundAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is on its way back."""

    amount_minor: int
    currency: str


class CodeEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pick-up code as it was read: spaces and dashes do not matter."""

    code: CodeText


class CodeForm(msgspec.Struct, frozen=True, kw_only=True):
    code: CodeText


class RefundForm(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` is in yuan, as people type it; ``pieces`` in the lines' order. ``what`` says which one counts."""

    what: Literal["all", "amount", "pieces"]
    reason: Reason
    amount: Annotated[str, msgspec.Meta(pattern=YUAN)] | None = None
    pieces: list[str] = []

    def wanted(self, order: OrderView) -> RefundWanted:
        if self.what == "all":
            return RefundWanted(reason=self.reason)
        if self.what == "amount":
            if self.amount is None:
                raise InvalidInput("amount", "Required")
            amount = Money.from_decimal(Decimal(self.amount), order.currency).minor
            return RefundWanted(reason=self.reason, amount_minor=amount)
        counts = zip(order.lines, self.pieces, strict=False)
        pieces = {line.line_no: _count_of(text) for line, text in counts if text.strip("0 ")}
        if not pieces:
            raise InvalidInput("pieces", "Say how many of which line")
        return RefundWanted(reason=self.reason, pieces=pieces)


def _count_of(text: str) -> int:
    """A small number as it was typed; what is none is refused as pieces that no order has."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_COUNT
    return int(text) if is_number else -1


def visible_shops(principal: Principal) -> frozenset[uuid.UUID] | None:
    """The shops whose orders the caller sees: ``None`` is every one, as for HQ and for keys with the scope."""
    return None if principal.kind is PrincipalKind.API_KEY else principal.shops()


def staff_of(principal: Principal) -> Actor:
    """The person of the staff who acts."""
    return Actor(kind=ActorKind.STAFF, id=principal.id)


def state_label(state: OrderState) -> str:
    return {
        OrderState.CREATED: _("Waiting for payment"),
        OrderState.PAID: _("Paid"),
        OrderState.WAITING: _("Waiting for the group"),
        OrderState.READY: _("Ready to collect"),
        OrderState.COLLECTED: _("Collected"),
        OrderState.COMPLETED: _("Completed"),
        OrderState.CLOSED: _("Closed"),
        OrderState.CANCELLED: _("Cancelled"),
    }[state]


def order_label(order: OrderView) -> str:
    """How an order stands, in the words of how it is handed over."""
    if order.handed_by and order.state is OrderState.READY:
        return _("Booked")
    if order.handed_by and order.state is OrderState.COLLECTED:
        return _("Attended")
    return state_label(order.state)


def reason_label(reason: str) -> str:
    """Why an order ended; a reason of another room that has no words here is shown as it is."""
    return {
        "timeout": _("Not paid in time"),
        "buyer": _("Given up by the customer"),
        "shop": _("Ended by the shop"),
        "group_failed": _("The group was not complete in time"),
        "refunded": _("Paid back"),
        "uncollected": _("Not collected in time"),
        "appointment_cancelled": _("The appointment was cancelled"),
        "appointment_missed": _("Nobody came to the appointment"),
    }.get(reason, reason)


def event_label(kind: EventKind, order: OrderView) -> str:
    """What happened; where another room hands it over, in that room's words."""
    if order.handed_by and kind is EventKind.RELEASED:
        return _("Booked")
    if order.handed_by and kind is EventKind.COLLECTED:
        return _("Attended")
    return {
        EventKind.PLACED: _("Ordered"),
        EventKind.PAID: _("Paid"),
        EventKind.WAITING: _("Waiting for the group"),
        EventKind.RELEASED: _("Ready to collect"),
        EventKind.CLOSED: _("Closed"),
        EventKind.CANCELLED: _("Cancelled"),
        EventKind.REFUND_REQUESTED: _("Refund asked for"),
        EventKind.REFUNDED: _("Refund arrived"),
        EventKind.COLLECTED: _("Collected"),
        EventKind.COLLECTION_UNDONE: _("Hand-over taken back"),
        EventKind.COMPLETED: _("Completed"),
        EventKind.FORFEITED: _("Not used; what was paid is kept"),
    }[kind]


def payment_label(status: PaymentStatus) -> str:
    return {
        PaymentStatus.UNPAID: _("Not paid"),
        PaymentStatus.PAID: _("Paid"),
        PaymentStatus.REFUNDED_PARTLY: _("Refunded in part"),
        PaymentStatus.REFUNDED: _("Refunded"),
    }[status]


def channel_label(channel: str, names: Mapping[str, str]) -> str:
    """The channels of the house and the brand's own by name, others by their code."""
    own = {"groupbuy": _("Group-buy"), "shop": _("Shop"), "appointment": _("Appointments")}
    return own.get(channel) or names.get(channel) or channel


TONES = {
    "created": "warn",
    "paid": "info",
    "waiting": "info",
    "ready": "good",
    "collected": "neutral",
    "completed": "neutral",
    "closed": "neutral",
    "cancelled": "bad",
    "unpaid": "warn",
    "refunded_partly": "info",
    "refunded": "neutral",
}

LABELS: dict[str, Any] = {
    "state_label": state_label,
    "order_label": order_label,
    "reason_label": reason_label,
    "event_label": event_label,
    "payment_label": payment_label,
    "channel_label": channel_label,
    "tones": TONES,
}
