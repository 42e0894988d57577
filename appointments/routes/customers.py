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
    KeyReused,
    NeedsDeposit,
    NotNow,
    NotOffered,
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
from appointments.rules import life as rules
from appointments.schemas.calendars import CALENDAR, calendar_file
from appointments.schemas.customers import BookableShop, FreeShopRead, SecretLink, TimesRead
from appointments.schemas.forms import utc
from appointments.schemas.wire import AppointmentRead, AppointmentWish, MoveWish, ServiceRead
from appointments.service import finding, life, links, moving, planning, prepaid, viewing
from appointments.service.booking import Wish, book, decided
from appointments.service.moving import NewTime
from appointments.states import BookingState
from appointments.types import Actor, BookingView, Stretch
from stores.errors import ShopUnknown
from stores.types import Place
from yundian.brands import api as brands
from yundian.payments import api as payments
from yundian.platform.auth.guards import customer
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Principal
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.web.i18n import told
from yundian.platform.web.idempotency import HEADER
from yundian.platform.web.openapi import refusals

AnyRequest = Request[Any, Any, Any]
_PAST = dt.timedelta(days=180)
_LIMIT = 100
_MOVED = BookingState.RESCHEDULED
_NONE = refusals(BookingUnknown)
_TIME = (
    ServiceUnknown,
    ShopUnknown,
    NotOffered,
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

    @get("/appointment-shops", operation_id="appointments_list_bookable_shops")
    async def bookable(
        self,
        session: NamedDependency[AsyncSession],
        lat: Latitude = None,
        lon: Longitude = None,
        limit: Annotated[int, QueryParameter(ge=1, le=50)] = 20,
    ) -> list[BookableShop]:
        """List open shops where one can book, the nearest first; without a place by city and name."""
        found = await finding.shops_around(session, place_of(lat, lon))
        return [BookableShop.of(shop, distance_m) for shop, distance_m in found[:limit]]

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
            place=place_of(lat, lon),
            now=clock.house(),
            member_id=principal.own_id,
        )
        return [FreeShopRead.of(one) for one in found]

    @get(
        "/appointment-times",
        operation_id="appointments_list_times",
        responses=refusals(ServiceUnknown, ShopUnknown, BookingUnknown),
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
        move: Annotated[str, QueryParameter(max_length=16, description="The code of what is to be moved")] = "",
    ) -> TimesRead:
        """List the times that can be had, of anybody or of one, over at most 62 local days of the shop.

        With ``move`` those to which that appointment could go: its own time counts as free.
        """
        now = clock.house()
        begin = first or last or now.date()
        if planning.near(begin, now.date()) != begin:
            raise InvalidInput("first", "not a day that can be booked")
        if last is not None and last < begin:
            raise InvalidInput("last", "must not lie before the first day")
        async with services.database.connection(principal.brand, is_planned_once=True) as tx:
            old = await life.see_code(tx, code=move, member_id=principal.own_id) if move else None
            asked = await planning.ask(
                tx,
                shop_id=shop_id,
                service_id=service_id,
                stretch=Stretch(begin, last) if last else (Stretch(begin, begin) if first else None),
                member_id=principal.own_id,
                moving=old.id if old else None,
            )
            names = await repository.staff_names(tx, staff_ids=[one.id for one in asked.openings.plans.staff])
        if old is None:
            await viewing.note(
                services.database,
                keyring=services.keyring,
                brand_id=principal.brand,
                shop_id=shop_id,
                service_id=service_id,
                staff_id=staff_id if staff_id in asked.openings.staff else None,
                time_zone=asked.time_zone,
                channel=viewing.API,
                who=str(principal.own_id),
                now=now,
            )
        by_day = finding.others(asked.by_day(staff_id), old, staff_id)
        return TimesRead.of(
            asked,
            by_day,
            names=names,
            full_days=sorted(asked.openings.open_days(staff_id) - by_day.keys()),
            deposit_minor=rules.deposit_of(asked.openings.plans) if old is None else 0,
        )


