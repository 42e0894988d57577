"""What it costs to say which times can be had, and to book one, against raw inserts under the same constraint.

    .venv/bin/python -m benchmarks.bookings [--reads 300] [--bookings 2000] [--clients 8]

A server of its own. Reads: a month of a shop with 20 people, 8 bookings each a day, in this process, uncached;
statements are counted, and the cost at half the days and half the people is printed beside it. Bookings: the whole
way of the service (plans, openings, candidates, one statement with history and event; two occupancy rows each)
against the same number of single rows inserted plainly under the same constraint by as many connections, in the
same minute. Goals: 2 statements; 150 reads/s on two cores, that is 75 on the one core that a process can use;
bookings at 20 % of raw inserts, none twice, no deadlock seen.
"""

import argparse
import asyncio
import datetime as dt
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import asyncpg
import psutil
import uvloop

from appointments.errors import SlotTaken
from appointments.service import planning, setup
from appointments.service.booking import Wish, book
from appointments.states import SpanKind
from appointments.types import PlanLine, ServiceFields, StaffFields, Stretch
from benchmarks import kit
from stores import api as stores
from stores.service import shops
from stores.states import ShopStatus
from stores.types import Interval, ShopFields
from yundian.brands.service import create_brand
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db import migrate
from yundian.platform.db.counting import counted
from yundian.platform.db.database import operator_unit_of_work
from yundian.platform.db.services import Services, open_services

ZONE = ZoneInfo("Asia/Shanghai")
PEOPLE, PER_DAY, DAYS = 20, 8, 30
GOALS = {"statements": 2, "reads": 75.0, "share": 0.20}

RAW = """
INSERT INTO appointments_occupancy (brand_id, id, created_at, resource_id, starts_at, ends_at, is_live, session_id)
VALUES ($1, $2, now(), $3, $4, $5, true, $6)
ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING
"""


@dataclass(frozen=True)
class Shop:
    """A shop whose people have a week."""

    services: Services
    brand_id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff: list[uuid.UUID]


async def open_shop(services: Services, brand_id: uuid.UUID, *, people: int) -> Shop:
    async with services.database.unit_of_work(brand_id) as session:
        made = await stores.create_shop(
            session, fields=ShopFields(code=new_id().hex[-12:], name="B", time_zone=str(ZONE))
        )
        hours = tuple(Interval(day, 0, 1440) for day in range(1, 8))
        shop = made.shop
        made = await shops.put_hours(session, brand_id=brand_id, shop_id=shop.id, version=1, hours=hours)
        await shops.change_status(
            session, brand_id=brand_id, shop_id=shop.id, version=made.shop.version, status=ShopStatus.OPEN
        )
        fields = ServiceFields(
            code=new_id().hex[-12:], name="B", duration_min=30, step_min=15, buffer_after_min=15, notice_min=0,
            horizon_days=365, chair_kind="chair",
        )  # fmt: skip
        service = await setup.save_service(session, service_id=None, version=None, fields=fields)
        staff = []
        for number in range(people):
            person = StaffFields(display_name=str(number), home_shop_id=shop.id, service_ids=(service.id,))
            one = await setup.save_staff(session, staff_id=None, version=None, fields=person)
            lines = [(SpanKind.WORK, 540, 1260), (SpanKind.BREAK, 780, 840)]
            week = [
                PlanLine(shop_id=shop.id, weekday=day, kind=kind, starts=starts, ends=ends)
                for day in range(1, 8)
                for kind, starts, ends in lines
            ]
            await setup.put_plan(session, staff_id=one.id, lines=week)
            await setup.add_resource(session, shop_id=shop.id, kind="chair", name=str(number))
            staff.append(one.id)
    return Shop(services, brand_id, shop.id, service.id, staff)


async def a_session(shop: Shop) -> uuid.UUID:
    """Something that plainly inserted rows can belong to."""
    session_id = new_id()
    async with shop.services.database.connection(shop.brand_id) as tx:
        await tx.execute(
            "INSERT INTO appointments_session (brand_id, id, created_at, shop_id, service_id, staff_id, starts_at,"
            " ends_at, seats, taken, is_open) VALUES ($1, $2, now(), $3, $4, $5, now(), now(), 1, 0, false)",
            shop.brand_id, session_id, shop.shop_id, shop.service_id, shop.staff[0],
        )  # fmt: skip
    return session_id


async def fill(shop: Shop, owner: "asyncpg.Connection[asyncpg.Record]", *, days: int) -> int:
    """Eight appointments a day for everybody."""
    first = dt.datetime.combine(clock.business_day(clock.now(), str(ZONE)), dt.time(9), ZONE)
    session_id = await a_session(shop)
    rows = []
    for person in shop.staff:
        for day in range(days):
            for number in range(PER_DAY):
                start = first + dt.timedelta(days=day, minutes=45 * number + (60 if number > 4 else 0))
                rows.append((shop.brand_id, new_id(), person, start, start + dt.timedelta(minutes=45), session_id))
    await owner.executemany(RAW, rows)
    await owner.execute("ANALYZE appointments_occupancy")
    return len(rows)


