"""Takes foreign files apart, record by record, in constant memory.

One broken line never ends a file: a quote that is not closed within the record's bounds costs its own line only,
the following lines are read again. What is unusable from some point on (JSON that is not JSON) ends with
``UnusableFile``.
"""

import contextlib
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import msgspec

from yundian.platform.intake.errors import UnusableFile
from yundian.platform.intake.mapping import Source
from yundian.platform.intake.types import BrokenRecord, Problem, SourceRecord

MAX_LINE_BYTES = 1024 * 1024
MAX_RECORD_LINES = 200
MAX_JSON_ITEM_BYTES = 16 * 1024 * 1024

Read = SourceRecord | BrokenRecord

_SURROGATE = re.compile("[\ud800-\udfff]")

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    problem: Problem | None = None
    is_whole: bool = True


class Reader:
    """Iterates over a file's records; ``position`` of ``size`` bytes tells how far it is."""

    def __init__(self, path: Path, source: Source, *, columns: set[str] | None = None) -> None:
        self.path = path
        self.source = source
        self.columns = {column.strip() for column in columns or ()}
        self.size = path.stat().st_size
        self.position = 0

    def __iter__(self) -> Iterator[Read]:
        with self.path.open("rb") as file:
            if self.source.format == "json":
                yield from self._json(file)
                return
            with contextlib.closing(_Lines(self, file)) as lines:
                yield from self._json_lines(lines) if self.source.format == "jsonl" else self._csv(lines)

    def _unusable(self, reason: str, **facts: object) -> UnusableFile:
        return UnusableFile(file=self.path.name, reason=reason, **facts)

    def _csv(self, lines: "_Lines") -> Iterator[Read]:
        for _ in range(self.source.skip_lines):
            lines.take()
        header = list(self.source.columns) or self._header(lines)
        missing = self.columns - set(header)
        if missing:
            raise self._unusable("mapped columns are missing", missing=sorted(missing), present=header)
        while (line := lines.take()) is not None:
            if line.text.strip() == "" and line.problem is None:
                continue
            yield self._record(lines, line, header)

    def _header(self, lines: "_Lines") -> list[str]:
        first = lines.take()
        if first is None:
            raise self._unusable("the file is empty")
        row, used = self._row(lines, first)
        if isinstance(row, Problem) or used[0].problem is not None:
            raise self._unusable("the header line cannot be read", line=first.number)
        header = [name.strip() for name in row]
        double = sorted({name for name in header if header.count(name) > 1})
        if double:
            raise self._unusable("columns with the same name", columns=double)
        return header

    def _record(self, lines: "_Lines", line: _Line, header: list[str]) -> Read:
        row, used = self._row(lines, line)
        raw = "".join(part.text for part in used).rstrip("\r\n")
        problem = row if isinstance(row, Problem) else next((u.problem for u in used if u.problem), None)
        if problem is None and len(row) != len(header):  # type: ignore[arg-type]
            problem = Problem(
                "intake.wrong_number_of_columns",
                f"{len(row)} columns where the header has {len(header)}",  # type: ignore[arg-type]
            )
        if problem is not None:
            return BrokenRecord(line=line.number, raw=raw, problem=problem)
        return SourceRecord(line=line.number, raw=raw, values=dict(zip(header, row, strict=True)))  # type: ignore[arg-type]

    def _row(self, lines: "_Lines", first: _Line) -> tuple[list[str] | Problem, list[_Line]]:
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

        parser = csv.reader(feed(), delimiter=self.source.delimiter, quotechar=self.source.quote, strict=True)
        try:
            return next(parser), used
        except (csv.Error, StopIteration) as error:
            lines.put_back(used[1:])
            reason = str(error) or "the record ends inside a quoted value"
            return Problem("intake.broken_quotes", reason), used[:1]

    def _json_lines(self, lines: "_Lines") -> Iterator[Read]:
        decoder = msgspec.json.Decoder(dict[str, Any])
        while (line := lines.take()) is not None:
            raw = line.text.strip()
            if not raw and line.problem is None:
                continue
            if line.problem is not None:
                yield BrokenRecord(line=line.number, raw=raw, problem=line.problem)
                continue
            try:
                yield SourceRecord(line=line.number, raw=raw, values=decoder.decode(raw.encode()))
            except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
                problem = Problem("intake.not_json", str(error) or "nested too deeply")
                yield BrokenRecord(line=line.number, raw=raw, problem=problem)

    def _json(self, file: BinaryIO) -> Iterator[Read]:
        """An array of objects; ``line`` is the record's number, since a JSON file may be one single line."""
        metered = _Metered(file, self)
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
            problem = Problem("intake.not_json", str(error) or "nested too deeply")
            return BrokenRecord(line=number, raw="", problem=problem)
        if not isinstance(values, dict):
            problem = Problem("intake.not_an_object", "the record is not an object")
            return BrokenRecord(line=number, raw=raw, problem=problem)
        return SourceRecord(line=number, raw=raw, values=values)


