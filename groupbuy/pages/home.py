"""On a customer's home: her groups that fill, and the group-buys that a shop's link brought her to."""

import datetime as dt
import uuid
from typing import NamedTuple

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.pages.shared import gallery, pictures_of
from groupbuy.repository.reading import SeatInGroup
from groupbuy.service import campaigns, reading
from groupbuy.states import JOINABLE, LIVE
from groupbuy.types import CampaignWithItems
from stores import api as stores
from stores.types import ShopView
from yundian.attribution import api as attribution
from yundian.attribution.types import Brought
from yundian.brands import api as brands
from yundian.catalog.types import PictureView
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.pages import AnyRequest, fragment

# Shops whose links are looked at, and group-buys that are shown.
_SHOPS, _SHOWN, _OWN = 3, 6, 10


class Offered(NamedTuple):
    """A group-buy, and the shop whose it would be."""

    whole: CampaignWithItems
    shop: ShopView
    token: str
    picture: PictureView | None


class HomePanel(Controller):
    path = "/m/{brand_code:str}/panels/groups"
    include_in_schema = False
    opt = FOR_CUSTOMERS

    @get(name="groupbuy.home_panel", guards=[anyone])
    async def show(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Nothing is offered that no shop's link led to: whose a sale is stays what the customer saw."""
        brand = await brands.brand_in_address(services.database, brand_code)
        member_id = principal.own_id if principal.is_customer_of(brand_code) else None
        visitor = attribution.visitor_of(services.settings, services.keyring, request.cookies)
        now = clock.house()
        async with services.database.connection(brand.id) as tx:
            came_by = await attribution.brought(tx, member_id=member_id, visitor=visitor, at=now)
        async with services.database.unit_of_work(brand.id) as session:
            mine = await _own(session, member_id)
            known = {
                one.campaign.id: one
                for one in await campaigns.campaigns_of(session, ids=[one.group.campaign_id for one in mine])
            }
            offers = await _offers(session, came_by, but=set(known), now=now)
        return fragment(
            "groupbuy/_home_panel.html",
            base=f"/m/{brand.code}",
            mine=[(one, known[one.group.campaign_id]) for one in mine],
            offers=offers,
            now=now,
        )


async def _own(session: AsyncSession, member_id: uuid.UUID | None) -> list[SeatInGroup]:
    """Her seats in groups that still fill."""
    if member_id is None:
        return []
    found = await reading.seats_of_member(session, member_id=member_id, limit=_OWN)
    return [one for one in found.items if one.seat.state in LIVE and one.group.state in JOINABLE]


async def _offers(
    session: AsyncSession, came_by: list[Brought], *, but: set[uuid.UUID], now: dt.datetime
) -> list[Offered]:
    """What runs in the shops she came from, each under the link that the rule of credits would choose."""
    shop_ids = list(dict.fromkeys(one.shop_id for one in came_by))[:_SHOPS]
    shops = await stores.get_shops(session, ids=set(shop_ids))
    found: list[tuple[CampaignWithItems, ShopView, str]] = []
    for shop in (shops[shop_id] for shop_id in shop_ids if shop_id in shops):
        for whole in await campaigns.campaigns_to_share(session, shop_id=shop.id, now=now):
            campaign_id = whole.campaign.id
            link = next((one for one in came_by if one.campaign_id in (None, campaign_id)), None)
            if link is not None and link.shop_id == shop.id and campaign_id not in but:
                found.append((whole, shop, link.token))
    shown = found[:_SHOWN]
    pictures = await pictures_of(session, [whole for whole, _, _ in shown])
    return [
        Offered(whole, shop, token, next(iter(gallery(whole, pictures)), None)) for whole, shop, token in shown
    ]
