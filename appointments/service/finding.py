"""Where a service can be had soonest: the nearest shops with the next time that is free in each."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import setup as repository
from appointments.service import planning
from appointments.types import Stretch
from stores import api as stores
from stores.types import Place, ShopView
from yundian.platform.core import clock

# A list on a phone; each line costs two statements.
MOST_SHOPS = 8
MANY = 20
_NEAR = 60
_AHEAD = dt.timedelta(days=14)


@dataclass(frozen=True)
class FreeShop:
    """A shop that offers the service; ``next_start`` of ``None``: nothing is free within two weeks."""

    shop: ShopView
    distance_m: float | None
    next_start: dt.datetime | None


async def nearest_free(
    session: AsyncSession,
    *,
    service_id: uuid.UUID,
    place: Place | None,
    now: dt.datetime,
    member_id: uuid.UUID | None = None,
    limit: int = MOST_SHOPS,
) -> list[FreeShop]:
    """Open shops that offer a service, the nearest first (without a place: by city and name)."""
    service = await repository.get_service(session, service_id=service_id)
    offering = await repository.shops_offering(session, service_id=service_id)
    found: list[tuple[ShopView, float | None]]
    if place is not None:
        near = await stores.nearest_shops(session, place=place, limit=_NEAR)
        found = [(one.shop, one.distance_m) for one in near if one.shop.id in offering]
    else:
        shops = (await stores.get_shops(session, ids=offering)).values()
        found = [(shop, None) for shop in sorted(shops, key=lambda shop: (shop.city, shop.name))]
    ahead = min(_AHEAD, dt.timedelta(days=service.horizon_days))
    free = []
    for shop, distance in [one for one in found if one[0].status.value == "open"][:limit]:
        today = clock.business_day(now, shop.time_zone)
        asked = await planning.ask(
            session,
            shop_id=shop.id,
            service_id=service_id,
            stretch=Stretch(today, today + ahead),
            now=now,
            member_id=member_id,
        )
        starts = asked.openings.starts()
        free.append(FreeShop(shop, distance, starts[0] if starts else None))
    return free
