"""What the bills of both providers say, in one form. A bill whose sums do not fit its lines is no bill."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

import msgspec

from yundian.payments.errors import BadBill

# Unpacked; a day of a busy merchant has some tens of megabytes.
LONGEST = 256 << 20
LONGEST_PACKED = 32 << 20


class BillRow(msgspec.Struct, frozen=True, kw_only=True):
    """A payment, or a refund when it has an ``out_refund_no``; both amounts are positive.

    ``at`` is when it was paid, or when the refund was asked for. ``fee_millis``: thousandths of a fen, which the
    merchant pays; negative where the provider gives it back.
    """

    out_trade_no: str
    out_refund_no: str = ""
    provider_ref: str
    amount_minor: int
    currency: str = "CNY"
    at: dt.datetime
    fee_millis: int


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    rows: list[BillRow]


def columns(header: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Where each field stands, by any of its names: providers add columns and rename them. Raises ``BadBill``."""
    places = {plain(name): place for place, name in enumerate(header)}
    found = {}
    for field, names in wanted.items():
        place = next((places[name] for name in names if name in places), None)
        if place is None:
            raise BadBill(line=0, column=names[0])
        found[field] = place
    return found


def plain(text: str) -> str:
    """Without edges, and with the half of the parentheses that everybody can type."""
    return text.strip().replace("（", "(").replace("）", ")")


def minor(text: str, *, line: int) -> int:
    """Yuan to fen; nothing smaller than a fen. Raises ``BadBill``."""
    return _scaled(text, 2, line)


def millis(text: str, *, line: int) -> int:
    """Yuan to thousandths of a fen. Raises ``BadBill``."""
    return _scaled(text, 5, line)


def _scaled(text: str, places: int, line: int) -> int:
    try:
        value = Decimal(text.strip() or "0").scaleb(places)
    except InvalidOperation:
        raise BadBill(line=line, column="amount") from None
    if value != value.to_integral_value():
        raise BadBill(line=line, column="amount")
    return int(value)


def agree(what: str, told: int, counted: int) -> None:
    """Raises ``BadBill``: what the bill says of itself is not so."""
    if told != counted:
        raise BadBill(line=0, column=what, told=told, counted=counted)
