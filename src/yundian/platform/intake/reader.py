"""Takes foreign files apart, record by record, in constant memory.

One broken line never ends a file: a quote that is not closed within the record's bounds costs its own line only,
the following lines are read again. What is unusable from some point on (JSON that is not JSON) ends with
``UnusableFile``.
"""

import contextlib
import csv
import functools
import io
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import ijson
import msgspec

from yundian.platform.intake import tables, workbooks
from yundian.platform.intake.columns import Cells
from yundian.platform.intake.errors import UnusableFile
from yundian.platform.intake.lines import MAX_LINE_BYTES, Line, Lines, OpenFile
from yundian.platform.intake.rules import Source
from yundian.platform.intake.types import BrokenRecord, Problem, SourceRecord

__all__ = ["MAX_JSON_ITEM_BYTES", "MAX_LINE_BYTES", "MAX_RECORD_LINES", "Read", "Reader", "Rows"]

MAX_RECORD_LINES = 200
MAX_JSON_ITEM_BYTES = 16 * 1024 * 1024

Read = SourceRecord | BrokenRecord


@dataclass(frozen=True, slots=True)
class Rows:
    """Records of a CSV file that are as they should be, many at once: ``numbers`` are the lines they begin on."""

    header: Sequence[str]
    numbers: Sequence[int]
    raws: Sequence[str]
    rows: Sequence[list[str]]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, end: int) -> "Rows":
        return Rows(self.header, self.numbers[start:end], self.raws[start:end], self.rows[start:end])

    def records(self) -> Iterator[SourceRecord]:
        """One by one."""
        for number, raw, row in zip(self.numbers, self.raws, self.rows, strict=True):
            yield SourceRecord(number, raw, dict(zip(self.header, row, strict=True)))


