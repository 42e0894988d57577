"""The statements of quarantine, and of the runs that screens list."""

import hashlib
import uuid
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core import clock
from yundian.platform.core.ids import first_id_at, new_id
from yundian.platform.db.database import Tx
from yundian.platform.db.keys import keyring_of
from yundian.platform.db.paging import before
from yundian.platform.intake import sealing
from yundian.platform.intake.models import ImportRun, Quarantined, QuarantineState
from yundian.platform.intake.types import Problem

MAX_RAW_CHARS = 8_000
# A document of five thousand lines, with its columns, is kept for a replay.
MAX_SOURCE_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class NewQuarantine:
    line: int
    raw: str
    content_hash: bytes
    problem: Problem
    values: AnyMapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class HeldRecord:
    """A quarantine row, locked, with the scope and the mapping of its run."""

    id: uuid.UUID
    run_id: uuid.UUID
    line: int
    raw: str
    scope: str
    mapping: str
    source: dict[str, Any] | None
    state: QuarantineState


async def day_run(tx: Tx, *, kind: str, scope: str, name: str) -> uuid.UUID:
    """The run of this day for what comes in by other ways than a file: made when it is first needed."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    digest = hashlib.sha256(f"{kind}/{scope}".encode())
    run_id = uuid.UUID(int=first_id_at(midnight).int | int.from_bytes(digest.digest()[:10], "big"))
    await tx.execute(
        "INSERT INTO intake_run (brand_id, id, created_at, kind, scope, file_name, file_sha256, mapping_name,"
        " mapping_sha256, mapping, state, records_read, applied, unchanged, quarantined, error)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, '', '', '', 'finished', 0, 0, 0, 0, '') ON CONFLICT DO NOTHING",
        tx.brand,
        run_id,
        midnight,
        kind,
        scope,
        name[:255],
        digest.hexdigest(),
    )
    return run_id


async def quarantine(
    tx: Tx,
    *,
    run_id: uuid.UUID,
    kind: str,
    records: Sequence[NewQuarantine],
    max_raw: int | None = MAX_RAW_CHARS,
) -> set[bytes]:
    """Keep each content once, with the run that met it last: whoever looks at its file sees what was held of it.

    The answer holds those that a person settled before: they stay settled.
    """
    unique = {record.content_hash: record for record in records}
    keyring = keyring_of(tx)
    known = {sealing.known_by(keyring, digest): digest for digest in unique}
    rows = [
        (
            new_id(),
            r.line,
            r.problem.column[:200],
            r.problem.code,
            sealing.told(r.problem.reason)[:1000],
            sealing.seal(keyring, r.raw[:max_raw]),
            sealing.seal(keyring, source_text(r.values)),
            digest,
            told_text(r.problem),
        )
        for digest, r in zip(known, unique.values(), strict=True)
    ]
    await tx.execute(
        "INSERT INTO intake_quarantine AS q (brand_id, created_at, run_id, kind, state, id, line, column_name,"
        " code, reason, raw_sealed, source_sealed, content_hash, told)"
        " SELECT $1, $2, $3, $4, 'open', w.id, w.line, w.column_name, w.code, w.reason, w.raw, w.source,"
        " w.hash, w.told::jsonb FROM unnest($5::uuid[], $6::bigint[], $7::text[], $8::text[], $9::text[],"
        " $10::bytea[], $11::bytea[], $12::bytea[], $13::text[])"
        " AS w(id, line, column_name, code, reason, raw, source, hash, told)"
        " ON CONFLICT (brand_id, kind, content_hash) DO UPDATE SET run_id = excluded.run_id,"
        " line = excluded.line, column_name = excluded.column_name, code = excluded.code,"
        " reason = excluded.reason, told = excluded.told WHERE q.state = 'open'"
        " AND (q.run_id, q.code, q.reason) <> (excluded.run_id, excluded.code, excluded.reason)",
        tx.brand,
        clock.now(),
        run_id,
        kind,
        *(list(column) for column in zip(*rows, strict=True)),
    )
    settled = await tx.fetch(
        "SELECT content_hash FROM intake_quarantine WHERE brand_id = $1 AND kind = $2"
        " AND content_hash = ANY($3) AND state <> 'open'",
        tx.brand,
        kind,
        list(known),
    )
    return {known[row["content_hash"]] for row in settled}


async def has_open(tx: Tx, *, kind: str) -> bool:
    """Whether anything of this kind waits in quarantine."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT 1 FROM intake_quarantine WHERE brand_id = $1 AND kind = $2 AND state = 'open')",
            tx.brand,
            kind,
        )
    )


