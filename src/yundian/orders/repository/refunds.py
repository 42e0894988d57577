"""What goes back of an order: asked for, arrived, booked on its lines."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.orders.events import RefundedLine
from yundian.orders.repository.rows import REFUND, refund_of
from yundian.orders.types import RefundRow
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_decoder = msgspec.json.Decoder(tuple[RefundedLine, ...])


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that we heard of before, and of which lines it is planned to be."""

    is_arrived: bool
    lines: tuple[RefundedLine, ...]


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    """A refund that arrived, and its lines."""

    order_id: uuid.UUID
    reference: str
    amount_minor: int
    currency: str
    refunded_at: dt.datetime
    was_released: bool
    lines: Sequence[RefundedLine]


async def known(door: Door, *, order_ids: Sequence[uuid.UUID]) -> dict[tuple[uuid.UUID, str], Known]:
    """By order and reference."""
    sql = (
        "SELECT order_id, reference, refunded_at IS NOT NULL, lines::text FROM orders_refund"
        " WHERE brand_id = $1 AND order_id = ANY($2::uuid[])"
    )
    rows = await fetch(door, sql, brand_of(door), list(order_ids))
    return {
        (order_id, reference): Known(is_arrived=is_arrived, lines=_decoder.decode(lines))
        for order_id, reference, is_arrived, lines in map(tuple, rows)
    }


async def of_order(door: Door, *, order_id: uuid.UUID) -> list[RefundRow]:
    """Oldest first."""
    sql = f"SELECT {REFUND} FROM orders_refund r WHERE r.brand_id = $1 AND r.order_id = $2 ORDER BY r.id"  # noqa: S608
    return [refund_of(tuple(row)) for row in await fetch(door, sql, brand_of(door), order_id)]


async def add_request(
    door: Door,
    *,
    order_id: uuid.UUID,
    reference: str,
    amount_minor: int,
    currency: str,
    reason: str,
    requested_by: uuid.UUID | None,
    lines: Sequence[RefundedLine],
) -> None:
    """Keep who asked, why, and for which lines; empty lines: spread over all when it arrives."""
    await run(
        door,
        "INSERT INTO orders_refund (brand_id, id, created_at, order_id, reference, amount_minor, currency, reason,"
        " requested_by, was_released, lines) VALUES ($1, $2, now(), $3, $4, $5, $6, $7, $8, false,"
        " ($9::text)::jsonb) ON CONFLICT (brand_id, order_id, reference) DO NOTHING",
        brand_of(door),
        new_id(),
        order_id,
        reference,
        amount_minor,
        currency,
        reason[:200],
        requested_by,
        msgspec.json.encode(lines).decode(),
    )


_ARRIVED = """
INSERT INTO orders_refund AS r (brand_id, id, created_at, order_id, reference, amount_minor, currency, reason,
    refunded_at, was_released, lines)
SELECT $1, w.id, now(), w.order_id, w.reference, w.amount, w.currency, '', w.at, w.was_released, w.lines::jsonb
FROM unnest($2::uuid[], $3::uuid[], $4::varchar[], $5::bigint[], $6::varchar[], $7::timestamptz[], $8::bool[],
    $9::text[]) AS w (id, order_id, reference, amount, currency, at, was_released, lines)
ON CONFLICT (brand_id, order_id, reference) DO UPDATE SET amount_minor = excluded.amount_minor,
    refunded_at = excluded.refunded_at, was_released = excluded.was_released, lines = excluded.lines
"""
_BOOK = """
WITH parts AS (
    SELECT order_id, line_no, sum(amount) AS amount, sum(quantity) AS quantity
    FROM unnest($2::uuid[], $3::int[], $4::bigint[], $5::int[]) AS w (order_id, line_no, amount, quantity)
    GROUP BY order_id, line_no
), lines AS (
    UPDATE orders_line l SET refunded_minor = l.refunded_minor + p.amount,
        refunded_quantity = l.refunded_quantity + p.quantity
    FROM parts p WHERE l.brand_id = $1 AND l.order_id = p.order_id AND l.line_no = p.line_no
)
UPDATE orders_order o SET refunded_minor = o.refunded_minor + s.amount
FROM (SELECT order_id, sum(amount) AS amount FROM parts GROUP BY order_id) s
WHERE o.brand_id = $1 AND o.id = s.order_id
"""


async def book(door: Door, *, booked: Sequence[Booked]) -> None:
    """Write refunds that arrived and add them to their orders and lines, which are locked. Two statements."""
    await run(
        door,
        _ARRIVED,
        brand_of(door),
        [new_id() for _ in booked],
        [one.order_id for one in booked],
        [one.reference for one in booked],
        [one.amount_minor for one in booked],
        [one.currency for one in booked],
        [one.refunded_at for one in booked],
        [one.was_released for one in booked],
        [msgspec.json.encode(one.lines).decode() for one in booked],
    )
    parts = [(one.order_id, line) for one in booked for line in one.lines]
    await run(
        door,
        _BOOK,
        brand_of(door),
        [order_id for order_id, _ in parts],
        [line.line_no for _, line in parts],
        [line.amount_minor for _, line in parts],
        [line.quantity for _, line in parts],
    )
