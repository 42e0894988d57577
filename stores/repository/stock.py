"""Stock moves by conditional statements that lock rows in the order of the SKUs; the ledger is written along.

Each runs through either door (a session or a ``Tx``) in the caller's transaction.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.models import Stock, StockMovement
from stores.states import MovementKind
from stores.types import StockLine
from yundian.platform.core.ids import new_id
from yundian.platform.db.paging import before
from yundian.platform.outbox.door import Door, fetch, run

RESERVE = """
WITH wanted AS (
    SELECT * FROM unnest($3::uuid[], $4::int[], $5::uuid[]) AS w(sku_id, quantity, movement_id)
), earlier AS (
    SELECT 1 FROM stores_stock_movement
    WHERE brand_id = $1 AND shop_id = $2 AND reference = $6 AND kind = 'reserve'
), held AS MATERIALIZED (
    SELECT s.id, s.sku_id, w.quantity, w.movement_id, s.on_hand - s.reserved AS available
    FROM stores_stock s JOIN wanted w ON w.sku_id = s.sku_id
    WHERE s.brand_id = $1 AND s.shop_id = $2 AND NOT EXISTS (SELECT FROM earlier)
    ORDER BY s.sku_id FOR UPDATE OF s
), verdict AS (
    SELECT count(*) = (SELECT count(*) FROM wanted) AND bool_and(available >= quantity) AS fits FROM held
), changed AS (
    UPDATE stores_stock s SET reserved = s.reserved + h.quantity FROM held h
    WHERE s.brand_id = $1 AND s.id = h.id AND (SELECT fits FROM verdict)
    RETURNING s.sku_id, h.quantity, h.movement_id
), ledger AS (
    INSERT INTO stores_stock_movement
        (brand_id, id, created_at, shop_id, sku_id, kind, on_hand_delta, reserved_delta, reference, reason)
    SELECT $1, movement_id, $7, $2, sku_id, 'reserve', 0, quantity, $6, '' FROM changed
)
SELECT w.sku_id, w.quantity, coalesce(h.available, 0) AS available,
    EXISTS (SELECT FROM earlier) AS is_repeat, coalesce((SELECT fits FROM verdict), false) AS fits
FROM wanted w LEFT JOIN held h ON h.sku_id = w.sku_id ORDER BY w.sku_id
"""

LOCK_REFERENCE = """
SELECT s.sku_id FROM stores_stock s WHERE s.brand_id = $1 AND s.shop_id = $2 AND s.sku_id IN (
    SELECT m.sku_id FROM stores_stock_movement m
    WHERE m.brand_id = $1 AND m.shop_id = $2 AND m.reference = $3 AND m.kind = 'reserve')
