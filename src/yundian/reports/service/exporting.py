"""A table as a CSV file. What looks like a formula and is none stays text: names are written by strangers."""

import csv
import io

from yundian.platform.core.money import Money
from yundian.reports.types import Cell, MinorCell, Sheet

# What Excel, WPS and LibreOffice take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


def csv_of(sheet: Sheet) -> bytes:
    """RFC 4180 in UTF-8 with a byte order mark, without which Excel garbles Chinese. Amounts in major units."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([harmless(header) for header in sheet.headers])
    for row in (*sheet.rows, *sheet.totals):
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """Text that no spreadsheet computes: an apostrophe says so, and is not shown."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: Cell) -> str | int:
    if isinstance(cell, MinorCell):
        return format(Money(cell.minor, cell.currency).to_decimal(), "f")
    return harmless(cell) if isinstance(cell, str) else cell
