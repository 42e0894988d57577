"""HQ's pages: how busy shops are, the services, and what is special about each shop."""

import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ServiceUnknown
from appointments.pages.shared import replaced_text
from appointments.repository import replacements
from appointments.schemas.setups import (
    ChairForm,
    RuleForm,
    ServiceForm,
    ShopDayForm,
    StatusForm,
    holiday_rules,
    lack_label,
    service_values,
    text_of,
    wait_modes,
    weekdays,
    workday_rules,
)
from appointments.schemas.sheets import people_sheet
from appointments.service import drafts, readiness, replacing, reporting, setup
from appointments.service.misfits import misfits
from appointments.types import ServiceView
from stores import api as stores
from yundian.brands import api as brands
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.web.sheets import csv_file

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
Span = Annotated[int, QueryParameter(ge=1, le=92)]
Begin = Annotated[dt.date | None, QueryParameter(name="from")]
Only = Annotated[uuid.UUID | None, QueryParameter()]
Until = Annotated[dt.date | None, QueryParameter(name="to")]


class UsagePages(Controller):
    path = "/hq/appointments"
    include_in_schema = False

    @get(name="appointments.usage", guards=[readers])
    async def show(
        self,
        session: NamedDependency[AsyncSession],
        days: Span = 7,
        begin: Begin = None,
        until: Until = None,
        shop: Only = None,
    ) -> Template:
        """How much of their time people were booked, what became of it, and when customers come."""
        today = clock.business_day(clock.house(), await brands.zone_of(session))
        first, last = reporting.span(begin, until, today=today, days=days)
        only = await setup.shops_with_staff(session)
        found = await reporting.busyness(session, first=first, last=last, shop_id=shop, locale=current().locale)
        return page(
            "appointments/usage.html",
            found=found,
            rows=found.rows,
            shops=[(one.id, one.name) for one in told(only)],
            form=Form.of(shop=shop or ""),
            shop=shop,
            weekdays=weekdays(),
            days=0 if begin or until else days,
            first=first,
            last=last,
            done=None if found.rows else await readiness.of_brand(session),
            unknown_year=await setup.unknown_holidays(session, today=today),
        )

    @get("/csv", name="appointments.usage_csv", guards=[readers])
    async def as_csv(
        self,
        session: NamedDependency[AsyncSession],
        begin: Begin = None,
        until: Until = None,
        shop: Only = None,
    ) -> Response[bytes]:
        """The same table for a spreadsheet."""
        today = clock.business_day(clock.house(), await brands.zone_of(session))
        first, last = reporting.span(begin, until, today=today, days=7)
        rows = await reporting.people(session, first=first, last=last, shop_id=shop, locale=current().locale)
        return csv_file(people_sheet(rows))


