"""Booking on a phone: shops by distance, services, times, and the word that it is booked."""

import contextlib
import datetime as dt
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import AlreadyWaiting
from appointments.pages.mine import booked_text
from appointments.pages.nearby import choices, wechat_config
from appointments.pages.shared import people_named
from appointments.repository import setup as repository
from appointments.repository import waits
from appointments.rules import life as rules
from appointments.schemas.forms import BookForm, WaitForm, utc
from appointments.service import finding, life, moving, planning, viewing, waiting
from appointments.service.booking import Wish, book
from appointments.service.moving import NewTime
from appointments.types import Actor, ServiceView, Stretch
from stores import api as stores
from stores.types import Place
from yundian.brands import api as brands
from yundian.brands.types import BrandView
from yundian.members import api as members
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other

DAYS_SHOWN = 14
SHOPS_SHOWN = 20

Latitude = Annotated[float | None, QueryParameter(ge=-90, le=90)]
Longitude = Annotated[float | None, QueryParameter(ge=-180, le=180)]
Chosen = Annotated[uuid.UUID | None, QueryParameter()]
Day = Annotated[dt.date | None, QueryParameter()]
Start = Annotated[dt.datetime, QueryParameter()]
Moved = Annotated[str, QueryParameter(max_length=16)]


class BookPages(Controller):
    path = "/m/{brand_code:str}/book"
    include_in_schema = False

    @get(name="appointments.book", guards=[anyone], opt=FOR_CUSTOMERS)
    async def shops(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        lat: Latitude = None,
        lon: Longitude = None,
        service: Chosen = None,
    ) -> Template:
        """Where one can book, the nearest first once the phone says where it is; of one service: and when."""
        brand = await brands.brand_in_address(services.database, brand_code)
        async with services.database.unit_of_work(brand.id) as session:
            offered = await repository.offered(session, shop_id=None)
            free = None
            place = Place(lat, lon) if lat is not None and lon is not None else None
            if service is not None:
                free = await finding.nearest_free(session, service_id=service, place=place, now=clock.house())
            found = await finding.shops_around(session, place)
        return page(
            "appointments/shops.html",
            brand=brand,
            **choices(place, found[:SHOPS_SHOWN], free),
            is_near=place is not None,
            offered=offered,
            service_id=service,
            wechat=await wechat_config(request, services, brand.id),
            lat=lat,
            lon=lon,
        )

    @get("/{shop_id:uuid}", name="appointments.services", guards=[anyone], opt=FOR_CUSTOMERS)
    async def offered(
        self, brand_code: FromPath[str], shop_id: FromPath[uuid.UUID], services: NamedDependency[Services]
    ) -> Template:
        """What one can book in a shop."""
        brand = await brands.brand_in_address(services.database, brand_code)
        async with services.database.unit_of_work(brand.id) as session:
            shop = (await stores.get_shop(session, shop_id=shop_id)).shop
            offered = await repository.offered(session, shop_id=shop_id)
        return page("appointments/services.html", brand=brand, shop=shop, offered=offered)

    @get("/{shop_id:uuid}/{service_id:uuid}/next", name="appointments.next", guards=[anyone], opt=FOR_CUSTOMERS)
    async def next_free(
        self,
        brand_code: FromPath[str],
        shop_id: FromPath[uuid.UUID],
        service_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
    ) -> Template:
        """The next time that can be had, for a list."""
        brand = await brands.brand_in_address(services.database, brand_code)
        async with services.database.connection(brand.id, is_planned_once=True) as tx:
            asked = await planning.ask(tx, shop_id=shop_id, service_id=service_id)
        starts = asked.openings.starts()
        return fragment("appointments/_next.html", start=starts[0] if starts else None, zone=asked.time_zone)

    @get("/{shop_id:uuid}/{service_id:uuid}", name="appointments.times", guards=[anyone], opt=FOR_CUSTOMERS)
    async def times(
        self,
        brand_code: FromPath[str],
        shop_id: FromPath[uuid.UUID],
        service_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        staff: Chosen = None,
        day: Day = None,
        move: Moved = "",
    ) -> Template:
        """Two weeks of times, of anybody or of one. Who looks is counted, once a day."""
        brand = await brands.brand_in_address(services.database, brand_code)
        member_id = principal.own_id if principal.is_customer_of(brand_code) else None
        async with services.database.unit_of_work(brand.id) as session:
            context = await _times(session, shop_id, service_id, staff, day, member_id, move)
        if not move:
            agent = request.headers.get("User-Agent", "")
            await viewing.note(
                services.database,
                keyring=services.keyring,
                brand_id=brand.id,
                shop_id=shop_id,
                service_id=service_id,
                staff_id=staff if staff in dict(context["people"]) else None,
                time_zone=context["zone"],
                channel=viewing.channel_of(agent),
                who=str(member_id or f"{request.client.host if request.client else ''} {agent}"),
                now=clock.house(),
            )
        return page("appointments/times.html", brand=brand, staff_id=staff, move=move, **context)

    @get("/{shop_id:uuid}/{service_id:uuid}/confirm", name="appointments.confirm", guards=[customer])
    async def confirm(
        self,
        brand_code: FromPath[str],
        shop_id: FromPath[uuid.UUID],
        service_id: FromPath[uuid.UUID],
        start: Start,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        staff: Chosen = None,
        move: Moved = "",
    ) -> Template:
        """What she is about to book, what it costs, and until when she may change it."""
        brand = await brands.brand_in_address(services.database, brand_code)
        form = Form.of(start=utc(start).isoformat(), staff=staff)
        return await _confirm(services, principal, brand, shop_id, service_id, form, move)

    @post(
        "/{shop_id:uuid}/{service_id:uuid}/confirm",
        name="appointments.confirm.book",
        guards=[customer],
        status_code=200,
    )
    async def book(
        self,
        brand_code: FromPath[str],
        shop_id: FromPath[uuid.UUID],
        service_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        move: Moved = "",
    ) -> Response[Any]:
        """Book it, or move what is booked; to the payment where a deposit is asked. Sent again, it books once."""
        brand = await brands.brand_in_address(services.database, brand_code)
        key = str((await request.form()).get("_idempotency_key", "")) or None
        form, agent = await Form.read(request), request.headers.get("User-Agent", "")
        async with form.attempt():
            values = form.parse(BookForm)
            if move:
                return await _move(services, principal, brand_code, move, values)
            wish = Wish(
                shop_id=shop_id,
                service_id=service_id,
                start=utc(values.start),
                staff_id=values.staff,
                member_id=principal.own_id,
                request_key=key,
                brand_code=brand_code,
                payer=await members.payer_of(
                    services.database, keyring=services.keyring, principal=principal, user_agent=agent
                ),
                channel=viewing.channel_of(agent),
            )
            booked = await book(services.database, keyring=services.keyring, brand_id=principal.brand, wish=wish)
            if booked.pay_path:
                return see_other(booked.pay_path)
            return see_other(f"/m/{brand_code}/appointments/{booked.code}", toast=booked_text(booked.state))
        return await _confirm(services, principal, brand, shop_id, service_id, form, move)

    @post("/{shop_id:uuid}/{service_id:uuid}/wait", name="appointments.wait", guards=[customer], status_code=303)
    async def wait(
        self,
        brand_code: FromPath[str],
        shop_id: FromPath[uuid.UUID],
        service_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Onto the waiting list of a day."""
        form = await Form.read(request)
        here = f"/m/{brand_code}/book/{shop_id}/{service_id}"
        async with form.attempt():
            values = form.parse(WaitForm)
            # Whoever taps twice is in the line once.
            with contextlib.suppress(AlreadyWaiting):
                async with services.database.connection(principal.brand) as tx:
                    await waiting.join(
                        tx,
                        member_id=principal.own_id,
                        shop_id=shop_id,
                        service_id=service_id,
                        staff_id=values.staff,
                        day=values.day,
                        now=clock.house(),
                    )
            return see_other(f"/m/{brand_code}/appointments", toast=_("You are on the waiting list"))
        # Of whatever was sent, no more than a date goes into an address.
        day = form.value("day")[:10]
        return see_other(f"{here}?{urlencode({'day': day})}" if day else here, toast=form.message)


async def _move(
    services: Services, principal: Principal, brand_code: str, code: str, values: BookForm
) -> Redirect:
    member_id = principal.own_id
    async with services.database.connection(principal.brand) as tx:
        old = await life.see_code(tx, code=code, member_id=member_id)
    moved = await moving.reschedule(
        services.database,
        brand_id=principal.brand,
        booking_id=old.id,
        member_id=member_id,
        to=NewTime(start=utc(values.start), staff_id=values.staff, by=Actor.CUSTOMER, actor_id=member_id),
    )
    return see_other(f"/m/{brand_code}/appointments/{moved.code}", toast=booked_text(moved.state, is_moved=True))


async def _times(
    session: AsyncSession,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    day: dt.date | None,
    member_id: uuid.UUID | None,
    move: str,
) -> dict[str, Any]:
    now = clock.house()
    shop = (await stores.get_shop(session, shop_id=shop_id)).shop
    today = clock.business_day(now, shop.time_zone)
    service = await repository.get_service(session, service_id=service_id)
    last_day = today + dt.timedelta(days=service.horizon_days)
    first = min(max(day or today, today), last_day)
    begin = today + dt.timedelta(days=(first - today).days // DAYS_SHOWN * DAYS_SHOWN)
    old = await life.see_code(session, code=move, member_id=member_id) if move and member_id else None
    asked = await planning.ask(
        session,
        shop_id=shop_id,
        service_id=service_id,
        stretch=Stretch(begin, begin + dt.timedelta(days=DAYS_SHOWN - 1)),
        member_id=member_id,
        moving=old.id if old else None,
    )
    by_day, open_days = finding.others(asked.by_day(staff_id), old, staff_id), asked.openings.open_days(staff_id)
    unknown = asked.openings.unknown_days()
    days = [begin + dt.timedelta(days=n) for n in range(DAYS_SHOWN) if begin + dt.timedelta(days=n) <= last_day]
    chosen = first if day else next(iter(by_day), first)
    is_waiting = member_id is not None and chosen not in by_day and not move
    if is_waiting and member_id is not None:
        places = await waits.of_member(session, member_id=member_id, since=chosen)
        is_waiting = (shop_id, service_id, chosen) in {(one.shop_id, one.service_id, one.day) for one in places}
    return {
        "shop": shop,
        "service": service,
        "people": await people_named(session, asked.openings.plans),
        "days": [(each, len(by_day.get(each, ())), each in open_days, each in unknown) for each in days],
        "chosen": chosen,
        "old": old,
        "starts": by_day.get(chosen, []),
        "before": begin - dt.timedelta(days=1) if begin > today else None,
        "after": begin + dt.timedelta(days=DAYS_SHOWN) if days and days[-1] < last_day else None,
        "zone": shop.time_zone,
        "is_open": chosen in open_days,
        "is_unknown": chosen in unknown,
        "is_waiting": is_waiting,
        "is_too_late": old is not None and rules.is_late(old, now=old.seen_at),
    }


async def _confirm(
    services: Services,
    principal: Principal,
    brand: BrandView,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    form: Form,
    move: str,
) -> Template:
    values = form.parse(BookForm)
    async with services.database.unit_of_work(brand.id) as session:
        shop = (await stores.get_shop(session, shop_id=shop_id)).shop
        old = await life.see_code(session, code=move, member_id=principal.own_id) if move else None
        asked = await planning.ask(
            session,
            shop_id=shop_id,
            service_id=service_id,
            at=values.start,
            member_id=principal.own_id,
        )
        people = await people_named(session, asked.openings.plans)
    service: ServiceView = asked.openings.plans.service
    cutoff = values.start - dt.timedelta(minutes=service.cutoff_min)
    return page(
        "appointments/confirm.html",
        status_code=form.status,
        brand=brand,
        shop=shop,
        service=service,
        form=form,
        start=values.start,
        staff=dict(people).get(values.staff, "") if values.staff else "",
        deposit_minor=0 if move else rules.deposit_of(asked.openings.plans),
        cutoff=cutoff,
        is_late=cutoff <= asked.now,
        move=move,
        old=old,
        zone=shop.time_zone,
    )
