"""Who may call what appointments offers."""

import datetime as dt
import itertools
import uuid
from dataclasses import dataclass
from typing import Any

from appointments.rules import life as rules
from appointments.service import setup, waiting
from appointments.service.booking import Booked, Wish, book
from appointments.states import Source
from appointments.types import ServiceFields, StaffFields
from tests.appointments.makers import week
from tests.architecture.matrix.cells import (
    ALL,
    CUSTOMERS,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    OTHER_SHOP,
    OWN_SHOP,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
)
from tests.architecture.matrix.rows_orders import on_order
from tests.members.makers import make_customer
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code

_serial = itertools.count(1)
SHOP_PEOPLE = OWN_SHOP | OTHER_SHOP
ADMINS = HQ_ADMINS | OTHER_BRAND


@dataclass(frozen=True)
class Stand:
    """What the matrix's first shop offers, and who serves there."""

    service_id: uuid.UUID
    staff_id: uuid.UUID
    chair_id: uuid.UUID


_stands: dict[uuid.UUID, Stand] = {}


async def a_stand(world: World, *, is_fresh: bool = False) -> Stand:
    """One for all, whose times follow each other; or a fresh one, to be changed."""
    if not is_fresh and world.shop_id in _stands:
        return _stands[world.shop_id]
    made = await make_stand(world)
    if not is_fresh:
        _stands[world.shop_id] = made
    return made


async def make_stand(world: World, *, name: str = "M") -> Stand:
    """A service of the shop, and somebody of this name who performs it."""
    fields = ServiceFields(code=readable_code(10), name="矩阵", duration_min=5, step_min=5, notice_min=0)
    async with world.services.database.unit_of_work(world.brand.id) as session:
        service = await setup.save_service(session, service_id=None, version=None, fields=fields)
        person = StaffFields(display_name=name, home_shop_id=world.shop_id, service_ids=(service.id,))
        staff = await setup.save_staff(session, staff_id=None, version=None, fields=person)
        await setup.put_plan(session, staff_id=staff.id, lines=week(world.shop_id, 0, 1440))
        chair = await setup.add_resource(session, shop_id=world.shop_id, kind="M", name=readable_code(10))
    return Stand(service.id, staff.id, chair.id)


def a_start() -> dt.datetime:
    minutes = 24 * 60 + 5 * next(_serial)
    start = clock.now() + dt.timedelta(minutes=minutes)
    return start - dt.timedelta(seconds=start.timestamp() % 300)


async def a_booking(world: World, stand: Stand, member_id: uuid.UUID | None, **wish: Any) -> Booked:
    if member_id is None:
        member_id = (await make_customer(world.services, world.brand)).id
    given: dict[str, Any] = {"start": a_start(), "member_id": member_id, **wish}
    wanted = Wish(shop_id=world.shop_id, service_id=stand.service_id, **given)
    return await book(
        world.services.database, keyring=world.services.keyring, brand_id=world.brand.id, wish=wanted
    )


def on_booking(method: str, path: str, *, is_secret: bool = True, is_soon: bool = False, **form: str) -> Build:
    """A request about a booking of the shop, the caller's own where she is the customer."""

    async def build(world: World, caller: Caller) -> Call:
        stand = await a_stand(world, is_fresh=is_soon)
        soon = clock.now() + dt.timedelta(minutes=30)
        wish = {"start": soon - dt.timedelta(seconds=soon.timestamp() % 300)} if is_soon else {}
        booked = await a_booking(world, stand, caller.member_id, **wish)
        keyring = world.services.keyring
        token = rules.link_token(keyring, kind="link", brand_id=world.brand.id, thing_id=booked.booking_id)
        names = {
            "{id}": str(booked.booking_id), "{code}": booked.code, "{brand}": world.brand.code, "{token}": token,
            "{start}": a_start().isoformat(), "{chair}": str(stand.chair_id), "{staff}": str(stand.staff_id),
        }  # fmt: skip

        def filled(text: str) -> str:
            for name, value in names.items():
                text = text.replace(name, value)
            return text

        body = {name: filled(value) for name, value in form.items()} or {"x": "y"}
        target = booked.code if is_secret and "{code}" not in f"{path}{form}" else ""
        return Call(method=method, path=filled(path), form=body if method == "POST" else None, target=target)

    return build


def on_shop(method: str, path: str, *, is_fresh: bool = False, **form: str) -> Build:
    """A request about the shop, a service of it, or somebody who serves there."""

    async def build(world: World, _caller: Caller) -> Call:
        stand = await a_stand(world, is_fresh=is_fresh)
        names = {
            "{shop}": str(world.shop_id), "{service}": str(stand.service_id), "{staff}": str(stand.staff_id),
            "{chair}": str(stand.chair_id), "{brand}": world.brand.code, "{new}": readable_code(10),
            "{start}": a_start().isoformat().replace("+", "%2B"), "{at}": a_start().isoformat(),
            "{day}": (clock.now() + dt.timedelta(days=3)).date().isoformat(),
            "{feed}": rules.link_token(
                world.services.keyring, kind="feed", brand_id=world.brand.id, thing_id=stand.staff_id, version=1
            ),
        }  # fmt: skip

        def filled(text: str) -> str:
            for name, value in names.items():
                text = text.replace(name, value)
            return text

        body = {name: filled(value) for name, value in form.items()} or {"x": "y"}
        return Call(method=method, path=filled(path), form=body if method == "POST" else None)

    return build


