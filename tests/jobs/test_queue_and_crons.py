"""arq as the courier's queue, and periodic work: on a real Valkey."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.helpers import wait_until
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.db.services import Services
from yundian.platform.jobs.crons import CronLoop
from yundian.platform.jobs.declare import cron
from yundian.platform.jobs.queue import QUEUE, ArqQueue, open_redis
from yundian.platform.outbox import health, poke
from yundian.platform.outbox.health import WorkerBeat

pytestmark = pytest.mark.anyio

BRAND = uuid.UUID(int=1)


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[ArqRedis]:
    redis = open_redis(settings)
    await redis.delete(QUEUE)
    yield redis
    await redis.delete(QUEUE)
    await redis.aclose(close_connection_pool=True)


async def _hand_over(queue: ArqQueue) -> bool:
    return await queue.hand_over(
        brand=BRAND, name="test.single", items=[uuid.UUID(int=2)], are_timers=False, is_again=False
    )


async def test_a_batch_is_json_on_the_wire_and_carries_only_ids(settings: Settings, redis: ArqRedis) -> None:
    assert await _hand_over(ArqQueue(settings, redis))

    (job_id,) = await redis.zrange(QUEUE, 0, -1)
    job = msgspec.json.decode(await redis.get(job_key_prefix.encode() + job_id))
    assert (job["f"], job["a"]) == ("deliver", [str(BRAND), "test.single", [str(uuid.UUID(int=2))], False])


async def test_none_from_enqueue_and_a_lost_connection_count_as_not_handed_over(
    settings: Settings, redis: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(*_: object, **__: object) -> None:
        return None

    async def lost(*_: object, **__: object) -> None:
        raise RedisConnectionError

    queue = ArqQueue(settings, redis)
    monkeypatch.setattr(redis, "enqueue_job", none)
    assert not await _hand_over(queue)
    monkeypatch.setattr(redis, "enqueue_job", lost)
    assert not await _hand_over(queue)
    monkeypatch.undo()
    assert await _hand_over(queue)


async def test_the_queue_is_full_before_it_is_deeper_than_its_workers_are_quick(
    settings: Settings, redis: ArqRedis
) -> None:
    queue = ArqQueue(settings.model_copy(update={"worker_max_jobs": 1}), redis)
    assert await queue.free_slots() == 3
    for _ in range(3):
        await _hand_over(queue)
    assert await queue.free_slots() == 0

    # What a dead worker holds takes no place.
    (job_id, *_) = await redis.zrange(QUEUE, 0, -1)
    await redis.set(in_progress_key_prefix.encode() + job_id, b"1", ex=30)
    assert await queue.free_slots() == 1


async def test_periodic_work_runs_once_a_period_on_all_workers_together(services: Services) -> None:
    runs: list[float] = []

    @cron(f"test.{readable_code(12)}", every_s=0.4)
    async def work(_database: Database) -> None:
        runs.append(asyncio.get_running_loop().time())

    loops = [CronLoop(redis=services.redis, database=services.database, crons=[work]) for _ in range(3)]
    tasks = [asyncio.create_task(loop.run()) for loop in loops]
    try:

        async def has_run_often() -> bool:
            return len(runs) >= 5

        await wait_until(has_run_often, seconds=20, what="five runs")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Five runs of three workers span at least four periods less one: nobody ran a period twice.
    assert runs[4] - runs[0] >= 3 * 0.4


async def test_periodic_work_that_fails_is_tried_again_next_period(services: Services) -> None:
    runs: list[int] = []

    @cron(f"test.{readable_code(12)}", every_s=0.1)
    async def work(_database: Database) -> None:
        runs.append(1)
        raise ValueError("13800138000")

    task = asyncio.create_task(CronLoop(redis=services.redis, database=services.database, crons=[work]).run())
    try:

        async def has_run_again() -> bool:
            return len(runs) >= 2

        await wait_until(has_run_again, seconds=10, what="two runs")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_pokes_are_coalesced_and_arrive(services: Services) -> None:
    wake = asyncio.Event()
    listener = asyncio.create_task(poke.listen(services.redis, wake))
    async with asyncio.timeout(5):
        await wake.wait()
    await asyncio.sleep(0)
    wake.clear()
    poker = poke.Poker(services.redis)
    try:
        for _ in range(200):
            await poker(BRAND)
        async with asyncio.timeout(5):
            await wake.wait()
    finally:
        await poker.aclose()
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def test_a_poke_neither_fails_nor_waits_while_redis_is_down() -> None:
    async with Redis.from_url("redis://127.0.0.1:1/0") as nowhere:
        poker = poke.Poker(nowhere)
        started = asyncio.get_running_loop().time()
        for _ in range(1_000):
            await poker(BRAND)
        assert asyncio.get_running_loop().time() - started < 0.5
        await poker.aclose()


async def test_workers_are_seen_by_their_heartbeat_until_they_stop(services: Services) -> None:
    sign = WorkerBeat(
        worker=readable_code(12),
        started_at=clock.now(),
        handed=1,
        done=2,
        failed=3,
        parked=4,
        running=5,
    )
    await health.beat(services.redis, sign)
    assert sign in await health.workers(services.redis)

    await health.end_beat(services.redis, sign.worker)
    assert sign not in await health.workers(services.redis)
