"""Runs an import: read, map, apply in batches of one transaction each, quarantine what is broken, resume later.

A batch's effects, its quarantine and the run's counts commit together, so that a killed import goes on exactly
where it stopped, and of two processes with the same file only one gets each batch in.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import structlog

from yundian.platform.core.errors import DomainError
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.intake import repository
from yundian.platform.intake.errors import RunTaken, UnusableFile
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.mapping import Mapping, check_fields
from yundian.platform.intake.models import RunState
from yundian.platform.intake.reader import Read, Reader
from yundian.platform.intake.repository import Keyed, NewQuarantine, OpenRun
from yundian.platform.intake.types import (
    BrokenRecord,
    ImportKind,
    Origin,
    Problem,
    ProblemAt,
    Progress,
    RunSummary,
)

log = structlog.get_logger()

BATCH = 1_000
MAX_SHOWN_PROBLEMS = 20

OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class _Item:
    """A record on its way in: with its validated value, or with what is wrong."""

    line: int
    raw: str
    hash: bytes
    values: Any
    record: Any = None
    problem: Problem | None = None
    is_settled: bool = False


@dataclass(slots=True)
class _Run:
    """One attempt at a file; the counts are those committed so far."""

    database: Database
    brand: uuid.UUID
    kind: ImportKind[Any]
    mapping: Mapping
    file: Path
    opened: OpenRun
    origin: Origin
    has_open: bool
    read: int
    applied: int
    unchanged: int
    quarantined: int
    problems: list[ProblemAt] = field(default_factory=list)


async def run_import(
    database: Database,
    *,
    brand: uuid.UUID,
    kind: ImportKind[Any],
    file: Path,
    mapping: Mapping,
    on_progress: OnProgress | None = None,
    batch: int = BATCH,
) -> RunSummary:
    """Import a file; raises ``UnusableFile`` or ``BadMapping`` when nothing (more) of it can be read."""
    started = time.perf_counter()
    check_fields(mapping, kind.record, kind=kind.name, file=mapping.name)
    run = await _open(database, brand=brand, kind=kind, file=file, mapping=mapping)
    reader = Reader(file, mapping.source, columns=mapping.columns() if mapping.source.format == "csv" else None)
    try:
        await _read_all(run, reader, batch=batch, on_progress=on_progress)
    except BaseException as error:
        await _close_after(run, error)
        raise
    async with database.connection(brand) as tx:
        await repository.end_run(tx, run_id=run.opened.id, state=RunState.FINISHED)
    return _summary(run, seconds=time.perf_counter() - started)


async def _open(
    database: Database, *, brand: uuid.UUID, kind: ImportKind[Any], file: Path, mapping: Mapping
) -> _Run:
    try:
        sha256 = await anyio.to_thread.run_sync(_digest, file)
    except OSError as error:
        raise UnusableFile(file=file.name, reason=error.strerror or "cannot be read") from error
    async with database.connection(brand) as tx:
        opened = await repository.open_run(
            tx,
            kind=kind.name,
            file_name=file.name,
            file_sha256=sha256,
            mapping_name=mapping.name,
            mapping_sha256=mapping.sha256,
            mapping=mapping.text,
        )
        has_open = await repository.has_open(tx, kind=kind.name)
    return _Run(
        database=database,
        brand=brand,
        kind=kind,
        mapping=mapping,
        file=file,
        opened=opened,
        origin=Origin(run_id=opened.id, mapping=mapping.name, fields=frozenset(mapping.fields)),
        has_open=has_open,
        read=opened.records_read,
        applied=opened.applied,
        unchanged=opened.unchanged,
        quarantined=opened.quarantined,
    )


async def _read_all(run: _Run, reader: Reader, *, batch: int, on_progress: OnProgress | None) -> None:
    extractor = Extractor(run.mapping)
    records = iter(reader)
    for _ in islice(records, run.read):
        pass
    is_over = False
    while not is_over:
        items: list[_Item] = []
        failure: UnusableFile | None = None
        try:
            for read in islice(records, batch):
                items.append(_item(run, extractor, read))
        except UnusableFile as error:
            failure = error
        is_over = len(items) < batch
        if items:
            await _commit(run, items)
        if on_progress is not None:
            on_progress(Progress(reader.position, reader.size, run.read, run.quarantined))
        if failure is not None:
            raise failure


def _item(run: _Run, extractor: Extractor, read: Read) -> _Item:
    digest = hashlib.sha256(read.raw.encode("utf-8", "backslashreplace")).digest()
    if isinstance(read, BrokenRecord):
        return _Item(line=read.line, raw=read.raw, hash=digest, values=None, problem=read.problem)
    item = _Item(line=read.line, raw=read.raw, hash=digest, values=read.values)
    try:
        item.record = extractor.record(read.values, run.kind.record)
    except FieldProblem as error:
        item.problem = error.problem
    return item


async def _commit(run: _Run, items: list[_Item]) -> None:
    """One transaction; when the database refuses a row of it, halve until that row is alone."""
    try:
        async with run.database.connection(run.brand) as tx:
            counts = await _take_in(tx, run, items)
            step("intake.batch_applied")
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        if len(items) > 1:
            middle = len(items) // 2
            await _commit(run, items[:middle])
            await _commit(run, items[middle:])
            return
        items[0].record = None
        items[0].problem = Problem("intake.refused_by_database", type(error).__name__)
        async with run.database.connection(run.brand) as tx:
            counts = await _take_in(tx, run, items)
    step("intake.batch_committed")
    applied, unchanged, quarantined = counts
    run.read += len(items)
    run.applied += applied
    run.unchanged += unchanged
    run.quarantined += quarantined
    for item in items:
        if item.problem is not None and not item.is_settled and len(run.problems) < MAX_SHOWN_PROBLEMS:
            run.problems.append(_shown(run, item, item.problem))


async def _take_in(tx: Tx, run: _Run, items: list[_Item]) -> tuple[int, int, int]:
    """Apply a batch; the counts of applied, unchanged and quarantined records."""
    candidates, repeated = await _without_doubles(tx, run, [i for i in items if i.problem is None])
    outcome = await run.kind.apply(tx, run.origin, [i.record for i in candidates]) if candidates else None
    if outcome is not None:
        for position, problem in outcome.refused.items():
            candidates[position].problem = problem
    broken = [i for i in items if i.problem is not None]
    settled = await _quarantine(tx, run, broken) if broken else 0
    good = [i.hash for i in items if i.problem is None]
    if run.has_open and good:
        await repository.release(tx, kind=run.kind.name, content_hashes=good)
    applied = outcome.applied if outcome is not None else 0
    unchanged = repeated + settled + (outcome.unchanged if outcome is not None else 0)
    quarantined = len(broken) - settled
    is_ours = await repository.advance(
        tx,
        run_id=run.opened.id,
        expected=run.read,
        read=len(items),
        applied=applied,
        unchanged=unchanged,
        quarantined=quarantined,
    )
    if not is_ours:
        raise RunTaken(file=run.file.name)
    return applied, unchanged, quarantined


async def _without_doubles(tx: Tx, run: _Run, items: list[_Item]) -> tuple[list[_Item], int]:
    """A key met twice: the same content counts as unchanged, other content is a problem."""
    first: dict[str, _Item] = {}
    for item in items:
        first.setdefault(run.kind.key(item.record), item)
    wanted = [Keyed(key, item.line, item.hash) for key, item in first.items()]
    met = await repository.claim_keys(tx, run_id=run.opened.id, keys=wanted) if wanted else {}
    fresh: list[_Item] = []
    repeated = 0
    for item in items:
        key = run.kind.key(item.record)
        owner = met.get(key) or Keyed(key, first[key].line, first[key].hash)
        if owner.line == item.line:
            fresh.append(item)
        elif owner.content_hash == item.hash:
            repeated += 1
        else:
            item.problem = Problem("intake.double_key", f"{key!r} stands on line {owner.line} with other content")
    return fresh, repeated


async def _quarantine(tx: Tx, run: _Run, broken: Sequence[_Item]) -> int:
    rows = [
        NewQuarantine(line=i.line, raw=i.raw, content_hash=i.hash, problem=i.problem, values=i.values)
        for i in broken
        if i.problem is not None
    ]
    settled = await repository.quarantine(tx, run_id=run.opened.id, kind=run.kind.name, records=rows)
    for item in broken:
        item.is_settled = item.hash in settled
    return sum(row.content_hash in settled for row in rows)


async def _close_after(run: _Run, error: BaseException) -> None:
    """Say how the run ended; it stays resumable. ``RunTaken`` leaves it to the process that has it."""
    if isinstance(error, RunTaken):
        return
    is_failure = isinstance(error, Exception)
    state = RunState.FAILED if is_failure else RunState.INTERRUPTED
    reason = f"{error.code} {error.facts}" if isinstance(error, DomainError) else type(error).__name__
    with anyio.CancelScope(shield=True):
        try:
            async with run.database.connection(run.brand) as tx:
                await repository.end_run(tx, run_id=run.opened.id, state=state, error=reason)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.warning("intake.run_left_open", run_id=str(run.opened.id))


def _summary(run: _Run, *, seconds: float) -> RunSummary:
    return RunSummary(
        run_id=run.opened.id,
        kind=run.kind.name,
        file=run.file.name,
        state=RunState.FINISHED.value,
        read=run.read,
        applied=run.applied,
        unchanged=run.unchanged,
        quarantined=run.quarantined,
        is_resumed=run.opened.is_resumed,
        seconds=round(seconds, 3),
        problems=run.problems,
    )


def _shown(run: _Run, item: _Item, problem: Problem) -> ProblemAt:
    return ProblemAt(
        file=run.file.name, line=item.line, column=problem.column, code=problem.code, reason=problem.reason
    )


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
