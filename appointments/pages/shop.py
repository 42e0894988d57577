"""A shop's day on a phone: who comes when, to whom and on which chair; checking in, walking in, moving."""

import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown
from appointments.repository import bookings, waits
from appointments.repository import setup as repository
from appointments.schemas.forms import LABELS, BookForm, CodeForm, MoveForm, ReasonForm, WalkInForm
from appointments.service import life, moving, planning, setup, steps, trying
from appointments.service.booking import Wish, book, soon
from appointments.service.moving import NewTime
from appointments.service.steps import By
from appointments.states import Source
from appointments.types import Actor, BookingView, Stretch
from stores import api as stores
from stores.types import ShopView
from yundian.members import api as members
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.headers import WITH_CAMERA
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other

shop_people = requires(*SHOP_ROLES)

Chosen = Annotated[uuid.UUID | None, QueryParameter()]
Day = Annotated[dt.date | None, QueryParameter()]


class BoardPages(Controller):
    path = "/shop/appointments"
    include_in_schema = False
    guards = [shop_people]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="appointments.board")
    async def board(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop: Chosen = None,
        day: Day = None,
        by: Annotated[str, QueryParameter(max_length=8)] = "staff",
    ) -> Template:
        """One day of my shop, by people or by chairs."""
        return await _board(session, principal, shop, day, by, Form.of())

    @post("/check-in", name="appointments.check_in", status_code=200)
    async def check_in(
        self, request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> Response[Any]:
        """She shows her code, and is here."""
        form = await Form.read(request)
        async with form.attempt():
            code = form.parse(CodeForm).code
            try:
                by = By(principal.id, principal.own_shops)
                booking_id = await steps.check_in(services.database, brand_id=principal.brand, code=code, by=by)
                return see_other(f"/shop/appointments/{booking_id}", toast=_("Checked in"))
            except BookingUnknown as unknown:
                form.refuse(unknown)
        async with services.database.unit_of_work(principal.brand) as session:
            return await _board(session, principal, None, None, "staff", form)

    @get("/walk-in", name="appointments.walk_in")
    async def walk_in(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal], shop: Chosen = None
    ) -> Template:
        """Somebody stands in the shop: what, and with whom?"""
        return await _walk_in(session, principal, shop, Form.of())

    @post("/walk-in", name="appointments.walk_in.book", status_code=200)
    async def book_walk_in(
        self, request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> Response[Any]:
        """She is served at once, by whoever is free."""
        form = await Form.read(request)
        async with form.attempt():
            values = form.parse(WalkInForm)
            _own(principal, values.shop)
            wish = Wish(
                shop_id=values.shop,
                service_id=values.service,
                start=soon(clock.now()),
                staff_id=values.staff,
                source=Source.WALK_IN,
            )
            booked = await book(services.database, keyring=services.keyring, brand_id=principal.brand, wish=wish)
            return see_other(f"/shop/appointments/{booked.booking_id}", toast=_("Booked"))
        async with services.database.unit_of_work(principal.brand) as session:
            return await _walk_in(session, principal, None, form)

    @get("/{booking_id:uuid}", name="appointments.sheet")
    async def sheet(
        self,
        booking_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        day: Day = None,
    ) -> Template:
        """One appointment: who, what happened, and what can be done now."""
        return await _sheet(services, principal, booking_id, Form.of(), day)

    @post("/{booking_id:uuid}/people", name="appointments.sheet.people", status_code=200)
    async def reassign(
        self,
        booking_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Somebody else, or another chair."""
        form = await Form.read(request)
        await _visible(services, principal, booking_id)
        async with form.attempt():
            values = form.parse(MoveForm)
            await moving.reassign(
                services.database,
                brand_id=principal.brand,
                booking_id=booking_id,
                staff_id=values.staff,
                resource_id=values.chair,
                shops=principal.own_shops,
                actor_id=principal.id,
            )
            return see_other(f"/shop/appointments/{booking_id}", toast=_("Saved"))
        return await _sheet(services, principal, booking_id, form, None)

    @post("/{booking_id:uuid}/time", name="appointments.sheet.time", status_code=200)
    async def reschedule(
        self,
        booking_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Another time."""
        form = await Form.read(request)
        await _visible(services, principal, booking_id)
        async with form.attempt():
            values = form.parse(BookForm)
            to = NewTime(
                start=values.start.astimezone(dt.UTC),
                staff_id=values.staff,
                by=Actor.SHOP,
                actor_id=principal.id,
            )
            moved = await moving.reschedule(
                services.database,
                brand_id=principal.brand,
                booking_id=booking_id,
                to=to,
                shops=principal.own_shops,
            )
            return see_other(f"/shop/appointments/{moved.id}", toast=_("Moved"))
        return await _sheet(services, principal, booking_id, form, None)

    @post("/{booking_id:uuid}/{step:str}", name="appointments.sheet.step", status_code=200)
    async def act(
        self,
        booking_id: FromPath[uuid.UUID],
        step: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Approve, decline, check in, start, complete, note a no-show, forgive it, cancel."""
        form = await Form.read(request)
        await _visible(services, principal, booking_id)
        wanted = steps.named(step)
        async with form.attempt():
            by = By(principal.id, principal.own_shops, form.parse(ReasonForm).reason.strip())
            await steps.take(
                services.database, brand_id=principal.brand, booking_id=booking_id, step=wanted, by=by
            )
            return see_other(f"/shop/appointments/{booking_id}", toast=_("Saved"))
        return await _sheet(services, principal, booking_id, form, None)


async def _board(
    session: AsyncSession,
    principal: Principal,
    shop_id: uuid.UUID | None,
    day: dt.date | None,
    by: str,
    form: Form,
) -> Template:
    own = await _shops(session, principal)
    shop = next((one for one in own if one.id == shop_id), own[0] if own else None)
    if shop is None:
        return page("appointments/board.html", form=form, shops=[], shop=None)
    today = clock.business_day(clock.now(), shop.time_zone)
    day = planning.near(day, today)
    found = await bookings.of_day(session, shop_id=shop.id, day=day)
    people = [(one.id, one.display_name) for one in await setup.list_staff(session, shop_id=shop.id)]
    chairs = [(one.id, one.name) for one in await setup.resources_of(session, shop_id=shop.id)]
    lanes = chairs if by == "chair" else people
    keyed = {key: [one for one in found if _lane(one, by) == key] for key, _name in lanes}
    known = {one.id for each in keyed.values() for one in each}
    return page(
        "appointments/board.html",
        status_code=form.status,
        form=form,
        shops=own,
        shop=shop,
        day=day,
        today=today,
        before=day - dt.timedelta(days=1),
        after=day + dt.timedelta(days=1),
        by=by,
        lanes=[(name, keyed[key]) for key, name in lanes],
        others=[one for one in found if one.id not in known],
        requests=[one for one in found if one.state.value == "requested"],
        waiting=len(await waits.of_day(session, shop_id=shop.id, day=day)),
        total=len(found),
        zone=shop.time_zone,
        headers=WITH_CAMERA,
        **LABELS,
    )


async def _walk_in(session: AsyncSession, principal: Principal, shop_id: uuid.UUID | None, form: Form) -> Template:
    own = await _shops(session, principal)
    asked = form.value("shop") or str(shop_id or "")
    shop = next((one for one in own if str(one.id) == asked), own[0] if own else None)
    offered = await repository.offered(session, shop_id=shop.id) if shop else []
    people = await setup.list_staff(session, shop_id=shop.id) if shop else []
    return page(
        "appointments/walk_in.html",
        status_code=form.status,
        form=form,
        shop=shop,
        offered=[(one.id, f"{one.name} · {one.duration_min}′") for one in offered],
        people=[(one.id, one.display_name) for one in people],
    )


async def _sheet(
    services: Services, principal: Principal, booking_id: uuid.UUID, form: Form, day: dt.date | None
) -> Template:
    async with services.database.connection(principal.brand) as tx:
        booking = await life.see(tx, booking_id=booking_id, shops=principal.own_shops)
        history = await bookings.history(tx, booking_id=booking_id)
        guest = (
            await members.member_view(tx, keyring=services.keyring, member_id=booking.member_id)
            if booking.member_id
            else None
        )
        later = await bookings.moved_to(tx, booking_id=booking_id)
        shown = planning.near(day, booking.local_day)
        asked = await planning.ask(
            tx,
            shop_id=booking.shop_id,
            service_id=booking.service_id,
            stretch=Stretch(shown, shown),
            now=clock.now(),
            member_id=booking.member_id,
            is_by_shop=True,
            moving=booking.id,
        )
    async with services.database.unit_of_work(principal.brand) as session:
        chairs = await setup.resources_of(session, shop_id=booking.shop_id)
        tried = await trying.tried_in(session, booking_id=booking_id)
        kind = asked.openings.plans.service.chair_kind
    step = dt.timedelta(minutes=15).total_seconds()
    return page(
        "appointments/sheet.html",
        status_code=form.status,
        form=form,
        booking=booking,
        guest=guest,
        history=history,
        tried=tried,
        later=later,
        day=shown,
        starts=[at for at in asked.openings.starts() if at.timestamp() % step == 0],
        people=[(one.id, one.name) for one in asked.openings.plans.staff],
        chairs=[(one.id, one.name) for one in chairs if one.kind == kind],
        zone=booking.time_zone,
        now=clock.now(),
        **LABELS,
    )


async def _visible(services: Services, principal: Principal, booking_id: uuid.UUID) -> None:
    async with services.database.connection(principal.brand) as tx:
        await life.see(tx, booking_id=booking_id, shops=principal.own_shops)


async def _shops(session: AsyncSession, principal: Principal) -> list[ShopView]:
    found = await stores.get_shops(session, ids=set(principal.own_shops))
    return sorted(found.values(), key=lambda shop: shop.name)


def _own(principal: Principal, shop_id: uuid.UUID) -> None:
    if shop_id not in principal.own_shops:
        raise BookingUnknown


def _lane(one: BookingView, by: str) -> uuid.UUID | None:
    return one.resource_id if by == "chair" else one.staff_id
