"""Customers find, book and change by JSON."""

import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import (
    BookingUnknown,
    CapReached,
    NotGroupOffer,
    NotNow,
    OffGrid,
    OutsideHours,
    OwnOverlap,
    PastCutoff,
    ServiceUnknown,
    SlotPassed,
    SlotTaken,
    TooFar,
    TooManyHolds,
    TooSoon,
)
from appointments.repository import bookings
from appointments.repository import setup as repository
from appointments.schemas.wire import (
    AppointmentRead,
    AppointmentWish,
    DayRead,
    FreeShopRead,
    GroupOpened,
    GroupWish,
    MoveWish,
    ServiceRead,
    TimesRead,
)
from appointments.service import finding, life, moving, parties, planning, viewing
from appointments.service.booking import Wish, book, decided
from appointments.service.moving import NewTime
from appointments.service.parties import GroupStart
from appointments.states import BookingState
from appointments.types import Actor, BookingView, Stretch
from groupbuy.api import Buyer
from stores.errors import ShopUnknown
from stores.types import Place
from yundian.attribution import api as attribution
from yundian.payments import api as payments
from yundian.platform.auth.guards import customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import HEADER
from yundian.platform.web.openapi import refusals

AnyRequest = Request[Any, Any, Any]
_PAST = dt.timedelta(days=180)
_LIMIT = 100
_TIME = (
    ServiceUnknown,
    ShopUnknown,
    SlotTaken,
    OutsideHours,
    OffGrid,
    TooSoon,
    TooFar,
    CapReached,
    OwnOverlap,
)

Latitude = Annotated[float | None, QueryParameter(ge=-90, le=90, description="WGS-84")]
Longitude = Annotated[float | None, QueryParameter(ge=-180, le=180)]
Chosen = Annotated[uuid.UUID | None, QueryParameter()]
Day = Annotated[dt.date | None, QueryParameter()]


