"""Pure decisions: sums that fit, numbers and codes people read, and where a refund's fen belong."""

import datetime as dt
import secrets
import uuid
from collections.abc import Mapping, Sequence

import msgspec
from stdnum import damm

from yundian.orders.errors import CodeMistyped, OrderNotBalanced, RefundTooLarge
from yundian.orders.events import LineFacts, OrderFacts, RefundedLine
from yundian.orders.types import LineView, NewLine, NewOrder, OrderView, PickUpCode, RefundWanted
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import readable_code
from yundian.platform.core.money import Money

MAX_LINES = 200
# How long an owner may take a mistaken hand-over back.
UNDO_WITHIN = dt.timedelta(minutes=30)
# Before an order that nobody collects is paid back, its customer is told so long.
UNCOLLECTED_NOTICE = dt.timedelta(days=3)
# The line of a refund that gives shipping back: orders have no line 0.
SHIPPING_LINE = 0
_CODE_DIGITS = 8
_NUMBER_PLACES = 8
_PURPOSE = "orders.code"
_SHARED = tuple(name for name in OrderFacts.__struct_fields__ if name not in ("order_id", "lines"))


def new_number(*, at: dt.datetime, zone: str = "Asia/Shanghai") -> str:
    """The day of ``zone`` and eight places nobody can guess: ``261122-7KQ4M2XH``."""
    return f"{clock.business_day(at, zone):%y%m%d}-{readable_code(_NUMBER_PLACES)}"


def checked(order: NewOrder) -> NewOrder:
    """The order if its amounts are possible, else ``OrderNotBalanced`` with the reason."""
    lines = order.lines
    checks = (
        (0 < len(lines) <= MAX_LINES, "lines"),
        (all(line.quantity > 0 and line.unit_minor >= 0 for line in lines), "quantity_or_price"),
        (all(0 <= line.discount_minor <= line.goods_minor for line in lines), "discount"),
        (order.shipping_minor >= 0, "shipping"),
    )
    reason = next((name for is_right, name in checks if not is_right), None)
    if reason is not None:
        raise OrderNotBalanced(reason=reason)
    return order


def facts_of_new(order: NewOrder) -> OrderFacts:
    """What the event says of an order that is being placed."""
    return _facts(order, [line_facts(number, line) for number, line in enumerate(order.lines, start=1)])


def facts_of(order: OrderView) -> OrderFacts:
    """What events say of an order as it stands."""
    return _facts(order, [line_facts(line.line_no, line) for line in order.lines])


def line_facts(number: int, line: NewLine | LineView) -> LineFacts:
    return LineFacts(
        line_no=number,
        sku_id=line.sku_id,
        sku_code=line.sku_code,
        name=line.name,
        quantity=line.quantity,
        total_minor=line.total_minor,
    )


def _facts(order: NewOrder | OrderView, lines: Sequence[LineFacts]) -> OrderFacts:
    shared = {name: getattr(order, name) for name in _SHARED}
    return OrderFacts(order_id=order.id, lines=tuple(lines), **shared)


def refund_amount(order: OrderView, wanted: RefundWanted, *, refundable_minor: int) -> int:
    """What is asked for: everything that is left, an amount, or the price of some pieces."""
    if wanted.amount_minor is not None and wanted.pieces:
        raise InvalidInput("amount", "an amount or pieces, not both")
    if wanted.pieces:
        amount = sum(line.amount_minor for line in price_of_pieces(order.lines, wanted.pieces))
    else:
        amount = refundable_minor if wanted.amount_minor is None else wanted.amount_minor
    if not 0 < amount <= refundable_minor:
        raise RefundTooLarge(refundable_minor=refundable_minor)
    return amount


def price_of_pieces(lines: Sequence[LineView], pieces: Mapping[int, int]) -> list[RefundedLine]:
    """The pieces' share of their lines, at most what is left of each.

    Shares are cut from the line one after the other, so all pieces together cost the line; with its last fen the
    rest of the pieces is paid back too.
    """
    by_number = {line.line_no: line for line in lines}
    found = []
    for number, quantity in sorted(pieces.items()):
        line = by_number.get(number)
        if line is None or not 0 < quantity <= line.quantity - line.refunded_quantity:
            raise InvalidInput("pieces", "no such pieces in this order")
        left = line.total_minor - line.refunded_minor
        amount = min(_worth(line, line.refunded_quantity + quantity) - _worth(line, line.refunded_quantity), left)
        counted = line.quantity - line.refunded_quantity if amount == left else quantity
        found.append(RefundedLine(line_no=number, quantity=counted, amount_minor=amount))
    return found


