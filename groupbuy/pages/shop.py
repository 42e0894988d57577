"""A shop's pages, on a phone: its groups now, and campaigns to share."""

import uuid
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.pages.shared import gallery, pictures_of
from groupbuy.service import campaigns, reading, sharing
from groupbuy.types import CampaignWithItems
from stores import api as stores
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

shop_people = requires(*SHOP_ROLES)

FEW = 5


class _Share(msgspec.Struct, frozen=True, kw_only=True):
    """What is shared, for which shop."""

    campaign_id: uuid.UUID
    shop_id: uuid.UUID


class ShopGroupPages(Controller):
    path = "/shop"
    include_in_schema = False
    guards = [shop_people]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/groups", name="groupbuy.shop_groups")
    async def groups(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        cursor: Cursor = None,
    ) -> Template:
        """Groups that fill at this moment, and what else may be shared."""
        shop_ids = _own(principal)
        open_now = await reading.groups_of_shops(session, shop_ids=shop_ids, is_open=True)
        before = await reading.groups_of_shops(session, shop_ids=shop_ids, is_open=False, cursor=cursor, limit=20)
        known = await _campaigns(session, {group.campaign_id for group in (*open_now.items, *before.items)})
        return page(
            "groupbuy/shop_groups.html",
            groups=open_now,
            before=[group for group in before.items if group not in open_now.items],
            next_cursor=before.next_cursor,
            known=known,
            **await _offers(session, shop_ids),
            now=clock.house(),
        )

    @post("/groups/share", name="groupbuy.share", status_code=303)
    @idempotent
    async def share(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The shop's own link to a campaign: made once, then the same."""
        wanted = (await Form.read(request)).parse(_Share)
        if wanted.shop_id not in _own(principal):
            raise ShopUnknown
        whole = await campaigns.get_campaign(session, campaign_id=wanted.campaign_id)
        link = await sharing.share(session, keyring=services.keyring, shop_id=wanted.shop_id, whole=whole)
        return see_other(f"/shop/links/{link.id}")

    @get("/panels/groups", name="groupbuy.shop_panel")
    async def panel(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The shop's home: the groups that fill now."""
        found = await reading.groups_of_shops(session, shop_ids=_own(principal), is_open=True, limit=FEW)
        known = await _campaigns(session, {group.campaign_id for group in found.items})
        return fragment("groupbuy/_shop_panel.html", groups=found.items, known=known)

    @get("/panels/campaigns", name="groupbuy.share_panel")
    async def share_panel(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """On the page of links: what else may be shared."""
        return fragment("groupbuy/_share_panel.html", **await _offers(session, _own(principal)))


def _own(principal: Principal) -> list[uuid.UUID]:
    return sorted(principal.own_shops)


async def _offers(session: AsyncSession, shop_ids: list[uuid.UUID]) -> dict[str, Any]:
    """Each of the caller's shops with what it may share, and what that looks like."""
    now = clock.house()
    shops = await stores.get_shops(session, ids=set(shop_ids))
    offers = [
        (shop, await campaigns.campaigns_to_share(session, shop_id=shop.id, now=now))
        for shop in sorted(shops.values(), key=lambda shop: shop.code)
    ]
    wholes = [one for _, found in offers for one in found]
    known = await pictures_of(session, wholes)
    pictures = {one.campaign.id: next(iter(gallery(one, known)), None) for one in wholes}
    return {"offers": offers, "pictures": pictures}


async def _campaigns(session: AsyncSession, ids: set[uuid.UUID]) -> dict[uuid.UUID, CampaignWithItems]:
    return {one.campaign.id: one for one in await campaigns.campaigns_of(session, ids=sorted(ids))}
