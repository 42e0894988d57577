"""HQ's pages about who serves: shops, skills, the week, days that are different, and the calendar feed."""

import datetime as dt
import uuid
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown
from appointments.pages.mine import calendar_file
from appointments.repository import bookings
from appointments.rules import life as rules
from appointments.schemas.forms import AwayForm, PlanForm, StaffForm, day_kinds, span_of, text_of, weekdays
from appointments.service import moving, setup
from appointments.states import BookingState, DayKind
from appointments.types import StaffDayFields, StaffFields, StaffView
from stores import api as stores
from yundian.platform.auth.guards import anyone, requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
_FEED_BACK, _FEED_AHEAD = dt.timedelta(days=30), dt.timedelta(days=180)
_FEED_STATES = tuple(set(BookingState) - {BookingState.EXPIRED, BookingState.HELD})


class PeoplePages(Controller):
    path = "/hq/appointments/staff"
    include_in_schema = False

    @get(name="appointments.people", guards=[readers])
    async def list_people(self, session: NamedDependency[AsyncSession]) -> Template:
        """Everybody who serves."""
        people = await setup.list_staff(session)
        shops = await stores.get_shops(session, ids={shop for one in people for shop in one.shop_ids})
        names = {one.id: one.name for one in await setup.list_services(session)}
        return page("appointments/people.html", people=people, shops=shops, services=names)

    @get("/new", name="appointments.person.new", guards=[writers])
    async def new_person(self, session: NamedDependency[AsyncSession]) -> Template:
        """An empty form."""
        return await _person_page(session, None, None, Form.of())

    @post("/new", name="appointments.person.create", guards=[writers], status_code=200)
    @idempotent
    async def create(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
        """Add her, or say what is wrong."""
        return await _save(request, session, None)

    @get("/{staff_id:uuid}", name="appointments.person", guards=[readers])
    async def show(
        self,
        staff_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> Template:
        """One of them: shops, skills, week, other days, feed."""
        one = await setup.get_staff(session, staff_id=staff_id)
        return await _person_page(session, services, one, Form.of())

    @post("/{staff_id:uuid}", name="appointments.person.save", guards=[writers], status_code=200)
    @idempotent
    async def save(
        self, staff_id: FromPath[uuid.UUID], request: AnyRequest, session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Change where she serves and what."""
        return await _save(request, session, await setup.get_staff(session, staff_id=staff_id))

    @post("/{staff_id:uuid}/plan", name="appointments.person.plan", guards=[writers], status_code=200)
    @idempotent
    async def put_plan(
        self,
        staff_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> Response[Any]:
        """Her whole week."""
        form = await Form.read(request)
        one = await setup.get_staff(session, staff_id=staff_id)
        async with form.attempt(session):
            await setup.put_plan(session, staff_id=staff_id, lines=form.parse(PlanForm).lines())
            return see_other(f"/hq/appointments/staff/{staff_id}", toast=_("Saved"))
        return await _person_page(session, services, one, form)

    @post("/{staff_id:uuid}/days", name="appointments.person.days", guards=[writers], status_code=200)
    async def put_days(
        self,
        staff_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Away, other hours, one more break; who is away is replaced where somebody else is free."""
        form = await Form.read(request)
        fields: StaffDayFields | None = None
        async with services.database.unit_of_work(principal.brand) as session:
            one = await setup.get_staff(session, staff_id=staff_id)
            async with form.attempt(session):
                fields = _days_of(form.parse(AwayForm))
                await setup.put_days(session, staff_id=staff_id, fields=fields)
            if form.failed or fields is None:
                return await _person_page(session, services, one, form)
        if fields.kind is DayKind.BREAK:
            return see_other(f"/hq/appointments/staff/{staff_id}", toast=_("Saved"))
        given, asked = await moving.replace_absent(
            services.database,
            brand_id=principal.brand,
            staff_id=staff_id,
            first=fields.first,
            last=fields.last,
            actor_id=principal.id,
        )
        text = _("Saved. %(given)s appointments were given to others, %(asked)s customers are asked to choose.")
        return see_other(f"/hq/appointments/staff/{staff_id}", toast=text % {"given": given, "asked": asked})

    @post(
        "/{staff_id:uuid}/days/{day_id:uuid}/remove",
        name="appointments.person.forget_day",
        guards=[writers],
        status_code=303,
    )
    @idempotent
    async def forget_day(
        self, staff_id: FromPath[uuid.UUID], day_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> Redirect:
        """The plan holds again."""
        await setup.get_staff(session, staff_id=staff_id)
        await setup.forget_day(session, staff_id=staff_id, day_id=day_id)
        return see_other(f"/hq/appointments/staff/{staff_id}", toast=_("Saved"))

    @post("/{staff_id:uuid}/feed", name="appointments.person.new_feed", guards=[writers], status_code=303)
    @idempotent
    async def new_feed(self, staff_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Redirect:
        """A new address for her calendar; the old one ends."""
        await setup.new_feed(session, staff_id=staff_id)
        return see_other(f"/hq/appointments/staff/{staff_id}", toast=_("Saved"))


class FeedPages(Controller):
    """The address is the right; it tells times, services and places, and no customer."""

    path = "/calendar-feeds"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012

    @get("/{token:str}", name="appointments.feed")
    async def feed(self, token: FromPath[str], services: NamedDependency[Services]) -> Response[bytes]:
        """Somebody's appointments as her calendar subscribes to them."""
        named = rules.read_link(token.removesuffix(".ics"))
        if named is None:
            raise BookingUnknown
        async with services.database.unit_of_work(named[0]) as session:
            staff = next((one for one in await setup.list_staff(session) if one.id == named[1]), None)
            if staff is None or not rules.is_link(
                services.keyring, token.removesuffix(".ics"), kind="feed", version=staff.feed_version
            ):
                raise BookingUnknown
            today = clock.now().date()
            found = await bookings.of_staff(
                session,
                staff_id=staff.id,
                first=today - _FEED_BACK,
                last=today + _FEED_AHEAD,
                states=_FEED_STATES,
            )
            return await calendar_file(session, staff.display_name, found)


def _days_of(values: AwayForm) -> StaffDayFields:
    starts, ends = span_of(values.starts, values.ends) if values.starts and values.ends else (None, None)
    return StaffDayFields(
        first=values.first,
        last=values.last,
        kind=values.kind,
        shop_id=values.shop_id,
        starts=starts,
        ends=ends,
        reason=values.reason,
    )


async def _save(request: AnyRequest, session: AsyncSession, one: StaffView | None) -> Response[Any]:
    form = await Form.read(request)
    async with form.attempt(session):
        values = form.parse(StaffForm)
        fields = StaffFields(
            display_name=values.display_name,
            home_shop_id=values.home_shop_id,
            title=values.title,
            guest_shop_ids=tuple(values.guest_shop_ids),
            service_ids=tuple(values.service_ids),
            account_id=one.account_id if one else None,
            daily_cap=values.daily_cap,
            status=values.status,
        )
        saved = await setup.save_staff(
            session, staff_id=one.id if one else None, version=values.version, fields=fields
        )
        return see_other(f"/hq/appointments/staff/{saved.id}", toast=_("Saved"))
    return await _person_page(session, None, one, form)


async def _person_page(
    session: AsyncSession, services: Services | None, one: StaffView | None, form: Form
) -> Template:
    shops = await stores.list_shops(session)
    start = form
    if one is not None and not form.value("display_name"):
        shown = msgspec.structs.asdict(one)
        start = Form.of(**{**shown, "guest_shop_ids": list(one.shop_ids), "service_ids": list(one.service_ids)})
    feed = ""
    if one is not None and services is not None:
        token = rules.link_token(
            services.keyring,
            kind="feed",
            brand_id=session.info["brand"],
            thing_id=one.id,
            version=one.feed_version,
        )
        feed = f"{services.settings.base_url}/calendar-feeds/{token}.ics"
    return page(
        "appointments/person.html",
        status_code=form.status,
        form=form,
        start=start,
        one=one,
        shops=[(shop.id, shop.name) for shop in shops],
        own_shops=[(shop.id, shop.name) for shop in shops if one and shop.id in one.shop_ids],
        services=[(each.id, each.name) for each in await setup.list_services(session)],
        plan=await setup.plan_of(session, staff_id=one.id) if one else [],
        days=await setup.days_of(session, staff_id=one.id, since=clock.now().date()) if one else [],
        weekdays=weekdays(),
        day_kinds=day_kinds(),
        text_of=text_of,
        feed=feed,
        statuses=[("active", _("Serves customers")), ("retired", _("Does not serve any more"))],
    )
