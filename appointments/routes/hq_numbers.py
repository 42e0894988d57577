"""HQ's numbers by JSON: how busy shops are, from looking to buying, and the appointments that a number counts."""

import datetime as dt
import uuid
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown
from appointments.repository import bookings, listing
from appointments.repository.funnel import By
from appointments.repository.listing import What
from appointments.schemas.numbers import (
    FollowedRead,
    FunnelRead,
    ListedRead,
    OriginRead,
    TotalRead,
    UsageRead,
    listed_of,
)
from appointments.service import listing as listed
from appointments.service import reporting
from appointments.service.listing import Asked
from stores import api as stores
from yundian.brands import api as brands
from yundian.orders import api as orders
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.paging import Page
from yundian.platform.web.context import current
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)

First = Annotated[dt.date | None, QueryParameter(name="from", description="First day, by the shops' clocks")]
Last = Annotated[dt.date | None, QueryParameter(name="to", description="Last day; a year at most")]
Only = Annotated[uuid.UUID | None, QueryParameter()]
Channel = Annotated[str | None, QueryParameter(max_length=20)]
Weekday = Annotated[int | None, QueryParameter(ge=1, le=7, description="1 is Monday")]
Hour = Annotated[int | None, QueryParameter(ge=0, le=23, description="In which they begin")]


class NumbersController(Controller):
    """Numbers over days; the lists behind them count the same."""

    path = "/appointment-numbers"
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/usage", operation_id="appointments_usage")
    async def usage(
        self, session: NamedDependency[AsyncSession], first: First = None, last: Last = None, shop_id: Only = None
    ) -> UsageRead:
        """How much of their time people were booked, what became of it, and when customers come.

        Without days the last seven.
        """
        begin, until = await _days(session, first, last, 7)
        found = await reporting.busyness(
            session, first=begin, last=until, shop_id=shop_id, locale=current().locale
        )
        return UsageRead.of(found, first=begin, last=until)

    @get("/funnel", operation_id="appointments_funnel")
    async def funnel(
        self,
        session: NamedDependency[AsyncSession],
        by: FromQuery[By] = By.SHOP,
        first: First = None,
        last: Last = None,
        shop_id: Only = None,
    ) -> FunnelRead:
        """How many looked, asked, were booked, came and bought; without days over the last thirty."""
        begin, until = await _days(session, first, last, 30)
        shops = None if shop_id is None else frozenset({shop_id})
        report = await reporting.funnel(
            session, by=by, first=begin, last=until, shops=shops, locale=current().locale
        )
        return FunnelRead.of(report)

    @get("/appointments", operation_id="appointments_list_counted")
    async def counted(
        self,
        session: NamedDependency[AsyncSession],
        what: FromQuery[What] = What.ALL,
        first: First = None,
        last: Last = None,
        shop_id: Only = None,
        staff_id: Only = None,
        service_id: Only = None,
        channel: Channel = None,
        weekday: Weekday = None,
        hour: Hour = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ListedRead]:
        """List the appointments that a number counts, the latest first, with the orders that followed them.

        `asked`, `booked`, `came` and `bought` are of what was first asked for on these days, the others of what
        was to be on them; without days the last thirty.
        """
        asked = Asked(
            what=what, first=first, last=last, shop_id=shop_id, staff_id=staff_id, service_id=service_id,
            channel=channel, weekday=weekday, hour=hour,
        )  # fmt: skip
        wanted = await listed.wanted(session, asked)
        found = await listed.some(session, wanted=wanted, cursor=cursor, limit=limit)
        bought = await listing.followed(session, booking_ids=[one.id for one in found.items])
        items = listed_of(
            found.items,
            bought,
            await orders.get_orders(session, order_ids=[one.order_id for one in bought]),
            await stores.get_shops(session, ids={one.shop_id for one in found.items}),
        )
        return Page(items, found.next_cursor)

    @get("/appointments/total", operation_id="appointments_count")
    async def total(
        self,
        session: NamedDependency[AsyncSession],
        what: FromQuery[What] = What.ALL,
        first: First = None,
        last: Last = None,
        shop_id: Only = None,
        staff_id: Only = None,
        service_id: Only = None,
        channel: Channel = None,
        weekday: Weekday = None,
        hour: Hour = None,
    ) -> TotalRead:
        """Count the same; of what was bought also what it came to."""
        asked = Asked(
            what=what, first=first, last=last, shop_id=shop_id, staff_id=staff_id, service_id=service_id,
            channel=channel, weekday=weekday, hour=hour,
        )  # fmt: skip
        wanted = await listed.wanted(session, asked)
        return TotalRead(
            what=what,
            first=wanted.first,
            last=wanted.last,
            count=await listing.count(session, wanted=wanted),
            net_minor=await listing.net(session, wanted=wanted) if what is What.BOUGHT else {},
        )

    @get(
        "/orders/{order_id:uuid}",
        operation_id="appointments_followed_by_order",
        responses=refusals(BookingUnknown),
    )
    async def of_order(self, order_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> OriginRead:
        """Get the appointment that an order followed; unknown where it followed none."""
        followed = await listing.followed_by(session, order_id=order_id)
        found = await bookings.by_ids(session, booking_ids=[followed.booking_id]) if followed else []
        if followed is None or not found:
            raise BookingUnknown
        numbers = await orders.get_orders(session, order_ids=[order_id])
        return OriginRead.of(found[0], FollowedRead.of(followed, numbers.get(order_id)))


async def _days(
    session: AsyncSession, first: dt.date | None, last: dt.date | None, count: int
) -> tuple[dt.date, dt.date]:
    today = clock.business_day(clock.house(), await brands.zone_of(session))
    return reporting.span(first, last, today=today, days=count)