ORDER BY s.sku_id FOR UPDATE
"""

SETTLE = """
WITH held AS (
    SELECT m.sku_id, m.reserved_delta AS quantity FROM stores_stock_movement m
    WHERE m.brand_id = $1 AND m.shop_id = $2 AND m.reference = $3 AND m.kind = 'reserve'
    AND NOT EXISTS (SELECT FROM stores_stock_movement d WHERE d.brand_id = $1 AND d.shop_id = $2
        AND d.reference = $3 AND d.sku_id = m.sku_id AND d.kind IN ('release', 'commit'))
), changed AS (
    UPDATE stores_stock s SET reserved = s.reserved - h.quantity,
        on_hand = s.on_hand - CASE WHEN $4::text = 'commit' THEN h.quantity ELSE 0 END
    FROM held h WHERE s.brand_id = $1 AND s.shop_id = $2 AND s.sku_id = h.sku_id
    RETURNING s.sku_id, h.quantity, s.on_hand - s.reserved AS available
), ledger AS (
    INSERT INTO stores_stock_movement
        (brand_id, id, created_at, shop_id, sku_id, kind, on_hand_delta, reserved_delta, reference, reason)
    SELECT $1, ids.id, $5, $2, c.sku_id, $4, CASE WHEN $4 = 'commit' THEN -c.quantity ELSE 0 END, -c.quantity,
        $3, ''
    FROM (SELECT *, row_number() OVER (ORDER BY sku_id) AS n FROM changed) c
    JOIN unnest($6::uuid[]) WITH ORDINALITY AS ids(id, n) ON ids.n = c.n
)
SELECT sku_id, quantity, available FROM changed ORDER BY sku_id
"""

MOVE = """
WITH wanted AS (
    SELECT * FROM unnest($3::uuid[], $4::int[], $5::uuid[], $6::uuid[])
        AS w(sku_id, quantity, movement_id, stock_id)
    ORDER BY sku_id
), fresh AS (
    SELECT w.* FROM wanted w WHERE $7::text IS NULL OR NOT EXISTS (SELECT FROM stores_stock_movement m
        WHERE m.brand_id = $1 AND m.shop_id = $2 AND m.reference = $7 AND m.sku_id = w.sku_id
        AND m.kind IN ('receive', 'adjust'))
), changed AS (
    INSERT INTO stores_stock AS s (brand_id, id, created_at, shop_id, sku_id, on_hand, reserved, low_at)
    SELECT $1, stock_id, $8, $2, sku_id, greatest(quantity, 0), 0, 3 FROM fresh
    WHERE quantity >= 0 OR EXISTS (SELECT FROM stores_stock e
        WHERE e.brand_id = $1 AND e.shop_id = $2 AND e.sku_id = fresh.sku_id)
    ORDER BY sku_id
    ON CONFLICT (brand_id, shop_id, sku_id) DO UPDATE SET on_hand = s.on_hand + (
        SELECT f.quantity FROM fresh f WHERE f.sku_id = excluded.sku_id)
    WHERE s.on_hand + (SELECT f.quantity FROM fresh f WHERE f.sku_id = excluded.sku_id) >= s.reserved
    RETURNING s.sku_id, s.on_hand - s.reserved AS available
), ledger AS (
    INSERT INTO stores_stock_movement (brand_id, id, created_at, shop_id, sku_id, kind, on_hand_delta,
        reserved_delta, reference, reason, actor_id)
    SELECT $1, f.movement_id, $8, $2, f.sku_id, $9, f.quantity, 0, $7, $10, $11
    FROM changed c JOIN fresh f ON f.sku_id = c.sku_id
)
SELECT f.sku_id, f.quantity, c.available FROM fresh f LEFT JOIN changed c ON c.sku_id = f.sku_id
ORDER BY f.sku_id
"""


class Reserved(NamedTuple):
    sku_id: uuid.UUID
    quantity: int
    available: int
    is_repeat: bool
    fits: bool


class Moved(NamedTuple):
    """``available`` afterwards; ``None`` when the move was refused."""

    sku_id: uuid.UUID
    quantity: int
    available: int | None


async def reserve(
    door: Door,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reference: str,
    now: dt.datetime,
) -> list[Reserved]:
    """All lines or none; whether they ``fits`` is in every row of the answer."""
    rows = await fetch(
        door,
        RESERVE,
        brand_id,
        shop_id,
        [line.sku_id for line in lines],
        [line.quantity for line in lines],
        [new_id() for _ in lines],
        reference,
        now,
    )
    return [Reserved(*row) for row in rows]


async def settle(
    door: Door,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    reference: str,
    kind: MovementKind,
    now: dt.datetime,
) -> list[Moved]:
    """Release or commit what the reference still holds; nothing when it holds nothing (any more)."""
    # Locked first: the second statement then sees what an earlier settler committed.
    locked = await fetch(door, LOCK_REFERENCE, brand_id, shop_id, reference)
    if not locked:
        return []
    ids = [new_id() for _ in locked]
    rows = await fetch(door, SETTLE, brand_id, shop_id, reference, kind.value, now, ids)
    return [Moved(*row) for row in rows]


async def move(
    door: Door,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    kind: MovementKind,
    reference: str | None,
    reason: str,
    actor_id: uuid.UUID | None,
    now: dt.datetime,
) -> list[Moved]:
    """Receive or adjust: signed pieces on hand. A repeated reference moves nothing and is left out."""
    rows = await fetch(
        door,
        MOVE,
        brand_id,
        shop_id,
        [line.sku_id for line in lines],
        [line.quantity for line in lines],
        [new_id() for _ in lines],
        [new_id() for _ in lines],
        reference,
        now,
        kind.value,
        reason,
        actor_id,
    )
    return [Moved(*row) for row in rows]


async def set_low_at(
    door: Door, *, brand_id: uuid.UUID, shop_id: uuid.UUID, sku_id: uuid.UUID, low_at: int
) -> bool:
    sql = "UPDATE stores_stock SET low_at = $4 WHERE brand_id = $1 AND shop_id = $2 AND sku_id = $3"
    return await run(door, sql, brand_id, shop_id, sku_id, low_at) == 1


async def of_shop(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, after_sku: uuid.UUID | None, limit: int
) -> list[Stock]:
    """Stock rows in the order of their SKUs."""
    statement = select(Stock).where(col(Stock.brand_id) == brand_id, col(Stock.shop_id) == shop_id)
    if after_sku is not None:
        statement = statement.where(col(Stock.sku_id) > after_sku)
    return list((await session.exec(statement.order_by(col(Stock.sku_id)).limit(limit))).all())


async def low_of_shop(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, limit: int
) -> list[Stock]:
    """What runs out first: the rows at or below their mark."""
    available = col(Stock.on_hand) - col(Stock.reserved)
    statement = (
        select(Stock)
        .where(col(Stock.brand_id) == brand_id, col(Stock.shop_id) == shop_id, available <= col(Stock.low_at))
        .order_by(available, col(Stock.sku_id))
        .limit(limit)
    )
    return list((await session.exec(statement)).all())


async def rows_of(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, sku_ids: Sequence[uuid.UUID]
) -> list[Stock]:
    statement = select(Stock).where(
        col(Stock.brand_id) == brand_id, col(Stock.shop_id) == shop_id, col(Stock.sku_id).in_(sku_ids)
    )
    return list((await session.exec(statement)).all())


async def movements(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    sku_id: uuid.UUID,
    after_id: uuid.UUID | None,
    limit: int,
) -> list[StockMovement]:
    """The ledger of one SKU, the newest first."""
    statement = select(StockMovement).where(
        col(StockMovement.brand_id) == brand_id,
        col(StockMovement.shop_id) == shop_id,
        col(StockMovement.sku_id) == sku_id,
    )
    if after_id is not None:
        statement = statement.where(before([col(StockMovement.id)], [after_id]))
    return list((await session.exec(statement.order_by(sa.desc(col(StockMovement.id))).limit(limit))).all())