class FindingController(Controller):
    """What can be booked, where and when."""

    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/appointment-services", operation_id="appointments_list_services")
    async def services(self, session: NamedDependency[AsyncSession], shop_id: Chosen = None) -> list[ServiceRead]:
        """List services, by category and name; of a shop: those somebody performs there."""
        return [ServiceRead.of(one) for one in await repository.offered(session, shop_id=shop_id)]

    @get(
        "/appointment-services/{service_id:uuid}/shops",
        operation_id="appointments_list_shops",
        responses=refusals(ServiceUnknown),
    )
    async def shops(
        self,
        service_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        lat: Latitude = None,
        lon: Longitude = None,
    ) -> list[FreeShopRead]:
        """List up to eight shops that offer a service, the nearest first, with the next time free in each."""
        found = await finding.nearest_free(
            session,
            service_id=service_id,
            place=Place(lat, lon) if lat is not None and lon is not None else None,
            now=clock.now(),
            member_id=principal.own_id,
        )
        return [FreeShopRead.of(one) for one in found]

    @get(
        "/appointment-times",
        operation_id="appointments_list_times",
        responses=refusals(ServiceUnknown, ShopUnknown),
    )
    async def times(
        self,
        shop_id: FromQuery[uuid.UUID],
        service_id: FromQuery[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        first: Day = None,
        last: Day = None,
        staff_id: Chosen = None,
    ) -> TimesRead:
        """List the times that can be had, of anybody or of one, over at most 62 local days of the shop."""
        now = clock.now()
        begin = first or last or now.date()
        async with services.database.connection(principal.brand, is_planned_once=True) as tx:
            asked = await planning.ask(
                tx,
                shop_id=shop_id,
                service_id=service_id,
                stretch=Stretch(begin, last) if last else (Stretch(begin, begin) if first else None),
                now=now,
                member_id=principal.own_id,
            )
        await viewing.note(
            services.database,
            keyring=services.keyring,
            brand_id=principal.brand,
            shop_id=shop_id,
            service_id=service_id,
            staff_id=staff_id,
            time_zone=asked.time_zone,
            channel=viewing.API,
            who=str(principal.own_id),
            now=now,
        )
        by_day = asked.by_day(staff_id)
        starts = [start for each in by_day.values() for start in each]
        return TimesRead(
            time_zone=asked.time_zone,
            days=[DayRead(day, found) for day, found in by_day.items()],
            next_start=starts[0] if starts else None,
            holidays_unknown=bool(~asked.openings.known & asked.openings.days),
        )


class AppointmentController(Controller):
    """A customer's own appointments."""

    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @post("/appointments", operation_id="appointments_book", responses=refusals(*_TIME, TooManyHolds))
    async def book(
        self,
        data: JSONBody[AppointmentWish],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[AppointmentRead]:
        """Book a time, or have it held until its deposit is paid at ``pay_path``.

        ``Idempotency-Key`` is honoured: the same key books once, and so does the same wish (status 200).
        """
        booked = await book(
            services.database,
            keyring=services.keyring,
            brand_id=principal.brand,
            wish=Wish(
                shop_id=data.shop_id,
                service_id=data.service_id,
                start=data.start.astimezone(dt.UTC),
                staff_id=data.staff_id,
                member_id=principal.own_id,
                request_key=request.headers.get(HEADER, "")[:80] or None,
                brand_code=principal.brand_code,
                channel=viewing.API,
            ),
        )
        async with services.database.connection(principal.brand) as tx:
            view = await life.see(tx, booking_id=booked.booking_id)
        body = AppointmentRead.of(view, pay_path=booked.pay_path)
        return Response(body, status_code=200 if booked.is_repeat else 201)

    @get("/appointments", operation_id="appointments_list_own")
    async def own(
        self,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        is_past: Annotated[bool, QueryParameter()] = False,
    ) -> list[AppointmentRead]:
        """List what comes, the next first; or what was within 180 days."""
        now = clock.now()
        async with services.database.connection(principal.brand) as tx:
            found = await bookings.of_member(
                tx,
                member_id=principal.own_id,
                since=now - _PAST if is_past else now,
                until=now if is_past else None,
                limit=_LIMIT,
            )
        return [_read(services, principal, one) for one in found]

    @get("/appointments/{code:str}", operation_id="appointments_get", responses=refusals(BookingUnknown))
    async def show(
        self,
        code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Get one of one's own appointments by its code."""
        async with services.database.connection(principal.brand) as tx:
            return _read(services, principal, await life.see_code(tx, code=code, member_id=principal.own_id))

    @post(
        "/appointments/{code:str}/move",
        operation_id="appointments_move",
        status_code=200,
        responses=refusals(BookingUnknown, PastCutoff, NotNow, *_TIME),
    )
    async def move(
        self,
        code: FromPath[str],
        data: JSONBody[MoveWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Move an appointment to another time; it lives on under the code in the answer. Repeating is harmless."""
        member_id, start = principal.own_id, data.start.astimezone(dt.UTC)
        async with services.database.connection(principal.brand) as tx:
            old = await life.see_code(tx, code=code, member_id=member_id)
            later = await bookings.moved_to(tx, booking_id=old.id)
        if later is not None and later.starts_at == start:
            return _read(services, principal, later)
        to = NewTime(start=start, staff_id=data.staff_id, by=Actor.CUSTOMER, actor_id=member_id)
        moved = await moving.reschedule(
            services.database, brand_id=principal.brand, booking_id=old.id, to=to, member_id=member_id
        )
        return _read(services, principal, moved)

    @post(
        "/appointments/{code:str}/cancel",
        operation_id="appointments_cancel",
        status_code=200,
        responses=refusals(BookingUnknown, NotNow, SlotPassed),
    )
    async def cancel(
        self,
        code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Give an appointment back; past its cut-off it counts as late. Repeating is harmless."""
        member_id = principal.own_id

        async def attempt(tx: Tx) -> BookingView:
            found = await life.see_code(tx, code=code, member_id=member_id)
            one = await life.see(tx, booking_id=found.id, is_locked=True)
            if one.state not in (BookingState.CANCELLED, BookingState.CANCELLED_LATE):
                await life.cancel(tx, one, by=Actor.CUSTOMER, actor_id=member_id, now=clock.now())
            return await life.see(tx, booking_id=found.id)

        return _read(services, principal, await decided(services.database, principal.brand, attempt))

    @post(
        "/appointment-groups",
        operation_id="appointments_open_group",
        responses=refusals(NotGroupOffer, *_TIME),
    )
    async def open_group(
        self,
        data: JSONBody[GroupWish],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[GroupOpened]:
        """Open a group that buys a session: its time is held while the group fills. Others join the group as any.

        Whoever holds an unpaid seat of the campaign gets it again, with status 200.
        """
        made = await parties.open_group(
            services.database,
            keyring=services.keyring,
            buyer=Buyer(
                brand_id=principal.brand,
                brand_code=principal.brand_code,
                member_id=principal.own_id,
                visitor=attribution.visitor_of(services.settings, services.keyring, request.cookies),
            ),
            wish=GroupStart(
                campaign_code=data.campaign_code,
                sku_id=data.sku_id,
                shop_id=data.shop_id,
                start=data.start.astimezone(dt.UTC),
                staff_id=data.staff_id,
            ),
        )
        body = GroupOpened(**{name: getattr(made, name) for name in GroupOpened.__struct_fields__})
        return Response(body, status_code=201 if made.is_new else 200)


def _read(services: Services, principal: Principal, one: BookingView) -> AppointmentRead:
    pay_path = ""
    if one.state is BookingState.HELD and one.payment_id is not None:
        pay_path = payments.pay_path(services.keyring, brand_id=principal.brand, payment_id=one.payment_id)
    return AppointmentRead.of(one, pay_path=pay_path)
