"""The worker's statements: lock what is still to be done, mark it done with its effect, or count the failure."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from yundian.platform.outbox.door import Door, brand_of, fetch, run

_LONGEST_BACK_OFF_S = 24.0

# Named rows are found by their key. Were the condition "state = 'pending'", the planner would take the index of
# pending rows, empty when the statistics were made, and read the whole backlog for every chunk.
# Held by another worker: skipped, it is being done.
_LOCK_DELIVERIES = """
SELECT d.event_id, e.tag, e.payload::text, e.trace_parent
FROM outbox_delivery d JOIN outbox_event e ON e.brand_id = d.brand_id AND e.id = d.event_id
WHERE d.brand_id = $1 AND d.subscriber = $2 AND d.event_id = ANY($3::uuid[]) AND d.state NOT IN ('done', 'parked')
ORDER BY d.event_id FOR UPDATE OF d SKIP LOCKED
"""

_FINISH_DELIVERIES = """
UPDATE outbox_delivery SET state = 'done', done_at = clock_timestamp(), last_error = NULL
WHERE brand_id = $1 AND subscriber = $2 AND event_id = ANY($3::uuid[])
RETURNING extract(epoch FROM clock_timestamp() - recorded_at)::float8
"""

_LOCK_TIMER = """
SELECT key, payload::text, due_at FROM outbox_timer
WHERE brand_id = $1 AND name = $2 AND id = $3 AND state = 'set' AND due_at <= now() FOR UPDATE SKIP LOCKED
"""

# Before the handler runs: it may set the same timer again, and that must stand.
_FINISH_TIMER = """
UPDATE outbox_timer SET state = 'done', ended_at = now(), last_error = NULL
WHERE brand_id = $1 AND name = $2 AND id = $3
RETURNING extract(epoch FROM clock_timestamp() - due_at)::float8
"""

_TRIES = """
SELECT {key}, attempts FROM {table}
WHERE brand_id = $1 AND {name} = $2 AND {key} = ANY($3::uuid[]) AND {waiting}
ORDER BY attempts, {key}
"""

_START = """
UPDATE {table} t SET attempts = t.attempts + 1, next_at = now() + make_interval(secs => $4)
FROM (SELECT {key} AS item FROM {table}
      WHERE brand_id = $1 AND {name} = $2 AND {key} = ANY($3::uuid[]) AND {waiting}
      FOR UPDATE SKIP LOCKED) AS free
WHERE t.brand_id = $1 AND t.{name} = $2 AND t.{key} = free.item
RETURNING t.{key}
"""

_FAIL = """
UPDATE {table} SET attempts = attempts + $4, last_error = $5,
    state = CASE WHEN attempts + $4 >= $6 THEN 'parked' ELSE state END,
    next_at = now() + make_interval(
        secs => least($7, 2.0 ^ least(attempts + $4 - 1, 10)) * (0.75 + 0.25 * random()))
WHERE brand_id = $1 AND {name} = $2 AND {key} = $3 AND {waiting}
RETURNING state, attempts
"""

_REST = """
UPDATE {table} SET next_at = now() + make_interval(secs => $4)
WHERE brand_id = $1 AND {name} = $2 AND {key} = ANY($3::uuid[]) AND {waiting}
"""


@dataclass(frozen=True, slots=True)
class Table:
    """The statements that deliveries and timers share, each on its own table."""

    tries: str
    start: str
    fail: str
    rest: str

    @classmethod
    def of(cls, **names: str) -> "Table":
        return cls(*(sql.format(**names) for sql in (_TRIES, _START, _FAIL, _REST)))


# A timer that was moved while its batch was on the way is nobody's business until it is due again.
_SET_AND_DUE = "state NOT IN ('done', 'cancelled', 'parked') AND due_at <= now()"

DELIVERIES = Table.of(
    table="outbox_delivery", key="event_id", name="subscriber", waiting="state NOT IN ('done', 'parked')"
)
TIMERS = Table.of(table="outbox_timer", key="id", name="name", waiting=_SET_AND_DUE)


@dataclass(frozen=True, slots=True)
class Locked:
    """A delivery that this transaction holds."""

    event_id: uuid.UUID
    tag: str
    payload: str
    trace_parent: str | None


async def lock_deliveries(door: Door, *, subscriber: str, ids: list[uuid.UUID]) -> list[Locked]:
    """Those of the deliveries that are pending and that nobody else holds, oldest first."""
    rows = await fetch(door, _LOCK_DELIVERIES, brand_of(door), subscriber, ids)
    return [Locked(*row) for row in rows]


async def finish_deliveries(door: Door, *, subscriber: str, ids: list[uuid.UUID]) -> list[float]:
    """Mark locked deliveries done; the lag of each in seconds."""
    return [row[0] for row in await fetch(door, _FINISH_DELIVERIES, brand_of(door), subscriber, ids)]


async def lock_timer(door: Door, *, name: str, timer_id: uuid.UUID) -> tuple[str, str, dt.datetime] | None:
    """Key, payload and due time, if it is still set and due, and nobody else holds it."""
    rows = await fetch(door, _LOCK_TIMER, brand_of(door), name, timer_id)
    return tuple(rows[0]) if rows else None


async def finish_timer(door: Door, *, name: str, timer_id: uuid.UUID) -> float:
    """Mark a locked timer done; its lag in seconds."""
    rows: Any = await fetch(door, _FINISH_TIMER, brand_of(door), name, timer_id)
    return float(rows[0][0])


async def tries(door: Door, table: Table, *, name: str, ids: list[uuid.UUID]) -> list[tuple[uuid.UUID, int]]:
    """What is still waiting and how often it was tried, the untried first."""
    return [(row[0], row[1]) for row in await fetch(door, table.tries, brand_of(door), name, ids)]


async def start(door: Door, table: Table, *, name: str, ids: list[uuid.UUID], lease_s: float) -> list[uuid.UUID]:
    """Count an attempt before it is made, so that one which kills its worker is counted too."""
    return [row[0] for row in await fetch(door, table.start, brand_of(door), name, ids, lease_s)]


async def fail(
    door: Door, table: Table, *, name: str, item: uuid.UUID, by: int, error: str, max_attempts: int
) -> tuple[str, int] | None:
    """Note a failed attempt and back off, or park; the new state and the attempts, ``None`` if it was done."""
    rows = await fetch(door, table.fail, brand_of(door), name, item, by, error, max_attempts, _LONGEST_BACK_OFF_S)
    return (rows[0][0], rows[0][1]) if rows else None


async def rest(door: Door, table: Table, *, name: str, ids: list[uuid.UUID], seconds: float) -> None:
    """Leave rows for later without counting an attempt."""
    await run(door, table.rest, brand_of(door), name, ids, seconds)
