"""HQ's pages on what numbers are made of, which appointment an order followed, and what groups book."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import bookings, listing
from appointments.repository import setup as repository
from appointments.repository.listing import OF_ASKED, Followed, Wanted, What
from appointments.schemas import sheets
from appointments.schemas.forms import LABELS
from appointments.schemas.setups import weekdays
from appointments.service import listing as listed
from appointments.service import parties
from appointments.service import setup as setup_service
from appointments.service.listing import Asked
from groupbuy import api as groups
from stores import api as stores
from yundian.orders import api as orders
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page
from yundian.platform.web.sheets import csv_stream

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
PAGE_SIZE, AT_ONCE = 50, 2_000

First = Annotated[dt.date | None, QueryParameter(name="from")]
Last = Annotated[dt.date | None, QueryParameter(name="to")]
Only = Annotated[uuid.UUID | None, QueryParameter()]
Channel = Annotated[str | None, QueryParameter(max_length=20)]
Weekday = Annotated[int | None, QueryParameter(ge=1, le=7)]
Hour = Annotated[int | None, QueryParameter(ge=0, le=23)]


class ListPages(Controller):
    path = "/hq/appointments/list"
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="appointments.list")
    async def show(
        self,
        session: NamedDependency[AsyncSession],
        what: FromQuery[What] = What.ALL,
        first: First = None,
        last: Last = None,
        shop: Only = None,
        staff: Only = None,
        service: Only = None,
        channel: Channel = None,
        weekday: Weekday = None,
        hour: Hour = None,
        cursor: Cursor = None,
    ) -> Template:
        """The appointments that a number counts; where something was bought, the orders that sum up to it."""
        asked = Asked(
            what=what, first=first, last=last, shop_id=shop, staff_id=staff, service_id=service,
            channel=channel, weekday=weekday, hour=hour,
        )  # fmt: skip
        wanted = await listed.wanted(session, asked)
        shown = await listed.some(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        found = shown.items
        bought: dict[uuid.UUID, list[Followed]] = {}
        for one in await listing.followed(session, booking_ids=[each.id for each in found]):
            bought.setdefault(one.booking_id, []).append(one)
        numbers = await orders.get_orders(
            session, order_ids=[one.order_id for each in bought.values() for one in each]
        )
        days = {"from": wanted.first.isoformat(), "to": wanted.last.isoformat()}
        return page(
            "appointments/list.html",
            wanted=wanted,
            title=sheets.what_label(what),
            is_asked=what in OF_ASKED,
            found=found,
            next_cursor=shown.next_cursor,
            bought=bought,
            numbers=numbers,
            count=await listing.count(session, wanted=wanted),
            net=await listing.net(session, wanted=wanted) if what is What.BOUGHT else {},
            shops=await stores.get_shops(session, ids={one.shop_id for one in found}),
            chips=await _chips(session, wanted),
            back=f"/hq/appointments{'/funnel' if what in OF_ASKED else ''}?{urlencode(days)}",
            files=urlencode(_query(wanted)),
            channel_label=sheets.channel_label,
            **LABELS,
        )

    @get("/csv", name="appointments.list_csv")
    async def as_csv(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        what: FromQuery[What] = What.ALL,
        first: First = None,
        last: Last = None,
        shop: Only = None,
        staff: Only = None,
        service: Only = None,
        channel: Channel = None,
        weekday: Weekday = None,
        hour: Hour = None,
    ) -> Stream:
        """All of them for a spreadsheet, however many, a part at a time."""
        asked = Asked(
            what=what, first=first, last=last, shop_id=shop, staff_id=staff, service_id=service,
            channel=channel, weekday=weekday, hour=hour,
        )  # fmt: skip
        wanted = await listed.wanted(session, asked)

        async def parts() -> AsyncIterator[list[list[str]]]:
            cursor, is_first = None, True
            while cursor is not None or is_first:
                # No transaction stays open while somebody's line is slow.
                async with services.database.unit_of_work(principal.brand) as part:
                    found = await listed.some(part, wanted=wanted, cursor=cursor, limit=AT_ONCE)
                    shops = await stores.get_shops(part, ids={one.shop_id for one in found.items})
                cursor, is_first = found.next_cursor, False
                yield [sheets.list_row(one, shops[one.shop_id].name) for one in found.items]

        name = f"appointments-{what.value}-{wanted.first.isoformat()}-{wanted.last.isoformat()}"
        return csv_stream(name, sheets.list_headers(), parts())


class OrderPanels(Controller):
    path = "/hq/panels"
    include_in_schema = False

    @get("/orders/{order_id:uuid}/appointment", name="appointments.followed_by_order", guards=[readers])
    async def of_order(self, order_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """Which appointment an order followed, and who is credited for it."""
        followed = await listing.followed_by(session, order_id=order_id)
        found = await bookings.by_ids(session, booking_ids=[followed.booking_id]) if followed else []
        return fragment(
            "appointments/_followed.html",
            followed=followed,
            booking=found[0] if found else None,
            shops=await stores.get_shops(session, ids={one.shop_id for one in found}),
            **LABELS,
        )

    @get("/campaigns/{campaign_id:uuid}/appointment", name="appointments.booked_by_campaign", guards=[readers])
    async def of_campaign(
        self, campaign_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> Template:
        """Which session a campaign's groups book; nothing when they book none."""
        offer = next((one for one in await parties.offered(session) if one.campaign.id == campaign_id), None)
        whole = await groups.campaigns_of(session, ids=[campaign_id]) if offer else []
        return fragment(
            "appointments/_of_campaign.html",
            offer=offer,
            item=whole[0].items[0] if whole and whole[0].items else None,
        )


_NAMES = {"shop_id": "shop", "staff_id": "staff", "service_id": "service", "first": "from", "last": "to"}


def _query(wanted: Wanted) -> dict[str, str]:
    """What leads here again."""
    values = msgspec.to_builtins(wanted)
    return {_NAMES.get(name, name): str(value) for name, value in values.items() if value is not None}


async def _chips(session: AsyncSession, wanted: Wanted) -> Sequence[str]:
    """What the number is narrowed to, by name."""
    found: list[str] = []
    if wanted.shop_id is not None:
        found += [one.name for one in told(await stores.get_shops(session, ids={wanted.shop_id})).values()]
    if wanted.staff_id is not None:
        names = await repository.staff_names(session, staff_ids=[wanted.staff_id])
        found += [one.text(current().locale) for one in names.values()]
    if wanted.service_id is not None:
        found += [
            one.name for one in told(await setup_service.list_services(session)) if one.id == wanted.service_id
        ]
    if wanted.channel is not None:
        found.append(sheets.channel_label(wanted.channel) or _("Unknown"))
    if wanted.weekday is not None:
        found.append(dict(weekdays())[wanted.weekday])
    if wanted.hour is not None:
        found.append(f"{wanted.hour:02}:00–{wanted.hour:02}:59")
    return [one for one in found if one]
