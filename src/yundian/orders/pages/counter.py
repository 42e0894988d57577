"""A shop's orders and its counter, on its people's phones: who comes for what, and the code that proves it."""

import uuid
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import structlog
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.brands import api as brands
from yundian.members import api as members
from yundian.orders.errors import CodeUnknown
from yundian.orders.pages.asked import asked_of, channel_options, state_options
from yundian.orders.pages.pictures import pictures_of, told_lines, told_page
from yundian.orders.schemas import LABELS, CodeForm, staff_of
from yundian.orders.service import handing_over, lists
from yundian.orders.service.detail import detail_of
from yundian.orders.states import OrderState
from yundian.orders.types import OrderView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import SHOP_ROLES, Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import brand_of
from yundian.platform.web.forms import Form
from yundian.platform.web.headers import WITH_CAMERA
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.names import channel_names
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other
from yundian.platform.wechat.agents import is_wechat_browser

log = structlog.get_logger(__name__)

clerks = requires(*SHOP_ROLES)
owners = requires(Role.SHOP_OWNER)

PAGE_SIZE = 30
COUNTER_RATE = "40/minute"
_HOME, _COUNTER = "/shop/orders", "/shop/hand-over"
_TABS = {
    "ready": (OrderState.READY,),
    "waiting": (OrderState.PAID, OrderState.WAITING),
    "done": (),
}

Chosen = Annotated[uuid.UUID | None, QueryParameter(description="One of the caller's shops.")]
Tab = Annotated[str, QueryParameter(max_length=16)]


