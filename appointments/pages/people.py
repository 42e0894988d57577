"""HQ's pages about who serves: shops, skills, the week, days that are different, and the calendar feed."""

import contextlib
import datetime as dt
import uuid
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown, StaffUnknown
from appointments.pages.shared import replaced_text
from appointments.repository import bookings, replacements
from appointments.rules import life as rules
from appointments.schemas.calendars import calendar_file
from appointments.schemas.setups import AwayForm, PlanForm, PlanRow, StaffForm, day_kinds, text_of, weekdays
from appointments.service import drafts, feeds, replacing, setup
from appointments.service.misfits import misfits
from appointments.service.replacing import Days
from appointments.states import BookingState, DayKind, Status
from appointments.types import StaffDayFields, StaffFields, StaffView
from stores import api as stores
from yundian.platform.auth.guards import anyone, requires
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
# A form offers no more to choose from.
_MOST_SHOPS = 1000
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
        names = {one.id: one.name for one in told(await setup.list_services(session))}
        return page(
            "appointments/people.html",
            people=people,
            shops=shops,
            services=names,
            drafts=await drafts.waiting(session),
        )

    @get("/new", name="appointments.person.new", guards=[writers])
    async def new_person(
        self, session: NamedDependency[AsyncSession], services: NamedDependency[Services]
    ) -> Template:
        """An empty form."""
        return await _person_page(session, services, None)

    @post("/new", name="appointments.person.create", guards=[writers], status_code=200)
    @idempotent
    async def create(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> Response[Any]:
        """Add her, or say what is wrong."""
        return await _save(request, session, services, None)

    @get("/{staff_id:uuid}", name="appointments.person", guards=[readers])
    async def show(
        self,
        staff_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> Template:
        """One of them: shops, skills, week, other days, feed."""
        one = await setup.get_staff(session, staff_id=staff_id)
        return await _person_page(session, services, one)

    @post("/{staff_id:uuid}", name="appointments.person.save", guards=[writers], status_code=200)
    @idempotent
    async def save(
        self,
        staff_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> Response[Any]:
        """Change where she serves and what."""
        return await _save(request, session, services, await setup.get_staff(session, staff_id=staff_id))

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
            typed = form.parse(PlanForm)
            await setup.put_plan(session, staff_id=staff_id, lines=typed.lines(), version=typed.version)
            return see_other(f"/hq/appointments/staff/{staff_id}", toast=_("Saved"))
        return await _person_page(session, services, one, week=form)

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
                fields = form.parse(AwayForm).fields()
                await setup.put_days(session, staff_id=staff_id, fields=fields)
            if form.failed or fields is None:
                return await _person_page(session, services, one, other=form)
        if fields.kind is DayKind.BREAK:
            return see_other(f"/hq/appointments/staff/{staff_id}", toast=_("Saved"))
        begun = await replacing.replace_absent(
            services.database,
            brand_id=principal.brand,
            staff_id=staff_id,
            days=Days(first=fields.first, last=fields.last),
            actor_id=principal.id,
        )
        return see_other(f"/hq/appointments/staff/{staff_id}", toast=replaced_text(begun))

    @post("/{staff_id:uuid}/replace", name="appointments.person.replace", guards=[writers], status_code=303)
    async def replace(
        self,
        staff_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """What does not fit her plan any more is given to others, or its customers are asked."""
        begun = await replacing.replace_misfits(
            services.database, brand_id=principal.brand, staff_id=staff_id, actor_id=principal.id
        )
        return see_other(f"/hq/appointments/staff/{staff_id}", toast=replaced_text(begun))

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
            try:
                staff = await setup.get_staff(session, staff_id=named[1])
            except StaffUnknown as unknown:
                raise BookingUnknown from unknown
            link = token.removesuffix(".ics")
            is_hers = rules.is_link(services.keyring, link, kind="feed", version=staff.feed_version)
            if not is_hers or staff.status is not Status.ACTIVE:
                raise BookingUnknown
            today = clock.house().date()
            found = await bookings.of_staff(
                session,
                staff_id=staff.id,
                first=today - _FEED_BACK,
                last=today + _FEED_AHEAD,
                states=_FEED_STATES,
            )
            return await calendar_file(session, told(staff).display_name, found, is_feed=True)


async def _save(
    request: AnyRequest, session: AsyncSession, services: Services, one: StaffView | None
) -> Response[Any]:
    form = await Form.read(request)
    async with form.attempt(session):
        values = form.parse(StaffForm)
        fields = StaffFields(
            display_name=values.display_name,
            home_shop_id=values.home_shop_id,
            title=values.title,
            display_name_en=values.display_name_en,
            title_en=values.title_en,
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
    return await _person_page(session, services, one, person=form)


async def _person_page(
    session: AsyncSession,
    services: Services,
    one: StaffView | None,
    *,
    person: Form | None = None,
    week: Form | None = None,
    other: Form | None = None,
) -> Template:
    """Three forms; that which was refused is shown as it was typed."""
    shops = {shop.id: shop.name for shop in told(await stores.list_shops(session, limit=_MOST_SHOPS))}
    own = told(await stores.get_shops(session, ids=set(one.shop_ids))) if one else {}
    shops |= {key: shop.name for key, shop in own.items()}
    refused = person or week or other or Form.of()
    return page(
        "appointments/person.html",
        status_code=refused.status,
        form=other or Form.of(),
        refused=refused,
        start=person or _as_stands(one),
        one=one,
        version=(week.value("version") if week else "") or (one.version if one else ""),
        shops=list(shops.items()),
        own_shops=[(key, shop.name) for key, shop in own.items()],
        services=[(each.id, each.name) for each in told(await setup.list_services(session))],
        week=week or Form.of(),
        plan=await _week(session, one, week),
        plan_error=week.error("lines") or week.error("starts") or week.error("shop_id") if week else "",
        days=await setup.days_of(session, staff_id=one.id, since=clock.house().date()) if one else [],
        weekdays=weekdays(),
        day_kinds=day_kinds(),
        text_of=text_of,
        misfits=await misfits(session, staff_id=one.id) if one else [],
        replacing=await replacements.latest(session, staff_id=one.id) if one else None,
        feed=feeds.address(session, services, one) or "" if one else "",
        statuses=[("active", _("Serves customers")), ("retired", _("Does not serve any more"))],
    )


def _as_stands(one: StaffView | None) -> Form:
    if one is None:
        return Form.of()
    shown = msgspec.structs.asdict(one)
    return Form.of(**{**shown, "guest_shop_ids": list(one.shop_ids), "service_ids": list(one.service_ids)})


async def _week(session: AsyncSession, one: StaffView | None, typed: Form | None) -> list[PlanRow]:
    if one is None:
        return []
    if typed is not None:
        with contextlib.suppress(DomainError):
            return typed.parse(PlanForm).rows()
    return [PlanRow.of(line) for line in await setup.plan_of(session, staff_id=one.id)]
