"""Orders of other systems, thousands at once: staged in temporary tables by COPY, merged by statements over sets.

What a version of a document says replaces what the one before said; which version is the newest, the room that
receives them has decided. Its lock lets one such merge at a time into a brand.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yundian.orders.types import StagedLine, StagedOrder, StagedReturn
from yundian.platform.db.database import Tx


class ReturnChange(NamedTuple):
    """A refund as it counts after a merge: a row of ``orders_changed_return`` without its ``lines``.

    ``has_before``: it, or what it was, may have been told before. ``refunded_at`` is none when it is gone.
    ``order_id`` is its order, or its own id where that was never seen.
    """

    return_id: uuid.UUID
    has_before: bool
    is_counted: bool
    order_id: uuid.UUID
    number: str
    channel: str
    shop_id: uuid.UUID | None
    member_id: uuid.UUID | None
    country: str
    province: str
    currency: str
    refunded_at: dt.datetime | None
    amount_minor: int


class Summed(NamedTuple):
    """An order of which another sum was given back than before."""

    order_id: uuid.UUID
    channel: str
    member_id: uuid.UUID | None


class Merged(NamedTuple):
    """What a merge or an assignment changed, for timelines and numbers."""

    orders: list[StagedOrder]
    returns: list[ReturnChange]
    summed: list[Summed]


_ORDER_TYPES = {
    "order_id": "uuid", "is_known": "bool", "number": "text", "channel": "text", "external_shop": "text",
    "external_id": "text", "source_state": "text", "state": "text", "close_reason": "text", "member_id": "uuid",
    "shop_id": "uuid", "currency": "text", "goods_minor": "bigint", "discount_minor": "bigint",
    "shipping_minor": "bigint", "total_minor": "bigint", "difference_minor": "bigint", "paid_minor": "bigint",
    "placed_at": "timestamptz", "paid_at": "timestamptz", "released_at": "timestamptz",
    "completed_at": "timestamptz", "closed_at": "timestamptz", "country": "text", "province": "text",
    "is_backfill": "bool", "first_name": "text", "pieces": "bigint",
}  # fmt: skip
_LINE_TYPES = {
    "order_id": "uuid", "line_no": "int", "sku_id": "uuid", "sku_code": "text", "name": "text", "quantity": "int",
    "currency": "text", "unit_minor": "bigint", "discount_minor": "bigint", "total_minor": "bigint",
    "external_id": "text",
}  # fmt: skip
_RETURN_TYPES = {
    "return_id": "uuid", "is_own": "bool", "has_before": "bool", "channel": "text", "external_shop": "text",
    "external_id": "text", "order_external_id": "text", "member_id": "uuid", "shop_id": "uuid", "number": "text",
    "amount_minor": "bigint", "currency": "text", "refunded_at": "timestamptz", "is_estimated": "bool",
    "country": "text", "province": "text", "lines": "text",
}  # fmt: skip
_CHANGED_TYPES = {
    "return_id": "uuid", "has_before": "bool", "is_counted": "bool", "order_id": "uuid", "number": "text",
    "channel": "text", "shop_id": "uuid", "member_id": "uuid", "country": "text", "province": "text",
    "currency": "text", "refunded_at": "timestamptz", "amount_minor": "bigint", "lines": "jsonb",
}  # fmt: skip


def _table(name: str, types: Mapping[str, str]) -> str:
    columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
    return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS;"


_DIRTY_TYPES = {"return_id": "uuid", "has_before": "bool", "order_id": "uuid"}
_STAGING = {
    "orders_staged": _ORDER_TYPES,
    "orders_staged_line": _LINE_TYPES,
    "orders_staged_return": _RETURN_TYPES,
    "orders_dirty_return": _DIRTY_TYPES,
    "orders_changed_return": _CHANGED_TYPES,
}
# Batches are of one document or of thousands: a plan made for the one is wrong for the other. But not while rows
# go in: the checks of foreign keys would be planned anew for each row.
_PLAN_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan"
_PLAN_ONCE = "SET LOCAL plan_cache_mode = auto"
_TABLES = "".join(_table(name, types) + f"DELETE FROM {name};" for name, types in _STAGING.items())  # noqa: S608
_OPEN = f"{_PLAN_ONCE};{_TABLES}"

_STORED = tuple(name for name in _ORDER_TYPES if name not in ("order_id", "is_known", "first_name", "pieces"))
# What a document says of its order. The rest of an order's columns is the house's own.
_SAID = tuple(
    name for name in _ORDER_TYPES if name not in ("order_id", "is_known", "shop_id", "first_name", "pieces")
)
_SHOPS = ("attributed_shop_id", "fulfil_shop_id")
_UPDATE_ORDERS = f"""
UPDATE orders_order o SET {", ".join(f"{name} = s.{name}" for name in _SAID)},
    {", ".join(f"{name} = s.shop_id" for name in _SHOPS)}
