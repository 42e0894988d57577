"""HQ's pages about shops: the list with its map, the editor, the hours."""

import uuid
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.pages import words
from stores.rules import hours as hour_rules
from stores.rules.places import from_wgs84, picture_of
from stores.rules.shops import time_zones
from stores.schemas import ShopForm, StatusChange
from stores.service import shops as service
from stores.service import stock
from stores.states import SHOP, ShopStatus
from stores.types import Datum, Interval, Place, ShopFilter, ShopWithHours
from yundian.brands import api as brands
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.formats import place
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50

Text = Annotated[str, QueryParameter(max_length=60)]


class ShopPages(Controller):
    path = "/hq/shops"
    include_in_schema = False

    @get(name="stores.shops", guards=[readers])
    async def list_shops(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        q: Text = "",
        status: Text = "",
        province: Text = "",
        cursor: Cursor = None,
    ) -> Template:
        """Shops by code, filtered and searched, and where all of these are."""
        brand_id = principal.brand
        wanted = ShopFilter(status=_status(status), province=province or None, search=q.strip() or None)
        found = await service.list_shops(session, brand_id=brand_id, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        return page(
            "stores/shops.html",
            shops=found,
            picture=picture_of(await service.points(session, brand_id=brand_id, wanted=wanted)),
            filters=Form.of(status=status, province=province),
            search=q,
            is_filtered=wanted != ShopFilter(),
            statuses=[(item.value, words.status_label(item)) for item in ShopStatus],
            provinces=[(name, place(name)) for name in await service.provinces(session, brand_id=brand_id)],
            words=words,
        )

    @get("/new", name="stores.shop.new", guards=[writers])
    async def new_shop(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """An empty editor."""
        policy = await brands.get_policy(session, brand_id=principal.brand)
        return _editor(Form.of(time_zone=policy.time_zone, country="CN", datum=Datum.GCJ02.value), shop=None)

    @post("/new", name="stores.shop.create", guards=[writers], status_code=200)
    @idempotent
    async def create_shop(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Announce the shop, or show what is wrong."""
        form = await Form.read(request)
        async with form.attempt(session):
            fields = form.parse(ShopForm).fields()
            made = await service.create_shop(session, brand_id=principal.brand, fields=fields)
            return see_other(f"/hq/shops/{made.shop.id}", toast=_("Saved"))
        return _editor(form, shop=None)

    @get("/{shop_id:uuid}", name="stores.shop", guards=[readers])
    async def edit_shop(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The editor as the shop stands."""
        shop = await _shop(session, principal, shop_id)
        return _editor(_form_of(shop), shop=shop)

    @post("/{shop_id:uuid}", name="stores.shop.save", guards=[writers], status_code=200)
    @idempotent
    async def save_shop(
        self,
        shop_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Save the fields, or show what is wrong."""
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(ShopForm)
            await service.update_shop(
                session,
                brand_id=principal.brand,
                shop_id=shop_id,
                version=values.version,
                edit=values.edit(),
            )
            return see_other(f"/hq/shops/{shop_id}", toast=_("Saved"))
        return _editor(form, shop=await _shop(session, principal, shop_id))

    @post("/{shop_id:uuid}/status", name="stores.shop.status", guards=[writers], status_code=200)
    @idempotent
    async def change_status(
        self,
        shop_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Open, pause, close or announce the shop, or say why not."""
        form = await Form.read(request)
        async with form.attempt(session):
            change = form.parse(StatusChange)
            changed = await service.change_status(
                session,
                brand_id=principal.brand,
                shop_id=shop_id,
                version=change.version,
                status=change.status,
            )
            return see_other(f"/hq/shops/{shop_id}", toast=words.status_label(changed.shop.status))
        shop = await _shop(session, principal, shop_id)
        refused = _form_of(shop)
        refused.message, refused.status, refused.code = form.message, form.status, form.code
        return _editor(refused, shop=shop)

    @get("/{shop_id:uuid}/hours", name="stores.hours", guards=[readers])
    async def edit_hours(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The week as it stands."""
        shop = await _shop(session, principal, shop_id)
        return _hours_page(Form.of(version=shop.shop.version), shop=shop, week=_week_of(shop.hours))

    @post("/{shop_id:uuid}/hours", name="stores.hours.save", guards=[writers], status_code=200)
    @idempotent
    async def save_hours(
        self,
        shop_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Save the week, or show what is wrong."""
        form = await Form.read(request)
        week = _typed_week(form)
        async with form.attempt(session):
            await service.put_hours(
                session,
                brand_id=principal.brand,
                shop_id=shop_id,
                version=form.version(),
                hours=_intervals(week),
            )
            return see_other(f"/hq/shops/{shop_id}", toast=_("Saved"))
        return _hours_page(form, shop=await _shop(session, principal, shop_id), week=week)


class ShopPanels(Controller):
    path = "/hq/panels"
    include_in_schema = False

    @get("/shops", name="stores.panel", guards=[readers])
    async def panel(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """HQ's home: how many shops there are, and where."""
        brand_id = principal.brand
        counts = await service.counts(session, brand_id=brand_id)
        places = await service.points(session, brand_id=brand_id, wanted=ShopFilter())
        return fragment("stores/_panel.html", counts=counts, picture=picture_of(places), words=words)

    @get("/stock/{shop_id:uuid}", name="stores.stock_panel", guards=[readers])
    async def stock_panel(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """On a shop's page: what it has, the scarcest first."""
        shop = await service.see_shop(
            session, brand_id=principal.brand, shop_id=shop_id, visible=principal.shops()
        )
        return fragment(
            "stores/_stock_panel.html",
            shop=shop,
            low=await stock.low_stock(session, shop_id=shop_id, limit=20),
            rows=await stock.list_stock(session, shop_id=shop_id, limit=20),
        )


Week = dict[int, list[tuple[str, str]]]


async def _shop(session: AsyncSession, principal: Principal, shop_id: uuid.UUID) -> ShopWithHours:
    return await service.get_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=principal.shops())


def _editor(form: Form, *, shop: ShopWithHours | None) -> Template:
    return page(
        "stores/shop.html",
        status_code=form.status,
        form=form,
        shop=shop.shop if shop is not None else None,
        hours=shop.hours if shop is not None else (),
        is_open_now=shop is not None and shop.is_open_now,
        moves=[s for s in ShopStatus if s in SHOP.transitions[shop.shop.status]] if shop is not None else [],
        zones=[(zone, zone) for zone in time_zones()],
        words=words,
        text_of=hour_rules.text_of,
    )


def _hours_page(form: Form, *, shop: ShopWithHours, week: Week) -> Template:
    return page("stores/hours.html", status_code=form.status, form=form, shop=shop.shop, week=week, words=words)


def _form_of(one: ShopWithHours) -> Form:
    """Coordinates are shown as Chinese maps have them in China, else as they are stored."""
    shop = one.shop
    datum = Datum.GCJ02 if shop.country == "CN" else Datum.WGS84
    place = None
    if shop.latitude is not None and shop.longitude is not None:
        place = from_wgs84(Place(shop.latitude, shop.longitude), datum=datum)
    names = ("code", "name", "time_zone", "country", "province", "city", "district", "address", "postcode")
    return Form.of(
        shop,
        *names,
        "name_en",
        "address_en",
        "phone",
        "version",
        datum=datum.value,
        latitude=place.latitude if place is not None else None,
        longitude=place.longitude if place is not None else None,
    )


def _week_of(hours: tuple[Interval, ...]) -> Week:
    """Each day's times as a form shows them: midnight at the end of a day is the next day's 00:00."""
    week: Week = {day: [] for day in range(1, 8)}
    for one in hours:
        week[one.weekday].append((hour_rules.text_of(one.opens), hour_rules.text_of(one.closes % 1440)))
    return week


def _typed_week(form: Form) -> Week:
    week: Week = {
        day: list(zip(form.list(f"opens-{day}")[:10], form.list(f"closes-{day}")[:10], strict=False))
        for day in range(1, 8)
    }
    return dict.fromkeys(week, week[1]) if form.value("same") else week


def _intervals(week: Week) -> list[Interval]:
    return [
        hour_rules.interval(weekday=day, opens=opens, closes=closes)
        for day, times in week.items()
        for opens, closes in times
        if opens.strip() or closes.strip()
    ]


def _status(text: str) -> ShopStatus | None:
    return ShopStatus(text) if text in set(ShopStatus) else None
