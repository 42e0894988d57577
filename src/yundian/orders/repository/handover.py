"""Pick-up codes: issued once an order, found within a shop, used once by one statement."""

import datetime as dt
import uuid
from collections.abc import Sequence

from yundian.orders.repository.rows import HAND_OVER, hand_over_of
from yundian.orders.types import HandOverView
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run


async def void(door: Door, *, order_ids: Sequence[uuid.UUID]) -> None:
    """The codes of these orders are worth nothing any more."""
    if not order_ids:
        return
    sql = (
        "UPDATE orders_handover SET state = 'void' WHERE brand_id = $1 AND order_id = ANY($2::uuid[])"
        " AND state = 'issued'"
    )
    await run(door, sql, brand_of(door), list(order_ids))


async def issue(
    door: Door, *, order_id: uuid.UUID, shop_id: uuid.UUID, code_hash: bytes, code_sealed: bytes
) -> None:
    """The order's code, unless it has one, or another order of the shop waits under the same."""
    await run(
        door,
        "INSERT INTO orders_handover (brand_id, id, created_at, order_id, shop_id, code_hash, code_sealed, state)"
        " SELECT $1, $2::uuid, now(), o.id, o.fulfil_shop_id, $5::bytea, $6::bytea, 'issued'"
        " FROM orders_order o WHERE o.brand_id = $1 AND o.id = $3 AND o.fulfil_shop_id = $4 AND o.state = 'ready'"
        " ON CONFLICT DO NOTHING",
        brand_of(door),
        new_id(),
        order_id,
        shop_id,
        code_hash,
        code_sealed,
    )


async def sealed_code(door: Door, *, order_id: uuid.UUID) -> tuple[HandOverView, bytes] | None:
    """An order's code, sealed."""
    sql = f"SELECT {HAND_OVER}, h.code_sealed FROM orders_handover h WHERE h.brand_id = $1 AND h.order_id = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), order_id)
    if not rows:
        return None
    *fields, sealed = tuple(rows[0])
    return hand_over_of(fields), sealed


async def by_code(door: Door, *, hashes: Sequence[tuple[uuid.UUID, bytes]]) -> HandOverView | None:
    """What a code means in one of these shops: what still waits, else what was handed over last."""
    rows = await fetch(
        door,
        f"SELECT {HAND_OVER} FROM orders_handover h"  # noqa: S608
        " JOIN unnest($2::uuid[], $3::bytea[]) AS w (shop_id, code_hash)"
        " ON h.shop_id = w.shop_id AND h.code_hash = w.code_hash"
        " WHERE h.brand_id = $1 ORDER BY h.state = 'issued' DESC, h.used_at DESC NULLS LAST LIMIT 1",
        brand_of(door),
        [shop_id for shop_id, _ in hashes],
        [code_hash for _, code_hash in hashes],
    )
    return hand_over_of(tuple(rows[0])) if rows else None


async def use(door: Door, *, handover_id: uuid.UUID, now: dt.datetime, actor_id: uuid.UUID | None) -> bool:
    """Whether this call used it."""
    sql = (
        "UPDATE orders_handover SET state = 'used', used_at = $3, used_by = $4"
        " WHERE brand_id = $1 AND id = $2 AND state = 'issued'"
    )
    return await run(door, sql, brand_of(door), handover_id, now, actor_id) == 1


async def reissue(door: Door, *, order_id: uuid.UUID) -> bool:
    """A hand-over was taken back: the same code is good again."""
    sql = (
        "UPDATE orders_handover SET state = 'issued', used_at = NULL, used_by = NULL"
        " WHERE brand_id = $1 AND order_id = $2 AND state = 'used'"
    )
    return await run(door, sql, brand_of(door), order_id) == 1