async def release(tx: Tx, *, kind: str, content_hashes: Sequence[bytes]) -> None:
    """What was taken in after all (with a better mapping) needs nobody's attention any more."""
    keyring = keyring_of(tx)
    await tx.execute(
        "UPDATE intake_quarantine SET state = 'replayed', settled_at = $4 WHERE brand_id = $1 AND kind = $2"
        " AND content_hash = ANY($3) AND state = 'open'",
        tx.brand,
        kind,
        [sealing.known_by(keyring, digest) for digest in content_hashes],
        clock.now(),
    )


async def release_held(tx: Tx, *, ids: Sequence[uuid.UUID]) -> None:
    """The same for rows that a person had tried again."""
    await tx.execute(
        "UPDATE intake_quarantine SET state = 'replayed', settled_at = $3 WHERE brand_id = $1"
        " AND id = ANY($2::uuid[]) AND state = 'open'",
        tx.brand,
        list(ids),
        clock.now(),
    )


async def lock_held(tx: Tx, *, kind: str, quarantine_id: uuid.UUID) -> HeldRecord | None:
    row: asyncpg.Record | None = await tx.fetchrow(
        "SELECT q.id, q.run_id, q.line, q.raw, q.state, q.source::text AS source, q.raw_sealed, q.source_sealed,"
        " r.scope, r.mapping"
        " FROM intake_quarantine q"
        " JOIN intake_run r ON r.brand_id = q.brand_id AND r.id = q.run_id"
        " WHERE q.brand_id = $1 AND q.kind = $2 AND q.id = $3 FOR UPDATE OF q",
        tx.brand,
        kind,
        quarantine_id,
    )
    if row is None:
        return None
    raw, source = sealing.opened(keyring_of(tx), dict(row))
    return HeldRecord(
        id=row["id"],
        run_id=row["run_id"],
        line=row["line"],
        raw=raw,
        scope=row["scope"],
        mapping=row["mapping"],
        source=source,
        state=QuarantineState(row["state"]),
    )


async def settle(tx: Tx, *, quarantine_id: uuid.UUID, state: QuarantineState) -> bool:
    """Close an open row; false when it was closed already."""
    status = await tx.execute(
        "UPDATE intake_quarantine SET state = $3, settled_at = $4 WHERE brand_id = $1 AND id = $2"
        " AND state = 'open'",
        tx.brand,
        quarantine_id,
        state.value,
        clock.now(),
    )
    return status == "UPDATE 1"


async def reopen(tx: Tx, *, quarantine_id: uuid.UUID) -> bool:
    """Take a discard back; false when the row is not discarded."""
    status = await tx.execute(
        "UPDATE intake_quarantine SET state = 'open', settled_at = NULL WHERE brand_id = $1 AND id = $2"
        " AND state = 'discarded'",
        tx.brand,
        quarantine_id,
    )
    return status == "UPDATE 1"


async def still_broken(
    tx: Tx, *, quarantine_id: uuid.UUID, problem: Problem, values: AnyMapping[str, Any] | None
) -> None:
    """Keep what a person corrected so far, and what is wrong now."""
    await tx.execute(
        "UPDATE intake_quarantine SET column_name = $3, code = $4, reason = $5, source_sealed = $6,"
        " source = NULL, told = $7::text::jsonb WHERE brand_id = $1 AND id = $2",
        tx.brand,
        quarantine_id,
        problem.column[:200],
        problem.code,
        sealing.told(problem.reason)[:1000],
        sealing.seal(keyring_of(tx), source_text(values)),
        told_text(problem),
    )


def told_text(problem: Problem) -> str | None:
    """The words of a sentence and what they quote, as JSON: none where ``reason`` is all there is to it."""
    if not problem.text:
        return None
    facts = {name: sealing.told(v)[:400] if isinstance(v, str) else v for name, v in problem.facts.items()}
    return msgspec.json.encode({"text": problem.text, "facts": facts}).decode().replace("\\u0000", "")


def source_text(values: AnyMapping[str, Any] | None) -> str | None:
    """The source's columns as JSON, kept for a replay; none when they are too large or cannot be stored."""
    if values is None:
        return None
    try:
        data = msgspec.json.encode(values)
    except (UnicodeEncodeError, RecursionError):
        return None
    return data.decode() if len(data) <= MAX_SOURCE_BYTES and b"\\u0000" not in data else None


