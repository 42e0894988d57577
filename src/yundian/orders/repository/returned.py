"""The statements for refunds of other systems: each once, at its order where that is there, its sum on the order.

What is looked up and changed is named by lists, whatever the planner believes: see ``merging``.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

from yundian.orders.repository.merging import (
    CHANGED_TYPES,
    PLAN_ANEW,
    PLAN_ONCE,
    RETURN_TYPES,
    ReturnChange,
    Summed,
)
from yundian.orders.types import StagedOrder, StagedReturn
from yundian.platform.db.database import Tx

_SAME_KEY = (
    "r.channel = s.channel AND r.external_shop = s.external_shop AND r.order_external_id = s.order_external_id"
    " AND r.external_id = s.external_id"
)
# What an order told of the same refund.
_TWIN = f"""
CROSS JOIN LATERAL (SELECT r.id, r.order_id FROM orders_return r
    WHERE r.brand_id = $1 AND {_SAME_KEY} AND NOT r.is_own OFFSET 0) AS r
"""  # noqa: S608
# A refund that an order told of before keeps its id.
_ADOPT = """
WITH found AS MATERIALIZED (
    SELECT id, order_id, external_id FROM orders_return
    WHERE brand_id = $1 AND order_id = ANY($2::uuid[]) AND NOT is_own
), told AS (
    SELECT s.return_id, f.id FROM orders_staged_return s
    LEFT JOIN found f ON f.order_id = s.order_id AND f.external_id = s.external_id
    WHERE s.has_before AND NOT s.is_own
)
UPDATE orders_staged_return s SET return_id = coalesce(t.id, s.return_id), has_before = t.id IS NOT NULL
FROM told t WHERE s.return_id = t.return_id
"""
# What the newest version does not tell of any more, and documents of their own that are no refund any more.
_REMOVE = f"""
WITH gone AS (
    DELETE FROM orders_return r WHERE r.brand_id = $1 AND (r.id = ANY($2::uuid[]) OR (NOT r.is_own
        AND r.order_id = ANY($3::uuid[]) AND r.id NOT IN (SELECT return_id FROM orders_staged_return)))
    RETURNING r.*
), twins AS (
    INSERT INTO orders_dirty_return
    SELECT r.id, true, r.order_id FROM gone s {_TWIN} WHERE s.is_own AND s.order_external_id <> ''
), orders AS (
    INSERT INTO orders_dirty_return SELECT NULL, false, order_id FROM gone WHERE order_id IS NOT NULL
)
INSERT INTO orders_changed_return (return_id, has_before, is_counted, order_id, number, channel, currency)
SELECT id, true, false, coalesce(order_id, id), number, channel, currency FROM gone
"""  # noqa: S608
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
# The order that a refund was of before: its sum changes, and what it tells of that refund itself may count now.
_NOTE_ORDERS_BEFORE = f"""
WITH before AS (
    SELECT * FROM orders_return WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND order_external_id <> ''
)
INSERT INTO orders_dirty_return
SELECT NULL, false, order_id FROM before WHERE order_id IS NOT NULL
UNION ALL
SELECT r.id, true, r.order_id FROM before s {_TWIN}
"""  # noqa: S608
_RETURNED = tuple(name for name in RETURN_TYPES if name not in ("return_id", "has_before", "lines"))
# Orders that refunds name by their numbers.
_NAMED = """
WITH named AS MATERIALIZED (
    SELECT channel, external_shop, external_id, id FROM orders_order WHERE brand_id = $1 AND external_id <> ''
        AND channel = ANY($2::text[]) AND external_shop = ANY($3::text[]) AND external_id = ANY($4::text[])
)
UPDATE orders_staged_return s SET order_id = o.id FROM named o
WHERE s.order_id IS NULL AND s.channel = o.channel AND s.external_shop = o.external_shop
    AND s.order_external_id = o.external_id