async def on_wait(world: World, caller: Caller) -> Call:
    stand = await a_stand(world)
    member_id = caller.member_id or (await make_customer(world.services, world.brand)).id
    async with world.services.database.connection(world.brand.id) as tx:
        await waiting.join(
            tx, member_id=member_id, shop_id=world.shop_id, service_id=stand.service_id, staff_id=None,
            day=(clock.now() + dt.timedelta(days=2)).date(), now=clock.now(),
        )  # fmt: skip
        wait_id = await tx.fetchval(
            "SELECT id FROM appointments_wait WHERE brand_id = $1 AND member_id = $2", world.brand.id, member_id
        )
    return Call(method="POST", path=f"/m/{world.brand.code}/appointments/waits/{wait_id}/leave", form={"x": "y"})


async def on_offer(world: World, caller: Caller) -> Call:
    stand = await a_stand(world)
    booked = await a_booking(world, stand, caller.member_id, source=Source.WAITLIST, hold_min=10)
    return Call(method="POST", path=f"/m/{world.brand.code}/appointments/{booked.code}/accept", form={"x": "y"})


async def on_feed(world: World, caller: Caller) -> Call:
    return await on_shop("GET", "/calendar-feeds/{feed}.ics")(world, caller)


def of_customer(call: Build) -> Row:
    return Row(call=call, may=CUSTOMERS, is_page=True)


def public(call: Build) -> Row:
    return Row(call=call, may=ALL, is_page=True)


def of_shop(call: Build) -> Row:
    return Row(call=call, may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True)


def read(call: Build) -> Row:
    return Row(call=call, may=HQ, unknown=OTHER_BRAND, is_page=True)


def written(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True)


_BOOK = "/m/{brand}/book/{shop}/{service}"
_MINE = "/m/{brand}/appointments/{code}"
_SERVICE: dict[str, Any] = {"code": "{new}", "name": "M", "duration_min": "30"}
_PERSON: dict[str, Any] = {"display_name": "M", "home_shop_id": "{shop}"}

