"""Runs subscribers and timer handlers. A delivery is done in the transaction of its effect, or not at all.

A chunk is one transaction. When it fails it is halved until the poison event stands alone; the rest goes
through at once. What was handed over before is counted *before* it runs, in ever smaller groups, so that an
event which kills its worker ends parked, alone, instead of looping for ever.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence

import msgspec
import structlog

from yundian.platform.core.settings import Settings
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database
from yundian.platform.outbox import deliveries, failures, metrics, tracing
from yundian.platform.outbox.claims import UNKNOWN_REST_S
from yundian.platform.outbox.declare import Delivered, DueTimer, Event, Subscriber, TimerHandler
from yundian.platform.outbox.deliveries import DELIVERIES, TIMERS, Locked, Table
from yundian.platform.outbox.door import Door
from yundian.platform.outbox.registry import Registry

log = structlog.get_logger(__name__)

# A session keeps every object of its transaction: smaller chunks than a set-based subscriber takes.
_SINGLES_PER_CHUNK = 100
_TIMERS_PER_GROUP = 50
PATIENCE_S = 15.0


class Runner:
    """Does the work of one batch; knows nothing of the queue it came through."""

    def __init__(self, settings: Settings, *, database: Database, registry: Registry) -> None:
        self._settings = settings
        self._database = database
        self._registry = registry

    async def deliver(self, *, brand: uuid.UUID, name: str, ids: Sequence[uuid.UUID], is_again: bool) -> None:
        """Apply events to a subscriber. Raises only when the database is gone or the job is cancelled."""
        subscriber = self._registry.subscribers.get(name)
        if subscriber is None:
            await self._rest(DELIVERIES, brand, name, list(ids))
            return
        size = self._settings.courier_batch if subscriber.is_batch else _SINGLES_PER_CHUNK
        if not is_again:
            for chunk in _chunks(list(ids), size):
                await self._apply(subscriber, brand, chunk, is_counted=False)
            return
        async for group in self._started(DELIVERIES, brand, name, list(ids), size):
            await self._apply(subscriber, brand, group, is_counted=True)

    async def fire(self, *, brand: uuid.UUID, name: str, ids: Sequence[uuid.UUID]) -> None:
        """Handle due timers of one name, each in its own transaction."""
        handler = self._registry.timers.get(name)
        if handler is None:
            await self._rest(TIMERS, brand, name, list(ids))
            return
        async for group in self._started(TIMERS, brand, name, list(ids), _TIMERS_PER_GROUP):
            for timer_id in group:
                try:
                    await self._fire_one(handler, brand, timer_id)
                except Exception as error:
                    if failures.is_connection_lost(error):
                        raise
                    await self._failed(TIMERS, brand, name, timer_id, error, is_counted=True)

    async def _started(
        self, table: Table, brand: uuid.UUID, name: str, ids: list[uuid.UUID], size: int
    ) -> AsyncGenerator[list[uuid.UUID], None]:
        """Groups whose attempt is counted and committed; the oftener tried, the smaller the group."""
        async with self._database.connection(brand) as tx:
            waiting = await deliveries.tries(tx, table, name=name, ids=ids)
        for group in _groups(waiting, size):
            async with self._database.connection(brand) as tx:
                started = await deliveries.start(
                    tx, table, name=name, ids=group, lease_s=self._settings.courier_lease_s
                )
            step("courier.started")
            if started:
                yield started

    async def _apply(
        self, subscriber: Subscriber, brand: uuid.UUID, chunk: list[uuid.UUID], *, is_counted: bool
    ) -> None:
        parts = [chunk]
        while parts:
            part = parts.pop()
            try:
                await self._attempt(subscriber, brand, part)
            except Exception as error:
                if failures.is_connection_lost(error):
                    raise
                if len(part) == 1:
                    await self._failed(DELIVERIES, brand, subscriber.name, part[0], error, is_counted=is_counted)
                else:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]

    async def _attempt(self, subscriber: Subscriber, brand: uuid.UUID, part: list[uuid.UUID]) -> None:
        if subscriber.is_batch:
            async with self._database.connection(brand) as tx:
                lags = await self._effects(subscriber, tx, part)
        else:
            async with self._database.unit_of_work(brand) as session:
                lags = await self._effects(subscriber, session, part)
        step("courier.committed")
        metrics.done(subscriber.name, lags)

    async def _effects(self, subscriber: Subscriber, door: Door, part: list[uuid.UUID]) -> list[float]:
        """The effects and their ``done``, inside the caller's transaction."""
        locked = await deliveries.lock_deliveries(door, subscriber=subscriber.name, ids=part)
        step("courier.locked")
        if not locked:
            return []
        events = [Delivered(one.event_id, _decode(subscriber, one)) for one in locked]
        with tracing.span(subscriber.name, [one.trace_parent for one in locked]):
            async with asyncio.timeout(PATIENCE_S):
                if subscriber.is_batch:
                    await subscriber.handle(door, events)
                else:
                    for delivered in events:
                        await subscriber.handle(door, delivered.event)
        step("courier.applied")
        done = [one.event_id for one in locked]
        lags = await deliveries.finish_deliveries(door, subscriber=subscriber.name, ids=done)
        step("courier.done")
        return lags

    async def _fire_one(self, handler: TimerHandler, brand: uuid.UUID, timer_id: uuid.UUID) -> None:
        async with self._database.unit_of_work(brand) as session:
            found = await deliveries.lock_timer(session, name=handler.name, timer_id=timer_id)
            step("timer.locked")
            if found is None:
                return
            key, payload, _ = found
            lag = await deliveries.finish_timer(session, name=handler.name, timer_id=timer_id)
            timer = DueTimer(brand, handler.name, key, msgspec.json.decode(payload))
            with tracing.span(handler.name, []):
                async with asyncio.timeout(PATIENCE_S):
                    await handler.handle(session, timer)
            step("timer.applied")
        step("timer.committed")
        metrics.done(handler.name, [lag])

    async def _failed(
        self,
        table: Table,
        brand: uuid.UUID,
        name: str,
        item: uuid.UUID,
        error: Exception,
        *,
        is_counted: bool,
    ) -> None:
        description = failures.describe(error)
        async with self._database.connection(brand) as tx:
            outcome = await deliveries.fail(
                tx,
                table,
                name=name,
                item=item,
                by=0 if is_counted else 1,
                error=description,
                max_attempts=self._settings.courier_max_attempts,
            )
        metrics.failed(name)
        if outcome is None:
            return
        state, attempts = outcome
        log.warning("courier.failed", subscriber=name, item_id=str(item), attempts=attempts, error=description)
        if state == "parked":
            metrics.parked(name, 1)
            failures.log_parked(brand=brand, subscriber=name, item=item, attempts=attempts, error=description)

    async def _rest(self, table: Table, brand: uuid.UUID, name: str, ids: list[uuid.UUID]) -> None:
        """A newer process handed over what this one does not know: leave it, without counting."""
        log.error("courier.unknown_name", name=name, items=len(ids))
        metrics.unknown(name, len(ids))
        async with self._database.connection(brand) as tx:
            await deliveries.rest(tx, table, name=name, ids=ids, seconds=UNKNOWN_REST_S)


def _decode(subscriber: Subscriber, one: Locked) -> Event:
    return msgspec.json.decode(one.payload, type=subscriber.event)


def _chunks(ids: list[uuid.UUID], size: int) -> Iterator[list[uuid.UUID]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]


def _groups(waiting: Sequence[tuple[uuid.UUID, int]], size: int) -> Iterator[list[uuid.UUID]]:
    """Groups of equally often tried items: ``size``, an eighth of it, a 64th, and so on down to one."""
    by_attempts: dict[int, list[uuid.UUID]] = {}
    for item, attempts in waiting:
        by_attempts.setdefault(attempts, []).append(item)
    for attempts, items in sorted(by_attempts.items()):
        yield from _chunks(items, max(1, size >> (3 * attempts)))
