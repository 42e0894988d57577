"""What people do with records that were not taken in: look at them, correct and replay them, discard them."""

import contextlib
import uuid
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import NotFound
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.keys import keyring_of
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.errors import AlreadySettled, NotReplayable
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.models import ImportRun, Quarantined, QuarantineState
from yundian.platform.intake.repository import records as repository
from yundian.platform.intake.types import ImportKind, Origin, Place, Problem


async def list_runs(
    session: AsyncSession, *, brand_id: uuid.UUID, kind: str, limit: int = 50, cursor: str | None = None
) -> Page[ImportRun]:
    """The import runs of one kind, the newest first."""
    rows = await repository.list_runs(
        session, brand_id=brand_id, kind=kind, limit=limit + 1, after_id=_after(cursor)
    )
    items, next_cursor = cut(rows, limit, repository.cursor_key)
    return Page(items, next_cursor)


async def list_quarantine(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    kind: str,
    state: QuarantineState = QuarantineState.OPEN,
    run_id: uuid.UUID | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Quarantined]:
    """The quarantined records of one kind, the newest first."""
    rows = await repository.list_quarantine(
        session,
        brand_id=brand_id,
        kind=kind,
        state=state,
        run_id=run_id,
        limit=limit + 1,
        after_id=_after(cursor),
    )
    items, next_cursor = cut(rows, limit, repository.cursor_key)
    return Page(items, next_cursor)


async def count_by_reason(
    session: AsyncSession, *, brand_id: uuid.UUID, kind: str, run_id: uuid.UUID, limit: int = 20
) -> list[tuple[str, str, int]]:
    """Why records of a run are held, as ``(code, sentence, records)``, the most frequent first."""
    return await repository.count_by_reason(session, brand_id=brand_id, kind=kind, run_id=run_id, limit=limit)


async def get(session: AsyncSession, *, brand_id: uuid.UUID, kind: str, quarantine_id: uuid.UUID) -> Quarantined:
    """One quarantined record; ``NotFound`` where there is none of this kind."""
    row = await repository.get_quarantined(session, brand_id=brand_id, kind=kind, quarantine_id=quarantine_id)
    if row is None:
        raise NotFound(quarantine_id=str(quarantine_id))
    return row


async def replay(
    tx: Tx, *, kind: ImportKind[Any], quarantine_id: uuid.UUID, corrections: AnyMapping[str, str]
) -> Problem | None:
    """Try the record again, with corrected columns; ``None`` when it went in, else what is wrong now.

    A document of several records has its columns under the records' lines: the correction of one is named
    ``"12.price"``.

    Raises ``NotFound``, ``AlreadySettled``, or ``NotReplayable`` when its columns were never known.
    """
    held = await repository.lock_held(tx, kind=kind.name, quarantine_id=quarantine_id)
    if held is None or held.scope != kind.scope:
        raise NotFound(quarantine_id=str(quarantine_id))
    if held.state is not QuarantineState.OPEN:
        raise AlreadySettled(state=held.state.value)
    if held.source is None:
        raise NotReplayable(quarantine_id=str(quarantine_id))
    values = _corrected(held.source, {name: text.replace("\0", "") for name, text in corrections.items()})
    problem = await _apply_one(tx, kind, held, values)
    if problem is None:
        await repository.settle(tx, quarantine_id=held.id, state=QuarantineState.REPLAYED)
    else:
        await repository.still_broken(tx, quarantine_id=held.id, problem=problem, values=values)
    return problem


async def discard(tx: Tx, *, kind: str, quarantine_id: uuid.UUID) -> None:
    """The record is not wanted; importing its file again leaves it out quietly."""
    held = await repository.lock_held(tx, kind=kind, quarantine_id=quarantine_id)
    if held is None:
        raise NotFound(quarantine_id=str(quarantine_id))
    if not await repository.settle(tx, quarantine_id=quarantine_id, state=QuarantineState.DISCARDED):
        raise AlreadySettled(state=held.state.value)


async def undo_discard(tx: Tx, *, kind: str, quarantine_id: uuid.UUID) -> None:
    """Have it looked at again.

    Raises ``NotFound``, or ``AlreadySettled`` when it is not discarded.
    """
    held = await repository.lock_held(tx, kind=kind, quarantine_id=quarantine_id)
    if held is None:
        raise NotFound(quarantine_id=str(quarantine_id))
    if not await repository.reopen(tx, quarantine_id=quarantine_id):
        raise AlreadySettled(state=held.state.value)


async def replay_open(
    database: Database, *, brand: uuid.UUID, kind: ImportKind[Any], ids: Sequence[uuid.UUID]
) -> tuple[int, int]:
    """Try records again as they stand, each alone: how many went in, and how many are still held.

    One that somebody settled meanwhile, or whose columns were never known, counts as neither.
    """
    taken_in = still_held = 0
    for quarantine_id in ids:
        with contextlib.suppress(NotFound, AlreadySettled, NotReplayable):
            async with database.connection(brand) as tx:
                problem = await replay(tx, kind=kind, quarantine_id=quarantine_id, corrections={})
            taken_in += problem is None
            still_held += problem is not None
    return taken_in, still_held


async def _apply_one(
    tx: Tx, kind: ImportKind[Any], held: repository.HeldRecord, values: AnyMapping[str, Any]
) -> Problem | None:
    mapping = mappings.parse(held.mapping, file="mapping of the run")
    # In the order that the document has them.
    rows = list(values.values()) if mapping.by else [values]
    try:
        record = Extractor(mapping).document(rows, kind.record)
    except FieldProblem as error:
        return error.problem
    origin = Origin(
        run_id=held.run_id,
        mapping=mapping.name,
        fields=frozenset(mapping.fields),
        places=[Place(held.line, held.raw)],
    )
    if kind.prepare is not None:
        record = kind.prepare(keyring_of(tx), origin, record, origin.places[0])
    try:
        async with tx.savepoint():
            outcome = await kind.apply(tx, origin, [record])
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        return Problem("intake.refused_by_database", type(error).__name__)
    refused = outcome.refused.get(0)
    return mapping.named(refused) if refused is not None else None


def _corrected(source: AnyMapping[str, Any], corrections: AnyMapping[str, str]) -> dict[str, Any]:
    made = dict(source)
    for name, text in corrections.items():
        line, _, column = name.partition(".")
        if name in made:
            made[name] = text
        elif isinstance(made.get(line), dict) and column in made[line]:
            made[line] = made[line] | {column: text}
    return made


def _after(cursor: str | None) -> uuid.UUID | None:
    return decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
