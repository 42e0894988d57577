"""Periodic work: in each period, by Redis' clock, one of all workers wins the turn and runs it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from yundian.platform.db.database import Database
from yundian.platform.jobs.declare import Cron
from yundian.platform.outbox import failures
from yundian.platform.outbox.outage import Outage

log = structlog.get_logger(__name__)

# A turn may be claimed late, by a worker that just started, never twice.
_LONGEST_SLEEP_S = 30.0


class CronLoop:
    """Runs the rooms' periodic work in this process when it wins the turn."""

    def __init__(self, *, redis: Redis, database: Database, crons: Sequence[Cron]) -> None:
        self._redis = redis
        self._database = database
        self._crons = crons
        self._outage = Outage("redis (crons)")

    async def run(self) -> None:
        """For ever; each work has its own loop, so a slow one delays no other."""
        try:
            async with asyncio.TaskGroup() as group:
                for one in self._crons:
                    group.create_task(self._tend(one))
                # A group without tasks would end at once.
                await asyncio.Event().wait()
        finally:
            for one in self._crons:
                if one.end is not None:
                    await one.end()

    async def _tend(self, one: Cron) -> None:
        while True:
            try:
                is_mine, left_s = await self._take_turn(one)
                self._outage.recovered()
            except (RedisError, OSError, TimeoutError) as error:
                await asyncio.sleep(self._outage.failed(error))
                continue
            if is_mine:
                await self._work(one)
            else:
                await asyncio.sleep(min(left_s, _LONGEST_SLEEP_S))

    async def _take_turn(self, one: Cron) -> tuple[bool, float]:
        """Whether this period is ours, and the seconds left of it."""
        clock: Any = self._redis.time()
        seconds, micros = await clock
        period, passed_s = divmod(seconds + micros / 1e6, one.every_s)
        key = f"yundian:cron:{one.name}:{int(period)}"
        is_mine = await self._redis.set(key, b"", nx=True, px=int(one.every_s * 2_000) + 1_000)
        return bool(is_mine), one.every_s - passed_s

    async def _work(self, one: Cron) -> None:
        started = time.monotonic()
        try:
            with structlog.contextvars.bound_contextvars(cron=one.name):
                await one.run(self._database)
        except Exception as error:  # the next period tries again
            log.error("cron.failed", cron=one.name, error=failures.describe(error))
        else:
            log.debug("cron.done", cron=one.name, seconds=round(time.monotonic() - started, 3))
