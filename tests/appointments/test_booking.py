"""Booking: what is offered can be had, what is not cannot, and the database lets nobody overlap."""

import asyncio
import datetime as dt
import random
import uuid
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from appointments.errors import CapReached, OwnOverlap, SlotTaken
from appointments.service import life
from appointments.service.booking import Wish, take
from appointments.service.moving import NewTime, reschedule
from appointments.states import BookingState
from appointments.types import Actor
from stores.types import Interval
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.members.makers import Customer, make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.counting import counted
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_OVERLAPS = """
SELECT count(*) AS n FROM appointments_occupancy a JOIN appointments_occupancy b
ON b.brand_id = a.brand_id AND b.resource_id = a.resource_id AND b.id > a.id AND b.is_live AND a.is_live
AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at WHERE a.brand_id = $1
"""


_BY_START = "SELECT staff_id FROM appointments_booking WHERE brand_id = $1 ORDER BY starts_at"


def tomorrow(zone: str = "Asia/Shanghai", hour: int = 10, minute: int = 0, days: int = 1) -> dt.datetime:
    """A wall clock time of tomorrow, as an instant."""
    day = clock.business_day(clock.now(), zone) + dt.timedelta(days=days)
    return dt.datetime.combine(day, dt.time(hour, minute), ZoneInfo(zone)).astimezone(dt.UTC)


async def overlaps(salon: Salon) -> object:
    return (await salon.rows(_OVERLAPS))[0]["n"]


async def test_a_time_is_booked_once_and_then_offered_no_more(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    start = tomorrow()
    day = clock.business_day(start, salon.zone)
    before = await salon.starts(day)

    booked = await salon.book(start)
    with pytest.raises(SlotTaken):
        await salon.book(start)

    assert booked.state is BookingState.CONFIRMED
    assert len(before) == 11
    assert await salon.starts(day) == [each for each in before if each != start]
    assert await overlaps(salon) == 0


async def test_two_hundred_customers_for_twenty_slots(services: Services, brand: BrandView) -> None:
    """Three people and two chairs: ten hours are twenty appointments, however many people work."""
    salon = await make_salon(services, brand, people=3, chairs=2, fields=service_fields(deposit_minor=5_000))
    starts = [tomorrow(hour=9 + n) for n in range(10)]
    customers = [await make_customer(services, brand) for _ in range(200)]

    async def one(number: int) -> object:
        try:
            return await salon.book(starts[number % 10], member_id=customers[number].id)
        except DomainError as refusal:
            return refusal.code

    results = await asyncio.gather(*(one(number) for number in range(200)))

    refused = [each for each in results if isinstance(each, str)]
    assert set(refused) == {SlotTaken.code}
    assert len(refused) == 180
    rows = await salon.rows("SELECT state, payment_id FROM appointments_booking WHERE brand_id = $1")
    payments = await salon.rows("SELECT id FROM payments_payment WHERE brand_id = $1")
    assert [row["state"] for row in rows] == ["held"] * 20
    assert sorted(str(row["payment_id"]) for row in rows) == sorted(str(row["id"]) for row in payments)
    assert await overlaps(salon) == 0


async def test_every_offered_time_can_be_booked_and_no_other(services: Services, brand: BrandView) -> None:
    """Over a day with buffers, caps, breaks and bookings: every cell of it is tried, nothing is kept."""
    salon = await make_salon(
        services,
        brand,
        people=2,
        chairs=1,
        cap=3,
        hours=tuple(Interval(day, 600, 840) for day in range(1, 8)),
        zone="Europe/Paris",
        fields=service_fields(duration_min=30, buffer_after_min=15, step_min=15),
    )
    for hour, minute in ((10, 0), (11, 0)):
        await salon.book(tomorrow("Europe/Paris", hour, minute))
    day = clock.business_day(tomorrow("Europe/Paris"), "Europe/Paris")
    offered = set(await salon.starts(day))
    first = tomorrow("Europe/Paris", 9, 30)

    class Undone(Exception):
        """What was booked is not kept."""

    async def can_be_had(start: dt.datetime) -> bool:
        wish = Wish(shop_id=salon.shop_id, service_id=salon.service.id, start=start)
        try:
            async with services.database.connection(brand.id) as tx:
                await take(tx, wish=wish, now=clock.now())
                raise Undone
        except Undone:
            return True
        except DomainError:
            return False

    cells = [first + dt.timedelta(minutes=5 * n) for n in range(60)]
    assert offered
    assert {at for at in cells if await can_be_had(at)} == offered


async def test_nobody_is_booked_past_her_cap_however_many_try(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand, people=2, chairs=4, cap=2)
    starts = [tomorrow(hour=9 + n) for n in range(8)]

    results = await asyncio.gather(*(salon.book(start) for start in starts), return_exceptions=True)

    refused = [each for each in results if isinstance(each, BaseException)]
    rows = await salon.rows(
        "SELECT staff_id, count(*) AS n FROM appointments_booking WHERE brand_id = $1 GROUP BY staff_id"
    )
    assert {type(each) for each in refused} == {CapReached}
    assert [row["n"] for row in rows] == [2, 2]


async def test_the_same_wish_books_once_and_nobody_is_in_two_shops(services: Services, brand: BrandView) -> None:
    here, there = [await make_salon(services, brand, people=3, chairs=3) for _ in range(2)]
    customer = await make_customer(services, brand)
    start = tomorrow()

    keyed = await asyncio.gather(*(here.book(start, member_id=customer.id, request_key="once") for _ in range(6)))
    again = await here.book(start, member_id=customer.id)
    with pytest.raises(OwnOverlap):
        await there.book(start, member_id=customer.id)

    assert {each.booking_id for each in [*keyed, again]} == {keyed[0].booking_id}
    assert [each.is_repeat for each in keyed].count(False) == 1


async def test_whoever_was_booked_longest_ago_serves_and_no_shows_do_not_count(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=3)
    for hour in (9, 10, 11):
        await salon.book(tomorrow(hour=hour))
    order = [row["staff_id"] for row in await salon.rows(_BY_START)]

    await salon.rows(
        "UPDATE appointments_booking SET state = 'no_show' WHERE brand_id = $1 AND staff_id = $2", order[1]
    )
    await salon.book(tomorrow(hour=12))
    await salon.book(tomorrow(hour=13))

    assert len(set(order)) == 3
    assert [row["staff_id"] for row in await salon.rows(_BY_START)] == [*order, order[1], order[0]]


async def test_customers_who_book_at_the_same_moment_do_not_wait_for_the_same_person(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=6, chairs=6)

    with counted() as statements:
        await asyncio.gather(*(salon.book(tomorrow()) for _ in range(6)))

    assert len(await salon.rows(_BY_START)) == 6
    assert sum("INSERT INTO appointments_booking " in each for each in statements) == 6, "each tried once"


async def test_a_session_fills_to_its_seats_and_opens_once(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=5))
    customers = [await make_customer(services, brand) for _ in range(12)]
    start = tomorrow()

    results = await asyncio.gather(
        *(salon.book(start, member_id=one.id) for one in customers), return_exceptions=True
    )
    sessions = await salon.rows("SELECT seats, taken FROM appointments_session WHERE brand_id = $1")

    assert [type(each) for each in results if isinstance(each, BaseException)] == [SlotTaken] * 7
    assert sessions == [{"seats": 5, "taken": 5}]
    assert start not in await salon.starts(clock.business_day(start, salon.zone))
    assert await overlaps(salon) == 0


