"""A customer's pages, on her phone: the campaign, a group with its progress, choosing, and on to paying."""

import uuid
from dataclasses import dataclass
from typing import Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.pages.shared import gallery, pictures_of, seat_in, shop_of_link, shops_by_id, told_items
from groupbuy.repository.reading import SeatInGroup
from groupbuy.service import campaigns, reading
from groupbuy.states import LIVE, CampaignState, SeatState
from groupbuy.types import CampaignWithItems, GroupView
from yundian.attribution import api as attribution
from yundian.brands import api as brands
from yundian.brands.types import BrandView
from yundian.payments import api as payments
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, PrincipalKind
from yundian.platform.db.services import Services
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, fragment, page


@dataclass(frozen=True)
class _Place:
    """Whose pages these are, and who looks at them, if she is signed in here."""

    brand: BrandView
    member_id: uuid.UUID | None

    @property
    def base(self) -> str:
        return f"/m/{self.brand.code}"


class OfferPages(Controller):
    """What anybody may see who has the address."""

    path = "/m/{brand_code:str}"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller
    opt = FOR_CUSTOMERS

    @get("/c/{code:str}", name="groupbuy.campaign")
    async def campaign(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        via: FromQuery[str] = "",
    ) -> Template:
        """The campaign: price, what there is, groups to join, and how to start one."""
        place = await _place(services, principal, brand_code)
        shop_id = await shop_of_link(services, place.brand.id, via)
        async with services.database.unit_of_work(place.brand.id) as session:
            await _bind(session, services, request, place)
            whole = await campaigns.find_campaign(session, code=code)
            return page(
                "groupbuy/campaign.html",
                **await campaign_context(session, place.brand, whole, shop_id=shop_id, member_id=place.member_id),
                url=_address(services, f"{place.base}/c/{code}"),
                via=via,
                is_preview=False,
            )

    @get("/g/{code:str}", name="groupbuy.group")
    async def group(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        via: FromQuery[str] = "",
    ) -> Template:
        """A group: how many are in, how long it has, and what she who looks may do."""
        place = await _place(services, principal, brand_code)
        async with services.database.unit_of_work(place.brand.id) as session:
            await _bind(session, services, request, place)
            group = await reading.find_group(session, code=code)
            whole = await told_items(session, await campaigns.get_campaign(session, campaign_id=group.campaign_id))
            mine = await seat_in(session, place.member_id, group)
            shops = await shops_by_id(session, group.shop_id, mine.seat.pickup_shop_id if mine else None)
            # Who comes back from paying shares on as well: by the link that opened the group.
            link = await attribution.find_link(session, link_id=group.link_id) if group.link_id else None
            pictures = await pictures_of(session, [whole])
        now = clock.house()
        return page(
            "groupbuy/group.html",
            brand=place.brand,
            base=place.base,
            whole=whole,
            campaign=whole.campaign,
            standing=whole.campaign.standing(now),
            gallery=gallery(whole, pictures),
            group=group,
            mine=mine,
            has_seat=mine is not None and mine.seat.state in LIVE,
            is_live=group.is_joinable(now) or (mine is not None and mine.seat.state in LIVE),
            pay_path=_pay_path(services, place, mine),
            shop=shops.get(group.shop_id) if group.shop_id else None,
            pickup=shops.get(mine.seat.pickup_shop_id) if mine else None,
            seen=_seen(group, mine),
            url=_address(services, f"{place.base}/g/{code}"),
            via=via or (link.token if link else ""),
            now=now,
        )

    @get("/g/{code:str}/progress", name="groupbuy.group.progress")
    async def progress(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        seen: FromQuery[str] = "",
    ) -> Template:
        """How the group stands, asked for every few seconds. When the page around it is out of date, it is asked
        for again as a whole."""
        place = await _place(services, principal, brand_code)
        async with services.database.connection(place.brand.id) as tx:
            group = await reading.find_group(tx, code=code)
            mine = await seat_in(tx, place.member_id, group)
        headers = {"HX-Refresh": "true"} if seen and seen != _seen(group, mine) else {}
        return fragment("groupbuy/_progress.html", headers=headers, group=group, now=clock.house())


async def campaign_context(
    session: AsyncSession,
    brand: BrandView,
    whole: CampaignWithItems,
    *,
    shop_id: uuid.UUID | None,
    member_id: uuid.UUID | None,
) -> dict[str, Any]:
    """What the campaign's page shows, also as HQ's preview."""
    now, campaign = clock.house(), whole.campaign
    mine = None
    if member_id is not None:
        found = await reading.seats_of_member(session, member_id=member_id, campaign_id=campaign.id, limit=1)
        mine = next((one for one in found.items if one.seat.state in LIVE), None)
    is_published = campaign.state is not CampaignState.DRAFT
    groups = (
        await reading.joinable_groups(session, campaign_id=campaign.id, shop_id=shop_id, now=now)
        if is_published and mine is None
        else []
    )
    shops = await shops_by_id(session, shop_id)
    pictures = await pictures_of(session, [whole])
    return {
        "brand": brand,
        "base": f"/m/{brand.code}",
        "whole": await told_items(session, whole),
        "campaign": campaign,
        "standing": campaign.standing(now),
        "pictures": pictures,
        "gallery": gallery(whole, pictures),
        "mine": mine,
        "groups": groups,
        "shop": shops.get(shop_id) if shop_id else None,
        "zone": await brands.zone_of(session),
        "life": _hours(campaign.group_life_s),
        "now": now,
    }


async def _place(services: Services, principal: Principal, brand_code: str) -> _Place:
    async with services.database.unit_of_work(None) as session:
        brand = await brands.find_brand(session, code=brand_code)
    is_hers = principal.kind is PrincipalKind.CUSTOMER and principal.brand_code == brand_code
    return _Place(brand, principal.id if is_hers else None)


async def _bind(session: AsyncSession, services: Services, request: AnyRequest, place: _Place) -> None:
    """What this browser opened before she signed in is hers."""
    visitor = attribution.visitor_of(services.settings, services.keyring, request.cookies)
    if visitor is not None and place.member_id is not None:
        await attribution.bind_visitor(session, visitor=visitor, member_id=place.member_id)


def _pay_path(services: Services, place: _Place, mine: SeatInGroup | None) -> str:
    if mine is None or mine.seat.payment_id is None or mine.seat.state is not SeatState.RESERVED:
        return ""
    return payments.pay_path(services.keyring, brand_id=place.brand.id, payment_id=mine.seat.payment_id)


def _seen(group: GroupView, mine: SeatInGroup | None) -> str:
    """What the page around the progress depends on."""
    return f"{group.state.value}-{group.taken < group.size}-{mine.seat.state.value if mine else ''}"


def _address(services: Services, path: str) -> str:
    return services.settings.base_url.rstrip("/") + path


def _hours(seconds: int) -> str:
    if seconds < 7200:
        return _("%(count)s minutes", count=seconds // 60)
    return _("%(count)s hours", count=seconds // 3600)
