"""Who came, who left, and who never was: what a stranger's address or a late tap must not change."""

import datetime as dt
import uuid

import httpx
import pytest

from appointments.errors import NotNow, NotOffered
from appointments.rules import life as rules
from appointments.rules.life import NO_SHOW_TIMER
from appointments.service import moving, setup, steps, waiting
from appointments.service.moving import NewTime
from appointments.service.steps import By, Step
from appointments.states import BookingState, DepositState, Status
from appointments.types import Actor, ShopDayView, StaffFields
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_life import end, pay
from tests.members.makers import make_customer, signed_in
from tests.payments.kit import Till
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def begins_in(salon: Salon, booking_id: uuid.UUID, *, minutes: int) -> None:
    start = (await salon.see(booking_id)).starts_at
    await salon.shift(booking_id, clock.now() + dt.timedelta(minutes=minutes) - start)


async def take(salon: Salon, booking_id: uuid.UUID, step: Step) -> None:
    by = By(None, frozenset({salon.shop_id}))
    await steps.take(salon.services.database, brand_id=salon.brand.id, booking_id=booking_id, step=step, by=by)


async def test_the_calendar_of_who_left_is_closed_and_stays_so_when_she_comes_back(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    staff = salon.staff[0]

    def address(version: int) -> str:
        link = rules.link_token(services.keyring, kind="feed", brand_id=brand.id, thing_id=staff, version=version)
        return f"/calendar-feeds/{link}.ics"

    async def becomes(status: Status) -> int:
        async with services.database.unit_of_work(brand.id) as session:
            one = await setup.get_staff(session, staff_id=staff)
            fields = StaffFields(display_name="Anna", home_shop_id=one.home_shop_id, status=status)
            return (
                await setup.save_staff(session, staff_id=staff, version=one.version, fields=fields)
            ).feed_version

    assert (await client.get(address(1))).status_code == 200
    assert await becomes(Status.RETIRED) == 2
    assert [(await client.get(address(n))).status_code for n in (1, 2)] == [404, 404]
    assert await becomes(Status.RETIRED) == await becomes(Status.ACTIVE) == 2
    assert [(await client.get(address(n))).status_code for n in (1, 2)] == [404, 200]


async def test_who_was_checked_in_has_nothing_back_by_cancelling_on_her_phone(
    services: Services, brand: BrandView, till: Till
) -> None:
    fields = service_fields(deposit_minor=5_000, is_late_cancel_charged=True)
    salon = await make_salon(services, brand, fields=fields)
    customer = await make_customer(services, brand)
    held = await salon.book(tomorrow(days=3), member_id=customer.id, brand_code=brand.code)
    await salon.deliver()
    await pay(salon, till, held.booking_id)
    await salon.deliver()
    await begins_in(salon, held.booking_id, minutes=30)
    await take(salon, held.booking_id, Step.ARRIVE)

    with pytest.raises(NotNow):
        await end(salon, held.booking_id)
    one = await salon.see(held.booking_id)
    assert (one.state, one.deposit_state) == (BookingState.ARRIVED, DepositState.PAID)

    await take(salon, held.booking_id, Step.CANCEL)
    assert (await salon.see(held.booking_id)).deposit_state is DepositState.REFUNDING, "the shop may"


async def test_who_was_checked_in_by_mistake_and_never_comes_is_given_up_after_the_grace(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    made = await salon.book(tomorrow(), member_id=customer.id)
    await salon.deliver()
    await begins_in(salon, made.booking_id, minutes=-10)
    await take(salon, made.booking_id, Step.ARRIVE)
    # Its time comes while she seems to be here.
    gone = "UPDATE outbox_timer SET state = 'done' WHERE brand_id = $1 AND name = $2 AND key = $3 RETURNING 1"
    assert await salon.rows(gone, NO_SHOW_TIMER, str(made.booking_id))
    await take(salon, made.booking_id, Step.NOT_HERE)

    [timer] = await salon.rows(
        "SELECT due_at > now() + interval '14 minutes' AS is_later FROM outbox_timer"
        " WHERE brand_id = $1 AND name = $2 AND key = $3 AND state = 'set'",
        NO_SHOW_TIMER,
        str(made.booking_id),
    )
    assert timer["is_later"], "whoever waits for her does so anew"
    await begins_in(salon, made.booking_id, minutes=-20)
    await salon.ring(NO_SHOW_TIMER, made.booking_id)
    assert (await salon.see(made.booking_id)).state is BookingState.NO_SHOW


async def test_what_is_offered_no_more_cannot_be_booked_on_any_day_and_what_was_booked_can_be_moved(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2)
    customer = await make_customer(services, brand)
    at = tomorrow(days=3)
    day = clock.business_day(at, salon.zone)
    async with services.database.unit_of_work(brand.id) as session:
        hours = ShopDayView(day=day, opens=540, closes=1200, reason="")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=hours)
    made = await salon.book(at, member_id=customer.id, staff_id=salon.staff[0])

    async def is_refused() -> bool:
        assert await salon.starts(day) == []
        with pytest.raises(NotOffered):
            await salon.book(at + dt.timedelta(hours=1))
        return True

    await salon.rows("UPDATE stores_shop SET status = 'paused' WHERE brand_id = $1")
    assert await is_refused(), "other hours on a date open no shop that is closed for a while"
    await salon.rows("UPDATE stores_shop SET status = 'open' WHERE brand_id = $1")
    await salon.rows("UPDATE appointments_service SET status = 'retired' WHERE brand_id = $1")
    assert await is_refused()

    database, shops = services.database, frozenset({salon.shop_id})
    other = await moving.reassign(
        database,
        brand_id=brand.id,
        booking_id=made.booking_id,
        staff_id=salon.staff[1],
        resource_id=None,
        shops=shops,
        actor_id=None,
    )
    assert other.staff_id == salon.staff[1]
    for by, hour in ((Actor.SHOP, 1), (Actor.CUSTOMER, 2)):
        to = NewTime(start=at + dt.timedelta(hours=hour), staff_id=None, by=by, actor_id=None)
        other = await moving.reschedule(database, brand_id=brand.id, booking_id=other.id, to=to)
        assert other.starts_at == to.start
    page = f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}"
    hers = {"Accept": "text/html", **(await signed_in(services, brand, customer.id)).headers}
    shown = [
        (await client.get(page, params={"day": day.isoformat(), **more}, headers=hers)).text.count("/confirm?")
        for more in ({}, {"move": other.code})
    ]
    assert (shown[0], shown[1] > 3) == (0, True)
    assert await is_refused()


