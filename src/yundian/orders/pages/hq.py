"""HQ's pages: every order, and all that is known of one."""

import datetime as dt
import uuid
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.brands import api as brands
from yundian.orders.schemas import LABELS, RefundForm, staff_of, state_label
from yundian.orders.service import handing_over, lists, refunding
from yundian.orders.service.detail import detail_of
from yundian.orders.states import OrderState
from yundian.orders.types import OrderFilter
from yundian.platform.auth.guards import requires
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_ORDERS = "/hq/orders"

StateFilter = Annotated[str, QueryParameter(name="state", max_length=32)]
Text = Annotated[str, QueryParameter(max_length=40)]
First = Annotated[str, QueryParameter(name="from", max_length=10)]
Last = Annotated[str, QueryParameter(name="to", max_length=10)]
Campaign = Annotated[uuid.UUID | None, QueryParameter()]


class OrderPages(Controller):
    path = _ORDERS
    include_in_schema = False

    @get(name="orders.orders", guards=[readers])
    async def list_orders(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        q: Text = "",
        state_filter: StateFilter = "",
        shop: Text = "",
        campaign: Campaign = None,
        first: First = "",
        last: Last = "",
        cursor: Cursor = None,
    ) -> Template:
        """Orders of every channel, newest first; days are the brand's."""
        policy = await brands.get_policy(session, brand_id=principal.brand)
        zone = ZoneInfo(policy.time_zone)
        wanted = OrderFilter(
            states=frozenset({OrderState(state_filter)}) if state_filter in set(OrderState) else frozenset(),
            shop_id=await _shop(session, shop.strip()),
            campaign_id=campaign,
            placed_from=_day(first, zone),
            placed_before=_day(last, zone, days=1),
            number=q.strip().upper(),
        )
        found = await lists.find_orders(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        named = {one.attributed_shop_id for one in found.items} | {one.fulfil_shop_id for one in found.items}
        return page(
            "orders/orders.html",
            orders=found,
            shops=await stores.get_shops(session, ids={one for one in named if one is not None}),
            filters=Form.of(state=state_filter, shop=shop, **{"from": first, "to": last}),
            search=q,
            campaign=campaign,
            is_filtered=wanted != OrderFilter(),
            states=[(one.value, state_label(one)) for one in OrderState],
            zone=policy.time_zone,
            **LABELS,
        )

    @get("/{order_id:uuid}", name="orders.order", guards=[readers])
    async def show(
        self,
        order_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One order: its three shops, its money, its life."""
        return await _order(session, principal, order_id, Form.of())

    @post("/{order_id:uuid}/refunds", name="orders.order.refund", guards=[writers], status_code=200)
    @idempotent
    async def refund(
        self,
        order_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
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
            return await _order(session, principal, order_id, form)
        return see_other(f"{_ORDERS}/{order_id}", toast=_("The refund is on its way"))

    @post("/{order_id:uuid}/undo", name="orders.order.undo", guards=[writers], status_code=200)
    @idempotent
    async def undo(
        self,
        order_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Take a mistaken hand-over back."""
        form = await Form.read(request)
        async with form.attempt(session):
            await handing_over.undo(session, order_id=order_id, shop_ids=None, actor=staff_of(principal))
        return see_other(f"{_ORDERS}/{order_id}", toast=form.message or _("The hand-over was taken back"))


async def _order(session: AsyncSession, principal: Principal, order_id: uuid.UUID, form: Form) -> Template:
    order = await lists.get_order(session, order_id=order_id)
    policy = await brands.get_policy(session, brand_id=principal.brand)
    return page(
        "orders/order.html",
        status_code=form.status,
        form=form,
        order=order,
        detail=await detail_of(session, order=order),
        is_undoable=handing_over.is_undoable(order),
        zone=policy.time_zone,
        **LABELS,
    )


async def _shop(session: AsyncSession, code: str) -> uuid.UUID | None:
    """The shop with the code; a code of none finds no order."""
    if not code:
        return None
    found = await stores.find_shops(session, codes={code})
    return found[code].id if code in found else new_id()


def _day(text: str, zone: ZoneInfo, *, days: int = 0) -> dt.datetime | None:
    """Where a day begins; what is no day is no filter."""
    try:
        day = dt.date.fromisoformat(text) + dt.timedelta(days=days)
        return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