FROM orders_staged s WHERE s.is_known AND o.brand_id = $1 AND o.id = s.order_id
"""  # noqa: S608
_INSERT_ORDERS = f"""
INSERT INTO orders_order (brand_id, id, created_at, {", ".join(_SAID)}, {", ".join(_SHOPS)}, origin_type,
    stock_reference, refunded_minor, note)
SELECT $1, order_id, $2, {", ".join(_SAID)}, shop_id, shop_id, '', '', 0, '' FROM orders_staged WHERE NOT is_known
"""  # noqa: S608
_DELETE_LINES = """
DELETE FROM orders_line l USING orders_staged s WHERE s.is_known AND l.brand_id = $1 AND l.order_id = s.order_id
"""
_INSERT_LINES = f"""
INSERT INTO orders_line (brand_id, {", ".join(_LINE_TYPES)}, shade_name, refunded_minor, refunded_quantity)
SELECT $1, {", ".join(_LINE_TYPES)}, '', 0, 0 FROM orders_staged_line
"""  # noqa: S608

_SAME_KEY = (
    "r.channel = s.channel AND r.external_shop = s.external_shop AND r.order_external_id = s.order_external_id"
    " AND r.external_id = s.external_id"
)
# A refund that an order told of before keeps its id.
_ADOPT = f"""
WITH found AS (
    SELECT s.return_id AS staged_id, r.id FROM orders_staged_return s
    LEFT JOIN orders_return r ON r.brand_id = $1 AND {_SAME_KEY} AND NOT r.is_own
    WHERE s.has_before AND NOT s.is_own
)
UPDATE orders_staged_return s SET return_id = coalesce(f.id, s.return_id), has_before = f.id IS NOT NULL
FROM found f WHERE s.return_id = f.staged_id
"""  # noqa: S608
# What the newest version does not tell of any more, and documents of their own that are no refund any more.
_REMOVE = """
WITH gone AS (
    DELETE FROM orders_return r WHERE r.brand_id = $1 AND (r.id = ANY($2::uuid[]) OR (NOT r.is_own
        AND r.order_id IN (SELECT order_id FROM orders_staged WHERE is_known)
        AND NOT EXISTS (SELECT FROM orders_staged_return s WHERE s.return_id = r.id)))
    RETURNING r.*
), twins AS (
    INSERT INTO orders_dirty_return
    SELECT r.id, true, r.order_id FROM gone s
    JOIN orders_return r ON r.brand_id = $1 AND s.is_own AND NOT r.is_own AND s.order_external_id <> '' AND {same}
), orders AS (
    INSERT INTO orders_dirty_return SELECT NULL, false, order_id FROM gone WHERE order_id IS NOT NULL
)
INSERT INTO orders_changed_return (return_id, has_before, is_counted, order_id, number, channel, currency)
SELECT id, true, false, coalesce(order_id, id), number, channel, currency FROM gone
""".replace("{same}", _SAME_KEY)
# A document that turns out to be no sale: its order was none. Refunds under numbers of their own wait again.
_UNLINK = """
WITH unlinked AS (
    UPDATE orders_return r SET order_id = NULL
    WHERE r.brand_id = $1 AND r.order_id = ANY($2::uuid[]) AND r.is_own RETURNING r.id
)
INSERT INTO orders_dirty_return SELECT id, true, NULL FROM unlinked
"""
_REMOVE_TOLD = """
WITH gone AS (
    DELETE FROM orders_return r WHERE r.brand_id = $1 AND r.order_id = ANY($2::uuid[]) RETURNING r.*
)
INSERT INTO orders_changed_return (return_id, has_before, is_counted, order_id, number, channel, currency)
SELECT id, true, false, order_id, number, channel, currency FROM gone
"""
_REMOVE_ORDERS = (
    "DELETE FROM orders_event WHERE brand_id = $1 AND order_id = ANY($2::uuid[])",
    "DELETE FROM orders_line WHERE brand_id = $1 AND order_id = ANY($2::uuid[])",
    "DELETE FROM orders_order WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND external_id <> ''",
)
# The order that a refund was of before: its sum changes, and what it tells of that refund itself may count now.
_NOTE_ORDERS_BEFORE = """
WITH before AS (
    SELECT r.* FROM orders_staged_return s JOIN orders_return r ON r.brand_id = $1 AND r.id = s.return_id
    WHERE s.has_before AND s.is_own AND r.order_external_id <> ''
)
INSERT INTO orders_dirty_return
SELECT NULL, false, order_id FROM before WHERE order_id IS NOT NULL
UNION ALL
SELECT r.id, true, r.order_id FROM before s JOIN orders_return r ON r.brand_id = $1 AND NOT r.is_own AND {same}
""".replace("{same}", _SAME_KEY)
_RETURNED = tuple(name for name in _RETURN_TYPES if name not in ("return_id", "has_before", "lines"))
_ITS_ORDER = """
LEFT JOIN orders_order o ON s.order_external_id <> '' AND o.brand_id = $1 AND o.channel = s.channel
    AND o.external_shop = s.external_shop AND o.external_id = s.order_external_id AND o.external_id <> ''