async def test_nobody_stands_in_a_line_that_leads_to_nothing(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand, people=2)
    customer = await make_customer(services, brand)
    able, unable = salon.staff
    at = tomorrow(days=3)
    full, closed = clock.business_day(at, salon.zone), clock.business_day(at, salon.zone) + dt.timedelta(days=1)
    async with services.database.unit_of_work(brand.id) as session:
        day = ShopDayView(day=closed, opens=None, closes=None, reason="")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=day)
    await salon.rows("DELETE FROM appointments_skill WHERE brand_id = $1 AND staff_id = $2", unable)
    for hour in range(9, 20):
        await salon.book(tomorrow(days=3, hour=hour))

    async def joins(day: dt.date, staff_id: uuid.UUID | None) -> bool:
        try:
            async with services.database.connection(brand.id) as tx:
                await waiting.join(
                    tx, member_id=customer.id, shop_id=salon.shop_id, service_id=salon.service.id,
                    staff_id=staff_id, day=day, now=clock.now(),
                )  # fmt: skip
        except NotOffered:
            return False
        return True

    assert await salon.starts(full) == []
    asked = [(full, new_id()), (full, unable), (closed, None), (full, able)]
    assert [await joins(day, staff_id) for day, staff_id in asked] == [False, False, False, True]
    rows = await salon.rows("SELECT day, staff_id FROM appointments_wait WHERE brand_id = $1")
    assert [(row["day"], row["staff_id"]) for row in rows] == [(full, able)]


async def test_who_looks_at_people_who_do_not_exist_is_counted_once_like_anybody(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    [staff] = salon.staff
    page = f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}"
    member = await signed_in(services, brand, (await make_customer(services, brand)).id)
    asked = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id)}
    for who in (new_id(), new_id(), staff):
        seen = await client.get(page, params={"staff": str(who)}, headers={"Accept": "text/html"})
        told = await client.get(
            "/v1/appointment-times", params={**asked, "staff_id": str(who)}, headers=member.headers
        )
        assert (seen.status_code, told.status_code) == (200, 200)

    rows = await salon.rows("SELECT channel, staff_id FROM appointments_viewing WHERE brand_id = $1 ORDER BY id")
    assert sorted((row["channel"], row["staff_id"] == staff) for row in rows) == [
        ("api", False), ("api", True), ("web", False), ("web", True),
    ]  # fmt: skip
