"""The relay's statements: each takes rows of one brand under the database's clock, skipping what others hold."""

import uuid
from collections import defaultdict
from dataclasses import dataclass, field

from yundian.platform.db.database import Tx

# One row per brand, found by hopping from key to key: the cost is brands, not rows.
_BRANDS = """
WITH RECURSIVE hop AS (
    (SELECT brand_id, {second} AS first FROM {table} WHERE {condition} ORDER BY brand_id, {second} LIMIT 1)
    UNION ALL
    SELECT next.brand_id, next.first FROM hop, LATERAL (
        SELECT t.brand_id, t.{second} AS first FROM {table} t WHERE {condition} AND t.brand_id > hop.brand_id
        ORDER BY t.brand_id, t.{second} LIMIT 1) AS next
)
SELECT brand_id FROM hop WHERE {wanted}
"""

BRANDS_WITH_FRESH = _BRANDS.format(
    table="outbox_event", second="id", condition="expanded_at IS NULL", wanted="true"
)
BRANDS_WITH_DUE = _BRANDS.format(
    table="outbox_delivery", second="next_at", condition="state = 'pending'", wanted="first <= now()"
)
BRANDS_WITH_DUE_TIMERS = _BRANDS.format(
    table="outbox_timer", second="next_at", condition="state = 'set'", wanted="first <= now()"
)
BRANDS_WITH_EVENTS = _BRANDS.format(table="outbox_event", second="id", condition="true", wanted="true")
BRANDS_WITH_TIMERS = _BRANDS.format(table="outbox_timer", second="id", condition="true", wanted="true")

# Parts of one statement see one snapshot, so the deliveries are made from what was locked, not read again.
_EXPAND = """
WITH fresh AS MATERIALIZED (
    SELECT id, tag, created_at FROM outbox_event
    WHERE brand_id = $1 AND expanded_at IS NULL AND tag = ANY($2::varchar[])
    ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
), marked AS (
    UPDATE outbox_event e SET expanded_at = now() FROM fresh WHERE e.brand_id = $1 AND e.id = fresh.id
), made AS (
    INSERT INTO outbox_delivery (brand_id, event_id, subscriber, recorded_at, next_at)
    SELECT $1, fresh.id, route.subscriber, fresh.created_at, now() + make_interval(secs => $4)
    FROM fresh JOIN unnest($5::varchar[], $6::varchar[]) AS route (tag, subscriber) ON route.tag = fresh.tag
    RETURNING event_id, subscriber
), batches AS (
    SELECT subscriber, array_agg(event_id ORDER BY event_id) AS ids FROM made GROUP BY subscriber
)
SELECT (SELECT count(*) FROM fresh) AS taken, batches.subscriber, batches.ids
FROM (VALUES (1)) AS one LEFT JOIN batches ON true
"""

_UNKNOWN_TAGS = """
SELECT tag, count(*) AS events FROM outbox_event
WHERE brand_id = $1 AND expanded_at IS NULL AND tag <> ALL($2::varchar[]) GROUP BY tag
"""

# A row whose attempts are used up is here because its last worker died: others are parked where they fail.
_SWEEP = """
WITH due AS MATERIALIZED (
    SELECT {key} AS item, {name} AS name, attempts FROM {table}
    WHERE brand_id = $1 AND state = '{waiting}' AND next_at <= now()
    ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE {table} t SET
    state = CASE WHEN due.attempts >= $3 THEN 'parked' ELSE t.state END,
    last_error = CASE WHEN due.attempts >= $3 THEN coalesce(t.last_error, 'the worker died') ELSE t.last_error END,
    next_at = now()
        + make_interval(secs => CASE WHEN due.name = ANY($4::varchar[]) THEN $5::float8 ELSE $6::float8 END)
FROM due WHERE t.brand_id = $1 AND t.{key} = due.item AND t.{name} = due.name
RETURNING due.item, due.name, t.state, t.attempts, t.last_error
"""

_SWEEP_DELIVERIES = _SWEEP.format(table="outbox_delivery", key="event_id", name="subscriber", waiting="pending")
_SWEEP_TIMERS = _SWEEP.format(table="outbox_timer", key="id", name="name", waiting="set")

_RELEASE_DELIVERIES = """
UPDATE outbox_delivery SET next_at = now()
WHERE brand_id = $1 AND subscriber = $2 AND event_id = ANY($3::uuid[]) AND state NOT IN ('done', 'parked')
"""
_RELEASE_TIMERS = """
UPDATE outbox_timer SET next_at = now()
WHERE brand_id = $1 AND name = $2 AND id = ANY($3::uuid[]) AND state = 'set' AND due_at <= now()
"""

# How long a row rests whose name this code does not know; newer code may come any moment.
UNKNOWN_REST_S = 10.0


@dataclass(slots=True)
class Swept:
    """What one sweep of a brand took: batches to hand over by name, and what needs a person's eye."""

    taken: int = 0
    batches: dict[str, list[uuid.UUID]] = field(default_factory=lambda: defaultdict(list))
    unknown: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    parked: list[tuple[uuid.UUID, str, int, str]] = field(default_factory=list)


async def brands(tx: Tx, sql: str) -> list[uuid.UUID]:
    """The brands that have such rows (one of the ``BRANDS_WITH_`` statements)."""
    return [row["brand_id"] for row in await tx.fetch(sql)]


async def expand(
    tx: Tx, *, tags: tuple[str, ...], routes: tuple[list[str], list[str]], limit: int, lease_s: float
) -> tuple[int, dict[str, list[uuid.UUID]]]:
    """Turn fresh events into leased deliveries: how many events, and the event ids per subscriber."""
    rows = await tx.fetch(_EXPAND, tx.brand, list(tags), limit, lease_s, *routes)
    return rows[0]["taken"], {row["subscriber"]: list(row["ids"]) for row in rows if row["subscriber"] is not None}


async def unknown_tags(tx: Tx, *, tags: tuple[str, ...]) -> dict[str, int]:
    """Fresh events that this code does not know; they wait for code that does."""
    return {row["tag"]: row["events"] for row in await tx.fetch(_UNKNOWN_TAGS, tx.brand, list(tags))}


async def sweep(
    tx: Tx, *, are_timers: bool, known: list[str], limit: int, lease_s: float, max_attempts: int
) -> Swept:
    """Lease what is due again: lost on the way, failed before, or (timers) due for the first time."""
    sql = _SWEEP_TIMERS if are_timers else _SWEEP_DELIVERIES
    rows = await tx.fetch(sql, tx.brand, limit, max_attempts, known, lease_s, UNKNOWN_REST_S)
    swept = Swept(taken=len(rows))
    for item, name, state, attempts, error in rows:
        if state == "parked":
            swept.parked.append((item, name, attempts, error))
        elif name in known:
            swept.batches[name].append(item)
        else:
            swept.unknown[name] += 1
    return swept


async def release(tx: Tx, *, are_timers: bool, name: str, items: list[uuid.UUID]) -> None:
    """Make rows due at once that could not be handed over."""
    await tx.execute(_RELEASE_TIMERS if are_timers else _RELEASE_DELIVERIES, tx.brand, name, items)
