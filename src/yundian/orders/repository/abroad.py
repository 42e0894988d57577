"""What is known of orders of other systems beside the orders: their refunds, and their own numbers."""

import uuid
from collections.abc import Sequence

from yundian.orders.types import ReturnRow
from yundian.platform.outbox.door import Door, brand_of, fetch

_RETURN = ", ".join(ReturnRow.__struct_fields__)

# From one channel and shop to the next in the index of other systems' numbers, and one look into each: of however
# many orders, these are few.
_BY_NUMBER = """
WITH RECURSIVE place (channel, external_shop, number) AS (
    (SELECT channel::text, external_shop::text, 1 FROM orders_order WHERE brand_id = $1 AND external_id <> ''
        ORDER BY channel, external_shop LIMIT 1)
    UNION ALL
    SELECT next.channel, next.external_shop, place.number + 1 FROM place CROSS JOIN LATERAL (
        SELECT o.channel::text, o.external_shop::text FROM orders_order o
        WHERE o.brand_id = $1 AND o.external_id <> ''
            AND (o.channel, o.external_shop) > (place.channel, place.external_shop)
        ORDER BY o.channel, o.external_shop LIMIT 1
    ) AS next WHERE place.number < 10000
)
SELECT id FROM orders_order WHERE brand_id = $1 AND number = ANY($2::text[])
UNION
SELECT o.id FROM place p JOIN orders_order o ON o.brand_id = $1 AND o.channel = p.channel
    AND o.external_shop = p.external_shop AND o.external_id = ANY($2::text[]) AND o.external_id <> ''
LIMIT 200
"""


async def returns_of(door: Door, *, order_id: uuid.UUID) -> list[ReturnRow]:
    """What another system gave back of the order, by day; of a refund told twice the one that counts."""
    sql = (
        f"SELECT {_RETURN} FROM orders_return WHERE brand_id = $1 AND order_id = $2 AND is_counted"  # noqa: S608
        " ORDER BY refunded_at, id"
    )
    rows = await fetch(door, sql, brand_of(door), order_id)
    return [ReturnRow(**dict(zip(ReturnRow.__struct_fields__, row, strict=True))) for row in rows]


async def order_of_return(door: Door, *, return_id: uuid.UUID) -> uuid.UUID | None:
    """The order that a refund is of, as far as it came in."""
    sql = "SELECT order_id FROM orders_return WHERE brand_id = $1 AND id = $2"
    rows = await fetch(door, sql, brand_of(door), return_id)
    return rows[0][0] if rows else None


async def ids_by_number(door: Door, *, numbers: Sequence[str]) -> list[uuid.UUID]:
    """Whose number one of these is, here or at the source."""
    return [row[0] for row in await fetch(door, _BY_NUMBER, brand_of(door), list(numbers))]
