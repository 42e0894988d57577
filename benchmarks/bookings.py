"""What it costs to say which times can be had, and to book one, against raw inserts under the same constraint.

    .venv/bin/python -m benchmarks.bookings [--reads 300] [--bookings 2000] [--clients 8]

A server of its own. Reads: a month of a shop with 20 people, 8 bookings each a day, uncached, by as many processes
as there are cores (two), each a worker with two clients, PostgreSQL on the same cores; statements are counted, and
the cost of one process, one read at a time, at half the days and half the people is printed beside it.

Bookings: the whole way of the service (plans, openings, candidates, one statement with history and event) against
rows inserted plainly under the same constraint by as many connections, taking turns. A booking takes two such
rows, who serves and the chair, both or none, so raw pairs in one transaction are printed too; it is judged by the
harder limit, single rows. Beside the rates stands the share by processor time, which a busy machine changes less.

Goals: 2 statements at most; 150 reads/s; bookings at 20 % of raw single rows, none twice, no deadlock seen.
"""

import argparse
import asyncio
import datetime as dt
import json
import os
import subprocess
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
from yundian.app.config import as_environment
from yundian.brands.service import create_brand
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate
from yundian.platform.db.counting import counted
from yundian.platform.db.database import operator_unit_of_work
from yundian.platform.db.services import Services, open_services

ZONE = ZoneInfo("Asia/Shanghai")
PEOPLE, PER_DAY, DAYS = 20, 8, 30
READERS, CLIENTS_OF_READER = 2, 2
GOALS = {"statements": 2, "reads": 150.0, "share": 0.20}

_INSERT = """
INSERT INTO appointments_occupancy (brand_id, id, created_at, resource_id, starts_at, ends_at, is_live, session_id)
VALUES {rows} ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING
"""
RAW = _INSERT.format(rows="($1, $2, now(), $3, $4, $5, true, $6)")
PAIR = _INSERT.format(rows="($1, $2, now(), $3, $4, $5, true, $6), ($1, $7, now(), $8, $4, $5, true, $6)")


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
    return len(rows)


async def read(shop: Shop, *, days: int) -> int:
    today = clock.business_day(clock.now(), str(ZONE))
    async with shop.services.database.connection(shop.brand_id, is_planned_once=True) as tx:
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


async def bookings(shop: Shop, *, count: int, clients: int, first: int = 0) -> tuple[float, int]:
    """Whole bookings a second, spread over a year's days; how many of them found the time taken."""
    base = dt.datetime.combine(clock.business_day(clock.now(), str(ZONE)), dt.time(9), ZONE).astimezone(dt.UTC)
    taken = 0

    async def one(number: int) -> None:
        nonlocal taken
        day, slot = divmod(first + number, 5 * PEOPLE)
        start = base + dt.timedelta(days=2 + day, minutes=45 * (slot % 5))
        wish = Wish(shop_id=shop.shop_id, service_id=shop.service_id, start=start)
        try:
            await book(shop.services.database, keyring=shop.services.keyring, brand_id=shop.brand_id, wish=wish)
        except SlotTaken:
            taken += 1

    return await many(count, clients, one), taken


