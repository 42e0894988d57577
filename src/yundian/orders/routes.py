"""The orders' JSON API: for HQ and the shops, for a customer her own, and for the counter."""

import datetime as dt
import uuid
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.orders.errors import (
    CodeMistyped,
    CodeUnknown,
    CodeUsed,
    NotReady,
    OrderNotOpen,
    OrderUnknown,
    RefundOpen,
    RefundTooLarge,
    UndoTooLate,
)
from yundian.orders.schemas import (
    CodeEntry,
    OrderRead,
    OwnOrderRead,
    RefundAnswer,
    RefundRequest,
    staff_of,
    visible_shops,
)
from yundian.orders.service import handing_over, lists, refunding
from yundian.orders.states import OrderState
from yundian.orders.types import OrderFilter
from yundian.platform.auth.guards import customer, requires
from yundian.platform.core.principal import SHOP_ROLES, Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(*Role, scope="orders:read")
clerks = requires(*SHOP_ROLES)
undoers = requires(Role.HQ_ADMIN, Role.SHOP_OWNER)

# A busy counter hands over one order every few seconds; guessing codes takes tens of millions of tries.
COUNTER_RATE = "40/minute"

StateFilter = Annotated[OrderState | None, QueryParameter(name="state")]
Id = Annotated[uuid.UUID | None, QueryParameter()]
Number = Annotated[str, QueryParameter(max_length=32, description="A whole order number")]
Channel = Annotated[str, QueryParameter(max_length=32)]
When = Annotated[dt.datetime | None, QueryParameter(description="With an offset")]


class OrderController(Controller):
    path = "/orders"

    @get(operation_id="orders_list_orders", guards=[readers])
    async def list_orders(
        self,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        state_filter: StateFilter = None,
        shop_id: Id = None,
        campaign_id: Id = None,
        member_id: Id = None,
        channel: Channel = "",
        number: Number = "",
        placed_from: When = None,
        placed_before: When = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OrderRead]:
        """List orders, newest first: HQ every one, a shop's people those that name their shop."""
        wanted = OrderFilter(
            states=frozenset({state_filter}) if state_filter else frozenset(),
            shop_id=shop_id,
            shop_ids=visible_shops(principal),
            campaign_id=campaign_id,
            member_id=member_id,
            channel=channel,
            number=number,
            placed_from=placed_from,
            placed_before=placed_before,
        )
        async with services.database.connection(principal.brand) as tx:
            found = await lists.find_orders(tx, wanted=wanted, cursor=cursor, limit=limit)
        return Page([OrderRead.of(one) for one in found.items], found.next_cursor)

    @get("/{order_id:uuid}", operation_id="orders_get_order", guards=[readers], responses=refusals(OrderUnknown))
    async def get_order(
        self,
        order_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> OrderRead:
        """Get an order with its lines."""
        async with services.database.connection(principal.brand) as tx:
            shops = visible_shops(principal)
            return OrderRead.of(await lists.order_of_shops(tx, order_id=order_id, shop_ids=shops))

    @post(
        "/{order_id:uuid}/refunds",
        operation_id="orders_refund_order",
        guards=[requires(Role.HQ_ADMIN)],
        responses=refusals(OrderUnknown, OrderNotOpen, RefundTooLarge),
    )
    @idempotent
    async def refund(
        self,
        order_id: FromPath[uuid.UUID],
        data: JSONBody[RefundRequest],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> RefundAnswer:
        """Pay back: whole, an amount, or pieces. Whole before the hand-over, it cancels the order."""
        order = await lists.get_order(session, order_id=order_id)
        amount = await refunding.request(
            session, order_id=order_id, wanted=data.wanted(), actor=staff_of(principal)
        )
        return RefundAnswer(amount_minor=amount, currency=order.currency)

    @post(
        "/{order_id:uuid}/undo-hand-over",
        operation_id="orders_undo_hand_over",
        guards=[undoers],
        status_code=200,
        responses=refusals(OrderUnknown, UndoTooLate),
    )
    @idempotent
    async def undo(
        self,
        order_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> OrderRead:
        """Take a mistaken hand-over back, within half an hour."""
        shops = principal.shops(Role.HQ_ADMIN, Role.SHOP_OWNER)
        actor = staff_of(principal)
        return OrderRead.of(await handing_over.undo(session, order_id=order_id, shop_ids=shops, actor=actor))


class OwnOrderController(Controller):
    """A customer's own orders."""

    path = "/member/orders"
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="orders_list_own")
    async def list_own(
        self,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[OrderRead]:
        """List one's own orders of every channel, newest first."""
        async with services.database.connection(principal.brand) as tx:
            found = await lists.list_of_member(tx, member_id=principal.own_id, cursor=cursor, limit=limit)
        return Page([OrderRead.of(one) for one in found.items], found.next_cursor)

    @get("/{number:str}", operation_id="orders_get_own", responses=refusals(OrderUnknown))
    async def get_own(
        self,
        number: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> OwnOrderRead:
        """Get one's own order, and its pick-up code while it waits in the shop."""
        async with services.database.connection(principal.brand) as tx:
            order = await lists.order_of_member(tx, number=number, member_id=principal.own_id)
            code = await handing_over.pick_up_code(tx, keyring=services.keyring, order=order)
        return OwnOrderRead(order=OrderRead.of(order), pick_up_code=code.digits if code else None)


class HandOverController(Controller):
    """The counter of a shop."""

    path = "/hand-overs"

    @post(
        "/preview",
        operation_id="orders_preview_hand_over",
        guards=[clerks],
        status_code=200,
        opt={"rate_limit": COUNTER_RATE},
        responses=refusals(CodeMistyped, CodeUnknown, CodeUsed, NotReady, RefundOpen),
    )
    async def preview(
        self,
        data: JSONBody[CodeEntry],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> OrderRead:
        """Look what a pick-up code stands for in one's own shop. Changes nothing."""
        async with services.database.connection(principal.brand) as tx:
            shops = principal.own_shops
            order = await handing_over.preview(tx, keyring=services.keyring, shop_ids=shops, text=data.code)
        return OrderRead.of(order)

    @post(
        operation_id="orders_confirm_hand_over",
        guards=[clerks],
        status_code=200,
        opt={"rate_limit": COUNTER_RATE},
        responses=refusals(CodeMistyped, CodeUnknown, CodeUsed, NotReady, RefundOpen),
    )
    @idempotent
    async def confirm(
        self,
        data: JSONBody[CodeEntry],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> OrderRead:
        """Hand the order over; a code works once."""
        order = await handing_over.confirm(
            session,
            keyring=services.keyring,
            shop_ids=principal.own_shops,
            text=data.code,
            actor=staff_of(principal),
        )
        return OrderRead.of(order)