"""
_UPDATE_RETURNS = f"""
WITH said AS (SELECT s.*, o.id AS order_id FROM orders_staged_return s {_ITS_ORDER} WHERE s.has_before)
UPDATE orders_return r SET {", ".join(f"{name} = s.{name}" for name in _RETURNED)}, lines = s.lines::jsonb,
    order_id = s.order_id, is_counted = true
FROM said s WHERE r.brand_id = $1 AND r.id = s.return_id
"""  # noqa: S608
_INSERT_RETURNS = f"""
INSERT INTO orders_return (brand_id, id, created_at, order_id, is_counted, lines, {", ".join(_RETURNED)})
SELECT $1, s.return_id, $2, o.id, true, s.lines::jsonb, {", ".join(f"s.{name}" for name in _RETURNED)}
FROM orders_staged_return s {_ITS_ORDER} WHERE NOT s.has_before
"""  # noqa: S608
# Refunds that came before their order.
_LINK = """
WITH linked AS (
    UPDATE orders_return r SET order_id = s.order_id FROM orders_staged s
    WHERE NOT s.is_known AND r.brand_id = $1 AND r.channel = s.channel AND r.external_shop = s.external_shop
        AND r.order_external_id = s.external_id AND r.order_id IS NULL
    RETURNING r.id, r.order_id
)
INSERT INTO orders_dirty_return SELECT id, true, order_id FROM linked
"""
# What is staged; and what follows its order: the member, the province.
_NOTE_STAGED = """
INSERT INTO orders_dirty_return
SELECT r.id, s.has_before, r.order_id FROM orders_staged_return s
JOIN orders_return r ON r.brand_id = $1 AND r.id = s.return_id
UNION ALL
SELECT r.id, true, r.order_id FROM orders_staged s
JOIN orders_return r ON r.brand_id = $1 AND r.order_id = s.order_id
WHERE s.is_known AND NOT EXISTS (SELECT FROM orders_staged_return n WHERE n.return_id = r.id)
"""
# The same refund, told by its order and by a document of its own: once.
_COUNT_ONCE = f"""
WITH keys AS (
    SELECT DISTINCT d.channel, d.external_shop, d.order_external_id, d.external_id FROM orders_dirty_return n
    JOIN orders_return d ON d.brand_id = $1 AND d.id = n.return_id WHERE d.order_external_id <> ''
), told AS (
    SELECT s.*, EXISTS (SELECT FROM orders_return r WHERE r.brand_id = $1 AND {_SAME_KEY} AND r.is_own) AS has_own
    FROM keys s
), turned AS (
    UPDATE orders_return r SET is_counted = NOT s.has_own FROM told s
    WHERE r.brand_id = $1 AND {_SAME_KEY} AND NOT r.is_own AND r.is_counted = s.has_own
    RETURNING r.id, r.order_id
)
INSERT INTO orders_dirty_return SELECT id, true, order_id FROM turned
"""  # noqa: S608
_SUM_UP = """
WITH sums AS (
    SELECT o.id, coalesce(sum(r.amount_minor) FILTER (WHERE r.is_counted AND r.currency = o.currency), 0)::bigint
        AS refunded_minor
    FROM (SELECT DISTINCT order_id FROM orders_dirty_return WHERE order_id IS NOT NULL) AS t
    JOIN orders_order o ON o.brand_id = $1 AND o.id = t.order_id
    LEFT JOIN orders_return r ON r.brand_id = $1 AND r.order_id = o.id
    GROUP BY o.id
)
UPDATE orders_order o SET refunded_minor = s.refunded_minor FROM sums s
WHERE o.brand_id = $1 AND o.id = s.id AND o.refunded_minor <> s.refunded_minor
RETURNING o.id, o.channel, o.member_id
"""
# As it counts now: with its order's member and place, where there is an order.
_CHANGED = """
INSERT INTO orders_changed_return
SELECT r.id, n.has_before, r.is_counted, coalesce(r.order_id, r.id), r.number, r.channel, r.shop_id,
    coalesce(o.member_id, r.member_id), CASE WHEN r.country <> '' THEN r.country ELSE coalesce(o.country, '') END,
    CASE WHEN r.country || r.province <> '' THEN r.province ELSE coalesce(o.province, '') END,
    r.currency, r.refunded_at, r.amount_minor, r.lines
