"""Orders of other systems, thousands at once: staged in temporary tables by COPY, merged by statements over sets.

What a version of a document says replaces what the one before said; which version is the newest, the room that
receives them has decided. Its lock lets one such merge at a time into a brand.
"""

import datetime as dt
import struct
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from yundian.orders.types import StagedLines, StagedOrder, StagedReturn
from yundian.platform.db.binary_copy import Texts, of_uuid
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
RETURN_TYPES = {
    "return_id": "uuid", "is_own": "bool", "has_before": "bool", "channel": "text", "external_shop": "text",
    "external_id": "text", "order_external_id": "text", "order_id": "uuid", "member_id": "uuid", "shop_id": "uuid",
    "number": "text", "amount_minor": "bigint", "currency": "text", "refunded_at": "timestamptz",
    "is_estimated": "bool", "country": "text", "province": "text", "lines": "text",
}  # fmt: skip
CHANGED_TYPES = {
    "return_id": "uuid", "has_before": "bool", "is_counted": "bool", "order_id": "uuid", "number": "text",
    "channel": "text", "shop_id": "uuid", "member_id": "uuid", "country": "text", "province": "text",
    "currency": "text", "refunded_at": "timestamptz", "amount_minor": "bigint", "lines": "jsonb",
}  # fmt: skip


def _table(name: str, types: Mapping[str, str]) -> str:
    columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
    return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({columns}) ON COMMIT DELETE ROWS;"


_ENCODED = (
    "order_id", "currency", "line_no", "quantity", "unit_minor", "discount_minor", "total_minor", "sku_id",
    "sku_code", "name", "external_id",
)  # fmt: skip
_HEAD = struct.Struct(">hi16s").pack
_NUMBERS = struct.Struct(">iiiiiqiqiq").pack
_DIRTY_TYPES = {"return_id": "uuid", "has_before": "bool", "order_id": "uuid"}
_STAGING = {
    "orders_staged": _ORDER_TYPES,
    "orders_staged_line": _LINE_TYPES,
    "orders_staged_return": RETURN_TYPES,
    "orders_dirty_return": _DIRTY_TYPES,
    "orders_changed_return": CHANGED_TYPES,
}
# Batches are of one document or of thousands: a plan made for the one is wrong for the other. And of a brand that
# the statistics do not know they say that it has next to nothing: each thing of a batch would be compared with all
# that the brand has by now. So what is looked up or changed is named by lists, known rows are written by their
# keys with ON CONFLICT, and what is joined is hashed.
PLAN_ANEW = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_nestloop = off"
# But not while rows go in: the checks of foreign keys would be planned anew for each row.
PLAN_ONCE = "SET LOCAL plan_cache_mode = auto; SET LOCAL enable_nestloop = on"
_TABLES = "".join(_table(name, types) + f"DELETE FROM {name};" for name, types in _STAGING.items())  # noqa: S608
_OPEN = f"{PLAN_ONCE};{_TABLES}"

_STORED = tuple(name for name in _ORDER_TYPES if name not in ("order_id", "is_known", "first_name", "pieces"))
# What a document says of its order. The rest of an order's columns is the house's own.
_SAID = tuple(
    name for name in _ORDER_TYPES if name not in ("order_id", "is_known", "shop_id", "first_name", "pieces")
)
_SHOPS = ("attributed_shop_id", "fulfil_shop_id")
_INSERT_ORDERS = f"""
INSERT INTO orders_order (brand_id, id, created_at, {", ".join(_SAID)}, {", ".join(_SHOPS)}, origin_type,
    stock_reference, refunded_minor, note)
SELECT $1, order_id, $2, {", ".join(_SAID)}, shop_id, shop_id, '', '', 0, '' FROM orders_staged WHERE is_known = $3
"""  # noqa: S608
_UPDATE_ORDERS = f"""{_INSERT_ORDERS} ON CONFLICT (brand_id, id) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in (*_SAID, *_SHOPS))}
"""
_DELETE_LINES = "DELETE FROM orders_line WHERE brand_id = $1 AND order_id = ANY($2::uuid[])"
_INSERT_LINES = f"""
INSERT INTO orders_line (brand_id, {", ".join(_LINE_TYPES)}, shade_name, refunded_minor, refunded_quantity)
SELECT $1, {", ".join(_LINE_TYPES)}, '', 0, 0 FROM orders_staged_line
"""  # noqa: S608

