"""Setting stock aside as parts of another room's one statement: the same effect as ``stock.RESERVE``."""

import datetime as dt
import uuid
from collections.abc import Sequence
from functools import cache

from stores.types import StockLine
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte

_LEDGER = """
INSERT INTO stores_stock_movement (brand_id, id, created_at, shop_id, sku_id, kind, on_hand_delta, reserved_delta,
    reference, reason)
SELECT $1::uuid, movement_id, $2::timestamptz, $3::uuid, sku_id, 'reserve', 0, quantity, $4::varchar, ''
FROM {name}
"""


def reserve_parts(
    cte: Cte,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reference: str,
    now: dt.datetime,
    given: str,
    name: str,
) -> None:
    """See ``stores.api.reserve_parts``."""
    ordered = sorted(lines, key=lambda line: line.sku_id)
    skus, pieces = [line.sku_id for line in ordered], [line.quantity for line in ordered]
    held, taken, ledger = _sql(name, given)
    cte.add(f"{name}_held", held, brand_id, shop_id, skus, pieces, [new_id() for _ in ordered])
    cte.add(name, taken, brand_id)
    cte.add(f"{name}_ledger", ledger, brand_id, now, shop_id, reference)


@cache
def _sql(name: str, given: str) -> tuple[str, str, str]:
    """Several rows are locked in the order of their SKUs before any is changed."""
    return (
        "SELECT s.id, s.sku_id, w.quantity, w.movement_id"  # noqa: S608
        " FROM unnest($3::uuid[], $4::int[], $5::uuid[]) AS w(sku_id, quantity, movement_id)"
        " JOIN stores_stock s ON s.brand_id = $1::uuid AND s.shop_id = $2::uuid AND s.sku_id = w.sku_id"
        f" WHERE s.on_hand - s.reserved >= w.quantity AND EXISTS (SELECT FROM {given})"
        " AND EXISTS (SELECT FROM stores_shop p WHERE p.brand_id = $1::uuid AND p.id = $2::uuid"
        " AND p.status = 'open') ORDER BY s.sku_id FOR UPDATE OF s",
        f"UPDATE stores_stock s SET reserved = s.reserved + h.quantity FROM {name}_held h"  # noqa: S608
        " WHERE s.brand_id = $1::uuid AND s.id = h.id RETURNING s.sku_id, h.quantity, h.movement_id",
        _LEDGER.format(name=name),
    )
