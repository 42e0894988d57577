"""A batch on its way in: one transaction for its effects, its quarantine and the run's counts."""

import dataclasses
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.intake.errors import RunTaken
from yundian.platform.intake.mapping import Mapping
from yundian.platform.intake.repository import records, runs
from yundian.platform.intake.repository.records import NewQuarantine
from yundian.platform.intake.repository.runs import Counts, Keyed, OpenRun
from yundian.platform.intake.types import Applied, ImportKind, Origin, Place, Problem, ProblemAt

MAX_SHOWN_PROBLEMS = 20
# Others who write the same rows may have to go first.
_ATTEMPTS = 5


@dataclass(slots=True)
class Item:
    """A document on its way in: with its validated value, or with what is wrong and on which line.

    ``values`` are its columns, or what makes them: few are ever looked at.
    """

    line: int
    raw: str
    hash: bytes
    values: Any
    record: Any = None
    problem: Problem | None = None
    problem_line: int = 0
    key: str = ""
    is_settled: bool = False

    @property
    def shown_line(self) -> int:
        return self.problem_line or self.line


@dataclass(slots=True)
class Batch:
    """Documents that go in together; ``position`` of the file stands behind them."""

    items: list[Item]
    position: int = 0
    failure: Exception | None = None


@dataclass(slots=True)
class Run:
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
    lines_read: int
    documents: int
    tally: dict[str, int]
    position: int = 0
    problems: list[ProblemAt] = field(default_factory=list)

    def ready(self, record: Any, item: Item) -> Any:
        """A validated record as its room takes it."""
        if self.kind.prepare is None:
            return record
        return self.kind.prepare(self.database.keyring, self.origin, record, Place(item.line, item.raw))


def hash_of(kind: ImportKind[Any], raw: str) -> bytes:
    """What a quarantined record is known by, should it come again for the same scope."""
    salted = f"{kind.scope}\0{raw}" if kind.scope else raw
    return hashlib.sha256(salted.encode("utf-8", "backslashreplace")).digest()


async def commit(run: Run, items: list[Item]) -> None:
    """One transaction; when the database refuses a row of it, halve until that row is alone."""
    try:
        counts, tally = await _try_to_commit(run, items)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        if len(items) > 1:
            middle = len(items) // 2
            await commit(run, items[:middle])
            await commit(run, items[middle:])
            return
        items[0].record = None
        items[0].problem = Problem("intake.refused_by_database", type(error).__name__)
        counts, tally = await _try_to_commit(run, items)
    step("intake.batch_committed")
    run.read += counts.read
    run.applied += counts.applied
    run.unchanged += counts.unchanged
    run.quarantined += counts.quarantined
    run.tally = tally
    note_problems(run, items)


def note_problems(run: Run, items: Sequence[Item]) -> None:
    """The first problems are shown with the run's summary."""
    for item in items:
        if item.problem is not None and not item.is_settled and len(run.problems) < MAX_SHOWN_PROBLEMS:
            problem = item.problem
            run.problems.append(
                ProblemAt(
                    file=run.file.name,
                    line=item.shown_line,
                    column=problem.column,
                    code=problem.code,
                    reason=problem.reason,
                )
            )


async def quarantine(tx: Tx, run: Run, broken: Sequence[Item]) -> int:
    """Keep what is broken; the number of those that a person settled before."""
    rows = [
        NewQuarantine(
            line=i.shown_line,
            raw=i.raw,
            content_hash=i.hash,
            problem=i.problem,
            values=i.values() if callable(i.values) else i.values,
        )
        for i in broken
        if i.problem is not None
    ]
    max_raw = None if run.mapping.by else records.MAX_RAW_CHARS
    settled = await records.quarantine(tx, run_id=run.opened.id, kind=run.kind.name, records=rows, max_raw=max_raw)
    for item in broken:
        item.is_settled = item.hash in settled
    return sum(row.content_hash in settled for row in rows)


async def _try_to_commit(run: Run, items: list[Item]) -> tuple[Counts, dict[str, int]]:
    for attempt in range(_ATTEMPTS):
        try:
            async with run.database.connection(run.brand) as tx:
                await runs.begin_batch(tx)
                outcome = await _take_in(tx, run, items)
                step("intake.batch_applied")
            return outcome
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError):
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def _take_in(tx: Tx, run: Run, items: list[Item]) -> tuple[Counts, dict[str, int]]:
    """Apply a batch; what it counts, and the whole run's tally with it."""
    candidates, repeated = await _without_doubles(tx, run, [i for i in items if i.problem is None])
    outcome = await _apply(tx, run, candidates) if candidates else Applied()
    for position, problem in outcome.refused.items():
        candidates[position].problem = run.mapping.named(problem)
    broken = [i for i in items if i.problem is not None]
    settled = await quarantine(tx, run, broken) if broken else 0
    good = [i.hash for i in items if i.problem is None]
    if run.has_open and good:
        await records.release(tx, kind=run.kind.name, content_hashes=good)
    counts = Counts(
        read=len(items),
        applied=outcome.applied,
        unchanged=repeated + settled + outcome.unchanged,
        quarantined=len(broken) - settled,
    )
    tally = run.tally | {name: run.tally.get(name, 0) + count for name, count in outcome.tally.items()}
    is_ours = await runs.advance(
        tx,
        run_id=run.opened.id,
        expected=run.read,
        counts=counts,
        bytes_read=run.position,
        last_key=items[-1].key,
        tally=tally,
    )
    if not is_ours:
        raise RunTaken(file=run.file.name)
    return counts, tally


async def _apply(tx: Tx, run: Run, candidates: list[Item]) -> Applied:
    origin = dataclasses.replace(run.origin, places=[Place(item.line, item.raw) for item in candidates])
    return await run.kind.apply(tx, origin, [item.record for item in candidates])


async def _without_doubles(tx: Tx, run: Run, items: list[Item]) -> tuple[list[Item], int]:
    """A key met twice: the same content counts as unchanged, other content is a problem."""
    key_of = run.kind.key
    if key_of is None or not items:
        return items, 0
    first: dict[str, Item] = {}
    for item in items:
        first.setdefault(key_of(item.record), item)
    wanted = [Keyed(key, item.line, item.hash) for key, item in first.items()]
    met = await runs.claim_keys(tx, run_id=run.opened.id, keys=wanted)
    fresh: list[Item] = []
    repeated = 0
    for item in items:
        key = key_of(item.record)
        owner = met.get(key) or Keyed(key, first[key].line, first[key].hash)
        if owner.line == item.line:
            fresh.append(item)
        elif owner.content_hash == item.hash:
            repeated += 1
        else:
            item.problem = Problem.quoting(
                "intake.double_key",
                "%(key)s stands on line %(line)s with other content",
                key=repr(key),
                line=owner.line,
            )
    return fresh, repeated
