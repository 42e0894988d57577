"""How the courier is doing: what waits, how long, what is parked, and which workers are alive."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from redis.asyncio import Redis
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.database import transaction
from yundian.platform.outbox.door import Door, fetch

# Row policies filter the brand; under the relay's role they show every brand.
_HEALTH = """
SELECT '' AS name, 'event' AS kind, count(*), 0 AS parked,
    coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest_s
FROM outbox_event WHERE expanded_at IS NULL
UNION ALL
SELECT subscriber, 'delivery', count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'parked'),
    coalesce(extract(epoch FROM now() - min(recorded_at) FILTER (WHERE state = 'pending')), 0)::float8
FROM (SELECT subscriber, state, recorded_at FROM outbox_delivery WHERE state = 'pending'
      UNION ALL
      SELECT subscriber, state, recorded_at FROM outbox_delivery WHERE state = 'parked') AS open
GROUP BY subscriber
UNION ALL
SELECT name, 'timer', count(*) FILTER (WHERE state = 'set'), count(*) FILTER (WHERE state = 'parked'),
    coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE state = 'set')), 0)::float8
FROM (SELECT name, state, due_at FROM outbox_timer WHERE state = 'set' AND due_at <= now()
      UNION ALL
      SELECT name, state, due_at FROM outbox_timer WHERE state = 'parked') AS open
GROUP BY name
ORDER BY 2, 1
"""

_WORKERS = "yundian:courier:workers"
_BEAT_LASTS_S = 20


class SubscriberHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One subscriber's or timer's queue. ``oldest_pending_s`` is 0 when nothing waits."""

    subscriber: str
    kind: str
    pending: int
    parked: int
    oldest_pending_s: float


class CourierHealth(msgspec.Struct, frozen=True, kw_only=True):
    """``fresh`` events wait for the relay; ``subscribers`` are those with something pending or parked."""

    fresh: int
    oldest_fresh_s: float
    subscribers: list[SubscriberHealth]

    @property
    def pending(self) -> int:
        return sum(one.pending for one in self.subscribers)

    @property
    def parked(self) -> int:
        return sum(one.parked for one in self.subscribers)

    @property
    def oldest_pending_s(self) -> float:
        return max([self.oldest_fresh_s, *(one.oldest_pending_s for one in self.subscribers)])


class WorkerBeat(msgspec.Struct, frozen=True, kw_only=True):
    """The last sign of life of one worker; counts since its start."""

    worker: str
    started_at: dt.datetime
    handed: int
    done: int
    failed: int
    parked: int
    running: int


async def courier_health(session: AsyncSession) -> CourierHealth:
    """The rows that the session's brand may see."""
    return await _health(session)


async def house_health(pool: "asyncpg.Pool[asyncpg.Record]") -> CourierHealth:
    """Every brand's rows; the pool was opened with the relay's role."""
    async with transaction(pool, None) as tx:
        return await _health(tx)


def gauges(health: CourierHealth) -> list[Metric]:
    """The figures of the whole house, for its metrics: no process's own, so made anew each time."""
    fresh = GaugeMetricFamily(
        "yundian_courier_fresh_events", "Events the relay has not expanded", value=health.fresh
    )
    oldest = GaugeMetricFamily(
        "yundian_courier_oldest_pending_seconds",
        "Age of the oldest delivery that waits: the alert to set",
        value=health.oldest_pending_s,
    )
    pending, parked = (
        GaugeMetricFamily(
            f"yundian_courier_{name}_items", f"Deliveries and timers that {text}", labels=["subscriber"]
        )
        for name, text in (("pending", "wait"), ("parked", "are parked"))
    )
    for one in health.subscribers:
        pending.add_metric([one.subscriber], one.pending)
        parked.add_metric([one.subscriber], one.parked)
    return [fresh, oldest, pending, parked]


async def beat(redis: Redis, worker: WorkerBeat) -> None:
    """Say that this worker lives; forgotten after 20 s."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.set(_beat_key(worker.worker), msgspec.json.encode(worker), ex=_BEAT_LASTS_S)
        pipe.sadd(_WORKERS, worker.worker)
        await pipe.execute()


async def end_beat(redis: Redis, worker: str) -> None:
    """Say that this worker stopped on purpose."""
    async with redis.pipeline(transaction=False) as pipe:
        pipe.delete(_beat_key(worker))
        pipe.srem(_WORKERS, worker)
        await pipe.execute()


async def workers(redis: Redis) -> list[WorkerBeat]:
    """The workers heard of lately. Raises ``RedisError`` when Redis is down."""
    members: Any = redis.smembers(_WORKERS)
    names = sorted(name.decode() for name in await members)
    if not names:
        return []
    beats: Sequence[bytes | None] = await redis.mget([_beat_key(name) for name in names])
    gone = [name for name, found in zip(names, beats, strict=True) if found is None]
    if gone:
        forgotten: Any = redis.srem(_WORKERS, *gone)
        await forgotten
    return [msgspec.json.decode(found, type=WorkerBeat) for found in beats if found is not None]


async def _health(door: Door) -> CourierHealth:
    rows = await fetch(door, _HEALTH)
    fresh = next(row for row in rows if row[1] == "event")
    subscribers = [
        SubscriberHealth(subscriber=name, kind=kind, pending=pending, parked=parked, oldest_pending_s=oldest_s)
        for name, kind, pending, parked, oldest_s in rows
        if kind != "event"
    ]
    return CourierHealth(fresh=fresh[2], oldest_fresh_s=fresh[4], subscribers=subscribers)


def _beat_key(worker: str) -> str:
    return f"yundian:courier:worker:{worker}"
