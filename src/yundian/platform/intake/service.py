"""Runs an import: read, map, apply in batches of one transaction each, quarantine what is broken, resume later.

A batch's effects, its quarantine and the run's counts commit together, so that a killed import goes on exactly
where it stopped, and of two processes with the same file only one gets each batch in. While the database works on
a batch, a thread prepares the next.
"""

import asyncio
import contextlib
import hashlib
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import anyio
import asyncpg
import structlog

from yundian.platform.core.errors import DomainError
from yundian.platform.db.database import Database
from yundian.platform.intake import gathering, pace, sealing
from yundian.platform.intake.batches import Batch, Item, Run, commit, hash_of
from yundian.platform.intake.errors import RunTaken, UnusableFile
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.mapping import Mapping, check_fields
from yundian.platform.intake.models import RunState
from yundian.platform.intake.reader import Read, Reader
from yundian.platform.intake.repository import records, runs
from yundian.platform.intake.repository.runs import NewRun
from yundian.platform.intake.types import BrokenRecord, ImportKind, Origin, Progress, RunSummary

log = structlog.get_logger()

MAX_BATCH_CHARS = 4 * 1024 * 1024

# What gathering is of the whole work, for a progress bar.
_GATHERING_SHARE = 0.25

OnProgress = Callable[[Progress], None]
T = TypeVar("T")


async def run_import(
    database: Database,
    *,
    brand: uuid.UUID,
    kind: ImportKind[Any],
    file: Path,
    mapping: Mapping,
    on_progress: OnProgress | None = None,
    batch: int | None = None,
) -> RunSummary:
    """Import a file; raises ``UnusableFile`` or ``BadMapping`` when nothing (more) of it can be read."""
    started = time.perf_counter()
    check_fields(mapping, kind.record, kind=kind.name, file=mapping.name)
    run = await _open(database, brand=brand, kind=kind, file=file, mapping=mapping)
    reader = Reader(file, mapping.source, columns=mapping.columns() if mapping.source.is_flat else None)
    tell = _teller(run, reader, on_progress)
    try:
        with pace.beside_the_loop():
            await _take_all(run, reader, batch or kind.batch, tell)
    except BaseException as error:
        await _close_after(run, error)
        raise
    async with database.connection(brand) as tx:
        await runs.begin_batch(tx)
        await runs.end_run(tx, run_id=run.opened.id, state=RunState.FINISHED)
    return _summary(run, seconds=time.perf_counter() - started)


async def _take_all(run: Run, reader: Reader, limit: int, tell: Callable[[], None]) -> None:
    if run.mapping.by:
        await _gather(run, reader, tell)
        await _apply_all(run, _documents(run, reader, limit=limit), tell)
    else:
        await _apply_all(run, _ahead(_records(run, reader, limit=limit)), tell)


async def _open(
    database: Database, *, brand: uuid.UUID, kind: ImportKind[Any], file: Path, mapping: Mapping
) -> Run:
    try:
        sha256, size = await anyio.to_thread.run_sync(_digest, file)
    except OSError as error:
        raise UnusableFile(file=file.name, reason=error.strerror or "cannot be read") from error
    new = NewRun(
        kind=kind.name,
        scope=kind.scope,
        file_name=file.name,
        file_sha256=sealing.file_known_by(database.keyring, sha256),
        file_bytes=size,
        mapping_name=mapping.name,
        mapping_sha256=mapping.sha256,
        mapping=mapping.text,
    )
    async with database.connection(brand) as tx:
        opened = await runs.open_run(tx, new=new)
        has_open = await records.has_open(tx, kind=kind.name)
    return Run(
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
        lines_read=opened.lines_read,
        documents=opened.documents,
        tally=dict(opened.tally or {}),
    )


async def _gather(run: Run, reader: Reader, tell: Callable[[], None]) -> None:
    """Stage the records that are not yet: all of a document are there before the first goes in."""
    if run.opened.is_gathered:
        run.position = reader.size
        return
    async with contextlib.aclosing(_ahead(gathering.chunks(run, reader))) as chunks:
        async for chunk in chunks:
            await gathering.keep(run, chunk)
            tell()
    await gathering.close(run)


