"""Sheets of a workbook as rows of texts, in bounded memory. Its library is loaded by the first who brings one.

What can be read as a stream is read as one: a library that first makes a table of a whole sheet takes as much
memory as two of its cells lie apart, and a small file may have no more than these two.
"""

import datetime as dt
import io
import mmap
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol

from yundian.platform.intake.errors import UnusableFile, WorkbookLocked
from yundian.platform.intake.lines import MAX_UNPACKED_RATIO

MAX_COLUMNS = 512
MAX_UNPACKED_BYTES = 1024**3
_HARMLESS_BYTES = 64 * 1024**2

_ZIP = b"PK\x03\x04"
# Of programs before 2007, and of workbooks with a password.
_OLD = b"\xd0\xcf\x11\xe0"
# What a new one with a password holds, by its name in the folder of the file.
_LOCKED = "EncryptedPackage".encode("utf-16-le")
# A sheet of before 2007 has 65,536 rows, and is read as a whole.
MAX_OLD_BYTES = 32 * 1024**2
MAX_MERGES = 50_000

_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]{0,80}?ref="([A-Z]{1,3})(\d{1,7}):[A-Z]{1,3}(\d{1,7})"')
_MERGES = b"mergeCell"
_PART_BYTES = 1024**2
_OVERLAP = 200
_HALF_SECOND = dt.timedelta(microseconds=500_000)


def looks_like_one(path: Path) -> bool:
    """Whether the file is a workbook, whatever it is called. ``UnusableFile`` for one that cannot be read."""
    with path.open("rb") as stream:
        head = stream.read(512)
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<html", b"<!doctype html", b"<table", b"<?xml")):
        raise _unusable("a web page under the name of a table: open it and save it as .xlsx", path)
    return head.startswith((_ZIP, _OLD))


class Book(Protocol):
    """What is read of a workbook."""

    sheets: list[str]

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]: ...
    def length(self, sheet: str) -> int: ...
    def close(self) -> None: ...


def opened(path: Path) -> Book:
    """The workbook, of whichever program. ``UnusableFile``; ``WorkbookLocked`` for one with a password."""
    with path.open("rb") as stream:
        is_old = stream.read(len(_OLD)) == _OLD
    return OldWorkbook(path) if is_old else Workbook(path)


