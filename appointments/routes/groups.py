"""拼团预约 by JSON: where and when a group can meet, opening it, and when it meets."""

import uuid
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import (
    CapReached,
    NotGroupOffer,
    NotOffered,
    OffGrid,
    OutsideHours,
    OwnOverlap,
    ServiceUnknown,
    SlotTaken,
    TooFar,
    TooSoon,
)
from appointments.repository import setup as repository
from appointments.routes.customers import Chosen, Latitude, Longitude, place_of
from appointments.schemas.customers import (
    BookableShop,
    GroupChoice,
    GroupOpened,
    GroupSessionRead,
    GroupWish,
    TimesRead,
)
from appointments.schemas.forms import utc
from appointments.schemas.wire import ServiceRead
from appointments.service import group_times, parties
from appointments.service.group_times import Chooser
from appointments.service.parties import GroupStart
from groupbuy import api as groups
from groupbuy.api import Buyer
from groupbuy.errors import (
    AlreadyIn,
    CampaignNotRunning,
    CampaignUnknown,
    GroupUnknown,
    LimitReached,
    ShopNotIncluded,
    SkuNotInCampaign,
    SoldOut,
)
from stores import api as stores
from stores.errors import ShopUnknown
from yundian.attribution import api as attribution
from yundian.platform.auth.guards import customer
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.openapi import refusals

AnyRequest = Request[Any, Any, Any]
_TIME = (
    ServiceUnknown,
    ShopUnknown,
    NotOffered,
    SlotTaken,
    OutsideHours,
    OffGrid,
    TooSoon,
    TooFar,
    CapReached,
    OwnOverlap,
)
_GROUP = (CampaignUnknown, CampaignNotRunning, AlreadyIn, LimitReached, SoldOut, ShopNotIncluded, SkuNotInCampaign)


class GroupSessionController(Controller):
    """Groups that buy a session together. Others join such a group as any."""

    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(
        "/appointment-campaigns/{code:str}",
        operation_id="appointments_get_group_offer",
        responses=refusals(CampaignUnknown, NotGroupOffer),
    )
    async def offer(
        self,
        code: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        lat: Latitude = None,
        lon: Longitude = None,
    ) -> GroupChoice:
        """Get what groups of a campaign buy a session of, and the shops in which they may meet."""
        made = await group_times.choice(
            session,
            services.database,
            code=code,
            chooser=_chooser(request, services, principal),
            here=place_of(lat, lon),
        )
        return GroupChoice(
            campaign_code=made.whole.campaign.code,
            size=made.whole.campaign.size,
            service=ServiceRead.of(made.service),
            shops=[BookableShop.of(shop, distance_m) for shop, distance_m in made.shops],
        )

    @get(
        "/appointment-campaigns/{code:str}/times",
        operation_id="appointments_list_group_times",
        responses=refusals(CampaignUnknown, NotGroupOffer, ShopUnknown),
    )
    async def times(
        self,
        code: FromPath[str],
        shop_id: FromQuery[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        staff_id: Chosen = None,
    ) -> TimesRead:
        """List two weeks of times, from when it is known whether the group is complete."""
        chooser = _chooser(request, services, principal)
        made = await group_times.choice(session, services.database, code=code, chooser=chooser, here=None)
        shop = next((one for one, _distance in made.shops if one.id == shop_id), None)
        if shop is None:
            raise ShopUnknown
        asked, by_day = await group_times.times(
            session, made=made, shop=shop, member_id=principal.own_id, staff_id=staff_id
        )
        names = await repository.staff_names(session, staff_ids=[one.id for one in asked.openings.plans.staff])
        return TimesRead.of(asked, by_day, names=names)

    @post(
        "/appointment-groups",
        operation_id="appointments_open_group",
        responses=refusals(NotGroupOffer, *_TIME, *_GROUP),
    )
    async def open_group(
        self,
        data: JSONBody[GroupWish],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[GroupOpened]:
        """Open a group that buys a session: its time is held while the group fills. Others join the group as any.

        Whoever holds an unpaid seat of the campaign gets it again, with status 200.
        """
        made = await parties.open_group(
            services.database,
            keyring=services.keyring,
            buyer=Buyer(
                brand_id=principal.brand,
                brand_code=principal.brand_code,
                member_id=principal.own_id,
                visitor=attribution.visitor_of(services.settings, services.keyring, request.cookies),
            ),
            wish=GroupStart(
                campaign_code=data.campaign_code,
                sku_id=data.sku_id,
                shop_id=data.shop_id,
                start=utc(data.start),
                staff_id=data.staff_id,
            ),
        )
        body = GroupOpened(**{name: getattr(made, name) for name in GroupOpened.__struct_fields__})
        return Response(body, status_code=201 if made.is_new else 200)

    @get(
        "/appointment-groups/{code:str}",
        operation_id="appointments_get_group_session",
        responses=refusals(GroupUnknown, NotGroupOffer),
    )
    async def session(self, code: FromPath[str], session: NamedDependency[AsyncSession]) -> GroupSessionRead:
        """Get when and where a group meets, for whoever may join it."""
        group = await groups.find_group(session, code=code)
        party = await parties.party_of(session, group_id=group.id)
        if party is None:
            raise NotGroupOffer
        shops = await stores.get_shops(session, ids={party.shop_id})
        return GroupSessionRead.of(party, shops[party.shop_id])


def _chooser(request: AnyRequest, services: Services, principal: Principal) -> Chooser:
    return Chooser(
        brand_id=principal.brand,
        member_id=principal.own_id,
        visitor=attribution.visitor_of(services.settings, services.keyring, request.cookies),
    )
