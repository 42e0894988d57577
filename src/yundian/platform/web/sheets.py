"""Tables as people get them: on a screen, and as files that say the same.

What looks like a formula and is none stays text: names are written by strangers.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec
from litestar import Response
from litestar.response import Stream

from yundian.platform.core.money import Money

_CSV = "text/csv; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What Excel, WPS and LibreOffice take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


class MinorCell(msgspec.Struct, frozen=True):
    """An amount in a table, in minor units; files write it in major ones."""

    minor: int
    currency: str


Cell = str | int | MinorCell


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A table as people get it: on the screen, as CSV, as XLSX. ``name`` is the file's, without its ending."""

    name: str
    title: str
    headers: list[str]
    rows: list[list[Cell]]
    totals: list[list[Cell]]


def csv_of(sheet: Sheet) -> bytes:
    """RFC 4180 in UTF-8 with a byte order mark, without which Excel garbles Chinese. Amounts in major units."""
    return _lines([sheet.headers, *sheet.rows, *sheet.totals]).encode("utf-8-sig")


def _lines(rows: Iterable[Sequence[Cell]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet computes: an apostrophe says so, and is not shown."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: Cell) -> str | int:
    if isinstance(cell, MinorCell):
        return format(Money(cell.minor, cell.currency).to_decimal(), "f")
    return harmless(cell) if isinstance(cell, str) else cell


def csv_file(sheet: Sheet) -> Response[bytes]:
    """The table for a spreadsheet."""
    return _file(csv_of(sheet), f"{sheet.name}.csv", _CSV)


def csv_stream(name: str, headers: Sequence[str], parts: AsyncIterator[Sequence[Sequence[Cell]]]) -> Stream:
    """A table of any length, sent part by part as it is read; a file that breaks off was not read to its end."""

    async def lines() -> AsyncIterator[bytes]:
        yield _lines([headers]).encode("utf-8-sig")
        async for rows in parts:
            yield _lines(rows).encode()

    return Stream(lines(), media_type=_CSV, headers=_download(f"{name}.csv"))


def xlsx_file(sheet: Sheet) -> Response[bytes]:
    """The table as a workbook."""
    from yundian.platform.web import workbooks  # noqa: PLC0415  15 MiB that few workers ever need

    return _file(workbooks.xlsx_of(sheet), f"{sheet.name}.xlsx", _XLSX)


def _file(content: bytes, name: str, media_type: str) -> Response[bytes]:
    return Response(content, media_type=media_type, headers=_download(name))


def _download(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
