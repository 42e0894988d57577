"""Moves of orders, set-based: locked in the order of their ids, moved where they may be, told in their history."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.orders.repository.rows import ORDER, order_of
from yundian.orders.states import ORDER as LIFE
from yundian.orders.states import EventKind, OrderState
from yundian.orders.types import HOUSE, Actor, OrderView
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One order on its way to the next state; ``amount_minor``, ``ref`` and ``text`` are what that state keeps."""

    order_id: uuid.UUID
    at: dt.datetime
    amount_minor: int = 0
    ref: uuid.UUID | None = None
    text: str = ""
    facts: dict[str, Any] = {}


_MOVE = """
WITH wanted AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::bigint[], $6::uuid[], $7::varchar[],
        $8::text[]) AS w (order_id, event_id, at, amount, ref, text, facts)
), locked AS MATERIALIZED (
    SELECT o.id FROM orders_order o WHERE o.brand_id = $1 AND o.id = ANY($2::uuid[]) ORDER BY o.id FOR UPDATE
), moved AS (
    UPDATE orders_order o SET state = $9{assignments} FROM wanted w
    WHERE o.brand_id = $1 AND o.id = w.order_id AND o.id IN (SELECT id FROM locked)
    AND o.state = ANY($10::varchar[]){condition}
    RETURNING o.*, w.event_id, w.at AS moved_at, w.facts AS event_facts
), told AS (
    INSERT INTO orders_event (brand_id, order_id, id, at, kind, actor_kind, actor_id, facts)
    SELECT brand_id, id, event_id, moved_at, $11::varchar, $12::varchar, $13::uuid, event_facts::jsonb FROM moved
)
SELECT {order} FROM moved o ORDER BY o.id
"""

# What each state keeps of its move; the second part narrows where it may come from.
_KEEPS: dict[EventKind, tuple[str, str]] = {
    EventKind.PAID: (
        ", paid_minor = w.amount, paid_at = w.at, payment_id = w.ref, close_reason = ''",
        " AND o.total_minor = w.amount AND o.currency = w.text",
    ),
    EventKind.WAITING: ("", ""),
    EventKind.RELEASED: (", released_at = w.at", ""),
    EventKind.CLOSED: (", close_reason = coalesce(nullif(o.close_reason, ''), w.text), closed_at = w.at", ""),
    EventKind.CANCELLED: (", close_reason = w.text, closed_at = w.at", ""),
    EventKind.COLLECTED: (", handed_over_at = w.at", " AND o.fulfil_shop_id = w.ref"),
    EventKind.COLLECTION_UNDONE: (", handed_over_at = NULL, stock_reference = w.text", ""),
    EventKind.COMPLETED: (", completed_at = w.at", ""),
    EventKind.FORFEITED: (", close_reason = w.text, closed_at = w.at, completed_at = w.at", ""),
}
_TARGETS = {
    EventKind.PAID: OrderState.PAID,
    EventKind.WAITING: OrderState.WAITING,
    EventKind.RELEASED: OrderState.READY,
    EventKind.CLOSED: OrderState.CLOSED,
    EventKind.CANCELLED: OrderState.CANCELLED,
    EventKind.COLLECTED: OrderState.COLLECTED,
    EventKind.COLLECTION_UNDONE: OrderState.READY,
    EventKind.COMPLETED: OrderState.COMPLETED,
    EventKind.FORFEITED: OrderState.COMPLETED,
}
_SOURCES = {kind: [state.value for state in LIFE.sources_of(target)] for kind, target in _TARGETS.items()} | {
    # Two lead to READY and two to COMPLETED, each from its own side.
    EventKind.RELEASED: [OrderState.PAID.value, OrderState.WAITING.value],
    EventKind.COLLECTION_UNDONE: [OrderState.COLLECTED.value],
    EventKind.COMPLETED: [OrderState.COLLECTED.value],
    EventKind.FORFEITED: [OrderState.READY.value],
}
_STATEMENTS = {
    kind: _MOVE.format(assignments=assignments, condition=condition, order=ORDER)
    for kind, (assignments, condition) in _KEEPS.items()
}


async def move(door: Door, *, kind: EventKind, moves: Sequence[Move], actor: Actor = HOUSE) -> list[OrderView]:
    """The orders that moved, as they stand now, by id; the rest was not where this move starts. One statement."""
    if not moves:
        return []
    rows = await fetch(
        door,
        _STATEMENTS[kind],
        brand_of(door),
        [one.order_id for one in moves],
        [new_id() for _ in moves],
        [one.at for one in moves],
        [one.amount_minor for one in moves],
        [one.ref for one in moves],
        [one.text for one in moves],
        [msgspec.json.encode(one.facts).decode() for one in moves],
        _TARGETS[kind].value,
        _SOURCES[kind],
        kind.value,
        actor.kind.value,
        actor.id,
    )
    return [order_of(tuple(row)) for row in rows]


_TELL = """
INSERT INTO orders_event (brand_id, order_id, id, at, kind, actor_kind, actor_id, facts)
SELECT $1, w.order_id, w.event_id, w.at, $6::varchar, $7::varchar, $8::uuid, w.facts::jsonb
FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[]) AS w (order_id, event_id, at, facts)
"""


async def tell(door: Door, *, kind: EventKind, moves: Sequence[Move], actor: Actor = HOUSE) -> None:
    """History entries of what changes no state."""
    await run(
        door,
        _TELL,
        brand_of(door),
        [one.order_id for one in moves],
        [new_id() for _ in moves],
        [one.at for one in moves],
        [msgspec.json.encode(one.facts).decode() for one in moves],
        kind.value,
        actor.kind.value,
        actor.id,
    )


async def want_closed(door: Door, *, order_ids: Sequence[uuid.UUID], reason: str) -> list[uuid.UUID]:
    """Keep why an unpaid order is being closed; which of them are unpaid still."""
    rows = await fetch(
        door,
        "WITH locked AS MATERIALIZED (SELECT id FROM orders_order WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " ORDER BY id FOR UPDATE)"
        " UPDATE orders_order o SET close_reason = $3 WHERE o.brand_id = $1 AND o.id IN (SELECT id FROM locked)"
        " AND o.state = 'created' RETURNING o.id",
        brand_of(door),
        list(order_ids),
        reason,
    )
    return [row[0] for row in rows]


async def hold(door: Door, *, order_id: uuid.UUID) -> bool:
    """Lock an order until the end of the transaction; whether there is one."""
    rows = await fetch(
        door, "SELECT id FROM orders_order WHERE brand_id = $1 AND id = $2 FOR UPDATE", brand_of(door), order_id
    )
    return bool(rows)


async def credit_to(
    door: Door, *, order_id: uuid.UUID, shop_id: uuid.UUID | None, staff_id: uuid.UUID | None
) -> None:
    """Whose order it is from now on. What it was before, the transfers of its credit tell."""
    await run(
        door,
        "UPDATE orders_order SET attributed_shop_id = $3, staff_id = $4 WHERE brand_id = $1 AND id = $2",
        brand_of(door), order_id, shop_id, staff_id,
    )  # fmt: skip
