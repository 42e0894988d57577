"""The relay: finds what is due in every brand, makes deliveries of events, and hands batches to the queue.

Any number of relays may run; none remembers anything. While the queue is down or full nothing is claimed, so no
attempt is spent and PostgreSQL keeps the backlog.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Mapping
from typing import Protocol

import asyncpg
import structlog
from redis.exceptions import RedisError

from yundian.platform.core.settings import Settings
from yundian.platform.core.steps import step
from yundian.platform.db.database import transaction
from yundian.platform.outbox import claims, failures, metrics
from yundian.platform.outbox.outage import Outage
from yundian.platform.outbox.registry import Registry

log = structlog.get_logger(__name__)

# Pokes that come while a round runs wait this long, so that batches grow under load.
_LINGER_S = 0.03
_UNKNOWN_ALARM_EVERY_S = 60.0

Pool = asyncpg.Pool


class Queue(Protocol):
    """Where batches go; whether they arrive there is never relied on."""

    async def free_slots(self) -> int:
        """How many batches may be handed over now. Raises when the queue cannot be reached."""

    async def hand_over(
        self, *, brand: uuid.UUID, name: str, items: list[uuid.UUID], are_timers: bool, is_again: bool
    ) -> bool:
        """Whether the queue took the batch. Never raises."""


class Relay:
    """One relay loop. ``wake`` may be set from anywhere to start a round at once."""

    def __init__(
        self, settings: Settings, *, pool: "asyncpg.Pool[asyncpg.Record]", queue: Queue, registry: Registry
    ) -> None:
        self.wake = asyncio.Event()
        self._settings = settings
        self._pool = pool
        self._queue = queue
        self._registry = registry
        self._slots = 0
        self._sweep_at = 0.0
        self._alarmed: dict[str, float] = {}

    async def run(self) -> None:
        """Relay for ever; a lost server is logged once and waited for."""
        outage = Outage("relay")
        while True:
            self.wake.clear()
            try:
                has_more = await self.round()
                outage.recovered()
            except (RedisError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                await asyncio.sleep(outage.failed(error))
                continue
            if not has_more:
                await self._rest()
            await asyncio.sleep(_LINGER_S)

    async def round(self) -> bool:
        """Hand over what is due, a claim per brand; whether there may be more at once."""
        self._slots = await self._queue.free_slots()
        if self._slots <= 0:
            return True
        has_more = False
        for brand in await self._brands(claims.BRANDS_WITH_FRESH):
            has_more |= await self._expand(brand)
        if time.monotonic() >= self._sweep_at:
            has_swept_all = await self._sweep()
            has_more |= not has_swept_all
            if has_swept_all:
                self._sweep_at = time.monotonic() + self._settings.courier_sweep_s
        return has_more

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._sweep_at - time.monotonic())):
                await self.wake.wait()
        except TimeoutError:
            return

    async def _sweep(self) -> bool:
        is_all = True
        for brand in await self._brands(claims.BRANDS_WITH_DUE):
            is_all &= await self._sweep_brand(brand, are_timers=False)
        for brand in await self._brands(claims.BRANDS_WITH_DUE_TIMERS):
            is_all &= await self._sweep_brand(brand, are_timers=True)
        return is_all

    async def _brands(self, sql: str) -> list[uuid.UUID]:
        async with transaction(self._pool, None) as tx:
            found = await claims.brands(tx, sql)
        # Several relays should not all begin with the same brand.
        random.shuffle(found)
        return found

    async def _expand(self, brand: uuid.UUID) -> bool:
        if self._slots <= 0:
            return True
        s = self._settings
        async with transaction(self._pool, brand) as tx:
            taken, batches = await claims.expand(
                tx,
                tags=self._registry.tags,
                routes=self._registry.routes,
                limit=s.courier_batch,
                lease_s=s.courier_lease_s,
            )
            unknown = {} if taken else await claims.unknown_tags(tx, tags=self._registry.tags)
            step("courier.expanded")
        step("courier.claimed")
        self._alarm_unknown(unknown)
        await self._hand_over(brand, batches, are_timers=False, is_again=False)
        return taken >= s.courier_batch

    async def _sweep_brand(self, brand: uuid.UUID, *, are_timers: bool) -> bool:
        if self._slots <= 0:
            return False
        s = self._settings
        known = [*(self._registry.timers if are_timers else self._registry.subscribers)]
        async with transaction(self._pool, brand) as tx:
            swept = await claims.sweep(
                tx,
                are_timers=are_timers,
                known=known,
                limit=s.courier_batch,
                lease_s=s.courier_lease_s,
                max_attempts=s.courier_max_attempts,
            )
            step("courier.swept")
        step("timer.claimed" if are_timers else "courier.reclaimed")
        self._alarm_unknown(swept.unknown)
        for item, name, attempts, error in swept.parked:
            metrics.parked(name, 1)
            failures.log_parked(brand=brand, subscriber=name, item=item, attempts=attempts, error=error)
        await self._hand_over(brand, swept.batches, are_timers=are_timers, is_again=True)
        return swept.taken < s.courier_batch

    async def _hand_over(
        self, brand: uuid.UUID, batches: Mapping[str, list[uuid.UUID]], *, are_timers: bool, is_again: bool
    ) -> None:
        for name, items in batches.items():
            is_taken = await self._queue.hand_over(
                brand=brand, name=name, items=items, are_timers=are_timers, is_again=is_again
            )
            self._slots -= 1
            if is_taken:
                metrics.handed(name, len(items))
                step("courier.handed")
            else:
                log.warning("courier.hand_over_failed", brand_id=str(brand), subscriber=name, items=len(items))
                async with transaction(self._pool, brand) as tx:
                    await claims.release(tx, are_timers=are_timers, name=name, items=items)

    def _alarm_unknown(self, unknown: Mapping[str, int]) -> None:
        """Old code among new rows is normal for a minute and wrong for an hour: alarm, sparsely."""
        now = time.monotonic()
        for name, count in unknown.items():
            if now - self._alarmed.get(name, -_UNKNOWN_ALARM_EVERY_S) >= _UNKNOWN_ALARM_EVERY_S:
                self._alarmed[name] = now
                metrics.unknown(name, count)
                log.error("courier.unknown_name", name=name, items=count)
