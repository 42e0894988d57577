"""拼团预约 on a phone: choose where and when, and open the group that holds the time."""

import datetime as dt
import uuid
from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from appointments.pages.customer import SHOPS_SHOWN, Chosen, Day, Latitude, Longitude
from appointments.pages.nearby import choices
from appointments.schemas.forms import GroupForm, utc
from appointments.service import group_times, parties
from appointments.service.group_times import Chooser
from appointments.service.parties import GroupStart
from groupbuy import api as groups
from groupbuy.api import Buyer
from groupbuy.errors import AlreadyIn
from stores import api as stores
from stores.types import Place
from yundian.attribution import api as attribution
from yundian.brands import api as brands
from yundian.members import api as members
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, customer
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
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        day: Day = None,
        lat: Latitude = None,
        lon: Longitude = None,
    ) -> Template:
        """Which shop, which day, which time."""
        here = Place(lat, lon) if lat is not None and lon is not None else None
        return await _choose(
            request, services, principal, brand_code, code, shop_id=shop, day=day, here=here, form=Form.of()
        )

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
                start=utc(values.start),
                staff_id=values.staff,
            )
            try:
                made = await parties.open_group(
                    services.database, keyring=services.keyring, buyer=buyer, wish=wish
                )
            except AlreadyIn as already:
                return see_other(f"/m/{brand_code}/g/{already.facts['group_code']}")
            return see_other(made.pay_path)
        shop = form.id("shop")
        return await _choose(
            request, services, principal, brand_code, code, shop_id=shop, day=None, here=None, form=form
        )

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
    request: AnyRequest,
    services: Services,
    principal: Principal,
    brand_code: str,
    code: str,
    *,
    shop_id: uuid.UUID | None,
    day: dt.date | None,
    here: Place | None,
    form: Form,
) -> Template:
    chooser = Chooser(
        brand_id=principal.brand,
        member_id=principal.own_id,
        visitor=attribution.visitor_of(services.settings, services.keyring, request.cookies),
    )
    async with services.database.unit_of_work(principal.brand) as session:
        made = await group_times.choice(session, services.database, code=code, chooser=chooser, here=here)
        shop = made.shop(shop_id)
        days: dict[dt.date, list[dt.datetime]] = {}
        if shop is not None:
            _asked, days = await group_times.times(session, made=made, shop=shop, member_id=principal.own_id)
        brand = await brands.find_brand(session, code=brand_code)
    chosen = day if day in days else next(iter(days), None)
    return page(
        "appointments/group_start.html",
        status_code=form.status,
        brand=brand,
        whole=made.whole,
        campaign=made.whole.campaign,
        service=made.service,
        is_near=here is not None,
        many=len(made.shops),
        shop=shop,
        days=list(days),
        chosen=chosen,
        starts=days.get(chosen, []) if chosen else [],
        form=form,
        zone=shop.time_zone if shop else "",
        **choices(here, made.shops[:SHOPS_SHOWN], None),
    )