class Workbook:
    """An open workbook: its visible sheets by name, and their rows, each with its number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _check_size(path)
        # Opened here: the library goes by the name of a file it opens itself.
        self._file = path.open("rb")
        try:
            self._book = self._tried(lambda: _load(self._file))
        except UnusableFile:
            self._file.close()
            raise
        self._merged: dict[str, Merges] = {}
        self._lengths = {one.title: one.max_row for one in self._book.worksheets}
        self.sheets = [one.title for one in self._book.worksheets if one.sheet_state == "visible"]

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """Its rows as texts, those without any left out; dates as ``2026-03-05 14:30``.

        What is merged downwards stands in each of its rows, numbers in the first one only: an amount of several
        rows is none of each.
        """
        page = self._book[sheet]
        # What other programs write about it is not always true.
        page.reset_dimensions()
        found = iter(page.iter_rows(values_only=True))
        if sheet not in self._merged:
            self._merged[sheet] = self._tried(lambda: _merges_of(self._path, page))
        merged, going_on = self._merged[sheet], dict[int, tuple[int, str]]()
        number = 0
        while (row := self._tried(lambda: next(found, None))) is not None:
            number += 1
            texts = [_text(value) for value in row[:MAX_COLUMNS]] if row.count(None) < len(row) else []
            if any(texts):
                if merged:
                    _fill_down(texts, row, number, merged.get(number, ()), going_on)
                yield number, texts

    def length(self, sheet: str) -> int:
        """How many rows the sheet says it has, for a progress bar."""
        return int(self._lengths.get(sheet) or 0)

    def close(self) -> None:
        self._book.close()
        self._file.close()

    def _tried(self, work: Any) -> Any:
        try:
            with warnings.catch_warnings():
                # Of parts that nobody reads here: pictures, styles, validations.
                warnings.simplefilter("ignore")
                return work()
        except UnusableFile:
            raise
        except Exception as error:
            said = "the workbook cannot be read: open it and save it anew"
            raise _unusable(said, self._path, detail=type(error).__name__) from error


class OldWorkbook:
    """One of before 2007 (``.xls``), read as a whole: it is bounded by its own length."""

    def __init__(self, path: Path) -> None:
        import xlrd  # noqa: PLC0415  a library that few workers ever need

        if path.stat().st_size > MAX_OLD_BYTES and not _is_locked(path):
            raise _unusable("the old workbook is too large: save it as .xlsx", path)
        try:
            self._book = xlrd.open_workbook(str(path), on_demand=True, ragged_rows=True, logfile=io.StringIO())
            pages = [self._book.sheet_by_index(place) for place in range(self._book.nsheets)]
        except Exception as error:
            if "encrypted" in str(error).lower() or _is_locked(path):
                raise _unusable(
                    "the workbook has a password: save it without one", path, WorkbookLocked
                ) from error
            said = "the workbook cannot be read: open it and save it anew"
            raise _unusable(said, path, detail=type(error).__name__) from error
        self._texts = _old_texts(self._book.datemode)
        self.sheets = [one.name for one in pages if one.visibility == 0]

    def rows(self, sheet: str) -> Iterator[tuple[int, list[str]]]:
        """Its rows as texts, those without any left out; dates as ``2026-03-05 14:30``."""
        page = self._book.sheet_by_name(sheet)
        for number in range(page.nrows):
            types, values = page.row_types(number)[:MAX_COLUMNS], page.row_values(number, 0, MAX_COLUMNS)
            texts = [self._texts(kind, value) for kind, value in zip(types, values, strict=True)]
            if any(texts):
                yield number + 1, texts

    def length(self, sheet: str) -> int:
        return int(self._book.sheet_by_name(sheet).nrows)

    def close(self) -> None:
        self._book.release_resources()


def _is_locked(path: Path) -> bool:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(_LOCKED) >= 0


def _old_texts(datemode: int) -> Callable[[int, Any], str]:
    """What stands in a cell of such a book, by its kind."""
    import xlrd  # noqa: PLC0415

    def moment(value: float) -> str:
        try:
            found = xlrd.xldate_as_datetime(value, datemode)
        except (ValueError, OverflowError):
            return _text(value)
        # A time of day is a part of no day.
        return _text((found + _HALF_SECOND).time().replace(microsecond=0) if 0 <= value < 1 else found)

    kinds: dict[int, Callable[[Any], str]] = {
        xlrd.XL_CELL_TEXT: _text,
        xlrd.XL_CELL_NUMBER: _text,
        xlrd.XL_CELL_DATE: moment,
        xlrd.XL_CELL_BOOLEAN: lambda value: _text(bool(value)),
        xlrd.XL_CELL_ERROR: lambda value: str(xlrd.error_text_from_code.get(value, "#ERR")),
    }
    return lambda kind, value: kinds[kind](value) if kind in kinds else ""


# Of what is merged downwards, by its first row: the column, and the last row.
Merges = dict[int, list[tuple[int, int]]]


def _merges_of(path: Path, page: Any) -> Merges:
    """They stand behind all rows; the library keeps none of what it reads as a stream."""
    found, count, rest = Merges(), 0, b""
    with zipfile.ZipFile(path) as packed, packed.open(page._worksheet_path) as stream:
        while part := stream.read(_PART_BYTES):
            text, last = rest + part, 0
            if _MERGES not in text and not count:
                rest = text[-_OVERLAP:]
                continue
            for one in _MERGE.finditer(text):
                last, (letters, first, end) = one.end(), one.groups()
                count += 1
                if count > MAX_MERGES:
                    raise _unusable("too many cells are merged: take the merges apart", path)
                if int(end) > int(first) and len(letters) < 3:
                    found.setdefault(int(first), []).append((_place(letters), int(end)))
            rest = text[max(last, len(text) - _OVERLAP) :]
    return found


def _place(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _fill_down(
    texts: list[str],
    row: Sequence[object],
    number: int,
    begun: Sequence[tuple[int, int]],
    going_on: dict[int, tuple[int, str]],
) -> None:
    for place, (end, text) in list(going_on.items()):
        if number > end:
            del going_on[place]
            continue
        texts.extend([""] * (place + 1 - len(texts)))
        texts[place] = texts[place] or text
    for place, end in begun:
        if place < len(texts) and isinstance(row[place], str | dt.date | dt.time):
            going_on[place] = (end, texts[place])


def _load(file: IO[bytes]) -> Any:
    from openpyxl import load_workbook  # noqa: PLC0415  a library that few workers ever need

    return load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _check_size(path: Path) -> None:
    """Packed as it is, it says how much it unpacks to; the library reads no more of a part than that."""
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _unusable("the workbook cannot be read: open it and save it anew", path) from error
    is_bomb = unpacked > _HARMLESS_BYTES and unpacked > MAX_UNPACKED_RATIO * max(path.stat().st_size, 1)
    if is_bomb or unpacked > MAX_UNPACKED_BYTES:
        raise _unusable("it unpacks to far more than it is", path, bytes=unpacked)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return _moment(value)
    if isinstance(value, dt.time):
        return value.isoformat("seconds" if value.second else "minutes")
    return str(value).strip()


def _moment(value: dt.datetime) -> str:
    # A workbook counts days in floating point: half past two is a little before.
    second = (value + _HALF_SECOND).replace(microsecond=0)
    if second.time() == dt.time():
        return second.date().isoformat()
    return second.isoformat(" ", "seconds" if second.second else "minutes")


def _unusable(reason: str, path: Path, kind: type[UnusableFile] = UnusableFile, **facts: object) -> UnusableFile:
    return kind(file=path.name, reason=reason, **facts)
