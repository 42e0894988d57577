"""HQ's pages: every order, and all that is known of one."""

import uuid
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.orders.pages.asked import asked_of, channel_options, sheet_of, shops_of, state_options
from yundian.orders.pages.pictures import pictures_of, told_lines, told_page
from yundian.orders.schemas import LABELS, RefundForm, staff_of
from yundian.orders.service import handing_over, lists, refunding, uncollected
from yundian.orders.service.detail import detail_of
from yundian.orders.types import OrderView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.names import channel_names
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.web.sheets import Sheet, csv_file, xlsx_file

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_ORDERS = "/hq/orders"

# A file is made in memory.
MOST_ROWS = 10_000
_AT_ONCE = 1_000


class OrderPages(Controller):
    path = _ORDERS
    include_in_schema = False

    @get(name="orders.orders", guards=[readers])
    async def list_orders(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        cursor: Cursor = None,
    ) -> Template:
        """Orders of every channel, newest first; days are the brand's. A filter that cannot be read is said."""
        zone = await brands.zone_of(session)
        asked, names = asked_of(request), await channel_names(request, session)
        form, found = asked.form, Page[OrderView]([], None)
        async with form.attempt(session):
            wanted = await asked.filter(session, zone=ZoneInfo(zone))
            found = await lists.find_orders(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        return page(
            "orders/orders.html",
            status_code=form.status,
            orders=await told_page(session, found),
            shops=await shops_of(session, found.items),
            pictures=await pictures_of(session, *found.items),
            filters=form,
            query=urlencode({name: text for name, text in asked.values.items() if text}),
            is_filtered=asked.is_filtered,
            states=state_options(),
            channels=names,
            channel_options=channel_options(names, asked.values["channel"]),
            most_rows=MOST_ROWS,
            zone=zone,
            **LABELS,
        )

    @get("/csv", name="orders.orders_csv", guards=[readers])
    async def as_csv(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[bytes]:
        """The list for a spreadsheet."""
        return csv_file(await _sheet(request, session))

    @get("/xlsx", name="orders.orders_xlsx", guards=[readers])
    async def as_xlsx(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[bytes]:
        """The list as a workbook."""
        return xlsx_file(await _sheet(request, session))

    @get("/{order_id:uuid}", name="orders.order", guards=[readers])
    async def show(
        self, order_id: FromPath[uuid.UUID], request: AnyRequest, session: NamedDependency[AsyncSession]
    ) -> Template:
        """One order: its three shops, its money, its life."""
        return await _order(request, session, order_id, Form.of())

    @post("/{order_id:uuid}/refunds", name="orders.order.refund", guards=[writers], status_code=200)
    @idempotent
    async def refund(
        self,
        order_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Pay back: pieces, an amount, or everything that is left."""
        order = await lists.get_order(session, order_id=order_id)
        form = await Form.read(request)
        async with form.attempt(session):
            wanted = form.parse(RefundForm).wanted(order)
            await refunding.request(session, order_id=order_id, wanted=wanted, actor=staff_of(principal))
        if form.failed:
            return await _order(request, session, order_id, form)
        return see_other(f"{_ORDERS}/{order_id}", toast=_("The refund is on its way"))

    @post("/{order_id:uuid}/keep", name="orders.order.keep", guards=[writers], status_code=200)
    @idempotent
    async def keep(
        self,
        order_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Let it wait: it is not paid back by itself."""
        form = await Form.read(request)
        async with form.attempt(session):
            await uncollected.keep(session, order_id=order_id, actor=staff_of(principal))
        return see_other(f"{_ORDERS}/{order_id}", toast=form.message or _("The order waits until somebody comes"))

    @post("/{order_id:uuid}/undo", name="orders.order.undo", guards=[writers], status_code=200)
    @idempotent
    async def undo(
        self,
        order_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Take a mistaken hand-over back."""
        form = await Form.read(request)
        async with form.attempt(session):
            await handing_over.undo(session, order_id=order_id, shop_ids=None, actor=staff_of(principal))
        return see_other(f"{_ORDERS}/{order_id}", toast=form.message or _("The hand-over was taken back"))


async def _order(request: AnyRequest, session: AsyncSession, order_id: uuid.UUID, form: Form) -> Template:
    order = await lists.get_order(session, order_id=order_id)
    return page(
        "orders/order.html",
        status_code=form.status,
        form=form,
        order=(await told_lines(session, [order]))[0],
        pictures=await pictures_of(session, order),
        detail=await detail_of(session, order=order),
        is_undoable=handing_over.is_undoable(order),
        channels=await channel_names(request, session),
        zone=await brands.zone_of(session),
        **LABELS,
    )


async def _sheet(request: AnyRequest, session: AsyncSession) -> Sheet:
    """The same orders as on the page and the pages after it, so many at most."""
    zone = ZoneInfo(await brands.zone_of(session))
    wanted = await asked_of(request).filter(session, zone=zone)
    orders: list[OrderView] = []
    cursor: str | None = None
    while True:
        found = await lists.find_orders(session, wanted=wanted, cursor=cursor, limit=_AT_ONCE)
        orders += found.items
        cursor = found.next_cursor
        if cursor is None or len(orders) >= MOST_ROWS:
            break
    return sheet_of(
        orders, shops=await shops_of(session, orders), names=await channel_names(request, session), zone=zone
    )