"""
_PUT_RETURNS = f"""
INSERT INTO orders_return (brand_id, id, created_at, is_counted, lines, {", ".join(_RETURNED)})
SELECT $1, return_id, $2, true, lines::jsonb, {", ".join(_RETURNED)} FROM orders_staged_return
ON CONFLICT (brand_id, id) DO UPDATE SET is_counted = true, lines = excluded.lines,
    {", ".join(f"{name} = excluded.{name}" for name in _RETURNED)}
"""  # noqa: S608
# Refunds that came before their order.
_WAITING = """
SELECT id, channel, external_shop, order_external_id FROM orders_return
WHERE brand_id = $1 AND order_id IS NULL AND channel = ANY($2::text[]) AND external_shop = ANY($3::text[])
    AND order_external_id = ANY($4::text[])
"""
_LINK = """
WITH linked AS (
    UPDATE orders_return r SET order_id = k.order_id FROM unnest($2::uuid[], $3::uuid[]) AS k (id, order_id)
    WHERE r.brand_id = $1 AND r.id = ANY($2::uuid[]) AND r.id = k.id RETURNING r.id, r.order_id
)
INSERT INTO orders_dirty_return SELECT id, true, order_id FROM linked
"""
# What is staged; and what follows its order: the member, the province.
_NOTE_STAGED = """
INSERT INTO orders_dirty_return
SELECT return_id, has_before, order_id FROM orders_staged_return
UNION ALL
SELECT id, true, order_id FROM orders_return WHERE brand_id = $1 AND order_id = ANY($2::uuid[])
    AND id NOT IN (SELECT return_id FROM orders_staged_return)
"""
_DIRTY = """
SELECT array_agg(DISTINCT return_id) FILTER (WHERE return_id IS NOT NULL),
    array_agg(DISTINCT order_id) FILTER (WHERE order_id IS NOT NULL) FROM orders_dirty_return
"""
# The same refund, told by its order and by a document of its own: once.
_KEYS = """
SELECT DISTINCT channel, external_shop, order_external_id FROM orders_return
WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND order_external_id <> ''
"""
_TOLD_TWICE = """
SELECT id FROM (
    SELECT id, is_own, is_counted,
        bool_or(is_own) OVER (PARTITION BY channel, external_shop, order_external_id, external_id) AS has_own
    FROM orders_return WHERE brand_id = $1 AND channel = ANY($2::text[]) AND external_shop = ANY($3::text[])
        AND order_external_id = ANY($4::text[])
) AS told WHERE NOT is_own AND is_counted = has_own
"""
_TURN = """
WITH turned AS (
    UPDATE orders_return SET is_counted = NOT is_counted WHERE brand_id = $1 AND id = ANY($2::uuid[])
    RETURNING id, order_id
)
INSERT INTO orders_dirty_return SELECT id, true, order_id FROM turned
"""
_SUM_UP = """
WITH given_back AS MATERIALIZED (
    SELECT order_id, currency, sum(amount_minor)::bigint AS minor FROM orders_return
    WHERE brand_id = $1 AND order_id = ANY($2::uuid[]) AND is_counted GROUP BY 1, 2
), sums AS (
    SELECT o.id, coalesce(g.minor, 0) AS minor FROM orders_order o
    LEFT JOIN given_back g ON g.order_id = o.id AND g.currency = o.currency
    WHERE o.brand_id = $1 AND o.id = ANY($2::uuid[])
)
UPDATE orders_order o SET refunded_minor = s.minor FROM sums s
WHERE o.brand_id = $1 AND o.id = ANY($2::uuid[]) AND o.id = s.id AND o.refunded_minor <> s.minor
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
JOIN orders_return r ON r.brand_id = $1 AND r.id = ANY($2::uuid[]) AND r.id = n.return_id
LEFT JOIN (SELECT id, member_id, country, province FROM orders_order
    WHERE brand_id = $1 AND id = ANY($3::uuid[])) AS o ON o.id = r.order_id
