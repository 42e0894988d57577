"""A table as a file. What looks like a formula and is none stays text: names are written by strangers."""

import csv
import io

import xlsxwriter
from babel.numbers import get_currency_precision
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from yundian.platform.core.money import Money
from yundian.reports.types import Cell, MinorCell, Sheet

# What Excel, WPS and LibreOffice take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_SHEET_NAME = 31
_WIDTH = 16


def csv_of(sheet: Sheet) -> bytes:
    """RFC 4180 in UTF-8 with a byte order mark, without which Excel garbles Chinese. Amounts in major units."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([harmless(header) for header in sheet.headers])
    for row in (*sheet.rows, *sheet.totals):
        writer.writerow([_plain(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def xlsx_of(sheet: Sheet) -> bytes:
    """The same as a workbook, whose numbers are numbers. Rows leave the memory as they are written."""
    target = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        bold = book.add_format({"bold": True})
        formats: dict[str, Format] = {}
        page = book.add_worksheet(_sheet_name(sheet.title))
        page.set_column(0, len(sheet.headers) - 1, _WIDTH)
        page.freeze_panes(1, 0)
        for column, header in enumerate(sheet.headers):
            page.write_string(0, column, header, bold)
        for number, row in enumerate((*sheet.rows, *sheet.totals), start=1):
            for column, cell in enumerate(row):
                _write(book, page, formats, number, column, cell)
    return target.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet computes: an apostrophe says so, and is not shown."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: Cell) -> str | int:
    if isinstance(cell, MinorCell):
        return format(Money(cell.minor, cell.currency).to_decimal(), "f")
    return harmless(cell) if isinstance(cell, str) else cell


def _write(book: Workbook, page: Worksheet, formats: dict[str, Format], row: int, column: int, cell: Cell) -> None:
    if isinstance(cell, MinorCell):
        if cell.currency not in formats:
            places = get_currency_precision(cell.currency)
            formats[cell.currency] = book.add_format(
                {"num_format": "#,##0" + ("." + "0" * places if places else "")}
            )
        amount = float(Money(cell.minor, cell.currency).to_decimal())
        page.write_number(row, column, amount, formats[cell.currency])
    elif isinstance(cell, int):
        page.write_number(row, column, cell)
    else:
        page.write_string(row, column, cell)


def _sheet_name(title: str) -> str:
    """Without the characters that Excel refuses in the name of a sheet."""
    return "".join(" " if character in "[]:*?/\\'" else character for character in title)[:_SHEET_NAME]