ROWS: dict[str, Row] = {
    "appointments.book": public(on_shop("GET", "/m/{brand}/book")),
    "appointments.services": public(on_shop("GET", "/m/{brand}/book/{shop}")),
    "appointments.next": public(on_shop("GET", f"{_BOOK}/next")),
    "appointments.times": public(on_shop("GET", _BOOK)),
    "appointments.confirm": of_customer(on_shop("GET", f"{_BOOK}/confirm?start={{start}}")),
    "appointments.confirm.book": of_customer(on_shop("POST", f"{_BOOK}/confirm", start="{at}")),
    "appointments.wait": of_customer(on_shop("POST", f"{_BOOK}/wait", day="{day}")),
    "appointments.mine": of_customer(on_booking("GET", "/m/{brand}/appointments")),
    "appointments.my_appointment": of_customer(on_booking("GET", _MINE)),
    "appointments.my_appointment.cancel": of_customer(on_booking("POST", f"{_MINE}/cancel")),
    "appointments.my_appointment.accept": of_customer(on_offer),
    "appointments.my_appointment.calendar": of_customer(on_booking("GET", f"{_MINE}/calendar.ics")),
    "appointments.link.renew": of_customer(on_booking("POST", f"{_MINE}/link")),
    "appointments.leave_wait": of_customer(on_wait),
    "appointments.home_next": of_customer(on_booking("GET", "/m/{brand}/panels/appointments")),
    "appointments.home_book": public(on_shop("GET", "/m/{brand}/panels/book")),
    "appointments.shop_today": Row(call=get("/shop/panels/appointments"), may=SHOP_PEOPLE, is_page=True),
    "appointments.share_panel": Row(call=get("/shop/panels/booking-links"), may=SHOP_PEOPLE, is_page=True),
    "appointments.share": of_shop(on_shop("POST", "/shop/appointments/share", shop_id="{shop}")),
    "appointments.of_shop_order": of_shop(on_order("GET", "/shop/panels/orders/{id}/appointment")),
    "appointments.of_order": of_customer(on_booking("GET", "/m/{brand}/panels/orders/{id}/appointment")),
    # The address is the right.
    "appointments.link": public(on_booking("GET", "/a/{token}", is_secret=False)),
    "appointments.link.cancel": public(on_booking("POST", "/a/{token}/cancel", is_secret=False)),
    "appointments.link.calendar": public(on_booking("GET", "/a/{token}/calendar.ics", is_secret=False)),
    "appointments.feed": public(on_feed),
    "appointments.board": Row(call=on_booking("GET", "/shop/appointments"), may=SHOP_PEOPLE, is_page=True),
    "appointments.board.part": of_shop(on_shop("GET", "/shop/appointments/board?shop={shop}&day={day}")),
    "appointments.places": of_shop(on_booking("GET", "/shop/appointments/{id}/places?day=2026-01-01")),
    "appointments.stand": of_shop(on_booking("POST", "/shop/appointments/{id}/stand", day="2026-11-22")),
    "appointments.undo": of_shop(on_booking("POST", "/shop/appointments/{id}/undo", version="0")),
    "appointments.place": of_shop(
        on_booking("POST", "/shop/appointments/{id}/place", start="{start}", lane="{staff}", version="0")
    ),
    "appointments.check_in": of_shop(
        on_booking("POST", "/shop/appointments/check-in", is_soon=True, code="{code}")
    ),
    "appointments.walk_in": Row(call=on_shop("GET", "/shop/appointments/walk-in"), may=SHOP_PEOPLE, is_page=True),
    "appointments.walk_in.book": of_shop(
        on_shop("POST", "/shop/appointments/walk-in", is_fresh=True, shop="{shop}", service="{service}")
    ),
    "appointments.sheet": of_shop(on_booking("GET", "/shop/appointments/{id}")),
    "appointments.sheet.people": of_shop(on_booking("POST", "/shop/appointments/{id}/people")),
    "appointments.sheet.time": of_shop(on_booking("POST", "/shop/appointments/{id}/time", start="{start}")),
    "appointments.sheet.step": of_shop(on_booking("POST", "/shop/appointments/{id}/cancel")),
    "appointments.usage": Row(call=on_shop("GET", "/hq/appointments"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.usage_csv": Row(call=on_shop("GET", "/hq/appointments/csv"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.hq_shops": Row(
        call=on_shop("GET", "/hq/appointments/shops"), may=HQ | OTHER_BRAND, is_page=True
    ),
    "appointments.hq_services": Row(
        call=on_shop("GET", "/hq/appointments/services"), may=HQ | OTHER_BRAND, is_page=True
    ),
    "appointments.hq_service.new": Row(
        call=on_shop("GET", "/hq/appointments/services/new"), may=ADMINS, is_page=True
    ),
    "appointments.hq_service.create": Row(
        call=on_shop("POST", "/hq/appointments/services/new", **_SERVICE), may=ADMINS, is_page=True
    ),
    "appointments.hq_service": read(on_shop("GET", "/hq/appointments/services/{service}")),
    "appointments.hq_service.save": written(
        on_shop("POST", "/hq/appointments/services/{service}", is_fresh=True, version="1", **_SERVICE)
    ),
    "appointments.hq_shop": read(on_shop("GET", "/hq/appointments/shops/{shop}")),
    "appointments.hq_shop.add_chair": written(
        on_shop("POST", "/hq/appointments/shops/{shop}/chairs", kind="M", name="{new}")
    ),
    "appointments.hq_shop.chair": written(
        on_shop("POST", "/hq/appointments/shops/{shop}/chairs/{chair}", status="retired")
    ),
    "appointments.hq_shop.rule": written(
        on_shop("POST", "/hq/appointments/shops/{shop}/rule", holidays="as_usual", workdays="as_usual")
    ),
    "appointments.hq_shop.replace": written(
        on_shop("POST", "/hq/appointments/shops/{shop}/replace", is_fresh=True)
    ),
    "appointments.hq_shop.day": written(
        on_shop("POST", "/hq/appointments/shops/{shop}/days", day="2031-01-01", reason="M")
    ),
    "appointments.people": Row(call=on_shop("GET", "/hq/appointments/staff"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.person.new": Row(call=on_shop("GET", "/hq/appointments/staff/new"), may=ADMINS, is_page=True),
    "appointments.person.create": Row(
        call=on_shop("POST", "/hq/appointments/staff/new", **_PERSON),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        is_page=True,
    ),
    "appointments.person": read(on_shop("GET", "/hq/appointments/staff/{staff}")),
    "appointments.person.save": written(
        on_shop("POST", "/hq/appointments/staff/{staff}", is_fresh=True, **_PERSON)
    ),
    "appointments.person.plan": written(on_shop("POST", "/hq/appointments/staff/{staff}/plan", is_fresh=True)),
    "appointments.person.replace": written(
        on_shop("POST", "/hq/appointments/staff/{staff}/replace", is_fresh=True)
    ),
    "appointments.person.days": written(
        on_shop(
            "POST", "/hq/appointments/staff/{staff}/days", is_fresh=True, first="{day}", last="{day}", kind="off"
        )
    ),
    "appointments.person.forget_day": written(
        on_shop("POST", f"/hq/appointments/staff/{{staff}}/days/{uuid.UUID(int=7)}/remove")
    ),
    "appointments.person.new_feed": written(on_shop("POST", "/hq/appointments/staff/{staff}/feed")),
}
