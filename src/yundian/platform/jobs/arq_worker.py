"""The arq worker: takes batches from the queue and gives them to the runner. Outlives Redis."""

import asyncio
import logging
import uuid
from typing import Any

import structlog
from arq.worker import Worker, func

from yundian.platform.core.settings import Settings
from yundian.platform.core.steps import step
from yundian.platform.jobs.queue import DELIVER, FIRE, QUEUE, READ_LIMIT, decode, encode, open_redis
from yundian.platform.outbox import failures
from yundian.platform.outbox.outage import Outage
from yundian.platform.outbox.runner import Runner

log = structlog.get_logger(__name__)

# arq hands a dead worker's job on after this and ten seconds; the sweep is usually there before it.
JOB_TIMEOUT_S = 18
_POLL_S = 0.03
_GRACE_S = 12.0


class ArqWorker:
    """Runs batches until stopped. arq itself ends when Redis does; then a new one is begun."""

    def __init__(self, settings: Settings, runner: Runner) -> None:
        self._settings = settings
        self._runner = runner
        self._worker: Worker | None = None
        self._is_stopping = False
        self._outage = Outage("redis (queue)")
        self._database_outage = Outage("postgresql (jobs)")
        # arq logs every job with its arguments; ours are logged where they fail.
        logging.getLogger("arq").setLevel(logging.ERROR)

    @property
    def running(self) -> int:
        """Batches in hand."""
        return 0 if self._worker is None else len(self._worker.job_tasks)

    async def run(self) -> None:
        """Take batches for ever; a lost Redis is logged once and waited for."""
        while not self._is_stopping:
            worker = self._worker = self._new_worker()
            pause_s = 0.0
            try:
                await worker.async_run()
            except Exception as error:  # whatever arq ends with, it is begun again
                pause_s = self._outage.failed(error)
            finally:
                await self._end(worker)
            await asyncio.sleep(pause_s)

    async def stop(self) -> None:
        """Take no more batches and let those in hand finish, for a while."""
        self._is_stopping = True
        if self._worker is not None:
            self._worker.allow_pick_jobs = False
            await self._end(self._worker)

    def _new_worker(self) -> Worker:
        return Worker(
            functions=[func(self._deliver, name=DELIVER), func(self._fire, name=FIRE)],
            redis_pool=open_redis(self._settings),
            queue_name=QUEUE,
            on_startup=self._started,
            handle_signals=False,
            max_jobs=self._settings.worker_max_jobs,
            job_timeout=JOB_TIMEOUT_S,
            keep_result=0,
            max_tries=3,
            poll_delay=_POLL_S,
            queue_read_limit=READ_LIMIT,
            health_check_interval=60,
            job_serializer=encode,
            job_deserializer=decode,
            log_results=False,
        )

    async def _end(self, worker: Worker) -> None:
        """Let running batches finish (they need PostgreSQL only), then let go of the connections."""
        tasks = [task for task in worker.tasks.values() if not task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE_S)
        for task in worker.tasks.values():
            task.cancel()
        await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
        await worker.pool.aclose(close_connection_pool=True)

    async def _started(self, ctx: dict[Any, Any]) -> None:
        self._outage.recovered()

    async def _deliver(self, ctx: dict[Any, Any], brand: str, name: str, ids: list[str], is_again: bool) -> None:
        step("courier.taken")
        is_again = is_again or ctx["job_try"] > 1
        with structlog.contextvars.bound_contextvars(brand_id=brand, subscriber=name, job_id=ctx["job_id"]):
            try:
                await self._runner.deliver(brand=uuid.UUID(brand), name=name, ids=_uuids(ids), is_again=is_again)
                self._database_outage.recovered()
            except Exception as error:
                await self._abandon(error)

    async def _fire(self, ctx: dict[Any, Any], brand: str, name: str, ids: list[str]) -> None:
        step("timer.taken")
        with structlog.contextvars.bound_contextvars(brand_id=brand, timer=name, job_id=ctx["job_id"]):
            try:
                await self._runner.fire(brand=uuid.UUID(brand), name=name, ids=_uuids(ids))
                self._database_outage.recovered()
            except Exception as error:
                await self._abandon(error)

    async def _abandon(self, error: Exception) -> None:
        """The rows stay as they are and are swept; waiting here keeps the queue from draining into nothing."""
        if not failures.is_connection_lost(error):
            log.error("courier.job_failed", error=failures.describe(error))
        await asyncio.sleep(self._database_outage.failed(error))


def _uuids(texts: list[str]) -> list[uuid.UUID]:
    return [uuid.UUID(text) for text in texts]
