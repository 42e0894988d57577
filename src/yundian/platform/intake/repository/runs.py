"""The statements of runs: what is open, how far it is, which keys it met."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

# A batch of many thousand lines may take longer than a request does.
_LONGEST_STATEMENT = "SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'"


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that is being worked on, with what earlier attempts at the same file committed."""

    id: uuid.UUID
    records_read: int = 0
    applied: int = 0
    unchanged: int = 0
    quarantined: int = 0
    lines_read: int = 0
    documents: int = 0
    is_gathered: bool = False
    last_key: str = ""
    tally: Mapping[str, int] | None = None
    is_resumed: bool = False


@dataclass(frozen=True, slots=True)
class NewRun:
    """Which run it is: the same file, mapping, kind and scope once more is the same one, while unfinished."""

    kind: str
    scope: str
    file_name: str
    file_sha256: str
    file_bytes: int
    mapping_name: str
    mapping_sha256: str
    mapping: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What a batch adds to its run."""

    read: int
    applied: int = 0
    unchanged: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Keyed:
    key: str
    line: int
    content_hash: bytes


async def open_run(tx: Tx, *, new: NewRun) -> OpenRun:
    """Resume the unfinished run of the same file and mapping, or begin one."""
    found = await tx.fetchrow(
        "UPDATE intake_run SET state = 'running', error = '' WHERE brand_id = $1 AND id = ("
        " SELECT id FROM intake_run WHERE brand_id = $1 AND kind = $2 AND file_sha256 = $3"
        " AND mapping_sha256 = $4 AND scope = $5 AND state <> 'finished' ORDER BY id DESC LIMIT 1)"
        " RETURNING id, records_read, applied, unchanged, quarantined, lines_read, documents, is_gathered,"
        " last_key, tally",
        tx.brand,
        new.kind,
        new.file_sha256,
        new.mapping_sha256,
        new.scope,
    )
    if found is not None:
        facts = dict(found)
        tally = msgspec.json.decode(facts.pop("tally"), type=dict[str, int])
        return OpenRun(**facts, tally=tally, is_resumed=True)
    run_id = new_id()
    await tx.execute(
        "INSERT INTO intake_run (brand_id, id, created_at, kind, scope, file_name, file_sha256, file_bytes,"
        " mapping_name, mapping_sha256, mapping, state, records_read, applied, unchanged, quarantined, error)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'running', 0, 0, 0, 0, '')",
        tx.brand,
        run_id,
        clock.now(),
        new.kind,
        new.scope,
        new.file_name[:255],
        new.file_sha256,
        new.file_bytes,
        new.mapping_name[:80],
        new.mapping_sha256,
        new.mapping,
    )
    return OpenRun(run_id)


async def begin_batch(tx: Tx) -> None:
    """Give a batch the time it needs."""
    await tx.execute(_LONGEST_STATEMENT)


async def advance(
    tx: Tx,
    *,
    run_id: uuid.UUID,
    expected: int,
    counts: Counts,
    bytes_read: int,
    last_key: str,
    tally: Mapping[str, int],
) -> bool:
    """Count a batch; false when another process was there in between. ``tally`` is that of the whole run."""
    status = await tx.execute(
        "UPDATE intake_run SET records_read = records_read + $4, applied = applied + $5,"
        " unchanged = unchanged + $6, quarantined = quarantined + $7, bytes_read = $8, last_key = $9,"
        " tally = $10::text::jsonb"
        " WHERE brand_id = $1 AND id = $2 AND records_read = $3 AND state = 'running'",
        tx.brand,
        run_id,
        expected,
        counts.read,
        counts.applied,
        counts.unchanged,
        counts.quarantined,
        bytes_read,
        last_key,
        msgspec.json.encode(tally).decode(),
    )
    return status == "UPDATE 1"


async def end_run(tx: Tx, *, run_id: uuid.UUID, state: str, error: str = "") -> None:
    """Close the run; a finished one forgets the keys it met and the records it gathered."""
    await tx.execute(
        "UPDATE intake_run SET state = $3, error = $4, finished_at = $5"
        " WHERE brand_id = $1 AND id = $2 AND state = 'running'",
        tx.brand,
        run_id,
        state,
        error[:500],
        clock.now(),
    )
    if state == "finished":
        await tx.execute("DELETE FROM intake_key WHERE brand_id = $1 AND run_id = $2", tx.brand, run_id)
        await tx.execute("DELETE FROM intake_staged WHERE brand_id = $1 AND run_id = $2", tx.brand, run_id)


async def claim_keys(tx: Tx, *, run_id: uuid.UUID, keys: Sequence[Keyed]) -> dict[str, Keyed]:
    """Remember the keys; the answer holds those that an earlier batch met, with their place."""
    rows = await tx.fetch(
        "WITH wanted AS (SELECT * FROM unnest($3::text[], $4::bigint[], $5::bytea[]) AS w(key, line, hash)),"
        " fresh AS (INSERT INTO intake_key (brand_id, run_id, key, line, content_hash)"
        " SELECT $1, $2, key, line, hash FROM wanted ON CONFLICT DO NOTHING)"
        " SELECT k.key, k.line, k.content_hash FROM wanted JOIN intake_key k"
        " ON k.brand_id = $1 AND k.run_id = $2 AND k.key = wanted.key",
        tx.brand,
        run_id,
        [k.key for k in keys],
        [k.line for k in keys],
        [k.content_hash for k in keys],
    )
    return {row["key"]: Keyed(row["key"], row["line"], row["content_hash"]) for row in rows}
