"""A shop's links on its people's phones: share, code, poster, and what came of each."""

import asyncio
import io
import uuid
from typing import Annotated

import segno
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.types import ShopView
from yundian.attribution.errors import LinkUnknown
from yundian.attribution.service import links
from yundian.attribution.types import LinkNumbers, LinkView
from yundian.brands import api as brands
from yundian.catalog import api as catalog
from yundian.platform.auth import api as auth
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web import formats
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other

shop_people = requires(*SHOP_ROLES)

PAGE_SIZE, PANEL_SIZE = 20, 3
PNG, SVG = "image/png", "image/svg+xml"
_PRIVATE = "private, no-cache"

Chosen = Annotated[uuid.UUID | None, QueryParameter(name="shop", description="One of the caller's shops.")]


class ShopLinkPages(Controller):
    path = "/shop"
    include_in_schema = False
    guards = [shop_people]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/links", name="attribution.links")
    async def show_links(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        services: NamedDependency[Services],
        chosen: Chosen = None,
        cursor: Cursor = None,
    ) -> Template:
        """The links of my shop; of the first when I have several."""
        own = await stores.shops_of_staff(session, principal)
        shop = next((one for one in own if one.id == chosen), own[0] if own else None)
        found = await _list(session, principal, shop, cursor=cursor, limit=PAGE_SIZE) if shop else None
        people = await _people(services, session, principal, shop)
        return page(
            "attribution/links.html",
            shops=own,
            shop=shop,
            links=found,
            people=people,
            now=clock.house(),
            me=principal.id,
        )

    @get("/panels/links", name="attribution.links.panel")
    async def panel(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The newest few of the first shop, at hand on the shop's start page."""
        own = await stores.shops_of_staff(session, principal)
        found = await _list(session, principal, own[0], cursor=None, limit=PANEL_SIZE) if own else None
        return fragment("attribution/_links_panel.html", links=found)

    @get("/links/{link_id:uuid}", name="attribution.link")
    async def show_link(
        self,
        link_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        services: NamedDependency[Services],
    ) -> Template:
        """One link: share it, show its code, save its poster."""
        found = await _see(session, principal, link_id)
        shop = await _shop_of(session, found.link)
        return page(
            "attribution/link.html",
            found=found,
            link=found.link,
            shop=shop,
            url=_address(request, services, found.link),
            people=await _people(services, session, principal, shop),
            me=principal.id,
            is_live=found.link.is_live(clock.house()),
            may_end=_may_end(principal, found.link),
        )

    @post("/links/{link_id:uuid}/mine", name="attribution.link.mine", status_code=303)
    @idempotent
    async def make_mine(
        self,
        link_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        services: NamedDependency[Services],
    ) -> Redirect:
        """The same in my own name: what comes by it counts for the shop and for me."""
        found = await _see(session, principal, link_id)
        mine = await links.make_link(
            session,
            keyring=services.keyring,
            target=links.target_of(found.link),
            shop_id=found.link.shop_id,
            channel=found.link.channel,
            staff_id=principal.id,
        )
        return see_other(f"/shop/links/{mine.id}", toast=_("This link is your own"))

    @post("/links/{link_id:uuid}/end", name="attribution.link.end", status_code=303)
    @idempotent
    async def end(
        self,
        link_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """End a link: one's own, or, for the owner, any of the shop's."""
        found = await _see(session, principal, link_id)
        if not _may_end(principal, found.link):
            raise LinkUnknown
        await links.revoke_link(session, link_id=link_id)
        return see_other(f"/shop/links?shop={found.link.shop_id}", toast=_("The link has ended"))

    @get("/links/{link_id:uuid}/code.svg", name="attribution.link.code")
    async def code(
        self,
        link_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        services: NamedDependency[Services],
    ) -> Response[bytes]:
        """The code that leads there, to be shown or printed."""
        found = await _see(session, principal, link_id)
        file = io.BytesIO()
        segno.make_qr(_address(request, services, found.link), error="m").save(file, kind="svg", scale=8, border=2)
        return Response(file.getvalue(), media_type=SVG, headers={"Cache-Control": _PRIVATE})

    @get("/links/{link_id:uuid}/poster.png", name="attribution.link.poster", opt={"rate_limit": "60/minute"})
    async def poster(
        self,
        link_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        services: NamedDependency[Services],
    ) -> Response[bytes]:
        """A picture to save and post. A browser that has it already is told so, and nothing is drawn."""
        # Pillow and the font take memory that most workers never need.
        from yundian.attribution.adapters import poster as drawing  # noqa: PLC0415

        link = (await _see(session, principal, link_id)).link
        shop = told(await _shop_of(session, link))
        policy = told(await brands.get_policy(session, brand_id=principal.brand))
        wanted = drawing.Poster(
            url=_address(request, services, link),
            brand=policy.display_name,
            shop=shop.name,
            place=shop.whereabouts,
            title=link.title,
            price=formats.money(link.price_minor, link.currency),
            invitation=_("Hold to scan the code"),
            # Gone when HQ removed it since: the poster does without.
            picture=await catalog.find_picture(session, path=link.picture) or b"",
        )
        tag = f'"{wanted.digest}"'
        headers = {
            "ETag": tag,
            "Cache-Control": _PRIVATE,
            "Content-Disposition": f'inline; filename="{link.token}.png"',
        }
        if tag in request.headers.get("If-None-Match", ""):
            return Response(b"", status_code=304, headers=headers)
        return Response(await asyncio.to_thread(drawing.draw, wanted), media_type=PNG, headers=headers)


async def _list(
    session: AsyncSession, principal: Principal, shop: ShopView, *, cursor: str | None, limit: int
) -> Page[LinkNumbers]:
    is_owner = shop.id in _owned(principal)
    return await links.list_links(
        session, shop_id=shop.id, staff_id=principal.id, is_everybodys=is_owner, cursor=cursor, limit=limit
    )


async def _see(session: AsyncSession, principal: Principal, link_id: uuid.UUID) -> LinkNumbers:
    return await links.see_own_link(
        session,
        link_id=link_id,
        shop_ids=principal.own_shops,
        owned_shop_ids=_owned(principal),
        staff_id=principal.id,
    )


def _owned(principal: Principal) -> frozenset[uuid.UUID]:
    return principal.shops(Role.SHOP_OWNER) or frozenset()


def _may_end(principal: Principal, link: LinkView) -> bool:
    """One's own, or, for the owner, any of the shop's."""
    return link.staff_id == principal.id or link.shop_id in _owned(principal)


async def _people(
    services: Services, session: AsyncSession, principal: Principal, shop: ShopView | None
) -> dict[uuid.UUID, str]:
    """Who shares in her own name, for the owner."""
    if shop is None or shop.id not in _owned(principal):
        return {}
    found = await auth.list_shop_people(
        session, keyring=services.keyring, brand_id=principal.brand, shop_id=shop.id
    )
    return {person.id: person.display_name for person in found}


async def _shop_of(session: AsyncSession, link: LinkView) -> ShopView:
    shops = await stores.get_shops(session, ids={link.shop_id} if link.shop_id else set())
    return next(iter(shops.values()))


def _address(request: AnyRequest, services: Services, link: LinkView) -> str:
    """The whole address: it leaves this site."""
    base = services.settings.public_url or str(request.base_url)
    return base.rstrip("/") + link.path