"""
_READ_CHANGED = f"SELECT {', '.join(name for name in CHANGED_TYPES if name != 'lines')} FROM orders_changed_return"  # noqa: S608


async def adopt(
    tx: Tx, *, known: Sequence[uuid.UUID], staged: Sequence[StagedReturn], gone: Sequence[uuid.UUID]
) -> None:
    """Of known documents: refunds that are told again keep their ids, others go."""
    before = [one.return_id for one in staged if one.is_own and one.has_before]
    await tx.execute(PLAN_ANEW)
    if known:
        await tx.execute(_ADOPT, tx.brand, list(known))
    if before:
        await tx.execute(_NOTE_ORDERS_BEFORE, tx.brand, before)
    await tx.execute(_REMOVE, tx.brand, list(gone), list(known))
    await tx.execute(PLAN_ONCE)


async def remove_of(tx: Tx, *, orders: Sequence[uuid.UUID]) -> None:
    """These orders go, and with them the refunds that they told of."""
    for statement in (_UNLINK, _REMOVE_TOLD):
        await tx.execute(statement, tx.brand, list(orders))


async def put(tx: Tx, *, staged: Sequence[StagedReturn], now: dt.datetime) -> None:
    """What is staged, each at its order if that is there."""
    keys = {
        (one.channel, one.external_shop, one.order_external_id)
        for one in staged
        if one.order_id is None and one.order_external_id
    }
    if keys:
        await tx.execute(PLAN_ANEW)
        await tx.execute(_NAMED, tx.brand, *_lists(keys))
        await tx.execute(PLAN_ONCE)
    await tx.execute(_PUT_RETURNS, tx.brand, now)


async def link(tx: Tx, *, orders: Sequence[StagedOrder]) -> bool:
    """Refunds that waited for these new orders are theirs; whether there were any."""
    new = {(one.channel, one.external_shop, one.external_id): one.order_id for one in orders if not one.is_known}
    if not new:
        return False
    rows = await tx.fetch(_WAITING, tx.brand, *_lists(new))
    waiting = {row[0]: new[key] for row in rows if (key := (row[1], row[2], row[3])) in new}
    if waiting:
        await tx.execute(PLAN_ANEW)
        await tx.execute(_LINK, tx.brand, list(waiting), list(waiting.values()))
        await tx.execute(PLAN_ONCE)
    return bool(waiting)


async def settle(tx: Tx, *, known: Sequence[uuid.UUID]) -> tuple[list[ReturnChange], list[Summed]]:
    """Count each once, sum them up on their orders; those that changed, gone ones among them, and those orders.

    Those of ``known`` orders may have changed with them.
    """
    await tx.execute(PLAN_ANEW)
    await tx.execute(_NOTE_STAGED, tx.brand, list(known))
    returns, orders = await _dirty(tx)
    keys = [tuple(row) for row in await tx.fetch(_KEYS, tx.brand, returns)]
    twice = [row[0] for row in await tx.fetch(_TOLD_TWICE, tx.brand, *_lists(keys))] if keys else []
    if twice:
        await tx.execute(_TURN, tx.brand, twice)
        returns, orders = await _dirty(tx)
    summed = [Summed(*row) for row in await tx.fetch(_SUM_UP, tx.brand, orders)] if orders else []
    await tx.execute(_CHANGED, tx.brand, returns, orders)
    await tx.execute(PLAN_ONCE)
    return [ReturnChange(*row) for row in await tx.fetch(_READ_CHANGED)], summed


async def _dirty(tx: Tx) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    row = await tx.fetchrow(_DIRTY)
    return (row[0] or [], row[1] or []) if row else ([], [])


def _lists(keys: Iterable[Sequence[str]]) -> list[list[str]]:
    """Each part of the keys as a list: together they find more than the keys, and nothing twice."""
    return [list(set(part)) for part in zip(*keys, strict=True)]