class ShopOrderPages(Controller):
    path = _HOME
    include_in_schema = False

    @get(name="orders.shop_orders", guards=[clerks])
    async def list_orders(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        tab: Tab = "ready",
        cursor: Cursor = None,
    ) -> Template:
        """The orders my shop hands over: those that may be collected, those that wait, those that went."""
        own = await stores.shops_of_staff(session, principal)
        chosen = next((one for one in own if one.id == shop), own[0] if own else None)
        tab = tab if tab in _TABS else "ready"
        found = await _orders(session, chosen.id, tab, cursor) if chosen else None
        return page(
            "orders/shop_orders.html",
            shops=own,
            shop=chosen,
            tab=tab,
            orders=await told_page(session, found) if found else None,
            pictures=await pictures_of(session, *found.items) if found else {},
            **LABELS,
        )

    @get("/all", name="orders.shop_orders.all", guards=[clerks])
    async def list_all(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        cursor: Cursor = None,
    ) -> Template:
        """What my shop sold or hands over, of every channel; days are the shop's."""
        own = await stores.shops_of_staff(session, principal)
        chosen = next((one for one in own if one.id == shop), own[0] if own else None)
        asked, names = asked_of(request).without("shop", "campaign"), await channel_names(request, session)
        form, found = asked.form, Page[OrderView]([], None)
        async with form.attempt(session):
            if chosen:
                zone, mine = ZoneInfo(chosen.time_zone), frozenset({chosen.id})
                wanted = await asked.filter(session, zone=zone, shop_ids=mine)
                found = await lists.find_orders(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        return page(
            "orders/shop_all.html",
            status_code=form.status,
            shops=own,
            shop=chosen,
            orders=await told_page(session, found),
            pictures=await pictures_of(session, *found.items),
            filters=form,
            is_filtered=asked.is_filtered,
            states=state_options(),
            channels=names,
            channel_options=channel_options(names, asked.values["channel"]),
            **LABELS,
        )

    @get("/{order_id:uuid}", name="orders.shop_order", guards=[clerks])
    async def show(
        self,
        order_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One order of my shop."""
        order = await lists.order_of_shops(session, order_id=order_id, shop_ids=principal.own_shops)
        return page(
            "orders/shop_order.html",
            detail=await detail_of(session, order=order),
            order=(await told_lines(session, [order]))[0],
            pictures=await pictures_of(session, order),
            customer=await _customer(services, principal, order),
            is_undoable=handing_over.is_undoable(order),
            channels=await channel_names(request, session),
            **await _zone(session),
            **LABELS,
        )

    @post("/{order_id:uuid}/undo", name="orders.shop_order.undo", guards=[owners], status_code=200)
    @idempotent
    async def undo(
        self,
        order_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The wrong order was confirmed: it waits again."""
        form = await Form.read(request)
        async with form.attempt(session):
            shops = principal.shops(Role.SHOP_OWNER)
            await handing_over.undo(session, order_id=order_id, shop_ids=shops, actor=staff_of(principal))
        return see_other(f"{_HOME}/{order_id}", toast=form.message or _("The hand-over was taken back"))


class CounterPages(Controller):
    path = _COUNTER
    include_in_schema = False

    @get(name="orders.counter", guards=[clerks])
    async def ask(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Type or scan a pick-up code."""
        return await _counter(request, services, principal, Form.of())

    @post(name="orders.counter.preview", guards=[clerks], status_code=200, opt={"rate_limit": COUNTER_RATE})
    async def preview(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """What the code stands for: look before handing over."""
        form = await Form.read(request)
        order: OrderView | None = None
        async with form.attempt():
            try:
                order = await _look(services, principal, form.parse(CodeForm).code)
            except CodeUnknown as refusal:
                form.refuse(refusal)
        if order is None:
            return await _counter(request, services, principal, form)
        async with services.database.connection(principal.brand) as tx:
            pictures = await pictures_of(tx, order)
        return page(
            "orders/counter_preview.html",
            order=order,
            pictures=pictures,
            code=form.value("code"),
            customer=await _customer(services, principal, order),
            **LABELS,
        )

    @post(
        "/confirm",
        name="orders.counter.confirm",
        guards=[clerks],
        status_code=200,
        opt={"rate_limit": COUNTER_RATE},
    )
    @idempotent
    async def confirm(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Hand it over."""
        form = await Form.read(request)
        order: OrderView | None = None
        async with form.attempt(session):
            try:
                order = await handing_over.confirm(
                    session,
                    keyring=services.keyring,
                    shop_ids=principal.own_shops,
                    text=form.parse(CodeForm).code,
                    actor=staff_of(principal),
                )
            except CodeUnknown as refusal:
                form.refuse(refusal)
        if order is None:
            return await _counter(request, services, principal, form)
        return see_other(f"{_HOME}/{order.id}", toast=_("Handed over"))


class ShopOrderPanel(Controller):
    path = "/shop/panels/orders"
    include_in_schema = False

    @get(name="orders.shop_panel", guards=[clerks])
    async def counts(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """How many orders wait at each of my shops."""
        own = await stores.shops_of_staff(session, principal)
        counts = await lists.open_counts(session, shop_ids=[shop.id for shop in own])
        return fragment("orders/_shop_panel.html", shops=own, counts=counts)


async def _orders(session: AsyncSession, shop_id: uuid.UUID, tab: str, cursor: str | None) -> Page[OrderView]:
    if tab == "done":
        return await lists.handed_over_by_shop(session, shop_id=shop_id, cursor=cursor, limit=PAGE_SIZE)
    return await lists.list_of_shop(session, shop_id=shop_id, states=_TABS[tab], cursor=cursor, limit=PAGE_SIZE)


async def _look(services: Services, principal: Principal, text: str) -> OrderView:
    async with services.database.connection(principal.brand) as tx:
        return await handing_over.preview(tx, keyring=services.keyring, shop_ids=principal.own_shops, text=text)


async def _customer(services: Services, principal: Principal, order: OrderView) -> Any:
    """Who comes for it: her nickname and her masked phone, to compare with who stands there."""
    if order.member_id is None:
        return None
    async with services.database.connection(principal.brand) as tx:
        return await members.member_view(tx, keyring=services.keyring, member_id=order.member_id)


async def _zone(session: AsyncSession) -> dict[str, Any]:
    policy = await brands.get_policy(session, brand_id=brand_of(session))
    return {"zone": policy.time_zone}


async def _counter(request: AnyRequest, services: Services, principal: Principal, form: Form) -> Template:
    return page(
        "orders/counter.html",
        status_code=form.status,
        form=form,
        wechat=await _wechat_config(request, services, principal),
        headers=WITH_CAMERA,
    )


async def _wechat_config(request: AnyRequest, services: Services, principal: Principal) -> str:
    """What WeChat's scanner asks for, inside WeChat only. Without it the code is typed."""
    if not is_wechat_browser(request.headers.get("User-Agent", "")):
        return ""
    config = await members.js_config(
        services.database,
        keyring=services.keyring,
        apps=request.app.state.wechat,
        brand_id=principal.brand,
        url=f"{services.settings.base_url}{_COUNTER}",
    )
    return msgspec.json.encode(config).decode() if config else ""