def _worth(line: LineView, pieces: int) -> int:
    return line.total_minor * pieces // line.quantity


def spread(order: OrderView, amount_minor: int) -> list[RefundedLine]:
    """A refund over the lines, by what is left of each; shipping is line 0. The parts sum up to the fen.

    Pieces count as they are paid back whole: over several refunds of a line they sum up to its quantity.
    """
    left = [(line, line.total_minor - line.refunded_minor) for line in order.lines]
    shipping_left = order.total_minor - order.refunded_minor - sum(minor for _, minor in left)
    weights = [*(minor for _, minor in left), max(shipping_left, 0)]
    if amount_minor <= 0 or amount_minor > sum(weights):
        raise RefundTooLarge(refundable_minor=sum(weights))
    parts = [part.minor for part in Money(amount_minor, order.currency).allocate(weights)]
    found = [
        RefundedLine(line_no=line.line_no, quantity=_pieces_of(line, part), amount_minor=part)
        for (line, _), part in zip(left, parts, strict=False)
        if part > 0
    ]
    if parts[-1] > 0:
        found.append(RefundedLine(line_no=SHIPPING_LINE, quantity=0, amount_minor=parts[-1]))
    return found


def after_refund(order: OrderView, amount_minor: int, lines: Sequence[RefundedLine]) -> OrderView:
    """The order as it stands once that went back."""
    by_number = {line.line_no: line for line in lines}
    return msgspec.structs.replace(
        order,
        refunded_minor=order.refunded_minor + amount_minor,
        lines=tuple(_line_after(line, by_number.get(line.line_no)) for line in order.lines),
    )


def _line_after(line: LineView, part: RefundedLine | None) -> LineView:
    if part is None:
        return line
    return msgspec.structs.replace(
        line,
        refunded_minor=line.refunded_minor + part.amount_minor,
        refunded_quantity=line.refunded_quantity + part.quantity,
    )


def fits(order: OrderView, lines: Sequence[RefundedLine], amount_minor: int) -> bool:
    """Whether a refund that was planned by lines is still possible so."""
    left = {line.line_no: line for line in order.lines}
    return sum(part.amount_minor for part in lines) == amount_minor and all(
        part.line_no in left
        and part.amount_minor <= left[part.line_no].total_minor - left[part.line_no].refunded_minor
        and part.quantity <= left[part.line_no].quantity - left[part.line_no].refunded_quantity
        for part in lines
    )


def _pieces_of(line: LineView, amount_minor: int) -> int:
    paid_back = line.quantity * (line.refunded_minor + amount_minor) // line.total_minor
    return max(paid_back - line.refunded_quantity, 0)


def new_code() -> PickUpCode:
    """Eight random digits and one that tells a slip of the finger."""
    digits = "".join(str(secrets.randbelow(10)) for _ in range(_CODE_DIGITS))
    return PickUpCode(digits + damm.calc_check_digit(digits))


def read_code(text: str) -> PickUpCode:
    """What was typed or scanned; ``CodeMistyped`` for what cannot be a code of ours."""
    digits = "".join(sign for sign in text if not sign.isspace() and sign != "-")
    is_code = len(digits) == _CODE_DIGITS + 1 and digits.isascii() and digits.isdigit()
    if not is_code or not damm.is_valid(digits):
        raise CodeMistyped
    return PickUpCode(digits)


def code_hash(keyring: Keyring, *, shop_id: uuid.UUID, code: PickUpCode) -> bytes:
    """A code means something in its own shop only."""
    return keyring.blind_index(_PURPOSE, f"{shop_id}:{code.digits}")


def seal_code(keyring: Keyring, code: PickUpCode) -> bytes:
    return keyring.encrypt(_PURPOSE, code.digits)


def open_code(keyring: Keyring, sealed: bytes) -> PickUpCode:
    return PickUpCode(keyring.decrypt(_PURPOSE, sealed))
