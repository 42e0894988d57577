"""The house of the fault tests: its workers are processes that die where they are told."""

import os
import signal
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from tests import courier_room
from tests.conftest import Servers
from tests.helpers import wait_until
from tests.nursery import Nursling
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import RELAY_ROLE, Database, open_pool, transaction
from yundian.platform.outbox import claims

# The real figures are 20 s, 2 s and 8; the tests have no time for them.
LEASE_S = 1.5
_COURIER = {
    "YUNDIAN_COURIER_LEASE_S": str(LEASE_S),
    "YUNDIAN_COURIER_SWEEP_S": "0.2",
}


@dataclass
class House:
    """Servers of the fault tests, and the workers started on them."""

    servers: Servers
    settings: Settings
    database: Database
    log: Path
    workers: list[Nursling] = field(default_factory=list)

    def start_worker(
        self,
        *,
        die_at: str = "",
        skew_s: float = 0,
        max_attempts: int = 3,
        module: str = "tests.faults.courier_worker",
        **more: str,
    ) -> Nursling:
        environment = {
            **os.environ,
            **_COURIER,
            "YUNDIAN_COURIER_MAX_ATTEMPTS": str(max_attempts),
            "DATABASE_URL": self.settings.database_url,
            "REDIS_URL": self.settings.redis_url,
            "YUNDIAN_VAR_DIR": str(self.settings.var_dir),
            "YUNDIAN_ENVIRONMENT": "test",
            "YUNDIAN_TEST_DIE_AT": die_at,
            "YUNDIAN_TEST_CLOCK_SKEW_S": str(skew_s),
            **more,
        }
        self.workers.append(Nursling(module, environment=environment, log=self.log))
        return self.workers[-1]

    async def end_workers(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGKILL)
        for worker in self.workers:
            await anyio.to_thread.run_sync(worker.wait, 30)
        self.workers.clear()

    async def died(self, worker: Nursling, *, seconds: float = 20) -> int:
        """The exit code of a worker that was told to die."""

        async def is_dead() -> bool:
            return worker.poll() is not None

        await wait_until(is_dead, seconds=seconds, what=f"the worker's death\n{self.last_words()}")
        return worker.returncode

    async def lose(self, brand: uuid.UUID) -> None:
        """Expand the brand's events as a relay does whose batches never arrive."""
        registry = courier_room.registry()
        pool = await open_pool(self.settings, role=RELAY_ROLE, size=1)
        async with transaction(pool, brand) as tx:
            await claims.expand(tx, tags=registry.tags, routes=registry.routes, limit=1000, lease_s=0)
        await pool.close()

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