class ServicePages(Controller):
    path = "/hq/appointments/services"
    include_in_schema = False

    @get(name="appointments.hq_services", guards=[readers])
    async def list_services(self, session: NamedDependency[AsyncSession]) -> Template:
        """What can be booked."""
        return page(
            "appointments/hq_services.html",
            drafts=await drafts.waiting(session),
            services=await setup.list_services(session),
            cannot_be_paid=await readiness.cannot_be_paid(session),
        )

    @get("/new", name="appointments.hq_service.new", guards=[writers])
    async def new_service(self, session: NamedDependency[AsyncSession]) -> Template:
        """An empty form."""
        start = {
            "duration_min": 60, "step_min": 30, "notice_min": 60, "horizon_days": 30, "cutoff_min": 120,
            "hold_min": 10, "grace_min": 15, "seats": 1, "offer_min": 30, "wait_mode": "sequential",
        }  # fmt: skip
        return await _service_page(session, Form.of(**start), None)

    @post("/new", name="appointments.hq_service.create", guards=[writers], status_code=200)
    @idempotent
    async def create(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
        """Add it, or say what is wrong."""
        return await _save(request, session, None)

    @get("/{service_id:uuid}", name="appointments.hq_service", guards=[readers])
    async def show(self, service_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """One service with its policies."""
        service = await _service(session, service_id)
        return await _service_page(session, Form.of(**service_values(service)), service)

    @post("/{service_id:uuid}", name="appointments.hq_service.save", guards=[writers], status_code=200)
    @idempotent
    async def save(
        self, service_id: FromPath[uuid.UUID], request: AnyRequest, session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Change it; what is booked keeps its length and its price."""
        return await _save(request, session, await _service(session, service_id))


class ShopSetupPages(Controller):
    path = "/hq/appointments/shops"
    include_in_schema = False

    @get(name="appointments.hq_shops", guards=[readers])
    async def list_shops(self, session: NamedDependency[AsyncSession]) -> Template:
        """Where customers can book, and what is missing where they cannot."""
        return page(
            "appointments/hq_shops.html",
            shops=await readiness.of_shops(session),
            lacks=lack_label,
            cannot_be_paid=await readiness.cannot_be_paid(session),
            brand_code=await brands.code_of(session),
        )

    @get("/{shop_id:uuid}", name="appointments.hq_shop", guards=[readers])
    async def show(self, shop_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """Chairs, holidays, and dates with other hours."""
        return await _shop_page(session, shop_id, Form.of())

    @post("/{shop_id:uuid}/chairs", name="appointments.hq_shop.add_chair", guards=[writers], status_code=200)
    @idempotent
    async def add_chair(
        self, shop_id: FromPath[uuid.UUID], request: AnyRequest, session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """One more chair or room."""
        form = await Form.read(request)
        await stores.get_shop(session, shop_id=shop_id)
        async with form.attempt(session):
            values = form.parse(ChairForm)
            await setup.add_resource(session, shop_id=shop_id, kind=values.kind, name=values.name)
            return see_other(f"/hq/appointments/shops/{shop_id}", toast=_("Saved"))
        return await _shop_page(session, shop_id, form)

    @post(
        "/{shop_id:uuid}/chairs/{resource_id:uuid}",
        name="appointments.hq_shop.chair",
        guards=[writers],
        status_code=200,
    )
    @idempotent
    async def set_chair(
        self,
        shop_id: FromPath[uuid.UUID],
        resource_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Out of use, or in use again."""
        form = await Form.read(request)
        async with form.attempt(session):
            status = form.parse(StatusForm).status
            await setup.set_resource_status(session, shop_id=shop_id, resource_id=resource_id, status=status)
            return see_other(f"/hq/appointments/shops/{shop_id}", toast=_("Saved"))
        return await _shop_page(session, shop_id, form)

    @post("/{shop_id:uuid}/rule", name="appointments.hq_shop.rule", guards=[writers], status_code=200)
    @idempotent
    async def put_rule(
        self, shop_id: FromPath[uuid.UUID], request: AnyRequest, session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """How the shop treats public holidays."""
        form = await Form.read(request)
        await stores.get_shop(session, shop_id=shop_id)
        async with form.attempt(session):
            values = form.parse(RuleForm)
            await setup.put_shop_rule(session, shop_id=shop_id, holidays=values.holidays, workdays=values.workdays)
            return see_other(f"/hq/appointments/shops/{shop_id}", toast=_("Saved"))
        return await _shop_page(session, shop_id, form)

    @post("/{shop_id:uuid}/replace", name="appointments.hq_shop.replace", guards=[writers], status_code=303)
    async def replace(
        self,
        shop_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """What lies outside the hours or somebody's work is given to others, or its customers are asked."""
        begun = await replacing.replace_misfits(
            services.database, brand_id=principal.brand, shop_id=shop_id, actor_id=principal.id
        )
        return see_other(f"/hq/appointments/shops/{shop_id}", toast=replaced_text(begun))

    @post("/{shop_id:uuid}/days", name="appointments.hq_shop.day", guards=[writers], status_code=200)
    @idempotent
    async def put_day(
        self, shop_id: FromPath[uuid.UUID], request: AnyRequest, session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Closed, or open at other hours, on one date."""
        form = await Form.read(request)
        await stores.get_shop(session, shop_id=shop_id)
        async with form.attempt(session):
            values = form.parse(ShopDayForm)
            special = values.day if values.is_usual else values.view()
            await setup.put_shop_day(session, shop_id=shop_id, day=special)
            return see_other(f"/hq/appointments/shops/{shop_id}", toast=_("Saved"))
        return await _shop_page(session, shop_id, form)


async def _save(request: AnyRequest, session: AsyncSession, service: ServiceView | None) -> Response[Any]:
    form = await Form.read(request)
    policy = await brands.get_policy(session, brand_id=session.info["brand"])
    async with form.attempt(session):
        fields = form.parse(ServiceForm).fields(service.currency if service else policy.currency)
        service_id, version = (service.id, form.version()) if service else (None, None)
        await setup.save_service(session, service_id=service_id, version=version, fields=fields)
        return see_other("/hq/appointments/services", toast=_("Saved"))
    return await _service_page(session, form, service)


async def _service(session: AsyncSession, service_id: uuid.UUID) -> ServiceView:
    found = next((one for one in await setup.list_services(session) if one.id == service_id), None)
    if found is None:
        raise ServiceUnknown
    return found


async def _service_page(session: AsyncSession, form: Form, service: ServiceView | None) -> Template:
    return page(
        "appointments/hq_service.html",
        status_code=form.status,
        form=form,
        service=service,
        chair_kinds=await readiness.chair_kinds(session),
        wait_modes=wait_modes(),
        statuses=[("active", _("Can be booked")), ("retired", _("Not offered any more"))],
    )


async def _shop_page(session: AsyncSession, shop_id: uuid.UUID, form: Form) -> Template:
    shop = (await stores.get_shop(session, shop_id=shop_id)).shop
    today = clock.business_day(clock.house(), shop.time_zone)
    holidays, workdays, days = await setup.shop_days(session, shop_id=shop_id, since=today)
    rule = form if form.value("holidays") else Form.of(holidays=holidays, workdays=workdays)
    return page(
        "appointments/hq_shop.html",
        status_code=form.status,
        form=form,
        rule=rule,
        shop=shop,
        chairs=await setup.resources_of(session, shop_id=shop_id),
        chair_kinds=await readiness.chair_kinds(session),
        needed_kinds=await readiness.needed_kinds(session, shop_id=shop_id),
        days=days,
        misfits=await misfits(session, shop_id=shop_id),
        replacing=await replacements.latest(session, shop_id=shop_id),
        holiday_rules=holiday_rules(),
        workday_rules=workday_rules(),
        unknown_year=await setup.unknown_holidays(session, today=today),
        text_of=text_of,
        today=today,
    )
