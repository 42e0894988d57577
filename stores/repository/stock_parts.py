"""Setting stock aside as parts of another room's one statement: the same effect as ``stock.RESERVE``."""

import datetime as dt
import uuid
from collections.abc import Sequence

from stores.types import StockLine
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte


def reserve_parts(
    cte: Cte,
    *,
    brand: str,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reference: str,
    now: dt.datetime,
    given: str,
    name: str,
) -> None:
    """See ``stores.api.reserve_parts``."""
    ordered = sorted(lines, key=lambda line: line.sku_id)
    shop, at, ref = cte.value(shop_id), cte.value(now), cte.value(reference)
    skus = cte.value([line.sku_id for line in ordered])
    pieces = cte.value([line.quantity for line in ordered])
    ids = cte.value([new_id() for _ in ordered])
    # Several rows are locked in the order of their SKUs before any is changed.
    cte.part(
        f"{name}_held",
        "SELECT s.id, s.sku_id, w.quantity, w.movement_id FROM"  # noqa: S608
        f" unnest({skus}::uuid[], {pieces}::int[], {ids}::uuid[]) AS w(sku_id, quantity, movement_id)"
        f" JOIN stores_stock s ON s.brand_id = {brand}::uuid AND s.shop_id = {shop}::uuid AND s.sku_id = w.sku_id"
        f" WHERE s.on_hand - s.reserved >= w.quantity AND EXISTS (SELECT FROM {given})"
        f" AND EXISTS (SELECT FROM stores_shop p WHERE p.brand_id = {brand}::uuid AND p.id = {shop}::uuid"
        " AND p.status = 'open') ORDER BY s.sku_id FOR UPDATE OF s",
    )
    cte.part(
        name,
        f"UPDATE stores_stock s SET reserved = s.reserved + h.quantity FROM {name}_held h"  # noqa: S608
        f" WHERE s.brand_id = {brand}::uuid AND s.id = h.id RETURNING s.sku_id, h.quantity, h.movement_id",
    )
    cte.part(
        f"{name}_ledger",
        "INSERT INTO stores_stock_movement (brand_id, id, created_at, shop_id, sku_id, kind,"  # noqa: S608
        " on_hand_delta,"
        f" reserved_delta, reference, reason) SELECT {brand}::uuid, movement_id, {at}::timestamptz, {shop}::uuid,"
        f" sku_id, 'reserve', 0, quantity, {ref}::varchar, '' FROM {name}",
    )
