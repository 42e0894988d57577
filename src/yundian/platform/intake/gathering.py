"""Gathers the records of each document, wherever in the file they stand, and streams the documents out.

Records that stand near each other are staged together, so that a file in order costs a row for each document. What
was staged is committed with the run's counts; a killed import goes on with the next record, or the next document.
"""

import functools
import uuid
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from yundian.platform.core.crypto import Keyring
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database
from yundian.platform.intake.batches import Batch, Item, Run, hash_of, note_problems, quarantine
from yundian.platform.intake.conversions import UNSTORABLE
from yundian.platform.intake.errors import RunTaken
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.reader import Read, Reader, Rows
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


class Gathered(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True, gc=False):
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
    sorting = _Sorting(run, by)
    for part in _parts(reader, skip=run.lines_read):
        if isinstance(part, Rows):
            sorting.add_rows(part)
        else:
            sorting.add(part)
        if sorting.count >= CHUNK_RECORDS or sorting.chars >= CHUNK_CHARS:
            yield sorting.chunk(reader.position)
            sorting = _Sorting(run, by)
    if sorting.count:
        yield sorting.chunk(reader.position)


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
    values = reader.again([record.raw for document in whole for record in document.records])
    made = []
    start = 0
    for document in found:
        wrong = _problem_of(document)
        item = _item(run, document)
        made.append(item)
        if wrong is not None:
            item.problem, item.problem_line = wrong
            continue
        rows = values[start : start + len(document.records)]
        start += len(document.records)
        # Whoever refuses it, rules or room: it is kept with its columns.
        item.values = functools.partial(_values_of, document.records, rows)
        try:
            item.record = run.ready(extractor.document(rows, run.kind.record), item)
        except FieldProblem as error:
            item.problem = error.problem
            item.problem_line = document.records[error.row or 0].line
    return Batch(made, position=run.position)


def _values_of(records: Sequence[Gathered], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {str(one.line): row for one, row in zip(records, rows, strict=True)}


def _parts(reader: Reader, *, skip: int) -> Iterator[Read | Rows]:
    """What the file holds behind so many records, never more of it at once than a chunk has."""
    for part in reader.parts():
        size = len(part) if isinstance(part, Rows) else 1
        if skip >= size:
            skip -= size
        elif isinstance(part, Rows):
            for start in range(skip, size, CHUNK_RECORDS):
                yield part.part(start, start + CHUNK_RECORDS)
            skip = 0
        else:
            yield part


class _Sorting:
    """Records on their way to their documents, as many as are staged together."""

    def __init__(self, run: Run, by: Sequence[str]) -> None:
        self.count = self.chars = 0
        self._run = run
        self._by = by
        self._groups: dict[str, list[Gathered]] = {}
        self._strays: list[Item] = []

    def add_rows(self, part: Rows) -> None:
        """Many, each by the key that its cells make."""
        places = [part.header.index(column) for column in self._by]
        if len(places) == 1:
            keys = [row[places[0]].strip() for row in part.rows]
        else:
            keys = [_key([row[place].strip() for place in places]) for row in part.rows]
        groups = self._groups
        for key, line, raw, row in zip(keys, part.numbers, part.raws, part.rows, strict=True):
            found = groups.get(key)
            if found is not None:
                found.append(Gathered(line, raw))
            elif _is_key(key):
                groups[key] = [Gathered(line, raw)]
            else:
                self._stray(line, raw, dict(zip(part.header, row, strict=True)))
        self.count += len(part)
        self.chars += sum(map(len, part.raws))

    def add(self, read: Read) -> None:
        broken = isinstance(read, BrokenRecord)
        values = (read.guess if isinstance(read, BrokenRecord) else read.values) or {}
        problem = read.problem if isinstance(read, BrokenRecord) else None
        key = _key([str(values.get(column) or "").strip() for column in self._by])
        if _is_key(key):
            self._groups.setdefault(key, []).append(Gathered(read.line, read.raw, problem))
        else:
            self._stray(read.line, read.raw, None if broken else values, problem)
        self.count += 1
        self.chars += len(read.raw)

    def chunk(self, position: int) -> Chunk:
        """All of it."""
        pieces = list(_pieces(self._run.database.keyring, self._groups))
        return Chunk(pieces, self._strays, self.count, position)

    def _stray(self, line: int, raw: str, values: Any, problem: Problem | None = None) -> None:
        problem = problem or Problem(
            "intake.no_document", "the columns that name its document are blank or too long", ", ".join(self._by)
        )
        self._strays.append(Item(line, raw, hash_of(self._run.kind, raw), values, problem=problem))


def _key(parts: Sequence[str]) -> str:
    """Empty where one of them is."""
    return "\x1f".join(parts) if all(parts) else ""


def _is_key(key: str) -> bool:
    return 0 < len(key) <= MAX_KEY_CHARS and UNSTORABLE.search(key) is None


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
        problem = Problem.quoting(
            "intake.document_too_long",
            "more than %(records)s records or %(characters)s characters",
            records=MAX_DOCUMENT_RECORDS,
            characters=MAX_DOCUMENT_CHARS,
        )
        return problem, min(record.line for record in document.records)
    return None


def _item(run: Run, document: Document) -> Item:
    raw = "\n".join(record.raw for record in document.records)
    line = min(record.line for record in document.records)
    return Item(line, raw, hash_of(run.kind, raw), None, key=document.key)
