"""Deletes what is done and old, in small batches, so that the courier's tables stay as small as its work."""

import datetime as dt
import uuid

import asyncpg

from yundian.platform.core import clock
from yundian.platform.db.database import Tx, transaction
from yundian.platform.outbox import claims

KEEP_DAYS = 14.0
BATCH = 2_000

# Ids are ordered by time, so the key's own index finds the old ones; created_at, by the database's clock, decides.
_EVENTS = """
WITH old AS MATERIALIZED (
    SELECT e.id FROM outbox_event e
    WHERE e.brand_id = $1 AND e.id < $4 AND e.created_at < now() - make_interval(secs => $3)
    AND e.expanded_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM outbox_delivery d WHERE d.brand_id = $1 AND d.event_id = e.id AND d.state <> 'done')
    ORDER BY e.id LIMIT $2
), deliveries AS (
    DELETE FROM outbox_delivery d USING old WHERE d.brand_id = $1 AND d.event_id = old.id
)
DELETE FROM outbox_event e USING old WHERE e.brand_id = $1 AND e.id = old.id
"""

_TIMERS = """
DELETE FROM outbox_timer WHERE brand_id = $1 AND id IN (
    SELECT id FROM outbox_timer
    WHERE brand_id = $1 AND $4::uuid IS NOT NULL AND state IN ('done', 'cancelled')
    AND ended_at < now() - make_interval(secs => $3) LIMIT $2)
"""


async def clean(pool: "asyncpg.Pool[asyncpg.Record]", *, keep_s: float = KEEP_DAYS * 86_400) -> int:
    """Delete done events with their deliveries, and ended timers, older than ``keep_s``; how many rows."""
    gone = 0
    for find, delete in ((claims.BRANDS_WITH_EVENTS, _EVENTS), (claims.BRANDS_WITH_TIMERS, _TIMERS)):
        async with transaction(pool, None) as tx:
            brands = await claims.brands(tx, find)
        for brand in brands:
            gone += await _clean_brand(pool, brand, delete, keep_s)
    return gone


async def _clean_brand(pool: "asyncpg.Pool[asyncpg.Record]", brand: uuid.UUID, delete: str, keep_s: float) -> int:
    gone = 0
    while True:
        async with transaction(pool, brand) as tx:
            batch = await _deleted(tx, delete, keep_s)
        gone += batch
        if batch == 0:
            return gone


async def _deleted(tx: Tx, delete: str, keep_s: float) -> int:
    return int((await tx.execute(delete, tx.brand, BATCH, keep_s, _id_at(keep_s))).rsplit(" ", 1)[-1])


def _id_at(keep_s: float) -> uuid.UUID:
    """An id above all that were made before the limit; a day of margin covers any wrong clock."""
    limit = clock.now() - dt.timedelta(seconds=keep_s) + dt.timedelta(days=1)
    return uuid.UUID(int=int(limit.timestamp() * 1000) << 80)