async def read(shop: Shop, *, days: int) -> int:
    today = clock.business_day(clock.now(), str(ZONE))
    async with shop.services.database.connection(shop.brand_id) as tx:
        asked = await planning.ask(
            tx, shop_id=shop.shop_id, service_id=shop.service_id, now=clock.now(),
            stretch=Stretch(today, today + dt.timedelta(days=days - 1)),
        )  # fmt: skip
    return len(asked.openings.starts())


async def reads(shop: Shop, *, count: int, days: int) -> tuple[float, float]:
    """Per second, one at a time, and milliseconds of this process's CPU each."""
    await read(shop, days=days)
    cpu, began = time.process_time(), time.perf_counter()
    for _ in range(count):
        await read(shop, days=days)
    return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e3


async def many(count: int, clients: int, one: Callable[[int], Awaitable[None]]) -> float:
    """Per second, by so many at once."""
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await one(number)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return count / (time.perf_counter() - began)


async def bookings(shop: Shop, *, count: int, clients: int) -> tuple[float, int]:
    """Whole bookings a second, spread over a year's days; how many of them found the time taken."""
    base = dt.datetime.combine(clock.business_day(clock.now(), str(ZONE)), dt.time(9), ZONE).astimezone(dt.UTC)
    taken = 0

    async def one(number: int) -> None:
        nonlocal taken
        day, slot = divmod(number, 5 * PEOPLE)
        start = base + dt.timedelta(days=2 + day, minutes=45 * (slot % 5))
        wish = Wish(shop_id=shop.shop_id, service_id=shop.service_id, start=start)
        try:
            await book(shop.services.database, keyring=shop.services.keyring, brand_id=shop.brand_id, wish=wish)
        except SlotTaken:
            taken += 1

    return await many(count, clients, one), taken


async def raw_inserts(shop: Shop, *, count: int, clients: int) -> float:
    """The limit: rows under the same constraint, as the application, one transaction each."""
    base, session_id = clock.now() + dt.timedelta(days=1_000), await a_session(shop)
    staff = [new_id() for _ in range(PEOPLE)]
    database = shop.services.database

    async def one(number: int) -> None:
        start = base + dt.timedelta(minutes=45 * (number // PEOPLE))
        async with database.connection(shop.brand_id) as tx:
            await tx.execute(
                RAW,
                shop.brand_id,
                new_id(),
                staff[number % PEOPLE],
                start,
                start + dt.timedelta(minutes=45),
                session_id,
            )

    return await many(count, clients, one)


async def measure(house: kit.House, *, read_count: int, booking_count: int, clients: int) -> bool:
    await migrate.upgrade(house.settings)
    brand_id = new_id()
    async with operator_unit_of_work(house.settings, brand_id) as session:
        await create_brand(session, brand_id=brand_id, code="bench", name="B")
    async with open_services(house.settings) as services, kit.owner(house) as owner:
        big = await open_shop(services, brand_id, people=PEOPLE)
        small = await open_shop(services, brand_id, people=PEOPLE // 2)
        written = await fill(big, owner, days=DAYS) + await fill(small, owner, days=DAYS)
        with counted() as statements:
            offered = await read(big, days=DAYS)
        print(f"{written} live rows, load {psutil.getloadavg()[0]:.1f}; a month offers {offered} times")
        rate, cpu = await reads(big, count=read_count, days=DAYS)
        print(f"reads of {DAYS} days x {PEOPLE} people: {rate:.0f}/s one at a time, {cpu:.1f} ms CPU here each,")
        print(f"  {len(statements)} statements")
        for shop, days, people in ((big, DAYS // 2, PEOPLE), (small, DAYS, PEOPLE // 2)):
            half, half_cpu = await reads(shop, count=read_count // 2, days=days)
            print(f"  {days} days x {people} people: {half:.0f}/s, {half_cpu:.1f} ms CPU ({half_cpu / cpu:.0%})")
        empty = await open_shop(services, brand_id, people=PEOPLE)
        limit = await raw_inserts(empty, count=booking_count, clients=clients)
        booked, taken = await bookings(empty, count=booking_count, clients=clients)
        again = await raw_inserts(empty, count=booking_count, clients=clients)
        share = booked / max(limit, again)
        print(f"bookings by {clients}: {booked:.0f}/s, {taken} of {booking_count} found their time taken;")
        print(f"raw inserts under the constraint: {limit:.0f}/s before, {again:.0f}/s after; ours are {share:.0%}")
    return len(statements) <= GOALS["statements"] and rate >= GOALS["reads"] and share >= GOALS["share"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=300)
    parser.add_argument("--bookings", type=int, default=2_000)
    parser.add_argument("--clients", type=int, default=8)
    given = parser.parse_args()
    with kit.house() as house:
        is_good = uvloop.run(
            measure(house, read_count=given.reads, booking_count=given.bookings, clients=given.clients)
        )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
