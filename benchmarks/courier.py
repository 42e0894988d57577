"""What the courier costs: effects per second when it drains a backlog, and the lag under a steady load.

Run ``python -m benchmarks.courier``. It starts PostgreSQL and Valkey of its own; ``--worker`` is its own child.
The limit is the same effects written by the same number of processes with plain asyncpg, without a courier.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence

import asyncpg
import psutil
import uvloop
from sqlmodel.ext.asyncio.session import AsyncSession

from benchmarks import kit
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.services import open_services
from yundian.platform.jobs.worker import work
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Delivered, Event, batch_subscriber, subscriber
from yundian.platform.outbox.door import run
from yundian.platform.outbox.poke import Poker
from yundian.platform.outbox.registry import Registry

BRANDS = [uuid.UUID(int=n) for n in range(1, 5)]
GOAL_EFFECTS_S, GOAL_LAG_S = 3_000, 0.5

SCHEMA = """
CREATE SCHEMA bench;
CREATE TABLE bench.fact (brand_id uuid, event_id uuid, amount bigint, PRIMARY KEY (brand_id, event_id));
CREATE TABLE bench.point (brand_id uuid, number bigint, points bigint, PRIMARY KEY (brand_id, number));
GRANT USAGE ON SCHEMA bench TO yundian_app;
GRANT ALL ON ALL TABLES IN SCHEMA bench TO yundian_app;
"""


class OrderPaid(Event, frozen=True, kw_only=True, tag="bench.order_paid.v1"):
    """An event of a usual size."""

    number: int
    order_id: uuid.UUID
    shop_id: uuid.UUID
    amount_minor: int
    currency: str = "CNY"


@batch_subscriber(OrderPaid, name="bench.append_facts")
async def append_facts(tx: Tx, delivered: Sequence[Delivered[OrderPaid]]) -> None:
    await tx.execute(
        "INSERT INTO bench.fact SELECT $1, * FROM unnest($2::uuid[], $3::bigint[])",
        tx.brand,
        [one.event_id for one in delivered],
        [one.event.amount_minor for one in delivered],
    )


@subscriber(OrderPaid, name="bench.give_points")
async def give_points(session: AsyncSession, event: OrderPaid) -> None:
    await run(
        session,
        "INSERT INTO bench.point VALUES ($1, $2, $3) ON CONFLICT (brand_id, number)"
        " DO UPDATE SET points = bench.point.points + excluded.points",
        session.info["brand"],
        event.number,
        event.amount_minor // 100,
    )


SUBSCRIBERS = {"batch": append_facts, "single": give_points}


def an_order(number: int) -> OrderPaid:
    return OrderPaid(number=number, order_id=new_id(), shop_id=new_id(), amount_minor=12_900)


class Workers:
    """Worker processes, with what they cost."""

    def __init__(self, house: kit.House, count: int, kinds: str) -> None:
        settings = house.settings
        environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "YUNDIAN_VAR_DIR": str(settings.var_dir),
        }
        command = [sys.executable, "-m", "benchmarks.courier", "--worker", kinds]
        self._processes = [subprocess.Popen(command, env=environment) for _ in range(count)]
        house.children.extend(self._processes)

    def cost(self) -> tuple[float, float]:
        """CPU seconds and MiB of the largest."""
        found = [psutil.Process(one.pid) for one in self._processes]
        cpu = sum(sum(one.cpu_times()[:2]) for one in found)
        return cpu, max(one.memory_info().rss for one in found) / 2**20

    def end(self) -> None:
        for one in self._processes:
            one.send_signal(signal.SIGTERM)
        for one in self._processes:
            one.wait(timeout=30)


async def drain(house: kit.House, database: Database, *, events: int, workers: int, kinds: str) -> float:
    """Effects per second from the first to the last of a backlog."""
    per_brand = events // len(BRANDS)
    for brand in BRANDS:
        for first in range(0, per_brand, 1_000):
            async with database.connection(brand) as tx:
                await outbox.record(tx, *(an_order(first + n) for n in range(1_000)))
    total = per_brand * len(BRANDS) * len(kinds.split(","))
    owner = await asyncpg.connect(house.settings.database_owner_url)
    await owner.execute("TRUNCATE bench.fact, bench.point; ANALYZE outbox_event; ANALYZE outbox_delivery")
    running = Workers(house, workers, kinds)
    started, begun_at, cpu_then = 0, 0.0, 0.0
    while True:
        done = await owner.fetchval(
            "SELECT (SELECT count(*) FROM bench.fact) + (SELECT count(*) FROM bench.point)"
        )
        if not begun_at and done:
            started, begun_at, cpu_then = done, time.monotonic(), running.cost()[0]
        if done >= total:
            break
        await asyncio.sleep(0.05)
    seconds = time.monotonic() - begun_at
    cpu, memory = running.cost()
    rate = (total - started) / seconds
    cpu_each = (cpu - cpu_then) / (total - started) * 1e6
    print(
        f"drain {kinds:13s} {workers} worker(s): {rate:8,.0f} effects/s  worker CPU {cpu_each:5.0f} us/effect"
        f"  {memory:4.0f} MiB  ({total:,} effects in {seconds:.1f} s)"
    )
    running.end()
    await owner.execute("TRUNCATE outbox_event, outbox_delivery")
    await owner.close()
    return rate


async def lag(house: kit.House, database: Database, *, rate: int, seconds: float) -> float:
    """p99 of the lag at a steady rate, each event in a transaction of its own."""
    running = Workers(house, 1, "batch,single")
    await asyncio.sleep(4)

    async def one(number: int) -> None:
        async with database.connection(BRANDS[number % len(BRANDS)]) as tx:
            await outbox.record(tx, an_order(1_000_000 + number))

    begun = time.monotonic()
    tasks = []
    for number in range(int(rate * seconds)):
        ahead = begun + number / rate - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)
        tasks.append(asyncio.create_task(one(number)))
    await asyncio.gather(*tasks)
    recorded_s = time.monotonic() - begun
    await asyncio.sleep(3)
    owner = await asyncpg.connect(house.settings.database_owner_url)
    row = await owner.fetchrow(
        "SELECT count(*) AS n, count(*) FILTER (WHERE state <> 'done') AS open,"
        " percentile_cont(ARRAY[0.5, 0.99, 1])"
        " WITHIN GROUP (ORDER BY extract(epoch FROM done_at - recorded_at)) AS p"
        " FROM outbox_delivery"
    )
    running.end()
    await owner.execute("TRUNCATE outbox_event, outbox_delivery")
    await owner.close()
    assert row is not None
    p50, p99, worst = row["p"]
    print(
        f"lag at {len(tasks) / recorded_s:.0f} events/s, {row['n']:,} deliveries ({row['open']} open):"
        f" p50 {p50 * 1000:.0f} ms  p99 {p99 * 1000:.0f} ms  max {worst * 1000:.0f} ms"
    )
    return float(p99)


async def plain_limit(database: Database, *, effects: int, connections: int) -> float:
    """The single subscriber's statement alone, a hundred to a transaction."""

    async def write(part: int) -> None:
        for first in range(0, effects // connections, 100):
            async with database.connection(BRANDS[part]) as tx:
                for n in range(100):
                    await tx.execute(
                        "INSERT INTO bench.point VALUES ($1, $2, $3) ON CONFLICT (brand_id, number)"
                        " DO UPDATE SET points = bench.point.points + excluded.points",
                        tx.brand,
                        2_000_000 + part * effects + first + n,
                        129,
                    )

    begun = time.monotonic()
    await asyncio.gather(*(write(part) for part in range(connections)))
    rate = effects / (time.monotonic() - begun)
    print(f"limit: the single effect alone, asyncpg, {connections} connections: {rate:,.0f} effects/s")
    return rate


async def measure(house: kit.House, *, events: int) -> bool:
    await migrate.upgrade(house.settings)
    owner = await asyncpg.connect(house.settings.database_owner_url)
    await owner.execute(SCHEMA)
    await owner.close()
    async with open_services(house.settings) as services:
        database = services.database
        print(f"load average before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        # First: the backlogs of the drains leave vacuum and checkpoints behind, which are not the courier's lag.
        database.after_commit = Poker(services.redis)
        p99 = await lag(house, database, rate=300, seconds=20)
        database.after_commit = None
        limit = await plain_limit(database, effects=20_000, connections=4)
        mixed = await drain(house, database, events=events, workers=1, kinds="batch,single")
        print(f"  = {mixed / limit:.0%} of the limit")
        await drain(house, database, events=events, workers=2, kinds="batch,single")
        await drain(house, database, events=events, workers=1, kinds="batch")
        await drain(house, database, events=events, workers=1, kinds="single")
        await drain(house, database, events=events * 5, workers=1, kinds="batch,single")
        print(f"load average after: {os.getloadavg()[0]:.1f}")
    is_good = mixed >= GOAL_EFFECTS_S and p99 <= GOAL_LAG_S
    goals = f">= {GOAL_EFFECTS_S} effects/s, lag p99 <= {GOAL_LAG_S} s at 300 events/s"
    print(f"{'PASS' if is_good else 'FAIL'}: {goals}")
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", default="")
    parser.add_argument("--events", type=int, default=20_000)
    given = parser.parse_args()
    if given.worker:
        wanted = [SUBSCRIBERS[kind] for kind in given.worker.split(",")]
        uvloop.run(work(Settings(), registry=Registry.of(events=[OrderPaid], subscribers=wanted)))
        return 0
    with kit.house() as house:
        return 0 if uvloop.run(measure(house, events=given.events)) else 1


if __name__ == "__main__":
    sys.exit(main())
