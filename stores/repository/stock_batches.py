"""Stock of many references given back at once: a mass refund's two statements, in the lock order of the others."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch

_LOCK = """
SELECT 1 FROM stores_stock s JOIN stores_stock_movement m
    ON m.brand_id = s.brand_id AND m.shop_id = s.shop_id AND m.sku_id = s.sku_id
JOIN unnest($2::uuid[], $3::varchar[]) AS w(shop_id, reference)
    ON w.shop_id = m.shop_id AND w.reference = m.reference
WHERE s.brand_id = $1 AND m.brand_id = $1 AND m.kind = 'reserve'
ORDER BY s.shop_id, s.sku_id FOR UPDATE OF s
"""

_RELEASE = """
WITH held AS (
    SELECT m.shop_id, m.sku_id, m.reference, m.reserved_delta AS quantity,
        row_number() OVER (ORDER BY m.shop_id, m.reference, m.sku_id) AS n
    FROM stores_stock_movement m JOIN (SELECT DISTINCT * FROM unnest($2::uuid[], $3::varchar[])) AS w(shop_id,
        reference) ON w.shop_id = m.shop_id AND w.reference = m.reference
    WHERE m.brand_id = $1 AND m.kind = 'reserve' AND NOT EXISTS (SELECT FROM stores_stock_movement d
        WHERE d.brand_id = $1 AND d.shop_id = m.shop_id AND d.reference = m.reference AND d.sku_id = m.sku_id
        AND d.kind IN ('release', 'commit'))
), changed AS (
    UPDATE stores_stock s SET reserved = s.reserved - u.quantity
    FROM (SELECT shop_id, sku_id, sum(quantity)::int AS quantity FROM held GROUP BY 1, 2) u
    WHERE s.brand_id = $1 AND s.shop_id = u.shop_id AND s.sku_id = u.sku_id
    RETURNING s.shop_id, s.sku_id, u.quantity, s.on_hand - s.reserved AS available
), ledger AS (
    INSERT INTO stores_stock_movement
        (brand_id, id, created_at, shop_id, sku_id, kind, on_hand_delta, reserved_delta, reference, reason)
    SELECT $1, ids.id, $4, h.shop_id, h.sku_id, 'release', 0, -h.quantity, h.reference, ''
    FROM held h JOIN unnest($5::uuid[]) WITH ORDINALITY AS ids(id, n) ON ids.n = h.n
)
SELECT shop_id, sku_id, quantity, available FROM changed ORDER BY shop_id, sku_id
"""


class Returned(NamedTuple):
    """Pieces of one SKU that are free again in one shop."""

    shop_id: uuid.UUID
    sku_id: uuid.UUID
    quantity: int
    available: int


async def release(door: Door, *, references: Sequence[tuple[uuid.UUID, str]], now: dt.datetime) -> list[Returned]:
    """What these (shop, reference) still hold. Locked first: the second statement sees what others settled."""
    brand_id = brand_of(door)
    shops, names = [shop_id for shop_id, _ in references], [name for _, name in references]
    locked = await fetch(door, _LOCK, brand_id, shops, names)
    if not locked:
        return []
    rows = await fetch(door, _RELEASE, brand_id, shops, names, now, [new_id() for _ in locked])
    return [Returned(*row) for row in rows]
