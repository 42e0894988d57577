"""The inbox: what was received before under these keys, and what comes now."""

import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Sequence

import asyncpg

from yundian.channels.rules import Entry, Key
from yundian.channels.types import Outcome
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import brand_of

# One batch of a brand at a time: what is read afterwards is what the others left, and the order of locks behind it
# is nobody's concern. What is looked up is planned for what is there: a plan kept from an empty inbox reads all of
# it for each document.
_LOCK = """
SET LOCAL plan_cache_mode = force_custom_plan;
SET LOCAL lock_timeout = '{wait}';
SELECT pg_advisory_xact_lock(hashtextextended('channels:{brand}', 0));
SET LOCAL lock_timeout TO DEFAULT;
"""
_LONGEST_WAIT = "20s"

_SEEN = """
SELECT channel, external_shop, external_id, id, content_hash, version, updated_at, kind, is_current, subject_id,
    member_id
FROM channels_document
WHERE brand_id = $1 AND channel = ANY($2::text[]) AND external_shop = ANY($3::text[])
    AND external_id = ANY($4::text[])
ORDER BY id
"""

_COLUMNS = {
    "id": "uuid", "channel": "varchar", "external_shop": "varchar", "external_id": "varchar",
    "content_hash": "bytea", "version": "bigint", "updated_at": "timestamptz", "kind": "varchar",
    "state": "varchar", "is_current": "bool", "subject_id": "uuid", "member_id": "uuid",
    "occurred_at": "timestamptz", "amount_minor": "bigint", "currency": "bpchar", "is_different": "bool",
    "run_id": "uuid", "line": "int", "raw_sealed": "bytea",
}  # fmt: skip
_ADD = f"""
INSERT INTO channels_document (brand_id, created_at, {", ".join(_COLUMNS)})
SELECT $1, $2, {", ".join(_COLUMNS)} FROM unnest({
    ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_COLUMNS.values(), start=3))
}) AS given ({", ".join(_COLUMNS)})
"""  # noqa: S608  names of columns, no values


async def lock(tx: Tx) -> None:
    await tx.execute(_LOCK.format(brand=brand_of(tx), wait=_LONGEST_WAIT))


async def seen(tx: Tx, *, keys: Collection[Key]) -> list[asyncpg.Record]:
    """Every document received under these keys, the oldest first.

    By lists, not by a join: whatever the planner believes of this brand, none of its documents is read twice.
    """
    rows = await tx.fetch(_SEEN, tx.brand, *(list(set(parts)) for parts in zip(*keys, strict=True)))
    return [row for row in rows if (row[0], row[1], row[2]) in keys]


async def add(
    tx: Tx,
    *,
    entries: Sequence[Entry],
    current: Collection[uuid.UUID],
    different: Collection[uuid.UUID],
    now: dt.datetime,
) -> None:
    """Keep what was received; ``current`` are what their orders and returns say now."""
    rows = [_row(one, one.id in current, one.id in different) for one in entries]
    await tx.execute(_ADD, tx.brand, now, *map(list, zip(*rows, strict=True)))


def _row(entry: Entry, is_current: bool, is_different: bool) -> tuple[object, ...]:
    document, received = entry.document, entry.received
    return (
        entry.id, *entry.key, entry.content_hash, document.version, document.updated_at, document.kind.value,
        "applied" if entry.outcome is Outcome.APPLIED else "stale", is_current, entry.subject_id, entry.member_id,
        document.paid_at or document.placed_at, document.total_minor, document.currency, is_different,
        received.run_id, received.line, entry.ready.sealed,
    )  # fmt: skip


async def supersede(tx: Tx, *, ids: Iterable[uuid.UUID]) -> None:
    """A newer version came: these say nothing any more."""
    query = "UPDATE channels_document SET is_current = false WHERE brand_id = $1 AND id = ANY($2::uuid[])"
    await tx.execute(query, tx.brand, list(ids))