async def test_a_month_is_read_in_one_statement_and_a_booking_written_in_another(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=3)
    day = clock.business_day(clock.now(), salon.zone)

    with counted() as reading:
        await salon.starts(day, day + dt.timedelta(days=30))
    with counted() as writing:
        await salon.book(tomorrow())

    assert len(reading) == 1
    assert len(writing) == 2


async def test_customers_who_change_places_wait_for_nobody_for_ever(services: Services, brand: BrandView) -> None:
    """Each gives back what the other one wants: whoever cannot have it keeps what she has."""
    salon = await make_salon(services, brand)
    hours = (9, 10, 11, 12)
    booked = [await salon.book(tomorrow(hour=hour)) for hour in hours]

    async def move(number: int) -> object:
        to = NewTime(start=tomorrow(hour=hours[number - 1]), staff_id=None, by=Actor.SHOP, actor_id=None)
        try:
            return await reschedule(
                services.database, brand_id=brand.id, booking_id=booked[number].booking_id, to=to
            )
        except DomainError as refusal:
            return refusal.code

    results = await asyncio.gather(*(move(number) for number in range(4)))
    live = await salon.rows("SELECT state FROM appointments_booking WHERE brand_id = $1 AND state = 'confirmed'")

    assert {each for each in results if isinstance(each, str)} <= {SlotTaken.code}
    assert len(live) == 4
    assert await overlaps(salon) == 0


@pytest.mark.soak
@pytest.mark.timeout(3_600)
async def test_nothing_overlaps_however_many_book_move_and_cancel(services: Services, brand: BrandView) -> None:
    """Twenty people at once on few times, with a seed; refusals are told, and nothing else ever is."""
    salon = await make_salon(services, brand, people=3, chairs=2, cap=6, fields=service_fields(step_min=30))
    customers = [await make_customer(services, brand) for _ in range(20)]
    chance = random.Random(20261122)
    refused: Counter[str] = Counter()

    def some_time() -> dt.datetime:
        return tomorrow(hour=9 + chance.randrange(10), minute=chance.choice((0, 30)), days=1 + chance.randrange(2))

    async def one(customer: Customer) -> None:
        mine: list[uuid.UUID] = []
        for _ in range(1_000):
            try:
                if mine and chance.random() < 0.4:
                    async with services.database.connection(brand.id) as tx:
                        booking = await life.see(tx, booking_id=mine.pop(), is_locked=True)
                        await life.cancel(tx, booking, by=Actor.SHOP, actor_id=None, now=clock.now())
                elif mine and chance.random() < 0.5:
                    to = NewTime(start=some_time(), staff_id=None, by=Actor.SHOP, actor_id=None)
                    moved = await reschedule(services.database, brand_id=brand.id, booking_id=mine[-1], to=to)
                    mine[-1] = moved.id
                else:
                    mine.append((await salon.book(some_time(), member_id=customer.id)).booking_id)
            except DomainError as refusal:
                refused[refusal.code] += 1

    await asyncio.gather(*(one(customer) for customer in customers))

    assert await overlaps(salon) == 0
    assert set(refused) <= {SlotTaken.code, OwnOverlap.code, CapReached.code, "appointments.not_now"}
    assert refused[SlotTaken.code] > 100
