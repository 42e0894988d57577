"""Gathers the records of each document, wherever in the file they stand, and streams the documents out.

Records that stand near each other are staged together, so that a file in order costs a row for each document. What
was staged is committed with the run's counts; a killed import goes on with the next record, or the next document.
"""

import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from yundian.platform.core.crypto import Keyring
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database
from yundian.platform.intake.batches import Batch, Item, Run, hash_of, note_problems, quarantine
from yundian.platform.intake.conversions import UNSTORABLE
from yundian.platform.intake.errors import RunTaken
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.reader import Read, Reader
from yundian.platform.intake.repository import runs, staging
from yundian.platform.intake.repository.staging import Piece
from yundian.platform.intake.types import BrokenRecord, Problem

CHUNK_RECORDS = 20_000
CHUNK_CHARS = 4 * 1024 * 1024
MAX_KEY_CHARS = 200
MAX_DOCUMENT_RECORDS = 5_000
MAX_DOCUMENT_CHARS = 16 * 1024 * 1024
FETCH_BYTES = 2 * 1024 * 1024
BATCH_RECORDS = 20_000

_PIECE_RECORDS = 2_000
# What gathered records are sealed for: a run that was given up leaves them behind.
_STAGED = "intake.staged"


class Gathered(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """One record in waiting, with what is wrong with it."""

    line: int
    raw: str
    problem: Problem | None = None


@dataclass(slots=True)
class Chunk:
    """Records that are staged together; ``strays`` name no document."""

    pieces: list[Piece]
    strays: list[Item]
    records: int
    position: int


@dataclass(slots=True)
class Document:
    """All records of one document; ``is_too_long`` where not all were kept."""

    key: str
    records: list[Gathered] = field(default_factory=list)
    chars: int = 0
    is_too_long: bool = False

    def add(self, record: Gathered) -> None:
        self.chars += len(record.raw)
        if len(self.records) >= MAX_DOCUMENT_RECORDS or self.chars > MAX_DOCUMENT_CHARS:
            self.is_too_long = True
        else:
            self.records.append(record)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Gathered]).decode


def chunks(run: Run, reader: Reader) -> Iterator[Chunk]:
    """The file's records from where the run stands, in pieces of documents."""
    by = [column.strip() for column in run.mapping.by]
    records = iter(reader)
    for _ in islice(records, run.lines_read):
        pass
    while True:
        groups: dict[str, list[Gathered]] = {}
        strays: list[Item] = []
        count = chars = 0
        for read in records:
            count += 1
            chars += len(read.raw)
            _sort_in(run, read, by, groups, strays)
            if count >= CHUNK_RECORDS or chars >= CHUNK_CHARS:
                break
        if not count:
            return
        yield Chunk(list(_pieces(run.database.keyring, groups)), strays, count, reader.position)


async def keep(run: Run, chunk: Chunk) -> None:
    """Stage a chunk; ``RunTaken`` when another process was there first."""
    async with run.database.connection(run.brand) as tx:
        await runs.begin_batch(tx)
        is_ours = await staging.advance_gathering(
            tx,
            run_id=run.opened.id,
            expected=run.lines_read,
            lines=chunk.records,
            quarantined=len(chunk.strays),
            bytes_read=chunk.position,
        )
        if not is_ours:
            raise RunTaken(file=run.file.name)
        if chunk.strays:
            await quarantine(tx, run, chunk.strays)
        await staging.stage(tx, run_id=run.opened.id, pieces=chunk.pieces)
        step("intake.chunk_staged")
    step("intake.chunk_kept")
    run.lines_read += chunk.records
    run.read += len(chunk.strays)
    run.quarantined += len(chunk.strays)
    run.position = chunk.position
    note_problems(run, chunk.strays)


async def close(run: Run) -> None:
    """All records are staged: from here on documents stream out."""
    async with run.database.connection(run.brand) as tx:
        await runs.begin_batch(tx)
        documents = await staging.end_gathering(tx, run_id=run.opened.id)
    if documents is None:
        raise RunTaken(file=run.file.name)
    run.documents = documents