class AppointmentController(Controller):
    """A customer's own appointments."""

    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @post("/appointments", operation_id="appointments_book", responses=refusals(*_TIME, TooManyHolds, KeyReused))
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
                start=utc(data.start),
                staff_id=data.staff_id,
                member_id=principal.own_id,
                request_key=request.headers.get(HEADER) or None,
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
        now = clock.house()
        async with services.database.connection(principal.brand) as tx:
            found = await bookings.of_member(
                tx,
                member_id=principal.own_id,
                since=now - _PAST if is_past else now,
                until=now if is_past else None,
                limit=_LIMIT,
            )
        return [own_read(services, principal, one) for one in found]

    @get("/appointments/{code:str}", operation_id="appointments_get", responses=_NONE)
    async def show(
        self,
        code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Get one of one's own appointments by its code; ``moved_to`` leads on from one that was moved."""
        async with services.database.connection(principal.brand) as tx:
            one = await life.see_code(tx, code=code, member_id=principal.own_id)
            later = await bookings.moved_to(tx, booking_id=one.id) if one.state is _MOVED else None
        return own_read(services, principal, one, moved_to=later.code if later else "")

    @get("/appointment-orders/{order_id:uuid}", operation_id="appointments_get_of_order", responses=_NONE)
    async def of_order(
        self,
        order_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Get the appointment that one's order paid for, where it stands now."""
        async with services.database.connection(principal.brand) as tx:
            found = await prepaid.booking_of(tx, member_id=principal.own_id, order_id=order_id)
        if found is None:
            raise BookingUnknown
        return own_read(services, principal, found)

    @get(
        "/appointments/{code:str}/calendar",
        operation_id="appointments_get_calendar",
        media_type=CALENDAR,
        responses=_NONE,
    )
    async def calendar(
        self, code: FromPath[str], session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Response[bytes]:
        """Get one of one's own appointments as an iCalendar file."""
        booking = await life.see_code(session, code=code, member_id=principal.own_id)
        brand = await brands.find_brand(session, code=principal.brand_code)
        return await calendar_file(session, told(brand).name, [booking])

    @get("/appointments/{code:str}/link", operation_id="appointments_get_link", responses=_NONE)
    async def link(
        self,
        code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> SecretLink:
        """Get the secret address of one of one's own appointments, for whoever comes along; it can be renewed."""
        async with services.database.connection(principal.brand) as tx:
            one = await life.see_code(tx, code=code, member_id=principal.own_id)
        token = links.token_of(services.keyring, brand_id=principal.brand, booking=one)
        base = services.settings.public_url or str(request.base_url)
        return SecretLink(token=token, url=f"{base.rstrip('/')}/a/{token}", ends_at=one.ends_at + rules.LINK_LIVES)

    @post(
        "/appointments/{code:str}/move",
        operation_id="appointments_move",
        status_code=200,
        responses=refusals(BookingUnknown, PastCutoff, NeedsDeposit, NotNow, *_TIME),
    )
    async def move(
        self,
        code: FromPath[str],
        data: JSONBody[MoveWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Move an appointment to another time; it lives on under the code in the answer. Repeating is harmless."""
        member_id, start = principal.own_id, utc(data.start)
        async with services.database.connection(principal.brand) as tx:
            old = await life.see_code(tx, code=code, member_id=member_id)
            later = await bookings.moved_to(tx, booking_id=old.id)
        if later is not None and later.starts_at == start:
            return own_read(services, principal, later)
        to = NewTime(start=start, staff_id=data.staff_id, by=Actor.CUSTOMER, actor_id=member_id)
        moved = await moving.reschedule(
            services.database, brand_id=principal.brand, booking_id=old.id, to=to, member_id=member_id
        )
        return own_read(services, principal, moved)

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
        """Give an appointment back; past its cut-off it counts as late. Repeating is harmless.

        So an offer of the waiting list is declined: its time goes to whoever waits next.
        """
        member_id = principal.own_id

        async def attempt(tx: Tx) -> BookingView:
            found = await life.see_code(tx, code=code, member_id=member_id)
            one = await life.see(tx, booking_id=found.id, is_locked=True)
            await life.cancel_own(tx, one, actor_id=member_id, now=one.seen_at)
            return await life.see(tx, booking_id=found.id)

        return own_read(services, principal, await decided(services.database, principal.brand, attempt))


def place_of(lat: float | None, lon: float | None) -> Place | None:
    """Where she says that she is: both or nothing."""
    return Place(lat, lon) if lat is not None and lon is not None else None


def own_read(services: Services, principal: Principal, one: BookingView, *, moved_to: str = "") -> AppointmentRead:
    """One of her own, with the way to pay what is held for her."""
    pay_path = ""
    if one.state is BookingState.HELD and one.payment_id is not None:
        pay_path = payments.pay_path(services.keyring, brand_id=principal.brand, payment_id=one.payment_id)
    return AppointmentRead.of(one, pay_path=pay_path, moved_to=moved_to)
