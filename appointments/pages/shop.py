"""One appointment on the phone of a shop: what can be done with it now; and who walks in."""

import contextlib
import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import BookingUnknown, OwnOverlap
from appointments.pages.refused import explain_step
from appointments.pages.shared import own_shops, people_named
from appointments.repository import setup as repository
from appointments.rules import life as rules
from appointments.schemas.forms import LABELS, MoveForm, ReasonForm, TimeForm, WalkInForm, utc
from appointments.service import life, moving, planning, setup, sheets, steps, trying, undoing
from appointments.service.booking import Wish, soon
from appointments.service.moving import NewTime
from appointments.service.steps import By
from appointments.service.walking_in import walk_in
from appointments.states import Source
from appointments.types import Actor, Stretch
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import AnyRequest, page, see_other

shop_people = requires(*SHOP_ROLES)

Chosen = Annotated[uuid.UUID | None, QueryParameter()]
Day = Annotated[dt.date | None, QueryParameter()]


# Who is to serve at another time: whoever is free.
ANYBODY = "anybody"
# Numbers of customers are not to be guessed one after the other.
WALK_IN_RATE = "40/minute"
_QUARTER_S = 900


class SheetPages(Controller):
    path = "/shop/appointments"
    include_in_schema = False
    guards = [shop_people]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/walk-in", name="appointments.walk_in")
    async def ask_walk_in(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal], shop: Chosen = None
    ) -> Template:
        """Somebody stands in the shop: what, and with whom?"""
        return await _walk_in(session, principal, shop, Form.of())

    @post("/walk-in", name="appointments.walk_in.book", status_code=200, opt={"rate_limit": WALK_IN_RATE})
    async def book_walk_in(
        self, request: AnyRequest, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> Response[Any]:
        """She is served at once, by whoever is free. Sent again, it takes one time."""
        key = str((await request.form()).get("_idempotency_key", ""))
        form = await Form.read(request)
        async with form.attempt():
            values = form.parse(WalkInForm)
            _own(principal, values.shop)
            wish = Wish(
                shop_id=values.shop,
                service_id=values.service,
                start=soon(clock.house()),
                staff_id=values.staff,
                source=Source.WALK_IN,
                request_key=f"{principal.id}:{key}" if key else None,
            )
            booked = await walk_in(
                services.database,
                keyring=services.keyring,
                brand_id=principal.brand,
                wish=wish,
                phone=values.phone,
            )
            return see_other(f"/shop/appointments/{booked.booking_id}", toast=_("Booked"))
        if form.code == OwnOverlap.code:
            form.message = _("She has an appointment at this time: check her in by its code.")
        async with services.database.unit_of_work(principal.brand) as session:
            return await _walk_in(session, principal, None, form)

    @get("/{booking_id:uuid}", name="appointments.sheet")
    async def sheet(
        self,
        booking_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        day: Day = None,
        with_: Annotated[str, QueryParameter(name="with", max_length=40)] = "",
    ) -> Template:
        """One appointment: who, what happened, and what can be done now."""
        return await _sheet(services, principal, booking_id, Form.of(), day, with_)

    @post("/{booking_id:uuid}/stand", name="appointments.stand", status_code=303)
    async def stand(
        self,
        booking_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """A move stays: its old time can be had, and the customer is told now. Back to the board of that day."""
        form = await Form.read(request)
        one = await undoing.stand(
            services.database, brand_id=principal.brand, booking_id=booking_id, shops=principal.own_shops
        )
        day = one.local_day
        with contextlib.suppress(ValueError):
            day = dt.date.fromisoformat(form.value("day"))
        by = "chair" if form.value("by") == "chair" else "staff"
        said = _("The old time is free, and the customer is told.")
        toast = said if one.member_id else _("The old time is free.")
        return see_other(f"/shop/appointments?shop={one.shop_id}&day={day.isoformat()}&by={by}", toast=toast)

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
                sequence=values.version,
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
            values = form.parse(TimeForm)
            to = NewTime(
                start=utc(values.start),
                staff_id=values.staff,
                by=Actor.SHOP,
                actor_id=principal.id,
                sequence=values.version,
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


async def _walk_in(session: AsyncSession, principal: Principal, shop_id: uuid.UUID | None, form: Form) -> Template:
    own = await own_shops(session, principal)
    asked = form.value("shop") or str(shop_id or "")
    shop = next((one for one in own if str(one.id) == asked), own[0] if own else None)
    offered = told(await repository.offered(session, shop_id=shop.id)) if shop else []
    people = told(await setup.list_staff(session, shop_id=shop.id)) if shop else []
    return page(
        "appointments/walk_in.html",
        status_code=form.status,
        form=form,
        shop=shop,
        offered=[
            (one.id, f"{one.name} · {_('%(minutes)s minutes', minutes=one.duration_min)}") for one in offered
        ],
        people=[(one.id, one.display_name) for one in people],
    )


async def _sheet(
    services: Services,
    principal: Principal,
    booking_id: uuid.UUID,
    form: Form,
    day: dt.date | None,
    served_by: str = "",
) -> Template:
    async with services.database.connection(principal.brand) as tx:
        sheet = await sheets.read(tx, keyring=services.keyring, booking_id=booking_id, shops=principal.own_shops)
        booking = sheet.booking
        explain_step(form, booking, now=clock.house())
        shown = planning.near(day, booking.local_day)
        asked = await planning.ask(
            tx,
            shop_id=booking.shop_id,
            service_id=booking.service_id,
            stretch=Stretch(shown, shown),
            now=clock.house(),
            member_id=booking.member_id,
            is_by_shop=True,
            moving=booking.id,
        )
    async with services.database.unit_of_work(principal.brand) as session:
        chairs = await setup.resources_of(session, shop_id=booking.shop_id)
        tried = await trying.tried_in(session, booking_id=booking_id)
        kind = asked.openings.plans.service.chair_kind
        names = await people_named(session, asked.openings.plans)
    people = {str(key): name for key, name in names}
    # She keeps who serves her, unless somebody says otherwise.
    served_by = served_by if served_by in people or served_by == ANYBODY else str(booking.staff_id)
    starts = asked.openings.starts(None if served_by == ANYBODY else uuid.UUID(served_by))
    return page(
        "appointments/sheet.html",
        status_code=form.status,
        form=form,
        booking=booking,
        guest=sheet.guest,
        history=sheet.history,
        tried=tried,
        later=sheet.later,
        undo_until=sheet.undo_until,
        day=shown,
        starts=[at for at in starts if at.timestamp() % _QUARTER_S == 0 and at != booking.starts_at],
        served_by=served_by,
        anybody=ANYBODY,
        people=list(people.items()),
        given_up_at=rules.given_up_at(booking),
        arrives_from=booking.starts_at - rules.EARLY,
        chairs=[(one.id, one.name) for one in chairs if one.kind == kind],
        zone=booking.time_zone,
        now=clock.house(),
        **LABELS,
    )


async def _visible(services: Services, principal: Principal, booking_id: uuid.UUID) -> None:
    async with services.database.connection(principal.brand) as tx:
        await life.see(tx, booking_id=booking_id, shops=principal.own_shops)


def _own(principal: Principal, shop_id: uuid.UUID) -> None:
    if shop_id not in principal.own_shops:
        raise BookingUnknown
