"""A customer's own orders, on her phone: what she ordered, how it stands, and the code to collect it with."""

from typing import Any

import segno
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.orders.pages.asked import shops_of
from yundian.orders.pages.pictures import pictures_of, told_lines, told_page
from yundian.orders.schemas import LABELS
from yundian.orders.service import handing_over, life, lists
from yundian.orders.service.detail import Detail, detail_of
from yundian.orders.states import ActorKind
from yundian.orders.types import Actor
from yundian.payments import api as payments
from yundian.platform.auth.guards import customer
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.names import channel_names
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other

PAGE_SIZE = 20
FEW = 3


class MyOrderPages(Controller):
    path = "/m/{brand_code:str}/orders"
    include_in_schema = False
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="orders.mine")
    async def list_own(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        cursor: Cursor = None,
    ) -> Template:
        """My orders of every channel, newest first."""
        found = await lists.list_of_member(session, member_id=principal.own_id, cursor=cursor, limit=PAGE_SIZE)
        return page(
            "orders/mine.html",
            **await _brand(session, brand_code),
            orders=await told_page(session, found),
            shops=await shops_of(session, found.items),
            pictures=await pictures_of(session, *found.items),
            channels=await channel_names(request, session),
            **LABELS,
        )

    @get("/{number:str}", name="orders.my_order")
    async def show(
        self,
        brand_code: FromPath[str],
        number: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One of them: pay it, collect it, and what happened to it. What another system sold is told, no more."""
        order = await lists.order_of_member(session, number=number, member_id=principal.own_id)
        detail = await detail_of(session, order=order)
        code = await handing_over.pick_up_code(session, keyring=services.keyring, order=order)
        return page(
            "orders/my_order.html",
            **await _brand(session, brand_code),
            detail=detail,
            order=(await told_lines(session, [order]))[0],
            pictures=await pictures_of(session, order),
            code=code,
            qr=_qr(services.settings.base_url, code.digits) if code else "",
            pay_path=_pay_path(services, principal, detail),
            channels=await channel_names(request, session),
            **LABELS,
        )

    @post("/{number:str}/give-up", name="orders.my_order.give_up", status_code=200)
    @idempotent
    async def give_up(
        self,
        brand_code: FromPath[str],
        number: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """I do not want to pay this any more. What is paid all the same in this moment counts."""
        member_id = principal.own_id
        order = await lists.order_of_member(session, number=number, member_id=member_id)
        actor = Actor(kind=ActorKind.CUSTOMER, id=member_id)
        ours = [] if order.is_foreign else [order.id]
        unpaid = await life.close(session, order_ids=ours, reason="buyer", actor=actor)
        said = _("The order is being closed") if unpaid else _("This order is not waiting for payment any more")
        return see_other(f"/m/{brand_code}/orders/{order.number}", toast=said)


class HomePanel(Controller):
    path = "/m/{brand_code:str}/panels/orders"
    include_in_schema = False

    @get(name="orders.home_panel", guards=[customer])
    async def latest(
        self,
        brand_code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Her home: what she ordered last."""
        found = await lists.list_of_member(session, member_id=principal.own_id, cursor=None, limit=FEW)
        return fragment(
            "orders/_home_panel.html",
            **await _brand(session, brand_code),
            orders=await told_lines(session, found.items),
            pictures=await pictures_of(session, *found.items),
            **LABELS,
        )


async def _brand(session: AsyncSession, brand_code: str) -> dict[str, Any]:
    brand = await brands.find_brand(session, code=brand_code)
    policy = await brands.get_policy(session, brand_id=brand.id)
    return {"brand": brand, "zone": policy.time_zone}


def _pay_path(services: Services, principal: Principal, detail: Detail) -> str:
    """Where she pays; empty when there is nothing to pay any more."""
    if detail.payment is None or not detail.is_payable:
        return ""
    return payments.pay_path(services.keyring, brand_id=principal.brand, payment_id=detail.payment.id)


def _qr(base_url: str, digits: str) -> str:
    """Opens the counter's page with the code filled in. Behind ``#`` it reaches no server and no log."""
    address = f"{base_url}/shop/hand-over#{digits}"
    return segno.make_qr(address, error="m").svg_data_uri(scale=6, border=2)