async def _apply_all(run: Run, batches: AsyncGenerator[Batch, None], tell: Callable[[], None]) -> None:
    async with contextlib.aclosing(batches) as made:
        async for batch in made:
            run.position = batch.position
            if batch.items:
                await commit(run, batch.items)
            tell()
            if batch.failure is not None:
                raise batch.failure


def _records(run: Run, reader: Reader, *, limit: int) -> Iterator[Batch]:
    """Batches of a file whose records are documents of their own."""
    extractor = Extractor(run.mapping)
    found = iter(reader)
    skip = run.read
    failure: UnusableFile | None = None
    is_over = False
    while not is_over:
        items: list[Item] = []
        size = 0
        is_over = True
        try:
            for read in islice(found, skip, None) if skip else found:
                items.append(_item(run, extractor, read))
                size += len(read.raw)
                if len(items) >= limit or size >= MAX_BATCH_CHARS:
                    is_over = False
                    break
        except UnusableFile as error:
            failure = error
        skip = 0
        yield Batch(items, position=reader.position, failure=failure)


async def _documents(run: Run, reader: Reader, *, limit: int) -> AsyncGenerator[Batch, None]:
    """Batches of gathered documents: while one goes in, the next is fetched and mapped."""
    extractor = Extractor(run.mapping)
    found = gathering.documents(run, limit=limit)

    async def make() -> Batch | None:
        documents = await anext(found, None)
        if documents is None:
            return None
        return await asyncio.to_thread(gathering.items, run, reader, extractor, documents)

    async with contextlib.aclosing(found), contextlib.aclosing(_one_ahead(make)) as batches:
        async for batch in batches:
            yield batch


def _item(run: Run, extractor: Extractor, read: Read) -> Item:
    digest = hash_of(run.kind, read.raw)
    if isinstance(read, BrokenRecord):
        return Item(line=read.line, raw=read.raw, hash=digest, values=None, problem=read.problem)
    item = Item(line=read.line, raw=read.raw, hash=digest, values=read.values)
    try:
        item.record = run.ready(extractor.record(read.values, run.kind.record), item)
    except FieldProblem as error:
        item.problem = error.problem
    return item


async def _ahead(made: Iterator[T]) -> AsyncGenerator[T, None]:
    """What an iterator makes, each in a thread while its user is busy with the one before."""

    async def make() -> T | None:
        return await asyncio.to_thread(next, made, None)

    async with contextlib.aclosing(_one_ahead(make)) as coming:
        async for one in coming:
            yield one


async def _one_ahead(make: Callable[[], Awaitable[T | None]]) -> AsyncGenerator[T, None]:
    coming = asyncio.ensure_future(make())
    try:
        while (one := await coming) is not None:
            coming = asyncio.ensure_future(make())
            yield one
    finally:
        if not coming.done():
            # A thread cannot be cancelled: what it holds is let go when it has ended.
            await asyncio.wait([coming])
        if not coming.cancelled():
            coming.exception()


def _teller(run: Run, reader: Reader, on_progress: OnProgress | None) -> Callable[[], None]:
    def tell() -> None:
        if on_progress is None:
            return
        done = run.position
        if run.mapping.by:
            done = int(done * _GATHERING_SHARE)
        if run.documents:
            done += int(reader.size * (1 - _GATHERING_SHARE) * run.read / run.documents)
        on_progress(Progress(done, reader.size, run.read, run.quarantined))

    return tell


async def _close_after(run: Run, error: BaseException) -> None:
    """Say how the run ended; it stays resumable. ``RunTaken`` leaves it to the process that has it."""
    if isinstance(error, RunTaken):
        return
    is_failure = isinstance(error, Exception)
    state = RunState.FAILED if is_failure else RunState.INTERRUPTED
    reason = f"{error.code} {error.facts}" if isinstance(error, DomainError) else type(error).__name__
    with anyio.CancelScope(shield=True):
        try:
            async with run.database.connection(run.brand) as tx:
                await runs.end_run(tx, run_id=run.opened.id, state=state, error=reason)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.warning("intake.run_left_open", run_id=str(run.opened.id))


def _summary(run: Run, *, seconds: float) -> RunSummary:
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
        tally=run.tally,
    )


def _digest(file: Path) -> tuple[str, int]:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest(), stream.tell()
