"""A customer takes a seat, on her phone: choosing what and where, on to paying, or leaving again."""

import uuid
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.errors import AlreadyIn
from groupbuy.pages.places import Latitude, Longitude, pickup_shops, place_of, shown
from groupbuy.pages.shared import seat_in, shop_of_link, shop_that_brought, shops_by_id, told_items
from groupbuy.schemas import CheckoutForm, buyer_of
from groupbuy.service import campaigns, checkout, ending, reading
from groupbuy.states import Standing
from groupbuy.types import CampaignWithItems, Checkout, GroupView
from stores.types import Place
from yundian.brands import api as brands
from yundian.members import api as members
from yundian.platform.auth.guards import customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.cte import Cte
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.hot_idempotency import HotKey
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other


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
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        via: FromQuery[str] = "",
        lat: Latitude = None,
        lon: Longitude = None,
    ) -> Response[Any]:
        """Choose what to buy and where to collect it, in a group of one's own."""
        whole = await campaigns.find_campaign(session, code=code)
        shop_id = await shop_that_brought(services, request, principal, whole.campaign.id)
        shop_id = shop_id or await shop_of_link(services, principal.brand, via)
        return await _choose(
            session,
            brand_code,
            whole,
            shop_id=shop_id,
            group=None,
            form=Form.of(),
            here=place_of(lat, lon),
            via=via,
        )

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
            shop_id = await shop_that_brought(services, request, principal, whole.campaign.id)
            return await _choose(session, brand_code, whole, shop_id=shop_id, group=None, form=form)

    @get("/g/{code:str}/join", name="groupbuy.join")
    async def join_page(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        lat: Latitude = None,
        lon: Longitude = None,
    ) -> Response[Any]:
        """Choose what to buy and where to collect it, in this group."""
        group = await reading.find_group(session, code=code)
        whole = await campaigns.get_campaign(session, campaign_id=group.campaign_id)
        return await _choose(session, brand_code, whole, group=group, form=Form.of(), here=place_of(lat, lon))

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
        mine = await seat_in(session, principal.own_id, group)
        if mine is not None:
            await ending.leave(session, seat_id=mine.seat.id, member_id=principal.own_id, now=clock.house())
        return see_other(f"/m/{brand_code}/g/{code}", toast=_("You have left the group."))


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
    payer = await members.payer_of(
        services.database,
        keyring=services.keyring,
        principal=principal,
        user_agent=request.headers.get("User-Agent", ""),
    )

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
    here: Place | None = None,
    via: str = "",
) -> Response[Any]:
    now, base = clock.house(), f"/m/{brand_code}"
    where = f"{base}/g/{group.code}" if group else f"{base}/c/{whole.campaign.code}"
    if group is not None and not group.is_joinable(now):
        return see_other(where)
    if group is None and whole.campaign.standing(now) is not Standing.RUNNING:
        return see_other(where)
    meets_at = await reading.meets_at(session, group_id=group.id) if group and whole.campaign.opens_with else None
    if meets_at is not None:
        shops = list((await shops_by_id(session, meets_at)).values())
    else:
        shops = await pickup_shops(session, whole, group.shop_id if group else shop_id)
    whole = await told_items(session, whole)
    return page(
        "groupbuy/checkout.html",
        status_code=form.status,
        form=form,
        brand=await brands.find_brand(session, code=brand_code),
        whole=whole,
        campaign=whole.campaign,
        group=group,
        first=next((item for item in whole.items if item.left > 0), None),
        **await shown(session, shops, here),
        via=via,
        minutes=max(1, whole.campaign.seat_life_s // 60),
        action=f"{where}/join" if group else f"{where}/start",
        back=where,
        now=now,
    )
