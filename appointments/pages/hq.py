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
from appointments.schemas.forms import (
    ChairForm,
    RuleForm,
    ShopDayForm,
    StatusForm,
    holiday_rules,
    service_fields,
    service_values,
    span_of,
    text_of,
    wait_modes,
    workday_rules,
)
from appointments.service import reporting, setup
from appointments.types import ServiceView, ShopDayView
from stores import api as stores
from yundian.brands import api as brands
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
Span = Annotated[int, QueryParameter(ge=1, le=92)]
Begin = Annotated[dt.date | None, QueryParameter(name="from")]
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
    ) -> Template:
        """How much of their time people were booked, and what became of it, shop by shop."""
        today = clock.business_day(clock.now(), await brands.zone_of(session))
        last = until or today
        first = max(begin or last - dt.timedelta(days=days - 1), last - dt.timedelta(days=reporting.MOST_DAYS))
        return page(
            "appointments/usage.html",
            rows=await reporting.people(session, first=first, last=last),
            days=0 if begin or until else days,
            first=first,
            last=last,
            unknown_year=await setup.unknown_holidays(session, today=today),
        )


class ServicePages(Controller):
    path = "/hq/appointments/services"
    include_in_schema = False

    @get(name="appointments.hq_services", guards=[readers])
    async def list_services(self, session: NamedDependency[AsyncSession]) -> Template:
        """What can be booked."""
        return page("appointments/hq_services.html", services=await setup.list_services(session))

    @get("/new", name="appointments.hq_service.new", guards=[writers])
    async def new_service(self, session: NamedDependency[AsyncSession]) -> Template:
        """An empty form."""
        start = {
            "duration_min": 60, "step_min": 30, "notice_min": 60, "horizon_days": 30, "cutoff_min": 120,
            "hold_min": 10, "grace_min": 15, "seats": 1, "offer_min": 30, "wait_mode": "sequential",
        }  # fmt: skip
        return _service_page(Form.of(**start), None)

    @post("/new", name="appointments.hq_service.create", guards=[writers], status_code=200)
    @idempotent
    async def create(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
        """Add it, or say what is wrong."""
        return await _save(request, session, None)

    @get("/{service_id:uuid}", name="appointments.hq_service", guards=[readers])
    async def show(self, service_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """One service with its policies."""
        service = await _service(session, service_id)
        return _service_page(Form.of(**service_values(service)), service)

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
            opens, closes = (
                span_of(values.opens, values.closes) if values.opens and values.closes else (None, None)
            )
            special = ShopDayView(day=values.day, opens=opens, closes=closes, reason=values.reason)
            await setup.put_shop_day(session, shop_id=shop_id, day=values.day if values.is_usual else special)
            return see_other(f"/hq/appointments/shops/{shop_id}", toast=_("Saved"))
        return await _shop_page(session, shop_id, form)


async def _save(request: AnyRequest, session: AsyncSession, service: ServiceView | None) -> Response[Any]:
    form = await Form.read(request)
    policy = await brands.get_policy(session, brand_id=session.info["brand"])
    async with form.attempt(session):
        typed = {field: form.value(field).strip() for field in _FIELDS}
        fields = service_fields(typed, service.currency if service else policy.currency)
        service_id, version = (service.id, form.version()) if service else (None, None)
        await setup.save_service(session, service_id=service_id, version=version, fields=fields)
        return see_other("/hq/appointments/services", toast=_("Saved"))
    return _service_page(form, service)


_FIELDS = (
    "code", "name", "category", "description", "status", "duration_min", "buffer_before_min", "buffer_after_min",
    "step_min", "seats", "chair_kind", "price", "deposit", "no_show_deposit", "needs_approval", "notice_min",
    "horizon_days", "cutoff_min", "hold_min", "grace_min", "is_late_cancel_charged", "is_no_show_charged",
    "no_show_limit", "wait_mode", "offer_min",
)  # fmt: skip


async def _service(session: AsyncSession, service_id: uuid.UUID) -> ServiceView:
    found = next((one for one in await setup.list_services(session) if one.id == service_id), None)
    if found is None:
        raise ServiceUnknown
    return found


def _service_page(form: Form, service: ServiceView | None) -> Template:
    return page(
        "appointments/hq_service.html",
        status_code=form.status,
        form=form,
        service=service,
        wait_modes=wait_modes(),
        statuses=[("active", _("Can be booked")), ("retired", _("Not offered any more"))],
    )


async def _shop_page(session: AsyncSession, shop_id: uuid.UUID, form: Form) -> Template:
    shop = (await stores.get_shop(session, shop_id=shop_id)).shop
    today = clock.business_day(clock.now(), shop.time_zone)
    holidays, workdays, days = await setup.shop_days(session, shop_id=shop_id, since=today)
    rule = form if form.value("holidays") else Form.of(holidays=holidays, workdays=workdays)
    return page(
        "appointments/hq_shop.html",
        status_code=form.status,
        form=form,
        rule=rule,
        shop=shop,
        chairs=await setup.resources_of(session, shop_id=shop_id),
        days=days,
        holiday_rules=holiday_rules(),
        workday_rules=workday_rules(),
        text_of=text_of,
        today=today,
    )
