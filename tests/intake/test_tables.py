"""Tables as spreadsheet programs save them: found out, or refused with what to do."""

import contextlib
import datetime as dt
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from yundian.platform.intake import workbooks
from yundian.platform.intake.errors import UnusableFile, WorkbookLocked
from yundian.platform.intake.mapping import Source
from yundian.platform.intake.moments import moment
from yundian.platform.intake.reader import Reader
from yundian.platform.intake.types import BrokenRecord, SourceRecord
from yundian.platform.intake.workbooks import MAX_COLUMNS

WANTED = {"编号", "员工", "开始时间"}
NAMES = ["编号", "员工", "开始\n时间", "电话", ""]
# A title over the table, names with a line break, an empty row, and sums below.
ROWS = [
    ["2024年3月 预约表", "", "", "", ""],
    ["", "", "", "", ""],
    NAMES,
    ["001", "莉莉", "2024/3/5 下午2:30", "+86 138 0013 8000", ""],
    ["002", "小美,阿香", "2024-03-06 10:00", "13800138001", ""],
    ["", "", "", "", ""],
    ["合计：", "", "", "2", ""],
]


def read(path: Path, *, columns: set[str], source: Source | None = None) -> list[SourceRecord | BrokenRecord]:
    return list(Reader(path, source or Source(format="table"), columns=columns))


