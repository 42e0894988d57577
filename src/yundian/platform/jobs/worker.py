"""One worker: relay, batches, timers, periodic work and a heartbeat in one process, any number side by side."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Sequence

import asyncpg
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from yundian.platform.core import clock, figures
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import tenancy
from yundian.platform.db.database import RELAY_ROLE, Database, open_pool
from yundian.platform.db.metrics import read_pools
from yundian.platform.db.services import Services, open_services
from yundian.platform.jobs.arq_worker import ArqWorker
from yundian.platform.jobs.crons import CronLoop
from yundian.platform.jobs.declare import Cron
from yundian.platform.jobs.queue import ArqQueue, open_redis
from yundian.platform.outbox import health, metrics, poke, retention
from yundian.platform.outbox.health import WorkerBeat
from yundian.platform.outbox.outage import Outage
from yundian.platform.outbox.registry import Registry
from yundian.platform.outbox.relay import Relay
from yundian.platform.outbox.runner import Runner

log = structlog.get_logger(__name__)

_BEAT_EVERY_S = 5.0
_CLEAN_EVERY_S = 3600.0
_RELAY_CONNECTIONS = 2


async def work(settings: Settings, *, registry: Registry, crons: Sequence[Cron] = ()) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in hand.

    Servers that are down, at the start or later, are waited for.

    Raises:
        UnsafeRole: the application's login could step over the wall between brands.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        opening = asyncio.create_task(_open(settings, stack))
        await _first(opening, stop)
        if stop.is_set():
            opening.cancel()
            return
        services, relay_pool = await opening
        await _work_until(stop, services, relay_pool, registry, crons)


async def _open(
    settings: Settings, stack: contextlib.AsyncExitStack
) -> "tuple[Services, asyncpg.Pool[asyncpg.Record]]":
    outage = Outage("postgresql (start)")
    while True:
        try:
            services = await stack.enter_async_context(open_services(settings))
            async with services.database.engine.connect() as connection:
                await tenancy.check_startup(connection)
            pool = await stack.enter_async_context(_relay_pool(settings))
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
            await stack.aclose()
            await asyncio.sleep(outage.failed(error))
        else:
            outage.recovered()
            return services, pool


@contextlib.asynccontextmanager
async def _relay_pool(settings: Settings) -> "AsyncGenerator[asyncpg.Pool[asyncpg.Record], None]":
    pool = await open_pool(settings, role=RELAY_ROLE, size=_RELAY_CONNECTIONS)
    try:
        yield pool
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await pool.close()


async def _work_until(
    stop: asyncio.Event,
    services: Services,
    relay_pool: "asyncpg.Pool[asyncpg.Record]",
    registry: Registry,
    crons: Sequence[Cron],
) -> None:
    settings = services.settings
    arq_redis = open_redis(settings)
    relay = Relay(settings, pool=relay_pool, queue=ArqQueue(settings, arq_redis), registry=registry)
    arq_worker = ArqWorker(settings, Runner(settings, database=services.database, registry=registry))

    async def clean(_database: Database) -> None:
        await retention.clean(relay_pool)

    async def wake(_brand: object) -> None:
        relay.wake.set()

    # What subscribers record wakes our own relay without the way through Redis.
    services.database.after_commit = wake
    own = Cron(name="courier.clean", every_s=_CLEAN_EVERY_S, run=clean)
    cron_loop = CronLoop(redis=services.redis, database=services.database, crons=[own, *crons])
    name = new_id().hex
    log.info("worker.started", worker=name, subscribers=len(registry.subscribers), timers=len(registry.timers))
    loops = [
        asyncio.create_task(part)
        for part in (
            relay.run(),
            poke.listen(services.redis, relay.wake),
            arq_worker.run(),
            cron_loop.run(),
            _beat(services, name, arq_worker),
        )
    ]
    ending = asyncio.create_task(stop.wait())
    try:
        # A loop never ends by itself: if one does, the process must not go on without it.
        await asyncio.wait([ending, *loops], return_when=asyncio.FIRST_COMPLETED)
        await arq_worker.stop()
    finally:
        for task in (ending, *loops):
            task.cancel()
        results = await asyncio.gather(*loops, return_exceptions=True)
        await arq_redis.aclose(close_connection_pool=True)
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(1):
                await health.end_beat(services.redis, name)
        log.info("worker.stopped", worker=name)
    broken = [one for one in results if isinstance(one, Exception)]
    if broken:
        raise broken[0]


async def _first(task: asyncio.Task[object], stop: asyncio.Event) -> None:
    ending = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([task, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending.cancel()


async def _beat(services: Services, name: str, arq_worker: ArqWorker) -> None:
    """Say every few seconds that this worker lives, with its counts."""
    outage = Outage("redis (heartbeat)")
    started_at = clock.now()
    while True:
        tally = metrics.tally
        sign = WorkerBeat(
            worker=name,
            started_at=started_at,
            handed=tally.handed,
            done=tally.done,
            failed=tally.failed,
            parked=tally.parked,
            running=arq_worker.running,
        )
        figures.of_process("worker")
        read_pools(services.database)
        try:
            await health.beat(services.redis, sign)
            outage.recovered()
            await asyncio.sleep(_BEAT_EVERY_S)
        except (RedisError, OSError, TimeoutError) as error:
            await asyncio.sleep(outage.failed(error))
