"""The courier under faults: nothing lost, nothing twice, the next try in time."""

import datetime as dt
import os
import signal
import time
import uuid
from collections.abc import Sequence

import anyio
import pytest
from redis.asyncio import Redis

from tests import courier_room, factories
from tests.courier_room import Noted
from tests.faults.kit import LEASE_S, House
from tests.helpers import wait_until
from yundian.platform.core import clock
from yundian.platform.outbox import outbox, timers

pytestmark = [pytest.mark.anyio, pytest.mark.faults]

RELAY_STEPS = ("courier.expanded", "courier.claimed", "courier.swept", "courier.reclaimed", "courier.handed")
JOB_STEPS = (
    "courier.taken",
    "courier.started",
    "courier.locked",
    "courier.applied",
    "courier.done",
    "courier.committed",
)
TIMER_STEPS = ("timer.claimed", "timer.taken", "timer.locked", "timer.applied", "timer.committed")


_LEFT = """
SELECT subscriber, state, attempts, last_error, next_at - now() AS due_in, count(*) AS n FROM outbox_delivery
WHERE state <> 'done' GROUP BY 1, 2, 3, 4, 5 LIMIT 20
"""


async def _brand(house: House) -> uuid.UUID:
    return (await factories.make_brand(house.settings)).id


async def _record(house: House, brand: uuid.UUID, numbers: Sequence[int], **poison: str) -> None:
    async with house.database.connection(brand) as tx:
        await outbox.record(tx, *(Noted(number=n, **poison) for n in numbers))


async def _set_timers(house: House, brand: uuid.UUID, count: int) -> None:
    async with house.database.connection(brand) as tx:
        for n in range(count):
            due = clock.now() - dt.timedelta(seconds=1)
            await timers.set_timer(tx, name="test.timer", key=str(n), due_at=due, payload={"number": n})


async def _settled(house: House, brand: uuid.UUID, *, seconds: float) -> None:
    """Wait until nothing of the brand is fresh, pending or set."""

    async def is_settled() -> bool:
        async with house.database.connection(brand) as tx:
            open_rows = await tx.fetchval(
                "SELECT (SELECT count(*) FROM outbox_event WHERE expanded_at IS NULL)"
                " + (SELECT count(*) FROM outbox_delivery WHERE state = 'pending')"
                " + (SELECT count(*) FROM outbox_timer WHERE state = 'set')"
            )
        return int(open_rows) == 0

    try:
        await wait_until(is_settled, seconds=seconds, what="the courier")
    except AssertionError as error:
        async with house.database.connection(brand) as tx:
            found = [await courier_room.states(tx), [dict(row) for row in await tx.fetch(_LEFT)]]
        raise AssertionError(f"{error}: {found}\n{house.last_words()}") from error


async def _assert_effects(house: House, brand: uuid.UUID, numbers: Sequence[int], *, fired: int = 0) -> None:
    async with house.database.connection(brand) as tx:
        left = [dict(row) for row in await tx.fetch(_LEFT)]
        for name in ("single", "batch"):
            assert await courier_room.effects(tx, name) == sorted(numbers), (name, left)
        assert await courier_room.effects(tx, "timer") == list(range(fired))


@pytest.mark.parametrize("label", [*RELAY_STEPS, *JOB_STEPS, *TIMER_STEPS])
async def test_a_worker_killed_at_any_step_loses_nothing_and_repeats_nothing(house: House, label: str) -> None:
    brand = await _brand(house)
    await _record(house, brand, range(30))
    await house.lose(brand)
    await _record(house, brand, range(30, 60))
    await _set_timers(house, brand, 5)

    assert await house.died(house.start_worker(die_at=label)) == -signal.SIGKILL
    died_at = time.monotonic()
    house.start_worker()
    await _settled(house, brand, seconds=25)

    await _assert_effects(house, brand, range(60), fired=5)
    # Lease, sweep and the start of a process; with the real lease of 20 s this is well within 30 s.
    assert time.monotonic() - died_at < LEASE_S + 8


