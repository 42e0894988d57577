"""Where a service can be had soonest: the nearest shops with the next time that is free in each."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import setup as repository
from appointments.service import planning
from appointments.types import BookingView, Stretch
from stores import api as stores
from stores.types import Place, ShopView
from yundian.platform.core import clock

# A list on a phone; each line costs two statements.
MOST_SHOPS = 8
_NEAR = 60
# Asked for around a place, since some of them take no appointments.
_AROUND = 50
_AHEAD = dt.timedelta(days=14)


@dataclass(frozen=True)
class FreeShop:
    """A shop that offers the service; ``next_start`` of ``None``: nothing is free within two weeks."""

    shop: ShopView
    distance_m: float | None
    next_start: dt.datetime | None


async def open_shops(
    session: AsyncSession, *, among: set[uuid.UUID], place: Place | None, near: int
) -> list[tuple[ShopView, float | None]]:
    """Those of these shops that are open, with their distance from a place: of the ``near`` shops around it, the
    nearest first. Without a place all of them, by city and name."""
    found: list[tuple[ShopView, float | None]]
    if place is not None:
        around = await stores.nearest_shops(session, place=place, limit=near)
        found = [(one.shop, one.distance_m) for one in around if one.shop.id in among]
    else:
        shops = (await stores.get_shops(session, ids=among)).values()
        found = [(shop, None) for shop in sorted(shops, key=lambda shop: (shop.city, shop.name))]
    return [(shop, distance) for shop, distance in found if shop.status.value == "open"]


async def shops_around(session: AsyncSession, here: Place | None) -> list[tuple[ShopView, float | None]]:
    """Open shops where somebody serves, the nearest first; by city and name where nobody says where she is."""
    served = await repository.shops_with_staff(session)
    return await open_shops(session, among=served, place=here, near=_AROUND)


def others(
    by_day: dict[dt.date, list[dt.datetime]], old: BookingView | None, staff_id: uuid.UUID | None
) -> dict[dt.date, list[dt.datetime]]:
    """Without the time that is hers already: to move there, unless to somebody else, is no move."""
    if old is None or staff_id not in (None, old.staff_id):
        return by_day
    left = {day: [at for at in starts if at != old.starts_at] for day, starts in by_day.items()}
    return {day: starts for day, starts in left.items() if starts}


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
    found = await open_shops(session, among=offering, place=place, near=_NEAR)
    ahead = min(_AHEAD, dt.timedelta(days=service.horizon_days))
    free = []
    for shop, distance in found[:limit]:
        today = clock.business_day(now, shop.time_zone)
        asked = await planning.ask(
            session,
            shop_id=shop.id,
            service_id=service_id,
            stretch=Stretch(today, today + ahead),
            member_id=member_id,
        )
        starts = asked.openings.starts()
        free.append(FreeShop(shop, distance, starts[0] if starts else None))
    return free