class Reader:
    """Iterates over a file's records; ``position`` of ``size`` bytes tells how far it is."""

    def __init__(self, path: Path, source: Source, *, columns: set[str] | None = None) -> None:
        self.path = path
        self.source = source
        self.columns = {column.strip() for column in columns or ()}
        self.size = path.stat().st_size
        self._file: OpenFile | None = None
        self._header: list[str] = []
        self._delimiter = source.delimiter
        # Of a workbook, how much of its sheet is read.
        self._share = 0.0

    @property
    def position(self) -> int:
        return self._file.position if self._file is not None else int(self.size * self._share)

    def __iter__(self) -> Iterator[Read]:
        for part in self.parts():
            if isinstance(part, Rows):
                yield from part.records()
            else:
                yield part

    def parts(self) -> Generator[Read | Rows, None, None]:
        """The same, many at once where nothing is odd."""
        if self._is_workbook:
            yield from self._workbook()
            return
        with contextlib.closing(OpenFile(self.path)) as self._file:
            if self.source.format == "json":
                yield from self._json(self._file)
                return
            if self.source.format == "table":
                yield from self._table(self._file)
                return
            with contextlib.closing(Lines(self._file, self.source.encoding)) as lines:
                yield from self._json_lines(lines) if self.source.format == "jsonl" else self._csv(lines)

    def again(self, raws: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The values of records that were read well before, from their text."""
        if not self.source.is_flat:
            decoder = msgspec.json.Decoder(dict[str, Any])
            return [decoder.decode(raw) for raw in raws]
        if self._is_workbook or self.source.format == "table":
            if not self._header:
                with contextlib.closing(self.parts()) as parts:
                    next(parts, None)
            return Cells(self._header, list(csv.reader(raws, strict=True)))
        if not self._header:
            with contextlib.closing(OpenFile(self.path)) as file:
                self._header = self._columns(Lines(file, self.source.encoding))
        return Cells(self._header, list(self._parser(raws)))

    @functools.cached_property
    def _is_workbook(self) -> bool:
        return self.source.is_flat and workbooks.looks_like_one(self.path)

    def _workbook(self) -> Iterator[Read]:
        with contextlib.closing(workbooks.opened(self.path)) as book:
            sheet, found = self._sheet_of(book)
            header = self._header = self._names(found)
            length = book.length(sheet)
            for number, row in book.rows(sheet):
                self._share = min(number / max(length, number, 1), 1.0)
                # What stands beside the table is none of it.
                read = self._of_table(number, row[: len(header)], header) if number > found.lines else None
                if read is not None:
                    yield read

    def _sheet_of(self, book: workbooks.Book) -> tuple[str, tables.Found]:
        """The sheet that has the wanted columns, and where they stand."""
        if self.source.sheet and self.source.sheet not in book.sheets:
            raise self._unusable("the workbook has no such sheet", sheet=self.source.sheet, present=book.sheets)
        best: tuple[str, tables.Found] | None = None
        for sheet in [self.source.sheet] if self.source.sheet else book.sheets:
            if self.source.columns:
                return sheet, tables.Found(self.source.columns, self.source.skip_lines, 0)
            found = tables.header_among(book.rows(sheet), self.columns)
            if found is not None and (best is None or found.hits > best[1].hits):
                best = sheet, found
        if best is None:
            raise self._unusable("the file is empty")
        return best

    def _table(self, file: OpenFile) -> Iterator[Read]:
        with contextlib.closing(OpenFile(self.path)) as opened:
            sample = opened.stream.read(tables.SAMPLE_BYTES)
        found = tables.header_of_text(tables.decoded(sample), self.columns)
        if found is None:
            raise self._unusable("the file is empty")
        header = self._header = self._names(found)
        self._delimiter = found.delimiter
        with contextlib.closing(Lines(file, tables.encoding_of(sample))) as lines:
            for _ in range(found.lines):
                lines.take()
            while (line := lines.take()) is not None:
                if not line.text.strip() and line.problem is None:
                    continue
                row, used = self._row(lines, line)
                wrong = [row] if isinstance(row, Problem) else [one.problem for one in used if one.problem]
                if isinstance(row, Problem) or wrong:
                    raw = "".join(part.text for part in used).rstrip("\r\n")
                    yield BrokenRecord(line=line.number, raw=raw, problem=wrong[0])
                elif (read := self._of_table(line.number, row, header)) is not None:
                    yield read

    def _of_table(self, number: int, row: list[str], header: list[str]) -> Read | None:
        """A row as a record; none where nothing stands, or sums of the rows above."""
        cells = tables.fitted(row, len(header))
        if cells is None:
            problem = _wrong_width(len(row), len(header))
            return BrokenRecord(line=number, raw=_joined(row), problem=problem)
        if not any(cells) or tables.is_sum(cells, header, self.columns):
            return None
        return SourceRecord(number, _joined(cells), dict(zip(header, cells, strict=True)))

    def _names(self, found: tables.Found) -> list[str]:
        missing = self.columns - set(found.header)
        if missing:
            raise self._unusable(
                "no row has the names of all columns: write them into the mapping as the file has them",
                missing=sorted(missing),
                present=[name for name in found.header if name],
            )
        double = sorted(name for name in self.columns if list(found.header).count(name) > 1)
        if double:
            raise self._unusable("columns with the same name", columns=double)
        return tables.named(found.header)

    def _unusable(self, reason: str, **facts: object) -> UnusableFile:
        return UnusableFile(file=self.path.name, reason=reason, **facts)

    def _csv(self, lines: Lines) -> Iterator[Read | Rows]:
        header = self._header = self._columns(lines)
        while True:
            block = lines.block()
            rows = self._plain_rows(*block, header) if block is not None else None
            if block is not None and rows is not None:
                lines.accept(len(block[1]))
                yield rows
                continue
            line = lines.take()
            if line is None:
                return
            if line.text.strip() or line.problem is not None:
                yield self._record(lines, line, header)

    def _plain_rows(self, number: int, lines: list[str], header: list[str]) -> Rows | None:
        """The records of a block of which every line is as it should be; None where one is not."""
        if len(header) == 1:
            return None  # a blank line and a blank value look the same
        try:
            rows = list(self._parser(lines))
        except csv.Error:
            return None
        if len(rows) == len(lines) and set(map(len, rows)) == {len(header)}:
            raws = [line.rstrip("\r\n") for line in lines]
            return Rows(header, range(number, number + len(lines)), raws, rows)
        return self._rows_of_several_lines(number, lines, header)

    def _rows_of_several_lines(self, number: int, lines: list[str], header: list[str]) -> Rows | None:
        made = Rows(header, numbers := [], raws := [], rows := [])
        used = 0
        parser = self._parser(lines)
        for row in parser:
            end = parser.line_num
            if len(row) == len(header) and end - used <= MAX_RECORD_LINES:
                numbers.append(number + used)
                raws.append("".join(lines[used:end]).rstrip("\r\n"))
                rows.append(row)
            elif row:
                return None
            used = end
        return made

    def _parser(self, lines: Any) -> Any:
        return csv.reader(lines, delimiter=self._delimiter, quotechar=self.source.quote, strict=True)

    def _columns(self, lines: Lines) -> list[str]:
        for _ in range(self.source.skip_lines):
            lines.take()
        header = list(self.source.columns) or self._first_row(lines)
        missing = self.columns - set(header)
        if missing:
            facts: dict[str, object] = {"missing": sorted(missing), "present": header}
            other = [mark for mark in tables.DELIMITERS if len(header) == 1 and mark in header[0]]
            if other:
                facts["hint"] = f"source.delimiter = {other[0]!r}"
            raise self._unusable(
                "mapped columns are missing: name them as the file does, or let format = table find them", **facts
            )
        return header

    def _first_row(self, lines: Lines) -> list[str]:
        first = lines.take()
        if first is None:
            raise self._unusable("the file is empty")
        row, used = self._row(lines, first)
        problem = row if isinstance(row, Problem) else used[0].problem
        if problem is not None or isinstance(row, Problem):
            detail = problem.reason if problem is not None else ""
            raise self._unusable(
                "the header line cannot be read: say its encoding, or let format = table find it",
                line=first.number,
                detail=detail,
            )
        header = [name.strip() for name in row]
        double = sorted({name for name in header if name and header.count(name) > 1})
        if double:
            raise self._unusable("columns with the same name", columns=double)
        return tables.named(header)

    def _record(self, lines: Lines, line: Line, header: list[str]) -> Read:
        row, used = self._row(lines, line)
        raw = "".join(part.text for part in used).rstrip("\r\n")
        problem = row if isinstance(row, Problem) else next((u.problem for u in used if u.problem), None)
        cells = raw.split(self.source.delimiter) if isinstance(row, Problem) else row
        if problem is None and len(cells) != len(header):
            problem = _wrong_width(len(cells), len(header))
        values = dict(zip(header, cells, strict=False))
        if problem is not None:
            return BrokenRecord(line=line.number, raw=raw, problem=problem, guess=values)
        return SourceRecord(line.number, raw, values)

    def _row(self, lines: Lines, first: Line) -> tuple[list[str] | Problem, list[Line]]:
        """The columns of the record that starts here, with the lines it used; after a failure only the first."""
        used = [first]
        if not first.is_whole:
            return first.problem or Problem("intake.line_too_long", "too long"), used

        def feed() -> Iterator[str]:
            yield first.text
            size = len(first.text)
            while len(used) < MAX_RECORD_LINES and size < MAX_LINE_BYTES:
                following = lines.take()
                if following is None:
                    return
                used.append(following)
                if not following.is_whole:
                    return
                size += len(following.text)
                yield following.text

        try:
            return next(self._parser(feed())), used
        except (csv.Error, StopIteration) as error:
            lines.put_back(used[1:])
            if str(error):
                return Problem("intake.broken_quotes", str(error)), used[:1]
            return Problem("intake.broken_quotes", "the record ends inside a quoted value"), used[:1]

    def _json_lines(self, lines: Lines) -> Iterator[Read]:
        decoder = msgspec.json.Decoder(dict[str, Any])
        while (line := lines.take()) is not None:
            raw = line.text.strip()
            if not raw and line.problem is None:
                continue
            if line.problem is not None:
                yield BrokenRecord(line=line.number, raw=raw, problem=line.problem)
                continue
            try:
                yield SourceRecord(line.number, raw, decoder.decode(raw.encode()))
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
                yield BrokenRecord(line=line.number, raw=raw, problem=_not_json(error))

    def _json(self, file: OpenFile) -> Iterator[Read]:
        """An array of objects; ``line`` is the record's number, since a JSON file may be one single line."""
        metered = _Metered(file)
        number = 0
        try:
            for item in ijson.items(metered, self.source.records):
                number += 1
                metered.since_item = 0
                yield self._item(number, item)
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise self._unusable("not JSON after this record", record=number, detail=str(error)[:200]) from error

    def _item(self, number: int, item: Any) -> Read:
        try:
            values = _plain(item)
            raw = msgspec.json.encode(values).decode()
        except (RecursionError, UnicodeEncodeError) as error:
            return BrokenRecord(line=number, raw="", problem=_not_json(error))
        if not isinstance(values, dict):
            problem = Problem("intake.not_an_object", "the record is not an object")
            return BrokenRecord(line=number, raw=raw, problem=problem)
        return SourceRecord(number, raw, values)


class _Metered:
    """A stream that refuses a JSON record without end."""

    def __init__(self, file: OpenFile) -> None:
        self._stream = file.stream
        self.since_item = 0
        if self._stream.peek(3).startswith(b"\xef\xbb\xbf"):
            self._stream.read(3)

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self.since_item += len(data)
        if self.since_item > MAX_JSON_ITEM_BYTES:
            raise ijson.JSONError(f"a record larger than {MAX_JSON_ITEM_BYTES} bytes")
        return data


def _wrong_width(number: int, wanted: int) -> Problem:
    return Problem.quoting(
        "intake.wrong_number_of_columns",
        "%(number)s columns where the header has %(wanted)s",
        number=number,
        wanted=wanted,
    )


def _joined(cells: Sequence[str]) -> str:
    """A row of a table as one text, however its file wrote it."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()


def _not_json(error: Exception) -> Problem:
    said = str(error)
    return Problem("intake.not_json", said) if said else Problem("intake.not_json", "nested too deeply")


def _plain(value: Any) -> Any:
    """Numbers as the text they were written in, so that a price keeps its places."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
