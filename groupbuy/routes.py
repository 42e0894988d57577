"""The group-buys' JSON API: HQ keeps campaigns, customers take seats, shops watch their groups."""

import uuid
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.errors import (
    AlreadyIn,
    CampaignIncomplete,
    CampaignNotRunning,
    CampaignUnknown,
    GroupFull,
    GroupOver,
    GroupUnknown,
    LeaveTooLate,
    LimitReached,
    QuotaBelowSold,
    SeatLifeTooShort,
    SeatUnknown,
    ShopNotIncluded,
    SkuNotInCampaign,
    SkuNotSellable,
    SoldOut,
    TermsAreFixed,
    TooManyPieces,
)
from groupbuy.schemas import (
    CampaignCreate,
    CampaignEnd,
    CampaignRead,
    CampaignUpdate,
    CheckoutRead,
    GroupRead,
    LinkWish,
    MySeat,
    OfferRead,
    SeatRead,
    SeatWish,
    VersionOnly,
    buyer_of,
)
from groupbuy.service import campaigns, checkout, ending, reading, sharing
from groupbuy.states import Standing
from groupbuy.types import CampaignNumbers, Checkout
from stores.errors import OutOfStock, ShopUnknown
from yundian.attribution.types import Channel, LinkRead
from yundian.platform.auth.guards import customer, requires
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import SHOP_ROLES, Principal, Role
from yundian.platform.core.states import IllegalTransition
from yundian.platform.db.cte import Cte
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.hot_idempotency import HotKey
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
shop_people = requires(Role.HQ_ADMIN, Role.HQ_ANALYST, Role.SHOP_OWNER, Role.SHOP_STAFF)

OwnShop = Annotated[uuid.UUID, QueryParameter(description="One of the caller's shops")]

_JSON = {"content-type": "application/json"}


