"""Rows as views: one order with its lines in one row of the answer."""

from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.orders.types import HandOverView, HistoryView, LineView, OrderView, RefundRow

_FIELDS = tuple(name for name in OrderView.__struct_fields__ if name != "lines")
_LINE_FIELDS = LineView.__struct_fields__
_lines = msgspec.json.Decoder(tuple[LineView, ...])
_facts = msgspec.json.Decoder(dict[str, Any])

# Of ``orders_order o``; the lines as JSON text, by one look-up of their primary key.
_LINES = (
    "SELECT json_agg(json_build_object("  # noqa: S608
    + ", ".join(f"'{name}', l.{name}" for name in _LINE_FIELDS)
    + ") ORDER BY l.line_no)::text FROM orders_line l WHERE l.brand_id = o.brand_id AND l.order_id = o.id"
)
ORDER = f"{', '.join(f'o.{name}' for name in _FIELDS)}, ({_LINES})"
HISTORY = "e.id, e.at, e.kind, e.actor_kind, e.actor_id, e.facts::text"
HAND_OVER = ", ".join(f"h.{name}" for name in HandOverView.__struct_fields__)
REFUND = ", ".join(f"r.{name}" for name in RefundRow.__struct_fields__)


def order_of(row: Sequence[Any]) -> OrderView:
    *values, lines = row
    fields = dict(zip(_FIELDS, values, strict=True))
    return msgspec.convert({**fields, "lines": _lines.decode(lines or "[]")}, OrderView, strict=False)


def history_of(row: Sequence[Any]) -> HistoryView:
    *values, facts = row
    fields = dict(zip(HistoryView.__struct_fields__, values, strict=False))
    return msgspec.convert({**fields, "facts": _facts.decode(facts)}, HistoryView, strict=False)


def hand_over_of(row: Sequence[Any]) -> HandOverView:
    return msgspec.convert(dict(zip(HandOverView.__struct_fields__, row, strict=True)), HandOverView, strict=False)


def refund_of(row: Sequence[Any]) -> RefundRow:
    return msgspec.convert(dict(zip(RefundRow.__struct_fields__, row, strict=True)), RefundRow, strict=False)