async def test_an_event_that_kills_every_worker_ends_parked_alone(house: House) -> None:
    brand = await _brand(house)
    await _record(house, brand, range(20))
    await _record(house, brand, [20], poison="kill")
    await _record(house, brand, range(21, 40))

    async def is_over() -> bool:
        if all(worker.poll() is not None for worker in house.workers):
            house.start_worker()
        async with house.database.connection(brand) as tx:
            return await courier_room.states(tx) == {"done": 79, "parked": 1}

    await wait_until(is_over, seconds=60, what=f"the end of the crash loop\n{house.last_words()}")
    async with house.database.connection(brand) as tx:
        assert await courier_room.effects(tx, "single") == [n for n in range(40) if n != 20]
        assert await courier_room.effects(tx, "batch") == list(range(40))
        row = await tx.fetchrow(
            "SELECT subscriber, attempts, last_error FROM outbox_delivery WHERE state = 'parked'"
        )
    assert row is not None
    assert tuple(row) == ("test.single", 3, "the worker died")


async def test_two_workers_with_wrong_clocks_share_the_work_without_doubling_it(house: House) -> None:
    brand = await _brand(house)
    await _set_timers(house, brand, 20)
    # On a busy machine a worker outlives its short lease and the next try counts: none may be parked for that.
    house.start_worker(skew_s=60, max_attempts=50)
    house.start_worker(skew_s=-60, max_attempts=50)
    for first in range(0, 3_000, 100):
        await _record(house, brand, range(first, first + 100))

    await _settled(house, brand, seconds=60)
    await _assert_effects(house, brand, range(3_000), fired=20)


async def test_valkey_killed_and_down_for_a_while_loses_nothing_and_stops_no_recording(house: House) -> None:
    brand = await _brand(house)
    worker = house.start_worker()
    await _record(house, brand, range(500))
    pid = house.servers.valkey.pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)

    async def is_noticed() -> bool:
        return "courier.outage" in house.last_words()

    await wait_until(is_noticed, seconds=15, what="the worker's notice")
    recording_at = time.monotonic()
    for first in range(500, 1_000, 100):
        await _record(house, brand, range(first, first + 100))
    assert time.monotonic() - recording_at < 5
    await anyio.to_thread.run_sync(house.servers.valkey.start)

    await _settled(house, brand, seconds=60)
    await _assert_effects(house, brand, range(1_000))
    assert worker.poll() is None


async def test_valkey_emptied_under_load_loses_nothing(house: House) -> None:
    brand = await _brand(house)
    house.start_worker()
    async with Redis.from_url(house.settings.redis_url) as redis:
        for first in range(0, 2_000, 100):
            await _record(house, brand, range(first, first + 100))
            await redis.flushall()

    await _settled(house, brand, seconds=60)
    await _assert_effects(house, brand, range(2_000))


async def test_postgresql_killed_and_restarted_loses_no_acknowledged_event(house: House) -> None:

    brand = await _brand(house)
    worker = house.start_worker()
    await _record(house, brand, range(2_000))
    pid = house.servers.postgres.postmaster_pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    await anyio.to_thread.run_sync(house.servers.postgres.start)

    async def is_back() -> bool:
        try:
            await _record(house, brand, range(2_000, 2_100))
        except Exception:
            return False
        return True

    await wait_until(is_back, seconds=15, what="PostgreSQL")
    await _settled(house, brand, seconds=60)
    await _assert_effects(house, brand, range(2_100))
    assert worker.poll() is None


async def test_a_worker_told_to_stop_finishes_what_it_holds_and_goes(house: House) -> None:
    brand = await _brand(house)
    worker = house.start_worker()
    await _record(house, brand, range(300))
    await wait_until(lambda: _has_effects(house, brand), seconds=15, what="the first effects")

    worker.send_signal(signal.SIGTERM)
    assert await house.died(worker) == 0

    house.start_worker()
    await _settled(house, brand, seconds=20)
    await _assert_effects(house, brand, range(300))


async def _has_effects(house: House, brand: uuid.UUID) -> bool:
    async with house.database.connection(brand) as tx:
        return bool(await courier_room.effects(tx, "batch"))