class _Lines:
    """Physical lines with their numbers; bad bytes and overlong lines are told, not raised."""

    def __init__(self, reader: Reader, file: BinaryIO) -> None:
        self._reader = reader
        self._waiting: deque[_Line] = deque()
        self._number = 0
        head = file.read(3)
        bom = next((pair for pair in _BOMS if head.startswith(pair[0])), None)
        self._encoding = bom[1] if bom is not None else reader.source.encoding
        file.seek(len(bom[0]) if bom is not None else 0)
        self._file: BinaryIO | io.TextIOWrapper = file
        if self._encoding.startswith("utf-16"):
            self._file = io.TextIOWrapper(file, encoding=self._encoding, errors="surrogateescape", newline="")

    def take(self) -> _Line | None:
        if self._waiting:
            return self._waiting.popleft()
        data = self._file.readline(MAX_LINE_BYTES + 1)
        if not data:
            return None
        self._number += 1
        self._reader.position += len(data) * (1 if isinstance(data, bytes) else 2)
        if len(data) > MAX_LINE_BYTES:
            return self._overlong(data)
        return self._decoded(data)

    def close(self) -> None:
        """Let go of the file, which its opener closes."""
        if isinstance(self._file, io.TextIOWrapper):
            self._file.detach()

    def put_back(self, lines: list[_Line]) -> None:
        self._waiting.extendleft(reversed(lines))

    def _decoded(self, data: bytes | str) -> _Line:
        problem = None
        try:
            text = data.decode(self._encoding) if isinstance(data, bytes) else data
        except UnicodeDecodeError as error:
            text = data.decode(self._encoding, "backslashreplace")  # type: ignore[union-attr]
            problem = Problem("intake.bad_bytes", f"byte {error.start + 1} of the line is not {self._encoding}")
        if "\0" in text:
            text = text.replace("\0", "\\x00")
            problem = Problem("intake.nul", "the line contains a NUL byte")
        elif isinstance(data, str) and _SURROGATE.search(text):
            text = text.encode("utf-8", "backslashreplace").decode()
            problem = Problem("intake.bad_bytes", f"the line is not {self._encoding}")
        return _Line(self._number, text, problem)

    def _overlong(self, head: bytes | str) -> _Line:
        end: bytes | str = head
        newline: Any = b"\n" if isinstance(head, bytes) else "\n"
        while end and not end.endswith(newline):
            end = self._file.readline(MAX_LINE_BYTES)
            self._reader.position += len(end)
        shown = self._decoded(head[:200])
        problem = Problem("intake.line_too_long", f"longer than {MAX_LINE_BYTES} bytes")
        return _Line(self._number, shown.text, problem, is_whole=False)


class _Metered:
    """A file that knows how much of it was read, and refuses a JSON record without end."""

    def __init__(self, file: BinaryIO, reader: Reader) -> None:
        self._file = file
        self._reader = reader
        self.since_item = 0
        if not file.read(3).startswith(b"\xef\xbb\xbf"):
            file.seek(0)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._reader.position += len(data)
        self.since_item += len(data)
        if self.since_item > MAX_JSON_ITEM_BYTES:
            raise ijson.JSONError(f"a record larger than {MAX_JSON_ITEM_BYTES} bytes")
        return data


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