async def list_runs(
    session: AsyncSession, *, brand_id: uuid.UUID, kind: str, limit: int, after_id: uuid.UUID | None
) -> list[ImportRun]:
    """The newest runs first."""
    statement = select(ImportRun).where(col(ImportRun.brand_id) == brand_id, col(ImportRun.kind) == kind)
    if after_id is not None:
        statement = statement.where(before([col(ImportRun.id)], [after_id]))
    return list((await session.exec(statement.order_by(col(ImportRun.id).desc()).limit(limit))).all())


async def list_quarantine(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    kind: str,
    state: QuarantineState,
    limit: int,
    after_id: uuid.UUID | None,
    run_id: uuid.UUID | None = None,
) -> list[Quarantined]:
    """The newest records first, of one run or of all."""
    statement = select(Quarantined).where(
        col(Quarantined.brand_id) == brand_id, col(Quarantined.kind) == kind, col(Quarantined.state) == state
    )
    if run_id is not None:
        statement = statement.where(col(Quarantined.run_id) == run_id)
    if after_id is not None:
        statement = statement.where(before([col(Quarantined.id)], [after_id]))
    rows = (await session.exec(statement.order_by(col(Quarantined.id).desc()).limit(limit))).all()
    return open_rows(session, rows)


async def count_by_reason(
    session: AsyncSession, *, brand_id: uuid.UUID, kind: str, run_id: uuid.UUID, limit: int
) -> list[tuple[str, str, int]]:
    """The open records of a run by code and sentence (a msgid where it quotes something), the most first."""
    sentence = func.coalesce(col(Quarantined.told)["text"].astext, col(Quarantined.reason))
    number = func.count()
    statement = (
        select(col(Quarantined.code), sentence, number)
        .where(
            col(Quarantined.brand_id) == brand_id,
            col(Quarantined.kind) == kind,
            col(Quarantined.run_id) == run_id,
            col(Quarantined.state) == QuarantineState.OPEN,
        )
        .group_by(col(Quarantined.code), sentence)
        .order_by(number.desc(), col(Quarantined.code))
        .limit(limit)
    )
    return [(code, text, rows) for code, text, rows in await session.exec(statement)]


async def get_quarantined(
    session: AsyncSession, *, brand_id: uuid.UUID, kind: str, quarantine_id: uuid.UUID
) -> Quarantined | None:
    row = await session.get(Quarantined, (brand_id, quarantine_id))
    return open_rows(session, [row])[0] if row is not None and row.kind == kind else None


def open_rows(session: AsyncSession, rows: Sequence[Quarantined]) -> list[Quarantined]:
    """The same rows with ``raw`` and ``source`` to be read; what is opened is never written back."""
    keyring = keyring_of(session)
    for row in rows:
        raw, source = sealing.opened(keyring, row.model_dump(include=set(sealing.COLUMNS)))
        set_committed_value(row, "raw", raw)
        set_committed_value(row, "source", source)
    return list(rows)


async def seal_old(tx: Tx, *, limit: int = 500) -> int:
    """Seal what the release before wrote; how many rows it was."""
    keyring = keyring_of(tx)
    rows = await tx.fetch(
        "SELECT id, raw, source::text AS source, reason, content_hash FROM intake_quarantine"
        " WHERE brand_id = $1 AND raw_sealed IS NULL ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED",
        tx.brand,
        limit,
    )
    await tx.execute(
        # Its content may have come again since: that row has the key then.
        "UPDATE intake_quarantine q SET raw = '', source = NULL, raw_sealed = w.raw, source_sealed ="
        " coalesce(q.source_sealed, w.source), reason = w.reason, content_hash = CASE WHEN EXISTS (SELECT 1"
        " FROM intake_quarantine o WHERE o.brand_id = $1 AND o.kind = q.kind AND o.content_hash = w.hash)"
        " THEN sha256(w.raw) ELSE w.hash END"
        " FROM unnest($2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[])"
        " AS w(id, raw, source, hash, reason) WHERE q.brand_id = $1 AND q.id = w.id",
        tx.brand,
        [row["id"] for row in rows],
        [sealing.seal(keyring, row["raw"]) for row in rows],
        [sealing.seal(keyring, row["source"]) for row in rows],
        [sealing.known_by(keyring, row["content_hash"]) for row in rows],
        [sealing.told(row["reason"]) for row in rows],
    )
    return len(rows)


def cursor_key(row: ImportRun | Quarantined) -> tuple[uuid.UUID]:
    return (row.id,)