def text_of(mark: str = ",", rows: list[list[str]] = ROWS) -> str:
    quoted = [[f'"{cell}"' if mark in cell or "\n" in cell else cell for cell in row] for row in rows]
    return "\r\n".join(mark.join(row) for row in quoted) + "\r\n"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_its_encoding_its_marks_and_where_its_names_stand_are_found_out(
    tmp_path: Path, encoding: str, mark: str
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(text_of(mark).encode(encoding))

    found = read(file, columns={"编号", "员工", "开始 时间"})

    assert [one.values for one in found if isinstance(one, SourceRecord)] == [
        {"编号": "001", "员工": "莉莉", "开始 时间": "2024/3/5 下午2:30", "电话": "+86 138 0013 8000"},
        {"编号": "002", "员工": "小美,阿香", "开始 时间": "2024-03-06 10:00", "电话": "13800138001"},
    ]
    assert len(found) == 2
    reader = Reader(file, Source(format="table"), columns={"编号"})
    again = reader.again([one.raw for one in found])
    assert [dict(one) for one in again] == [one.values for one in found if isinstance(one, SourceRecord)]


def workbook(path: Path, write: Callable[[xlsxwriter.Workbook], None]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        write(book)
    return path


def test_a_workbook_is_read_whatever_it_is_called_and_whatever_the_mapping_says_of_text(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("说明").write(0, 0, "填表说明")
        hidden = book.add_worksheet("旧")
        hidden.write_row(0, 0, ["编号", "员工", "开始时间"])
        hidden.hide()
        page = book.add_worksheet("预约")
        page.merge_range(0, 0, 0, 4, "2024年3月 预约表")
        page.write_row(2, 0, ["编号", "员工", "开始时间", "金额", "电话"])
        at = book.add_format({"num_format": "yyyy/m/d h:mm"})
        page.write_row(3, 0, [1, "莉莉"])
        page.write_datetime(3, 2, dt.datetime(2024, 3, 5, 14, 30), at)  # noqa: DTZ001
        page.write_row(3, 3, [128.5, 13800138000, "", "a note beside it"])
        page.write_row(5, 0, ["002", "小美", "2024-03-06 10:00", 88, "'+8613800138001"])
        page.write_row(9, 0, ["合计", "", "", 216.5])

    file = workbook(tmp_path / "export.csv", write)
    tables, plain = (
        read(file, columns=WANTED, source=source) for source in (Source(format="table"), Source(format="csv"))
    )

    assert tables == plain
    assert [(one.line, list(one.values.values())) for one in tables if isinstance(one, SourceRecord)] == [
        (4, ["1", "莉莉", "2024-03-05 14:30", "128.5", "13800138000"]),
        (6, ["002", "小美", "2024-03-06 10:00", "88", "+8613800138001"]),
    ]
    with pytest.raises(UnusableFile) as caught:
        read(file, columns=WANTED, source=Source(format="table", sheet="四月"))
    assert caught.value.facts["present"] == ["说明", "预约"]


def test_what_a_table_does_not_have_is_told_with_what_it_has(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text_of(), encoding="gbk")

    with pytest.raises(UnusableFile) as caught:
        read(file, columns={"编号", "员工", "门店"})

    assert caught.value.facts["missing"] == ["门店"]
    assert caught.value.facts["present"] == ["编号", "员工", "开始 时间", "电话"]


def packed_with(name: str, size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(name, b"0" * size)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "save it anew"),
        (b"\xef\xbb\xbf\r\n<HTML><table><tr><td>1", "save it as .xlsx"),
        (b"PK\x03\x04 and nothing more", "save it anew"),
        (packed_with("a.txt", 10), "save it anew"),
        (packed_with("xl/worksheets/sheet1.xml", 70 * 1024 * 1024), "unpacks to far more"),
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
    ],
)
def test_what_is_no_table_says_what_to_do(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "a.xls"
    file.write_bytes(data)

    with pytest.raises(UnusableFile) as caught:
        read(file, columns=WANTED)

    assert says in str(caught.value.facts["reason"])


DATA = Path(__file__).parent / "data"


def test_a_workbook_of_before_2007_is_read_as_a_new_one_is(tmp_path: Path) -> None:
    # As a till calls it; a sheet of words before, a hidden one behind, a title above, an empty row between.
    file = tmp_path / "export.csv"
    file.write_bytes((DATA / "old.xls").read_bytes())

    found = read(file, columns={"单号", "时间"})

    assert [(one.line, one.values) for one in found if isinstance(one, SourceRecord)] == [
        (
            3,
            {
                "单号": "A1",
                "时间": "2026-03-05 14:30",
                "门店": "人民广场",
                "金额": "199.5",
                "到店": "true",
                "钟点": "09:05",
            },
        ),
        (5, {"单号": "1002", "时间": "2026-03-06", "门店": "南京路", "金额": "200", "到店": "", "钟点": ""}),
    ]
    with pytest.raises(UnusableFile) as caught:
        read(file, columns={"单号"}, source=Source(format="table", sheet="藏"))
    assert caught.value.facts["present"] == ["说明", "预约"]
    broken = file.read_bytes()
    for place in range(0, len(broken), 97):
        file.write_bytes(broken[:place] + b"\xff" * 16 + broken[place + 16 :])
        with contextlib.suppress(UnusableFile):
            read(file, columns={"单号", "时间"})


@pytest.mark.parametrize("name", ["locked.xlsx", "old.xls"])
def test_a_workbook_with_a_password_says_so_by_a_code_of_its_own(tmp_path: Path, name: str) -> None:
    data = (DATA / name).read_bytes()
    if name == "old.xls":
        # What stands second in such a file is never looked at; of one with a password it says so.
        place = data.index(b"\x09\x08\x10\x00") + 20
        data = data[:place] + b"\x2f\x00" + data[place + 2 :]
    file = tmp_path / "a.xls"
    file.write_bytes(data)

    with pytest.raises(WorkbookLocked) as caught:
        read(file, columns=WANTED)

    assert caught.value.code == "intake.workbook_locked"
    assert "save it without one" in str(caught.value.facts["reason"])


def test_an_old_workbook_beyond_its_bounds_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_OLD_BYTES", 1_000)

    with pytest.raises(UnusableFile) as caught:
        read(DATA / "old.xls", columns=WANTED)

    assert "too large" in str(caught.value.facts["reason"])


def test_what_is_merged_downwards_stands_in_each_of_its_rows_but_amounts_only_once(tmp_path: Path) -> None:
    day = dt.date(2026, 3, 5)

    def write(book: xlsxwriter.Workbook) -> None:
        page, date = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        page.merge_range(0, 0, 1, 4, "三月")
        page.write_row(2, 0, ["编号", "员工", "开始时间", "合计", "备注"])
        page.merge_range(3, 1, 5, 1, "莉莉")
        page.merge_range(3, 2, 4, 2, day, date)
        page.merge_range(3, 3, 5, 3, 300)
        page.merge_range(3, 4, 9, 4, "常客")
        for place, number in enumerate(["1", "2", "3"]):
            page.write(3 + place, 0, number)
        page.merge_range(7, 0, 7, 3, "合计")

    found = read(workbook(tmp_path / "a.xlsx", write), columns=WANTED)

    values = [tuple(one.values.values()) for one in found if isinstance(one, SourceRecord)]
    assert values == [
        ("1", "莉莉", "2026-03-05", "300", "常客"),
        ("2", "莉莉", "2026-03-05", "", "常客"),
        ("3", "莉莉", "", "", "常客"),
    ]


def test_merges_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_MERGES", 2)

    def write(book: xlsxwriter.Workbook) -> None:
        page = book.add_worksheet()
        page.write_row(0, 0, ["编号", "员工", "开始时间"])
        for row in (2, 5, 8):
            page.merge_range(row, 0, row + 1, 0, "1")

    with pytest.raises(UnusableFile) as caught:
        read(workbook(tmp_path / "a.xlsx", write), columns=WANTED)

    assert "too many cells are merged" in str(caught.value.facts["reason"])


def test_a_workbook_of_a_few_bytes_takes_no_memory_however_far_its_cells_lie_apart(tmp_path: Path) -> None:
    def write(book: xlsxwriter.Workbook) -> None:
        page = book.add_worksheet()
        page.write_row(0, 0, ["编号", "员工", "开始时间"])
        page.write_row(1, 0, ["1", "莉莉", "2024-03-05"])
        page.write(9_000, 16_383, "far away")
        page.write_row(9_001, 0, ["2", "小美", "2024-03-06"])

    found = read(workbook(tmp_path / "a.xlsx", write), columns=WANTED)

    assert [one.line for one in found] == [2, 9_002]
    assert max(len(one.values) for one in found if isinstance(one, SourceRecord)) <= MAX_COLUMNS


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2024/3/5 下午2:30", "2024-03-05 14:30"),
        ("2024年3月5日 14时30分", "2024-03-05 14:30"),
        ("2024年3月5日(星期二) 上午9点", "2024-03-05 09:00"),
        ("２０２４－０３－０５　１４：３０：１５", "2024-03-05 14:30:15"),
        ("2024.3.5 2:30 PM", "2024-03-05 14:30"),
        ("2024-03-05T14:30:00.000+08:00", "2024-03-05 14:30"),
        ("20240305 0:05", "2024-03-05 00:05"),
        ("2024-3-5 凌晨12:10", "2024-03-05 00:10"),
        ("2024-3-5 中午12:10", "2024-03-05 12:10"),
        ("2024-3-5 中午1点", "2024-03-05 13:00"),
        ("45356.6041666667", "2024-03-05 14:30"),
        ("2024/3/5", "2024-03-05 00:00"),
        ("3/5/2024", None),
        ("2024/13/5", None),
        ("2024-3-5 上午14:30", None),
        ("2024-3-5 晚上12:00", None),
        ("2024-3-5 25:00", None),
        ("138001", None),
        ("明天", None),
    ],
)
def test_a_day_and_time_as_people_write_it(text: str, made: str | None) -> None:
    found = moment(text)

    assert (found.replace(tzinfo=None) if found else None) == (dt.datetime.fromisoformat(made) if made else None)