_REMOVE_ORDERS = (
    "DELETE FROM orders_event WHERE brand_id = $1 AND order_id = ANY($2::uuid[])",
    "DELETE FROM orders_line WHERE brand_id = $1 AND order_id = ANY($2::uuid[])",
    "DELETE FROM orders_order WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND external_id <> ''",
)


async def open_tables(tx: Tx) -> None:
    """The temporary tables, empty. They stay with the connection; their rows go with the transaction."""
    await tx.execute(_OPEN)


async def stage(
    tx: Tx,
    *,
    orders: list[StagedOrder],
    lines: Sequence[StagedLines],
    skus: Mapping[str, uuid.UUID],
    returns: list[StagedReturn],
) -> None:
    if orders:
        await tx.copy("orders_staged", list(_ORDER_TYPES), orders)
    if lines:
        await tx.copy_encoded("orders_staged_line", _ENCODED, _encoded(lines, skus))
    if returns:
        await tx.copy("orders_staged_return", list(RETURN_TYPES), returns)


def _encoded(staged: Iterable[StagedLines], skus: Mapping[str, uuid.UUID]) -> Iterator[bytes]:
    """Rows of ``_ENCODED``: nearly all of what comes from files are lines."""
    texts = Texts()
    codes: dict[str, bytes] = {}
    for order_id, currency, lines in staged:
        head = _HEAD(len(_ENCODED), 16, order_id.bytes) + texts[currency]
        for number, line in enumerate(lines, start=1):
            sku = line.sku
            code = codes.get(sku)
            if code is None:
                code = codes[sku] = of_uuid(skus.get(sku)) + texts[sku]
            numbers = _NUMBERS(
                4, number, 4, line.quantity, 8, line.unit_minor, 8, line.discount_minor, 8, line.total_minor
            )
            yield head + numbers + code + texts[line.name] + texts[line.line_id]


async def put_orders(tx: Tx, *, now: dt.datetime, known: Sequence[uuid.UUID]) -> None:
    """Rows and lines of what is staged; a known order's lines are those of the document."""
    if known:
        await tx.execute(_UPDATE_ORDERS, tx.brand, now, True)
        await tx.execute(_DELETE_LINES, tx.brand, list(known))
    await tx.execute(_INSERT_ORDERS, tx.brand, now, False)
    await tx.execute(_INSERT_LINES, tx.brand)


async def remove_orders(tx: Tx, *, ids: Sequence[uuid.UUID]) -> None:
    """These are no orders: their rows go."""
    for statement in _REMOVE_ORDERS:
        await tx.execute(statement, tx.brand, list(ids))


_ASSIGN_ORDERS = """
UPDATE orders_order o SET member_id = a.member_id FROM unnest($2::uuid[], $3::uuid[]) AS a (id, member_id)
WHERE o.brand_id = $1 AND o.id = ANY($2::uuid[]) AND o.id = a.id AND o.member_id IS DISTINCT FROM a.member_id
RETURNING o.id
"""
_ASSIGN_RETURNS = """
WITH assigned AS (
    UPDATE orders_return r SET member_id = a.member_id FROM unnest($2::uuid[], $3::uuid[]) AS a (id, member_id)
    WHERE r.brand_id = $1 AND r.id = ANY($2::uuid[]) AND r.id = a.id AND r.is_own
        AND r.member_id IS DISTINCT FROM a.member_id
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
    if orders or returns:
        await tx.execute(PLAN_ANEW)
    if orders:
        rows = await tx.fetch(_ASSIGN_ORDERS, tx.brand, list(orders), list(orders.values()))
        ids = [row[0] for row in rows]
        await tx.execute(_RELOAD_ORDERS, tx.brand, ids)
        await tx.execute(_RELOAD_LINES, tx.brand, ids)
        found = [StagedOrder(*row) for row in await tx.fetch(_READ_STAGED, ids)]
    if returns:
        await tx.execute(_ASSIGN_RETURNS, tx.brand, list(returns), list(returns.values()))
    return found
