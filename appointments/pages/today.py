"""On the home page of a shop: who comes next today, and what waits for its word."""

from typing import NamedTuple

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.pages.shared import own_shops
from appointments.repository import bookings
from appointments.repository import setup as repository
from appointments.schemas.forms import LABELS
from appointments.states import LIVE, BookingState
from appointments.types import BookingView
from stores.types import ShopView
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.web.pages import fragment

_SHOPS, _NEXT = 4, 3
_COUNTED = LIVE | {BookingState.COMPLETED}


class ShopToday(NamedTuple):
    """``asked`` wait for the shop's word, ``alone`` have nobody to serve them, today and later."""

    shop: ShopView
    total: int
    coming: list[BookingView]
    asked: int
    alone: int


class TodayPanel(Controller):
    path = "/shop/panels/appointments"
    include_in_schema = False
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="appointments.shop_today")
    async def show(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The next ones of my shops; nothing where nobody takes appointments."""
        served = await repository.shops_with_staff(session)
        shops = [shop for shop in await own_shops(session, principal) if shop.id in served][:_SHOPS]
        found = [await _today(session, shop) for shop in shops]
        return fragment("appointments/_shop_today.html", found=found, **LABELS)


async def _today(session: AsyncSession, shop: ShopView) -> ShopToday:
    now = clock.house()
    day = clock.business_day(now, shop.time_zone)
    booked = [one for one in await bookings.of_day(session, shop_id=shop.id, day=day) if one.state in _COUNTED]
    coming = [one for one in booked if one.state in LIVE and one.ends_at > now and not one.is_day_only]
    waiting = await bookings.open_days(session, shop_id=shop.id, since=day, now=now)
    return ShopToday(
        shop=shop,
        total=len(booked),
        coming=coming[:_NEXT],
        asked=sum(asked for _, asked, _ in waiting),
        alone=sum(alone for _, _, alone in waiting),
    )
