"""A customer's pages, on her phone: the campaign, a group with its progress, choosing, and on to paying."""

import uuid
from dataclasses import dataclass
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.errors import AlreadyIn
from groupbuy.repository.reading import SeatInGroup
from groupbuy.schemas import CheckoutForm, buyer_of, own_id
from groupbuy.service import campaigns, checkout, ending, reading
from groupbuy.states import LIVE, CampaignState, SeatState, Standing
from groupbuy.types import CampaignWithItems, Checkout, GroupView
from stores import api as stores
from stores.types import ShopView
from yundian.attribution import api as attribution
from yundian.attribution.errors import LinkUnknown
from yundian.brands import api as brands
from yundian.brands.types import BrandView
from yundian.members import api as members
from yundian.members.types import AppKind
from yundian.payments import api as payments
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, PrincipalKind
from yundian.platform.db.cte import Cte
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.hot_idempotency import HotKey
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import fragment, page, see_other

AnyRequest = Request[Any, Any, Any]

# Whose seat it is stands on these pages.
NO_STORE = {"Cache-Control": "no-store"}
_OPEN = "open"


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
        shop_id = await _shop_of_link(services, place.brand.id, via)
        async with services.database.unit_of_work(place.brand.id) as session:
            await _bind(session, services, request, place)
            whole = await campaigns.find_campaign(session, code=code)
            return page(
                "groupbuy/campaign.html",
                headers=NO_STORE,
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
            whole = await campaigns.get_campaign(session, campaign_id=group.campaign_id)
            mine = await _mine(session, place.member_id, group)
            shops = await _shops(session, group.shop_id, mine.seat.pickup_shop_id if mine else None)
        now = clock.now()
        return page(
            "groupbuy/group.html",
            headers=NO_STORE,
            brand=place.brand,
            base=place.base,
            whole=whole,
            campaign=whole.campaign,
            standing=whole.campaign.standing(now),
            group=group,
            mine=mine,
            has_seat=mine is not None and mine.seat.state in LIVE,
            is_live=group.is_joinable(now) or (mine is not None and mine.seat.state in LIVE),
            pay_path=_pay_path(services, place, mine),
            shop=shops.get(group.shop_id) if group.shop_id else None,
            pickup=shops.get(mine.seat.pickup_shop_id) if mine else None,
            seen=_seen(group, mine),
            url=_address(services, f"{place.base}/g/{code}"),
            via=via,
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
            mine = await _mine(tx, place.member_id, group)
        headers = dict(NO_STORE)
        if seen and seen != _seen(group, mine):
            headers["HX-Refresh"] = "true"
        return fragment("groupbuy/_progress.html", headers=headers, group=group, now=clock.now())


class SeatPages(Controller):
    """What a signed-in customer does; signing in comes back here."""

    path = "/m/{brand_code:str}"
    include_in_schema = False
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/c/{code:str}/start", name="groupbuy.start")
    async def start_page(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        via: FromQuery[str] = "",
    ) -> Response[Any]:
        """Choose what to buy and where to collect it, in a group of one's own."""
        whole = await campaigns.find_campaign(session, code=code)
        shop_id = await _shop_of_link(services, principal.brand, via)
        return await _choose(session, brand_code, whole, shop_id=shop_id, group=None, form=Form.of())

    @post("/c/{code:str}/start", name="groupbuy.start.confirm", status_code=200)
    async def start(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Open a group and go on to paying, or say why not."""
        form = await Form.read(request)
        answer = await _check_out(form, request, services, principal, campaign_code=code)
        if answer is not None:
            return answer
        async with services.database.unit_of_work(principal.brand) as session:
            whole = await campaigns.find_campaign(session, code=code)
            return await _choose(session, brand_code, whole, group=None, form=form)

    @get("/g/{code:str}/join", name="groupbuy.join")
    async def join_page(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Choose what to buy and where to collect it, in this group."""
        group = await reading.find_group(session, code=code)
        whole = await campaigns.get_campaign(session, campaign_id=group.campaign_id)
        return await _choose(session, brand_code, whole, group=group, form=Form.of())

    @post("/g/{code:str}/join", name="groupbuy.join.confirm", status_code=200)
    async def join(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Take a seat and go on to paying, or say why not."""
        form = await Form.read(request)
        answer = await _check_out(form, request, services, principal, group_code=code)
        if answer is not None:
            return answer
        async with services.database.unit_of_work(principal.brand) as session:
            group = await reading.find_group(session, code=code)
            whole = await campaigns.get_campaign(session, campaign_id=group.campaign_id)
            return await _choose(session, brand_code, whole, group=group, form=form)

    @post("/g/{code:str}/leave", name="groupbuy.leave", status_code=303)
    async def leave(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Give one's seat back."""
        group = await reading.find_group(session, code=code)
        mine = await _mine(session, own_id(principal), group)
        if mine is not None:
            await ending.leave(session, seat_id=mine.seat.id, member_id=own_id(principal), now=clock.now())
        return see_other(f"/m/{brand_code}/g/{code}", toast=_("You have left the group."))


async def campaign_context(
    session: AsyncSession,
    brand: BrandView,
    whole: CampaignWithItems,
    *,
    shop_id: uuid.UUID | None,
    member_id: uuid.UUID | None,
) -> dict[str, Any]:
    """What the campaign's page shows, also as HQ's preview."""
    now, campaign = clock.now(), whole.campaign
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
    shops = await _shops(session, shop_id)
    return {
        "brand": brand,
        "base": f"/m/{brand.code}",
        "whole": whole,
        "campaign": campaign,
        "standing": campaign.standing(now),
        "mine": mine,
        "groups": groups,
        "shop": shops.get(shop_id) if shop_id else None,
        "zone": await brands.zone_of(session),
        "life": _hours(campaign.group_life_s),
        "now": now,
    }


async def _check_out(
    form: Form,
    request: AnyRequest,
    services: Services,
    principal: Principal,
    *,
    campaign_code: str = "",
    group_code: str = "",
) -> Response[Any] | None:
    """Where to go on; ``None`` when the form says what was wrong."""
    hot = await HotKey.of(request)
    payer = await _payer(request, services, principal)

    def keep(cte: Cte, made: Checkout) -> None:
        hot.keep(cte, status=303, headers={"location": made.pay_path}, body=b"", given="placed")

    async def take() -> Response[Any]:
        made = await checkout.check_out(
            services.database,
            keyring=services.keyring,
            buyer=buyer_of(request, services, principal, payer=payer),
            wish=form.parse(CheckoutForm).wish(group_code=group_code, campaign_code=campaign_code),
            keep=keep,
            has_key=hot.is_given,
        )
        return hot.answer() if made.is_new else see_other(made.pay_path)

    async with form.attempt():
        try:
            return await hot.run(services.database, brand=principal.brand, call=take)
        except AlreadyIn as already:
            return see_other(
                f"/m/{principal.brand_code}/g/{already.facts['group_code']}",
                toast=_("You are in a group of this campaign already."),
            )
    return None


async def _choose(
    session: AsyncSession,
    brand_code: str,
    whole: CampaignWithItems,
    *,
    group: GroupView | None,
    form: Form,
    shop_id: uuid.UUID | None = None,
) -> Response[Any]:
    now, base = clock.now(), f"/m/{brand_code}"
    where = f"{base}/g/{group.code}" if group else f"{base}/c/{whole.campaign.code}"
    if group is not None and not group.is_joinable(now):
        return see_other(where)
    if group is None and whole.campaign.standing(now) is not Standing.RUNNING:
        return see_other(where)
    shops = await _pickup_shops(session, whole, group.shop_id if group else shop_id)
    return page(
        "groupbuy/checkout.html",
        status_code=form.status,
        headers=NO_STORE,
        form=form,
        brand=await brands.find_brand(session, code=brand_code),
        whole=whole,
        campaign=whole.campaign,
        group=group,
        first=next((item for item in whole.items if item.left > 0), None),
        shops=shops,
        shop_options=[(str(shop.id), f"{shop.name} · {shop.district or shop.city}") for shop in shops],
        minutes=max(1, whole.campaign.seat_life_s // 60),
        action=f"{where}/join" if group else f"{where}/start",
        back=where,
        now=now,
    )


async def _pickup_shops(session: AsyncSession, whole: CampaignWithItems, own: uuid.UUID | None) -> list[ShopView]:
    """Where it can be collected, the shop that brought her first."""
    if not whole.campaign.has_pickup_choice and own is not None and whole.includes(own):
        found = await _shops(session, own)
        return [shop for shop in found.values() if shop.status.value == _OPEN]
    if whole.campaign.is_all_shops:
        shops = await stores.open_shops(session)
    else:
        known = await stores.get_shops(session, ids=set(whole.shop_ids))
        shops = sorted((shop for shop in known.values() if shop.status.value == _OPEN), key=lambda shop: shop.code)
    return sorted(shops, key=lambda shop: shop.id != own)


async def _payer(request: AnyRequest, services: Services, principal: Principal) -> str:
    """Her openid, where she pays inside WeChat."""
    if "MicroMessenger" not in request.headers.get("User-Agent", ""):
        return ""
    app = await members.app_of_brand(
        services.database, keyring=services.keyring, brand_id=principal.brand, kind=AppKind.OFFICIAL
    )
    if app is None:
        return ""
    async with services.database.connection(principal.brand) as tx:
        found = await members.openid_of(
            tx, keyring=services.keyring, member_id=own_id(principal), app_id=app.app_id
        )
    return found or ""


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


async def _shop_of_link(services: Services, brand_id: uuid.UUID, token: str) -> uuid.UUID | None:
    """The shop by whose link the page was reached; a hint for what is shown first, no credit."""
    if not token:
        return None
    try:
        link = await attribution.resolve(services.database, keyring=services.keyring, token=token)
    except LinkUnknown:
        return None
    return link.shop_id if link.brand_id == brand_id else None


async def _mine(door: Any, member_id: uuid.UUID | None, group: GroupView) -> SeatInGroup | None:
    """The newest seat of the member in this group."""
    if member_id is None:
        return None
    found = await reading.seats_of_member(door, member_id=member_id, campaign_id=group.campaign_id)
    return next((one for one in found.items if one.seat.group_id == group.id), None)


async def _shops(session: AsyncSession, *ids: uuid.UUID | None) -> dict[uuid.UUID, ShopView]:
    return await stores.get_shops(session, ids={one for one in ids if one is not None})


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
