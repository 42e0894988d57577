"""A shop's own pages, on its people's phones: today, the stock, the people, and its names in English."""

import uuid
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.pages import words
from stores.rules import hours as hour_rules
from stores.schemas import ShopEnglish
from stores.service import shops as service
from stores.service import stock
from stores.types import ShopFilter, ShopView, ShopWithHours, StockLine
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

shop_people = requires(*SHOP_ROLES)
stock_keepers = requires(Role.HQ_ADMIN, *SHOP_ROLES)
owners = requires(Role.SHOP_OWNER)

PAGE_SIZE = 50
# More shops than one person runs; HQ has its own pages.
MAX_OWN_SHOPS = 50
_ENGLISH = "/shop/team/english"

Chosen = Annotated[uuid.UUID | None, QueryParameter(description="One of the caller's shops.")]


class StockMove(msgspec.Struct, frozen=True, kw_only=True):
    """The form under a SKU: signed pieces, and why."""

    quantity: Annotated[int, msgspec.Meta(ge=-100_000, le=100_000)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class MyShopPages(Controller):
    path = "/shop"
    include_in_schema = False

    @get("/panels/today", name="stores.today", guards=[shop_people])
    async def today(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Each of my shops: open now or not, until when, and what runs out."""
        own = await _own(session, principal)
        cards = [
            {
                "shop": one.shop,
                "is_open_now": one.is_open_now,
                "today": hour_rules.on_day(one.hours, day=clock.business_day(clock.house(), one.shop.time_zone)),
                "low": await stock.low_stock(session, shop_id=one.shop.id, limit=5),
            }
            for one in own
        ]
        return fragment("stores/_today.html", cards=cards, words=words, text_of=hour_rules.text_of)

    @get("/stock", name="stores.my_stock", guards=[shop_people])
    async def my_stock(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        cursor: Cursor = None,
    ) -> Template:
        """The stock of my shop; of the first when I have several."""
        own = [one.shop for one in await _own(session, principal)]
        chosen = _chosen(own, shop)
        found = (
            await stock.list_stock(session, shop_id=chosen.id, cursor=cursor, limit=PAGE_SIZE)
            if chosen is not None
            else None
        )
        return page("stores/my_stock.html", shops=own, shop=chosen, stock=found, words=words)

    @get("/stock/{shop_id:uuid}/{sku_id:uuid}", name="stores.my_sku", guards=[stock_keepers])
    async def show_sku(
        self,
        shop_id: FromPath[uuid.UUID],
        sku_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        cursor: Cursor = None,
    ) -> Template:
        """One SKU of a shop: pieces, a correction, and the ledger."""
        return await _sku_page(session, principal, shop_id, sku_id, Form.of(), cursor=cursor)

    @post(
        "/stock/{shop_id:uuid}/{sku_id:uuid}", name="stores.my_sku.move", guards=[stock_keepers], status_code=200
    )
    @idempotent
    async def move_sku(
        self,
        shop_id: FromPath[uuid.UUID],
        sku_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Correct the pieces on hand, or say why not."""
        form = await Form.read(request)
        await _see(session, principal, shop_id)
        async with form.attempt(session):
            move = form.parse(StockMove)
            await stock.adjust(
                session,
                shop_id=shop_id,
                lines=[StockLine(sku_id, move.quantity)],
                reason=move.reason,
                actor_id=principal.id,
            )
            return see_other(f"/shop/stock/{shop_id}/{sku_id}", toast=_("Saved"))
        return await _sku_page(session, principal, shop_id, sku_id, form)

    @get("/team", name="stores.my_team", guards=[owners])
    async def my_team(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
    ) -> Template:
        """The people of my shop."""
        own = await _owned(session, principal)
        return page("stores/my_team.html", shops=own, shop=_chosen(own, shop))

    @get("/team/english", name="stores.my_english", guards=[owners])
    async def my_english(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
    ) -> Template:
        """What my shop is called in English, and beside it whatever else it calls its own."""
        return await _english_page(session, principal, shop)

    @post("/team/english/{shop_id:uuid}", name="stores.my_english.save", guards=[owners], status_code=200)
    @idempotent
    async def save_english(
        self,
        shop_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Say name and address of my shop in English, or that they have none."""
        form = await Form.read(request)
        mine = principal.shops(Role.SHOP_OWNER)
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=mine)
        async with form.attempt(session):
            values = form.parse(ShopEnglish)
            await service.update_shop(
                session, brand_id=principal.brand, shop_id=shop_id, version=values.version, edit=values.edit()
            )
            return see_other(f"{_ENGLISH}?shop={shop_id}", toast=_("Saved"))
        return await _english_page(session, principal, shop_id, form)


async def _own(session: AsyncSession, principal: Principal) -> list[ShopWithHours]:
    wanted = ShopFilter(shop_ids=principal.shops(*SHOP_ROLES))
    found = await service.list_shops(session, brand_id=principal.brand, wanted=wanted, limit=MAX_OWN_SHOPS)
    return found.items


async def _owned(session: AsyncSession, principal: Principal) -> list[ShopView]:
    mine = principal.shops(Role.SHOP_OWNER)
    return [one.shop for one in await _own(session, principal) if mine is None or one.shop.id in mine]


async def _english_page(
    session: AsyncSession, principal: Principal, shop_id: uuid.UUID | None, form: Form | None = None
) -> Template:
    own = await _owned(session, principal)
    shop = _chosen(own, shop_id)
    shown = form or Form.of(shop, *(("name_en", "address_en", "version") if shop else ()))
    # What the page tells in English is its own name all the same: it is what gets an English one.
    return page(
        "stores/my_english.html",
        status_code=shown.status,
        form=shown,
        shops=own,
        shop=shop,
        own_name=shop.name if shop else "",
        own_address=shop.whereabouts if shop else "",
    )


async def _see(session: AsyncSession, principal: Principal, shop_id: uuid.UUID) -> ShopView:
    mine = principal.shops(Role.HQ_ADMIN, *SHOP_ROLES)
    return await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=mine)


def _chosen(own: list[ShopView], wanted: uuid.UUID | None) -> ShopView | None:
    first = own[0] if own else None
    return next((shop for shop in own if shop.id == wanted), first)


async def _sku_page(
    session: AsyncSession,
    principal: Principal,
    shop_id: uuid.UUID,
    sku_id: uuid.UUID,
    form: Form,
    *,
    cursor: str | None = None,
) -> Template:
    shop = await _see(session, principal, shop_id)
    row = await stock.stock_row(session, shop_id=shop_id, sku_id=sku_id)
    ledger = await stock.list_movements(session, shop_id=shop_id, sku_id=sku_id, cursor=cursor, limit=20)
    return page(
        "stores/my_sku.html", status_code=form.status, form=form, shop=shop, row=row, ledger=ledger, words=words
    )
