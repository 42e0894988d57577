"""On other pages: her next appointment, what she may book, and of an order the appointment that it paid for."""

import uuid

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.pages.customer import Latitude, Longitude
from appointments.pages.nearby import choices, wechat_config
from appointments.repository import bookings
from appointments.repository import setup as repository
from appointments.schemas.forms import LABELS
from appointments.service import prepaid
from appointments.service.finding import shops_around
from appointments.states import BookingState
from stores import api as stores
from stores.types import Place
from yundian.brands import api as brands
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, customer, requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web.pages import AnyRequest, fragment

clerks = requires(*SHOP_ROLES)
_STANDS = frozenset({BookingState.HELD, BookingState.REQUESTED, BookingState.CONFIRMED, BookingState.ARRIVED})
_NEXT, _SHOPS, _SERVICES = 2, 3, 4


class HomePanels(Controller):
    path = "/m/{brand_code:str}/panels"
    include_in_schema = False

    @get("/appointments", name="appointments.home_next", guards=[customer])
    async def coming(
        self,
        brand_code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """What she has booked next; nothing where there is nothing."""
        found = await bookings.of_member(
            session, member_id=principal.own_id, since=clock.house(), until=None, limit=10
        )
        coming = [one for one in found if one.state in _STANDS][:_NEXT]
        return fragment(
            "appointments/_home_next.html",
            base=f"/m/{brand_code}",
            coming=coming,
            shops=await stores.get_shops(session, ids={one.shop_id for one in coming}),
            **LABELS,
        )

    @get("/book", name="appointments.home_book", guards=[anyone], opt=FOR_CUSTOMERS)
    async def book(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        lat: Latitude = None,
        lon: Longitude = None,
    ) -> Template:
        """What can be booked, and the nearest shops once the phone says where it is."""
        brand = await brands.brand_in_address(services.database, brand_code)
        place = Place(lat, lon) if lat is not None and lon is not None else None
        async with services.database.unit_of_work(brand.id) as session:
            offered = await repository.offered(session, shop_id=None)
            found = await shops_around(session, place)
        return fragment(
            "appointments/_home_book.html",
            base=f"/m/{brand.code}",
            offered=offered[:_SERVICES],
            is_near=place is not None,
            many=len(found),
            wechat=await wechat_config(request, services, brand.id, path=f"/m/{brand.code}"),
            **choices(place, found[:_SHOPS], None),
        )

    @get("/orders/{order_id:uuid}/appointment", name="appointments.of_order", guards=[customer])
    async def of_order(
        self,
        brand_code: FromPath[str],
        order_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """On the page of an order that paid for an appointment: when and where, and its one code."""
        booking = await prepaid.booking_of(session, member_id=principal.own_id, order_id=order_id)
        shops = await stores.get_shops(session, ids={booking.shop_id} if booking else set())
        return fragment(
            "appointments/_of_order.html",
            base=f"/m/{brand_code}",
            booking=booking,
            shop=shops.get(booking.shop_id) if booking else None,
            is_waiting=await prepaid.is_waiting(session, member_id=principal.own_id, order_id=order_id),
            **LABELS,
        )


class ShopOrderPanels(Controller):
    path = "/shop/panels/orders"
    include_in_schema = False

    @get("/{order_id:uuid}/appointment", name="appointments.of_shop_order", guards=[clerks])
    async def of_order(
        self,
        order_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The same for who works in the shop, with the way to its sheet."""
        booking = await prepaid.booking_in_shops(session, order_id=order_id, shops=principal.own_shops)
        return fragment("appointments/_of_shop_order.html", booking=booking, **LABELS)