class CampaignController(Controller):
    path = "/campaigns"

    @get(operation_id="groupbuy_list_campaigns", guards=[readers])
    async def list_campaigns(
        self,
        session: NamedDependency[AsyncSession],
        standing: FromQuery[Standing | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[CampaignRead]:
        """List campaigns, the newest first; their shops are left out."""
        found = await campaigns.list_campaigns(session, standing=standing, cursor=cursor, limit=limit)
        return Page([CampaignRead.of(one) for one in found.items], found.next_cursor)

    @post(
        operation_id="groupbuy_create_campaign",
        guards=[writers],
        responses=refusals(ShopUnknown, SeatLifeTooShort),
    )
    @idempotent
    async def create_campaign(
        self, data: JSONBody[CampaignCreate], session: NamedDependency[AsyncSession]
    ) -> CampaignRead:
        """Draft a campaign; nobody but HQ sees it before it is published."""
        return CampaignRead.of(await campaigns.create_campaign(session, fields=data))

    @get(
        "/{campaign_id:uuid}",
        operation_id="groupbuy_get_campaign",
        guards=[readers],
        responses=refusals(CampaignUnknown),
    )
    async def get_campaign(
        self, campaign_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> CampaignRead:
        """Get a campaign with its items and shops."""
        return CampaignRead.of(await campaigns.get_campaign(session, campaign_id=campaign_id))

    @put(
        "/{campaign_id:uuid}",
        operation_id="groupbuy_update_campaign",
        guards=[writers],
        responses=refusals(
            CampaignUnknown, ShopUnknown, TermsAreFixed, QuotaBelowSold, SeatLifeTooShort, VersionConflict
        ),
    )
    @idempotent
    async def update_campaign(
        self,
        campaign_id: FromPath[uuid.UUID],
        data: JSONBody[CampaignUpdate],
        session: NamedDependency[AsyncSession],
    ) -> CampaignRead:
        """Change a campaign; of a published one its words, its end, its quotas and its shops."""
        return CampaignRead.of(
            await campaigns.edit_campaign(session, campaign_id=campaign_id, version=data.version, fields=data)
        )

    @post(
        "/{campaign_id:uuid}/publish",
        operation_id="groupbuy_publish_campaign",
        guards=[writers],
        status_code=200,
        responses=refusals(
            CampaignUnknown,
            CampaignIncomplete,
            SkuNotSellable,
            SeatLifeTooShort,
            IllegalTransition,
            VersionConflict,
        ),
    )
    @idempotent
    async def publish_campaign(
        self, campaign_id: FromPath[uuid.UUID], data: JSONBody[VersionOnly], session: NamedDependency[AsyncSession]
    ) -> CampaignRead:
        """Open the campaign to everybody in its window; what people join on is fixed from now on."""
        return CampaignRead.of(
            await campaigns.publish_campaign(
                session, campaign_id=campaign_id, version=data.version, now=clock.now()
            )
        )

    @post(
        "/{campaign_id:uuid}/close",
        operation_id="groupbuy_close_campaign",
        guards=[writers],
        status_code=200,
        responses=refusals(CampaignUnknown, IllegalTransition, VersionConflict),
    )
    @idempotent
    async def close_campaign(
        self, campaign_id: FromPath[uuid.UUID], data: JSONBody[CampaignEnd], session: NamedDependency[AsyncSession]
    ) -> CampaignRead:
        """Open no more groups. Open ones run to their own deadline, unless they are ended too."""
        return CampaignRead.of(
            await campaigns.close_campaign(
                session,
                campaign_id=campaign_id,
                version=data.version,
                now=clock.now(),
                ends_groups=data.ends_groups,
            )
        )

    @get(
        "/{campaign_id:uuid}/numbers",
        operation_id="groupbuy_campaign_numbers",
        guards=[readers],
        responses=refusals(CampaignUnknown),
    )
    async def numbers(
        self, campaign_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> CampaignNumbers:
        """Count a campaign's groups, seats and money as they stand now."""
        return await campaigns.numbers_of(session, campaign_id=campaign_id)


class OfferController(Controller):
    """What customers of the token's brand see and take."""

    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/group-campaigns/{code:str}", operation_id="groupbuy_get_offer", responses=refusals(CampaignUnknown))
    async def offer(self, code: FromPath[str], session: NamedDependency[AsyncSession]) -> OfferRead:
        """Get a campaign as customers see it."""
        return OfferRead.of(await campaigns.find_campaign(session, code=code))

    @get("/groups/{code:str}", operation_id="groupbuy_get_group", responses=refusals(GroupUnknown))
    async def group(
        self, code: FromPath[str], services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> GroupRead:
        """Get a group's progress: one row, to be asked for every few seconds."""
        async with services.database.connection(principal.brand) as tx:
            return GroupRead.of(await reading.find_group(tx, code=code))

    @post(
        "/group-seats",
        operation_id="groupbuy_take_seat",
        responses=refusals(
            GroupUnknown,
            CampaignUnknown,
            CampaignNotRunning,
            GroupFull,
            GroupOver,
            AlreadyIn,
            LimitReached,
            SoldOut,
            OutOfStock,
            ShopNotIncluded,
            SkuNotInCampaign,
            TooManyPieces,
        ),
    )
    async def take_seat(
        self,
        data: JSONBody[SeatWish],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[CheckoutRead]:
        """Take a seat and place its order; pay at ``pay_path`` before ``expires_at``.

        Whoever holds an unpaid seat there gets it again, with status 200. ``Idempotency-Key`` is honoured; a
        refusal is not kept under it, since nothing was done.
        """
        hot = await HotKey.of(request)

        def keep(cte: Cte, made: Checkout) -> None:
            body = msgspec.json.encode(CheckoutRead.of(made))
            hot.keep(cte, status=201, headers=_JSON, body=body, given="placed")

        async def take() -> Response[Any]:
            made = await checkout.check_out(
                services.database,
                keyring=services.keyring,
                buyer=buyer_of(request, services, principal),
                wish=data.wish(),
                keep=keep,
                has_key=hot.is_given,
            )
            return hot.answer() if made.is_new else Response(CheckoutRead.of(made), status_code=200)

        return await hot.run(services.database, brand=principal.brand, call=take)

    @get("/group-seats", operation_id="groupbuy_list_seats")
    async def seats(
        self,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Page[MySeat]:
        """List one's own seats with their groups, the newest first."""
        async with services.database.connection(principal.brand) as tx:
            found = await reading.seats_of_member(tx, member_id=principal.own_id, cursor=cursor, limit=limit)
        return Page([MySeat.of(one.seat, one.group) for one in found.items], found.next_cursor)

    @post(
        "/group-seats/{seat_id:uuid}/leave",
        operation_id="groupbuy_leave_group",
        status_code=200,
        responses=refusals(SeatUnknown, LeaveTooLate),
    )
    @idempotent
    async def leave(
        self,
        seat_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> SeatRead:
        """Give one's seat in an open group back; what was paid is refunded."""
        return SeatRead.of(
            await ending.leave(session, seat_id=seat_id, member_id=principal.own_id, now=clock.now())
        )


class ShopGroupController(Controller):
    path = "/shop-groups"

    @get(operation_id="groupbuy_list_shop_groups", guards=[shop_people])
    async def groups(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        is_open: FromQuery[bool] = True,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[GroupRead]:
        """List groups, the newest first: a shop's people those of their shops, HQ all."""
        found = await reading.groups_of_shops(
            session, shop_ids=_sorted(principal.shops()), is_open=is_open, cursor=cursor, limit=limit
        )
        return Page([GroupRead.of(one) for one in found.items], found.next_cursor)


class ShopSharingController(Controller):
    """What a shop shares."""

    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/shop-campaigns", operation_id="groupbuy_list_shop_campaigns", responses=refusals(ShopUnknown))
    async def offers(
        self,
        shop_id: OwnShop,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> list[OfferRead]:
        """List the campaigns that one's shop may share now."""
        _check_own(principal, shop_id)
        found = await campaigns.campaigns_to_share(session, shop_id=shop_id, now=clock.now())
        return [OfferRead.of(one) for one in found]

    @post(
        "/shop-campaigns/{code:str}/links",
        operation_id="groupbuy_make_shop_link",
        responses=refusals(CampaignUnknown, ShopUnknown),
    )
    @idempotent
    async def make_link(
        self,
        code: FromPath[str],
        data: JSONBody[LinkWish],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> LinkRead:
        """Get the link by which one's shop shares a campaign: made once, then the same. What comes by it is the
        shop's."""
        _check_own(principal, data.shop_id)
        link = await sharing.share(
            session,
            keyring=services.keyring,
            shop_id=data.shop_id,
            whole=await campaigns.find_campaign(session, code=code),
            channel=Channel(data.channel),
            staff_id=principal.id if data.is_own else None,
        )
        return LinkRead.of(link, base=services.settings.public_url or str(request.base_url))


def _check_own(principal: Principal, shop_id: uuid.UUID) -> None:
    if shop_id not in (principal.own_shops):
        raise ShopUnknown


def _sorted(shops: frozenset[uuid.UUID] | None) -> list[uuid.UUID] | None:
    return None if shops is None else sorted(shops)
