"""拼团预约 on a phone: choose where and when, and open the group that holds the time."""

import datetime as dt
import uuid
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.pages.customer import DAYS_SHOWN, Chosen, Day
from appointments.schemas.forms import GroupForm
from appointments.service import finding, parties, planning
from appointments.service.parties import GroupStart
from appointments.types import Stretch
from groupbuy import api as groups
from groupbuy.api import Buyer
from groupbuy.errors import AlreadyIn
from stores import api as stores
from yundian.attribution import api as attribution
from yundian.brands import api as brands
from yundian.members import api as members
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other


class GroupStartPages(Controller):
    path = "/m/{brand_code:str}/book/group/{code:str}"
    include_in_schema = False

    @get("/start", name="appointments.group_start", guards=[customer])
    async def choose(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        day: Day = None,
    ) -> Template:
        """Which shop, which day, which time."""
        return await _choose(session, principal, brand_code, code, shop, day, Form.of())

    @post("/start", name="appointments.group_start.open", guards=[customer], status_code=200)
    async def open(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Open the group and hold its time, then on to paying."""
        form = await Form.read(request)
        async with form.attempt():
            values = form.parse(GroupForm)
            async with services.database.unit_of_work(principal.brand) as session:
                whole = await groups.find_campaign(session, code=code)
            buyer = Buyer(
                brand_id=principal.brand,
                brand_code=brand_code,
                member_id=principal.own_id,
                visitor=attribution.visitor_of(services.settings, services.keyring, request.cookies),
                payer=await members.payer_of(
                    services.database,
                    keyring=services.keyring,
                    principal=principal,
                    user_agent=request.headers.get("User-Agent", ""),
                ),
            )
            wish = GroupStart(
                campaign_code=code,
                sku_id=whole.items[0].sku_id,
                shop_id=values.shop,
                start=values.start.astimezone(dt.UTC),
                staff_id=values.staff,
            )
            try:
                made = await parties.open_group(
                    services.database, keyring=services.keyring, buyer=buyer, wish=wish
                )
            except AlreadyIn as already:
                return see_other(f"/m/{brand_code}/g/{already.facts['group_code']}")
            return see_other(made.pay_path)
        async with services.database.unit_of_work(principal.brand) as session:
            shop = uuid.UUID(form.value("shop")) if form.value("shop") else None
            return await _choose(session, principal, brand_code, code, shop, None, form)

    @get("/when", name="appointments.group_when", guards=[anyone], opt=FOR_CUSTOMERS)
    async def when(
        self, brand_code: FromPath[str], code: FromPath[str], services: NamedDependency[Services]
    ) -> Template:
        """When and where a group meets: on the group's page, for whoever may join."""
        brand = await brands.brand_in_address(services.database, brand_code)
        async with services.database.unit_of_work(brand.id) as session:
            group = await groups.find_group(session, code=code)
            party = await parties.party_of(session, group_id=group.id)
            shops = await stores.get_shops(session, ids={party.shop_id} if party else set())
        return fragment("appointments/_when.html", party=party, shop=shops.get(party.shop_id) if party else None)


async def _choose(
    session: AsyncSession,
    principal: Principal,
    brand_code: str,
    code: str,
    shop_id: uuid.UUID | None,
    day: dt.date | None,
    form: Form,
) -> Template:
    now = clock.now()
    whole = await groups.find_campaign(session, code=code)
    service = await parties.service_of(session, campaign_id=whole.campaign.id)
    found = await finding.nearest_free(session, service_id=service.id, place=None, now=now, limit=finding.MANY)
    shops = [one.shop for one in found if whole.includes(one.shop.id)]
    shop = next((one for one in shops if one.id == shop_id), shops[0] if len(shops) == 1 else None)
    days: dict[dt.date, list[dt.datetime]] = {}
    if shop is not None:
        # Nobody knows whether the group is complete before its time is up.
        known_at = now + dt.timedelta(seconds=whole.campaign.group_life_s, minutes=service.notice_min)
        begin = clock.business_day(known_at, shop.time_zone)
        asked = await planning.ask(
            session,
            shop_id=shop.id,
            service_id=service.id,
            stretch=Stretch(begin, begin + dt.timedelta(days=DAYS_SHOWN - 1)),
            now=now,
            member_id=principal.own_id,
        )
        days = {
            each: later
            for each, starts in asked.by_day().items()
            if (later := [start for start in starts if start >= known_at])
        }
    chosen = day if day in days else next(iter(days), None)
    return page(
        "appointments/group_start.html",
        status_code=form.status,
        brand=await brands.find_brand(session, code=brand_code),
        whole=whole,
        campaign=whole.campaign,
        service=service,
        shops=shops,
        shop=shop,
        days=list(days),
        chosen=chosen,
        starts=days.get(chosen, []) if chosen else [],
        form=form,
        zone=shop.time_zone if shop else "",
    )
