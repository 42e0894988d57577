"""Shops around a point: a box on plain indexed columns, then the exact distance, in one statement."""

import uuid
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession

from stores.rules.places import EARTH_RADIUS_M, Box
from stores.types import Place
from yundian.platform.outbox.door import fetch

# The haversine form keeps its precision for near points; least() guards the antipode against rounding.
_DISTANCE = f"""2 * {EARTH_RADIUS_M} * asin(least(1, sqrt(
    power(sin(radians(latitude - $4) / 2), 2)
    + cos(radians($4)) * cos(radians(latitude)) * power(sin(radians(longitude - $5) / 2), 2))))"""

# A constant radius is put in, never a value.
NEAREST = f"""
SELECT id, distance_m FROM (
    SELECT id, {_DISTANCE} AS distance_m FROM stores_shop
    WHERE brand_id = $1 AND latitude >= $2 AND latitude <= $3 AND {{longitudes}} AND {{status}}
) AS boxed
WHERE distance_m <= $8 ORDER BY distance_m, id LIMIT $9
"""  # noqa: S608

_BETWEEN = "longitude >= $6 AND longitude <= $7"
_ACROSS = "(longitude >= $6 OR longitude <= $7)"


class Near(NamedTuple):
    shop_id: uuid.UUID
    distance_m: float


def statement(box: Box, *, only_open: bool) -> str:
    """The SQL for a box; separate texts, so that the planner sees plain conditions."""
    longitudes = _ACROSS if box.crosses_antimeridian else _BETWEEN
    return NEAREST.format(longitudes=longitudes, status="status = 'open'" if only_open else "status <> 'closed'")


async def within(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    place: Place,
    box: Box,
    radius_m: float,
    only_open: bool,
    limit: int,
) -> list[Near]:
    """The nearest shops inside the radius, the nearest first."""
    rows = await fetch(
        session,
        statement(box, only_open=only_open),
        brand_id,
        box.south,
        box.north,
        place.latitude,
        place.longitude,
        box.west,
        box.east,
        radius_m,
        limit,
    )
    return [Near(*row) for row in rows]
