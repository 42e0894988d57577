"""Which shops are near: rings that widen until enough are found, each served by an index."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from stores.repository import nearest, shops
from stores.rules.places import HALF_CIRCUMFERENCE_M, box_around
from stores.service.shops import with_hours
from stores.types import NearShop, Place
from yundian.platform.core import clock

MAX_LIMIT = 50

# In a city the first ring is enough, and it holds few shops even of a large chain.
_RINGS_M = (5_000.0, 50_000.0, 500_000.0)


async def nearest_shops(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    place: Place,
    within_m: float = HALF_CIRCUMFERENCE_M,
    limit: int = 10,
    only_open: bool = True,
) -> list[NearShop]:
    """The shops nearest to a WGS-84 point, the nearest first, at most ``MAX_LIMIT``.

    ``only_open`` leaves out shops that are not in business; whether one is inside its hours is ``is_open_now``.
    """
    limit = min(limit, MAX_LIMIT)
    found: list[nearest.Near] = []
    for radius_m in [*(ring for ring in _RINGS_M if ring < within_m), within_m]:
        box = box_around(place, radius_m=radius_m)
        found = await nearest.within(
            session,
            brand_id=brand_id,
            place=place,
            box=box,
            radius_m=radius_m,
            only_open=only_open,
            limit=limit,
        )
        # All shops of this ring are nearer than any outside it.
        if len(found) == limit:
            break
    rows = await shops.by_ids(session, brand_id=brand_id, shop_ids=[near.shop_id for near in found])
    known = {one.shop.id: one for one in await with_hours(session, brand_id=brand_id, found=rows, now=clock.now())}
    return [
        NearShop(
            shop=known[near.shop_id].shop,
            hours=known[near.shop_id].hours,
            is_open_now=known[near.shop_id].is_open_now,
            distance_m=near.distance_m,
        )
        for near in found
    ]