async def documents(run: Run, *, limit: int) -> AsyncGenerator[list[Document], None]:
    """Whole documents in the order of their keys, many at a time, from where the run stands."""
    keyring = run.database.keyring
    made: list[Document] = []
    size = chars = 0
    async for piece in _pieces_after(run.database, run.brand, run.opened.id, key=run.opened.last_key):
        if not made or made[-1].key != piece.key:
            if len(made) >= limit or size >= BATCH_RECORDS or chars >= CHUNK_CHARS:
                yield made
                made, size, chars = [], 0, 0
            made.append(Document(piece.key))
        for record in _decode(keyring.decrypt_bytes(_STAGED, piece.payload)):
            made[-1].add(record)
        size += piece.records
        chars += len(piece.payload)
    if made:
        yield made


def items(run: Run, reader: Reader, extractor: Extractor, found: Sequence[Document]) -> Batch:
    """The documents of a batch, validated. Its records stand in one order, whatever the file's order was."""
    for document in found:
        document.records.sort(key=lambda record: (record.raw, record.line))
    whole = [document for document in found if _problem_of(document) is None]
    values = iter(reader.again([record.raw for document in whole for record in document.records]))
    made = []
    for document in found:
        wrong = _problem_of(document)
        item = _item(run, document)
        made.append(item)
        if wrong is not None:
            item.problem, item.problem_line = wrong
            continue
        rows = list(islice(values, len(document.records)))
        # Whoever refuses it, rules or room: it is kept with its columns.
        item.values = {str(one.line): row for one, row in zip(document.records, rows, strict=True)}
        try:
            item.record = extractor.document(rows, run.kind.record)
        except FieldProblem as error:
            item.problem = error.problem
            item.problem_line = document.records[error.row or 0].line
    return Batch(made, position=run.position)


def _sort_in(
    run: Run, read: Read, by: Sequence[str], groups: dict[str, list[Gathered]], strays: list[Item]
) -> None:
    broken = read if isinstance(read, BrokenRecord) else None
    values = (read.guess if isinstance(read, BrokenRecord) else read.values) or {}
    parts = [str(values.get(column) or "").strip() for column in by]
    key = "\x1f".join(parts)
    problem = broken.problem if broken is not None else None
    if all(parts) and len(key) <= MAX_KEY_CHARS and UNSTORABLE.search(key) is None:
        groups.setdefault(key, []).append(Gathered(read.line, read.raw, problem))
        return
    reason = "the columns that name its document are blank or too long"
    problem = problem or Problem("intake.no_document", reason, ", ".join(by))
    kept = values if broken is None else None
    strays.append(Item(read.line, read.raw, hash_of(run.kind, read.raw), kept, problem=problem))


def _pieces(keyring: Keyring, groups: dict[str, list[Gathered]]) -> Iterator[Piece]:
    for key, found in groups.items():
        for start in range(0, len(found), _PIECE_RECORDS):
            part = found[start : start + _PIECE_RECORDS]
            yield Piece(key, part[0].line, len(part), keyring.encrypt_bytes(_STAGED, _encode(part)))


async def _pieces_after(
    database: Database, brand: uuid.UUID, run_id: uuid.UUID, *, key: str
) -> AsyncGenerator[Piece, None]:
    line = 2**62
    while True:
        async with database.connection(brand) as tx:
            found = await staging.pieces_after(tx, run_id=run_id, key=key, line=line, max_bytes=FETCH_BYTES)
        if not found:
            return
        for piece in found:
            yield piece
        key, line = found[-1].key, found[-1].line


def _problem_of(document: Document) -> tuple[Problem, int] | None:
    """What is wrong with a document before it is looked at, and on which line."""
    broken = [record for record in document.records if record.problem is not None]
    if broken:
        first = min(broken, key=lambda record: record.line)
        assert first.problem is not None
        return first.problem, first.line
    if document.is_too_long:
        reason = f"more than {MAX_DOCUMENT_RECORDS} records or {MAX_DOCUMENT_CHARS} characters"
        return Problem("intake.document_too_long", reason), min(record.line for record in document.records)
    return None


def _item(run: Run, document: Document) -> Item:
    raw = "\n".join(record.raw for record in document.records)
    line = min(record.line for record in document.records)
    return Item(line, raw, hash_of(run.kind, raw), None, key=document.key)