FROM (SELECT return_id, bool_or(has_before) AS has_before FROM orders_dirty_return
    WHERE return_id IS NOT NULL GROUP BY 1) AS n
JOIN orders_return r ON r.brand_id = $1 AND r.id = n.return_id
LEFT JOIN orders_order o ON o.brand_id = $1 AND o.id = r.order_id
"""
_READ_CHANGED = (
    f"SELECT {', '.join(name for name in _CHANGED_TYPES if name != 'lines')} FROM orders_changed_return"  # noqa: S608
)


async def open_tables(tx: Tx) -> None:
    """The temporary tables, empty. They stay with the connection; their rows go with the transaction."""
    await tx.execute(_OPEN)


async def stage(
    tx: Tx, *, orders: list[StagedOrder], lines: list[StagedLine], returns: list[StagedReturn]
) -> None:
    for table, types, rows in (
        ("orders_staged", _ORDER_TYPES, orders),
        ("orders_staged_line", _LINE_TYPES, lines),
        ("orders_staged_return", _RETURN_TYPES, returns),
    ):
        if rows:
            await tx.copy(table, list(types), rows)


async def put_orders(tx: Tx, *, now: dt.datetime, has_known: bool) -> None:
    """Rows and lines of what is staged; a known order's lines are those of the document."""
    if has_known:
        await tx.execute(_UPDATE_ORDERS, tx.brand)
        await tx.execute(_DELETE_LINES, tx.brand)
    await tx.execute(_INSERT_ORDERS, tx.brand, now)
    await tx.execute(_INSERT_LINES, tx.brand)


async def adopt_returns(tx: Tx, *, gone: Sequence[uuid.UUID]) -> None:
    """Of known documents: refunds that are told again keep their ids, others go."""
    await tx.execute(_PLAN_ANEW)
    await tx.execute(_ADOPT, tx.brand)
    await tx.execute(_NOTE_ORDERS_BEFORE, tx.brand)
    await tx.execute(_REMOVE, tx.brand, list(gone))
    await tx.execute(_PLAN_ONCE)


