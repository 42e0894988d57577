"""The courier inside the test's own process: a real database, and a queue that the test empties itself."""

import uuid
from dataclasses import dataclass, field

import asyncpg

from tests import courier_room
from yundian.platform.db.database import Database
from yundian.platform.outbox.registry import Registry
from yundian.platform.outbox.relay import Relay
from yundian.platform.outbox.runner import Runner


@dataclass(frozen=True)
class Batch:
    """What the relay handed over."""

    brand: uuid.UUID
    name: str
    items: list[uuid.UUID]
    are_timers: bool
    is_again: bool


@dataclass
class FakeQueue:
    """Takes batches, or refuses them."""

    slots: int = 1000
    is_refusing: bool = False
    batches: list[Batch] = field(default_factory=list)

    async def free_slots(self) -> int:
        return self.slots

    async def hand_over(
        self, *, brand: uuid.UUID, name: str, items: list[uuid.UUID], are_timers: bool, is_again: bool
    ) -> bool:
        if self.is_refusing:
            return False
        self.batches.append(Batch(brand, name, items, are_timers, is_again))
        return True


class _RelayOfOne(Relay):
    """What other tests left is none of this test's business, and late in a run it is thousands of batches."""

    brand: uuid.UUID

    async def _brands(self, sql: str) -> list[uuid.UUID]:
        return [self.brand] if self.brand in await super()._brands(sql) else []


@dataclass
class Courier:
    """Relay and runner of one brand, driven by hand."""

    database: Database
    brand: uuid.UUID
    queue: FakeQueue
    pool: "asyncpg.Pool[asyncpg.Record]"
    registry: Registry
    max_attempts: int = 3
    lease_s: float = 20.0

    async def relay(self) -> None:
        """One round that also sweeps."""
        settings = self.database.settings.model_copy(
            update={"courier_max_attempts": self.max_attempts, "courier_lease_s": self.lease_s}
        )
        relay = _RelayOfOne(settings, pool=self.pool, queue=self.queue, registry=self.registry)
        relay.brand = self.brand
        await relay.round()

    @property
    def runner(self) -> Runner:
        settings = self.database.settings.model_copy(update={"courier_max_attempts": self.max_attempts})
        return Runner(settings, database=self.database, registry=self.registry)

    async def work(self) -> None:
        """Run what was handed over."""
        batches, self.queue.batches = self.queue.batches, []
        for one in batches:
            if one.are_timers:
                await self.runner.fire(brand=one.brand, name=one.name, ids=one.items)
            else:
                await self.runner.deliver(brand=one.brand, name=one.name, ids=one.items, is_again=one.is_again)

    async def make_due(self) -> None:
        """As if every lease and back-off had passed."""
        async with self.database.connection(self.brand) as tx:
            await tx.execute("UPDATE outbox_delivery SET next_at = now() WHERE state = 'pending'")
            await tx.execute("UPDATE outbox_timer SET next_at = now() WHERE state = 'set' AND due_at <= now()")

    async def effects(self, name: str) -> list[int]:
        async with self.database.connection(self.brand) as tx:
            return await courier_room.effects(tx, name)

    async def states(self) -> dict[str, int]:
        async with self.database.connection(self.brand) as tx:
            return await courier_room.states(tx)
