"""What people do with documents that were not taken in: see why, try again, put aside, and take that back.

A document of a file is tried with the mapping of its run, or with a corrected one; one that was sent over HTTP is
tried as it was sent, after what it lacked (a shop, say) was added.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.repository import held as repository
from yundian.channels.repository.held import HeldFilter, HeldRow, Locked
from yundian.channels.service import channels, syncing
from yundian.channels.service.importing import KIND as FILES
from yundian.channels.service.taking import take_each
from yundian.channels.types import OrderDocument, Outcome, Received
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import NotFound
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.errors import AlreadySettled, NotReplayable
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.models import QuarantineState
from yundian.platform.intake.repository import records as intake
from yundian.platform.intake.types import Problem

KINDS = (FILES, syncing.KIND)

MAX_AT_ONCE = 1_000
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many went in, and how many are still held; ``problem`` is that of the last one that did not."""

    taken_in: int
    still_held: int
    problem: Problem | None = None


@dataclass(slots=True)
class _Try:
    row: Locked
    document: OrderDocument | None = None
    problem: Problem | None = None


async def list_held(
    session: AsyncSession, *, brand_id: uuid.UUID, wanted: HeldFilter, limit: int, cursor: str | None
) -> Page[HeldRow]:
    """The newest first."""
    after = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await repository.list_held(session, brand_id=brand_id, wanted=wanted, limit=limit + 1, after_id=after)
    items, next_cursor = cut(rows, limit, lambda row: (row.held.id,))
    return Page(items, next_cursor)


async def codes(session: AsyncSession, *, brand_id: uuid.UUID, wanted: HeldFilter) -> list[tuple[str, int]]:
    """How many are held under each code, the most frequent first."""
    return await repository.codes(session, brand_id=brand_id, wanted=wanted)


async def get(session: AsyncSession, *, brand_id: uuid.UUID, held_id: uuid.UUID) -> HeldRow:
    """One held document with its run; ``NotFound``."""
    found = await repository.get_held(session, brand_id=brand_id, kinds=KINDS, held_id=held_id)
    if found is None:
        raise NotFound(quarantine_id=str(held_id))
    return found


def document_of(row: HeldRow, mapping: str) -> str:
    """What the mapping makes of the held document, as JSON: nothing is written.

    Raises:
        BadMapping: the mapping cannot be used.
        NotReplayable: the document was too broken to keep its columns.
        FieldProblem: what is wrong with it.
    """
    if row.held.kind == syncing.KIND:
        read = syncing.read(row.held.raw.encode("utf-8", "surrogatepass"))
        if read.problem is not None:
            raise FieldProblem.of(read.problem)
        document = read.document
    else:
        document = _extracted(mapping, row.held.source)
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


async def replay(
    database: Database,
    *,
    brand: uuid.UUID,
    keyring: Keyring,
    ids: Sequence[uuid.UUID],
    mapping: str = "",
) -> Replayed:
    """Try documents again, those of files with the corrected mapping if one is given. Each stands alone.

    Raises:
        BadMapping: the mapping cannot be used; nothing was tried.
        AlreadySettled: the only one was taken in or discarded in between.
    """
    if mapping:
        mappings.parse(mapping, file="mapping")
    taken_in = still_held = 0
    problem: Problem | None = None
    for start in range(0, len(ids), _BATCH):
        async with database.connection(brand) as tx:
            rows = await repository.lock(tx, ids=ids[start : start + _BATCH], kinds=KINDS)
            if len(ids) == 1 and not rows:
                raise AlreadySettled(quarantine_id=str(ids[0]))
            tries = [_try(row, mapping) for row in rows]
            for channel in sorted({one.row.channel for one in tries}):
                await channels.check_open(tx, code=channel)
                await _take_in(tx, keyring, channel, tries)
            await _settle(tx, tries)
        failed = [one for one in tries if one.problem is not None]
        taken_in += len(tries) - len(failed)
        still_held += len(failed)
        problem = failed[-1].problem if failed else problem
    return Replayed(taken_in, still_held, problem)


async def replay_all(
    database: Database, *, brand: uuid.UUID, keyring: Keyring, wanted: HeldFilter, mapping: str = ""
) -> Replayed:
    """The same for all that a filter finds, up to a thousand at once."""
    async with database.unit_of_work(brand) as session:
        rows = await repository.list_held(session, brand_id=brand, wanted=wanted, limit=MAX_AT_ONCE)
    ids = [row.held.id for row in reversed(rows)]
    return await replay(database, brand=brand, keyring=keyring, ids=ids, mapping=mapping)


async def discard(tx: Tx, *, held_id: uuid.UUID) -> None:
    """Put a document aside: the same content is left out quietly when it comes again in a file.

    Raises:
        AlreadySettled: somebody took it in or discarded it, or there is none.
    """
    rows = await repository.lock(tx, ids=[held_id], kinds=KINDS)
    if not rows or not await intake.settle(tx, quarantine_id=held_id, state=QuarantineState.DISCARDED):
        raise AlreadySettled(quarantine_id=str(held_id))


async def undo_discard(tx: Tx, *, held_id: uuid.UUID) -> None:
    """Have it looked at again; ``AlreadySettled`` when it is not discarded."""
    if not await intake.reopen(tx, quarantine_id=held_id):
        raise AlreadySettled(quarantine_id=str(held_id))


async def seal_old(database: Database, *, brand: uuid.UUID) -> None:
    """Seal what the release before wrote into the quarantine, of every kind."""
    sealed = 1
    while sealed:
        async with database.connection(brand) as tx:
            sealed = await intake.seal_old(tx)


def _try(row: Locked, mapping: str) -> _Try:
    if row.kind == syncing.KIND:
        read = syncing.read(row.raw.encode("utf-8", "surrogatepass"))
        return _Try(row, read.document, read.problem)
    try:
        return _Try(row, _extracted(mapping or row.mapping, row.source))
    except FieldProblem as error:
        return _Try(row, problem=error.problem)
    except NotReplayable as error:
        return _Try(row, problem=Problem(error.code, error.title))


def _extracted(text: str, source: dict[str, object] | None) -> OrderDocument:
    """The document of a file's columns; of several records they are kept by their lines."""
    if source is None:
        raise NotReplayable
    mapping = mappings.parse(text, file="mapping")
    # Where records make a document, its columns are kept record by record, in the order the document has them.
    rows = list(source.values()) if mapping.by else [source]
    document: OrderDocument = Extractor(mapping).document(rows, OrderDocument)  # type: ignore[arg-type]
    return document


async def _take_in(tx: Tx, keyring: Keyring, channel: str, tries: list[_Try]) -> None:
    ready = [one for one in tries if one.document is not None and one.row.channel == channel]
    received = [
        Received(document=one.document, raw=one.row.raw, run_id=_run_of(one.row), line=one.row.line)
        for one in ready
        if one.document is not None
    ]
    taken = await take_each(tx, keyring=keyring, channel=channel, received=received)
    for one, (outcome, problem) in zip(ready, taken, strict=True):
        one.problem = problem if outcome is Outcome.REFUSED else None


async def _settle(tx: Tx, tries: list[_Try]) -> None:
    good = [one.row.id for one in tries if one.problem is None]
    if good:
        await intake.release_held(tx, ids=good)
    for one in tries:
        if one.problem is not None:
            await intake.still_broken(tx, quarantine_id=one.row.id, problem=one.problem, values=one.row.source)


def _run_of(row: Locked) -> uuid.UUID | None:
    return row.run_id if row.kind == FILES else None