async def raw_inserts(shop: Shop, *, count: int, clients: int, is_pair: bool = False) -> float:
    """The limit: rows under the same constraint, as the application, one transaction each; or pairs of them."""
    base, session_id = clock.now() + dt.timedelta(days=1_000), await a_session(shop)
    staff, chairs = ([new_id() for _ in range(PEOPLE)] for _ in range(2))
    database = shop.services.database

    async def one(number: int) -> None:
        start = base + dt.timedelta(minutes=45 * (number // PEOPLE))
        at = number % PEOPLE
        row = (shop.brand_id, new_id(), staff[at], start, start + dt.timedelta(minutes=45), session_id)
        async with database.connection(shop.brand_id) as tx:
            if is_pair:
                await tx.execute(PAIR, *row, new_id(), chairs[at])
            else:
                await tx.execute(RAW, *row)

    return await many(count, clients, one)


@dataclass
class Share:
    """Bookings against the two limits: a second, and milliseconds of everybody's processor each."""

    rates: dict[str, float]
    cpu_ms: dict[str, float]
    taken: int

    def of(self, limit: str) -> float:
        return self.rates["bookings"] / self.rates[limit]

    def by_cpu(self, limit: str) -> float:
        return self.cpu_ms[limit] / self.cpu_ms["bookings"]


async def share(house: kit.House, shop: Shop, *, count: int, clients: int) -> Share:
    """In turns, so that what else the machine does meets all of them alike."""
    rounds, seconds, cpu = 4, dict[str, float](), dict[str, float]()
    each, taken = count // rounds, 0

    async def measured(name: str, work: Callable[[], Awaitable[float]]) -> None:
        before = kit.cpu(house)
        seconds[name] = seconds.get(name, 0) + each / await work()
        cpu[name] = cpu.get(name, 0) + kit.cpu(house) - before

    async def book_some(first: int) -> float:
        nonlocal taken
        rate, lost = await bookings(shop, count=each, clients=clients, first=first)
        taken += lost
        return rate

    for number in range(rounds):
        await measured("pairs", lambda: raw_inserts(shop, count=each, clients=clients, is_pair=True))
        await measured("bookings", lambda first=number * each: book_some(first))  # type: ignore[misc]
        await measured("rows", lambda: raw_inserts(shop, count=each, clients=clients))
    total = each * rounds
    return Share(
        {name: total / spent for name, spent in seconds.items()},
        {name: spent / total * 1e3 for name, spent in cpu.items()},
        taken,
    )


async def readers(house: kit.House, shop: Shop, *, count: int) -> tuple[float, float]:
    """Reads a second of all processes together, and milliseconds of everybody's processor each."""
    what = json.dumps([str(shop.brand_id), str(shop.shop_id), str(shop.service_id), count // READERS])
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.bookings", "--reader", what,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **as_environment(house.settings)},
        )
        for _ in range(READERS)
    ]  # fmt: skip
    pipes = [(one.stdin, one.stdout) for one in children if one.stdin is not None and one.stdout is not None]
    for _, out in pipes:
        await out.readline()
    before, began = kit.cpu(house), time.perf_counter()
    for into, _ in pipes:
        into.write(b"go\n")
    spent = [float(await out.readline()) for _, out in pipes]
    seconds, used = time.perf_counter() - began, kit.cpu(house) - before
    for one in children:
        await one.wait()
    done = count // READERS * READERS
    return done / seconds, (sum(spent) + used) / done * 1e3


async def read_as_told(what: str) -> None:
    """One process that reads: ready, told to go, done, and the processor seconds it took."""
    brand_id, shop_id, service_id, count = json.loads(what)
    async with open_services(Settings()) as services:
        shop = Shop(services, uuid.UUID(brand_id), uuid.UUID(shop_id), uuid.UUID(service_id), [])
        await asyncio.gather(*(read(shop, days=DAYS) for _ in range(2 * CLIENTS_OF_READER)))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        before = time.process_time()

        async def one(_number: int) -> None:
            await read(shop, days=DAYS)

        await many(count, CLIENTS_OF_READER, one)
        print(time.process_time() - before, flush=True)


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
        await owner.execute("ANALYZE")
        together, all_cpu = await readers(house, big, count=read_count)
        print(f"reads of {DAYS} days x {PEOPLE} people: {together:.0f}/s by {READERS} processes at once,")
        print(f"  {all_cpu:.1f} ms CPU each with PostgreSQL's, {len(statements)} statements")
        rate, cpu = await reads(big, count=read_count // 2, days=DAYS)
        print(f"  one process, one at a time: {rate:.0f}/s, {cpu:.1f} ms CPU here each")
        for shop, days, people in ((big, DAYS // 2, PEOPLE), (small, DAYS, PEOPLE // 2)):
            half, half_cpu = await reads(shop, count=read_count // 2, days=days)
            print(f"  {days} days x {people} people: {half:.0f}/s, {half_cpu:.1f} ms CPU ({half_cpu / cpu:.0%})")
        empty = await open_shop(services, brand_id, people=PEOPLE)
        # As it looks when PostgreSQL has seen a day of it: its own statistics come a minute late.
        await bookings(await open_shop(services, brand_id, people=PEOPLE), count=200, clients=clients)
        await owner.execute("ANALYZE")
        found = await share(house, empty, count=booking_count, clients=clients)
        print(
            f"bookings by {clients}: {found.rates['bookings']:.0f}/s, {found.cpu_ms['bookings']:.2f} ms CPU each,"
        )
        print(f"  {found.taken} of {booking_count} found their time taken")
        for limit, name in (("pairs", "pairs of rows"), ("rows", "single rows")):
            print(
                f"raw {name} under the constraint: {found.rates[limit]:.0f}/s, {found.cpu_ms[limit]:.2f} ms CPU:"
            )
            print(f"  ours are {found.of(limit):.1%} ({found.by_cpu(limit):.1%} by processor time)")
    is_read_well = len(statements) <= GOALS["statements"] and together >= GOALS["reads"]
    return is_read_well and found.of("rows") >= GOALS["share"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reads", type=int, default=300)
    parser.add_argument("--bookings", type=int, default=2_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--reader", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.reader:
        uvloop.run(read_as_told(given.reader))
        return 0
    with kit.house() as house:
        is_good = uvloop.run(
            measure(house, read_count=given.reads, booking_count=given.bookings, clients=given.clients)
        )
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
