"""What goes into a file for spreadsheets."""

import csv
import io

import pytest

from yundian.platform.web.sheets import Cell, MinorCell, Sheet, csv_of


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n"])
def test_a_name_that_looks_like_a_formula_is_text_and_a_negative_amount_stays_a_number(start: str) -> None:
    name = f"{start}HYPERLINK(1)"
    row: list[Cell] = [name, 1, MinorCell(-150, "CNY")]
    sheet = Sheet(name="x", title="x", headers=[name], rows=[row], totals=[])

    header, cells = csv.reader(io.StringIO(csv_of(sheet).decode("utf-8-sig"), newline=""))
    assert header == [f"'{name}"]
    assert cells == [f"'{name}", "1", "-1.50"]