async def remove_orders(tx: Tx, *, ids: Sequence[uuid.UUID]) -> None:
    """These are no orders: they go, with the refunds that they told of."""
    for statement in (_UNLINK, _REMOVE_TOLD, *_REMOVE_ORDERS):
        await tx.execute(statement, tx.brand, list(ids))


async def put_returns(tx: Tx, *, now: dt.datetime) -> None:
    """What is staged, each at its order if that is there."""
    await tx.execute(_UPDATE_RETURNS, tx.brand)
    await tx.execute(_INSERT_RETURNS, tx.brand, now)


async def link_returns(tx: Tx) -> bool:
    """Refunds that waited for the orders staged as new are theirs; whether there were any."""
    return int((await tx.execute(_LINK, tx.brand)).rsplit(" ", 1)[-1]) > 0


async def settle_returns(tx: Tx) -> tuple[list[ReturnChange], list[Summed]]:
    """Count each once, sum them up on their orders; those that changed, gone ones among them, and those orders."""
    await tx.execute(_PLAN_ANEW)
    for statement in (_NOTE_STAGED, _COUNT_ONCE):
        await tx.execute(statement, tx.brand)
    summed = [Summed(*row) for row in await tx.fetch(_SUM_UP, tx.brand)]
    await tx.execute(_CHANGED, tx.brand)
    await tx.execute(_PLAN_ONCE)
    return [ReturnChange(*row) for row in await tx.fetch(_READ_CHANGED)], summed


_ASSIGN_ORDERS = """
UPDATE orders_order o SET member_id = a.member_id FROM unnest($2::uuid[], $3::uuid[]) AS a (id, member_id)
WHERE o.brand_id = $1 AND o.id = a.id AND o.member_id IS DISTINCT FROM a.member_id RETURNING o.id
"""
_ASSIGN_RETURNS = """
WITH assigned AS (
    UPDATE orders_return r SET member_id = a.member_id FROM unnest($2::uuid[], $3::uuid[]) AS a (id, member_id)
    WHERE r.brand_id = $1 AND r.id = a.id AND r.is_own AND r.member_id IS DISTINCT FROM a.member_id
    RETURNING r.id, r.order_id
)
INSERT INTO orders_dirty_return SELECT id, true, order_id FROM assigned
"""
_RELOAD_ORDERS = f"""
INSERT INTO orders_staged
SELECT o.id, true, {", ".join("o.attributed_shop_id" if name == "shop_id" else f"o.{name}" for name in _STORED)},
    coalesce((SELECT l.name FROM orders_line l WHERE l.brand_id = $1 AND l.order_id = o.id
        ORDER BY l.line_no LIMIT 1), ''),
    coalesce((SELECT sum(l.quantity) FROM orders_line l WHERE l.brand_id = $1 AND l.order_id = o.id), 0)::bigint
FROM orders_order o WHERE o.brand_id = $1 AND o.id = ANY($2::uuid[])
"""  # noqa: S608
_RELOAD_LINES = f"""
INSERT INTO orders_staged_line SELECT {", ".join(_LINE_TYPES)} FROM orders_line
WHERE brand_id = $1 AND order_id = ANY($2::uuid[])
"""  # noqa: S608
_READ_STAGED = f"SELECT {', '.join(_ORDER_TYPES)} FROM orders_staged WHERE order_id = ANY($1::uuid[])"  # noqa: S608


async def assign(
    tx: Tx, *, orders: Mapping[uuid.UUID, uuid.UUID], returns: Mapping[uuid.UUID, uuid.UUID]
) -> list[StagedOrder]:
    """Whose these are, from now on; the orders that were not hers before, staged as they stand."""
    found: list[StagedOrder] = []
    if orders:
        rows = await tx.fetch(_ASSIGN_ORDERS, tx.brand, list(orders), list(orders.values()))
        ids = [row[0] for row in rows]
        await tx.execute(_RELOAD_ORDERS, tx.brand, ids)
        await tx.execute(_RELOAD_LINES, tx.brand, ids)
        found = [StagedOrder(*row) for row in await tx.fetch(_READ_STAGED, ids)]
    if returns:
        await tx.execute(_ASSIGN_RETURNS, tx.brand, list(returns), list(returns.values()))
    return found
