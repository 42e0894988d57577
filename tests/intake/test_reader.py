"""Foreign files are taken apart record by record; one broken line costs itself only."""

import tracemalloc
from pathlib import Path

import pytest

from yundian.platform.intake.errors import UnusableFile
from yundian.platform.intake.mapping import Source
from yundian.platform.intake.reader import MAX_LINE_BYTES, Reader
from yundian.platform.intake.types import BrokenRecord, SourceRecord


def read(tmp_path: Path, data: bytes, source: Source | None = None) -> list[SourceRecord | BrokenRecord]:
    file = tmp_path / "file"
    file.write_bytes(data)
    return list(Reader(file, source or Source()))


def good(records: list[SourceRecord | BrokenRecord]) -> list[tuple[int, list[str]]]:
    return [(r.line, list(r.values.values())) for r in records if isinstance(r, SourceRecord)]


def broken(records: list[SourceRecord | BrokenRecord]) -> list[tuple[int, str]]:
    return [(r.line, r.problem.code) for r in records if isinstance(r, BrokenRecord)]


def test_quoted_newlines_and_commas_stay_in_their_value(tmp_path: Path) -> None:
    records = read(tmp_path, b'a,b\r\n1,"x, ""y""\nz"\r\n\r\n2,w\r\n')

    assert good(records) == [(2, ["1", 'x, "y"\nz']), (5, ["2", "w"])]


@pytest.mark.parametrize(
    ("data", "source"),
    [
        ("a,b\n门店,Ü\n".encode(), Source()),
        (b"\xef\xbb\xbf" + "a,b\n门店,Ü\n".encode(), Source(encoding="gb18030")),
        ("a,b\n门店,Ü\n".encode("gb18030"), Source(encoding="gb18030")),
        ("a\tb\r\n门店\tÜ\r\n".encode("utf-16"), Source(delimiter="\t")),
        ("门店;Ü\n".encode(), Source(delimiter=";", header=False, columns=("a", "b"))),
        ("made by X\na,b\n门店,Ü\n".encode(), Source(skip_lines=1)),
    ],
    ids=["utf-8", "bom-wins", "gb18030", "utf-16", "no-header", "skip"],
)
def test_encodings_and_layouts(tmp_path: Path, data: bytes, source: Source) -> None:
    assert [values for _, values in good(read(tmp_path, data, source))] == [["门店", "Ü"]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'x,"never closed', "intake.broken_quotes"),
        (b'x,"closed" too early', "intake.broken_quotes"),
        (b"x,\xff\xfe", "intake.bad_bytes"),
        (b"x,nul\x00nul", "intake.nul"),
        (b"x", "intake.wrong_number_of_columns"),
        (b"x,y,z", "intake.wrong_number_of_columns"),
        (b"x," + b"y" * (MAX_LINE_BYTES + 10), "intake.line_too_long"),
    ],
    ids=["open-quote", "early-quote", "bytes", "nul", "too-few", "too-many", "too-long"],
)
def test_a_broken_line_costs_only_itself(tmp_path: Path, line: bytes, code: str) -> None:
    records = read(tmp_path, b"a,b\n1,before\n" + line + b'\n2,after\n3,"quoted"\n4,"two\nlines"\n')

    assert broken(records) == [(3, code)]
    assert good(records) == [
        (2, ["1", "before"]),
        (4, ["2", "after"]),
        (5, ["3", "quoted"]),
        (6, ["4", "two\nlines"]),
    ]


@pytest.mark.parametrize("last", ["é", "店", "💄"])
def test_a_file_that_was_cut_within_a_character_loses_that_line_only(tmp_path: Path, last: str) -> None:
    data = f"a,b\n1,before\n2,{last}".encode("utf-16")

    records = read(tmp_path, data[:-1], Source())

    assert (good(records), broken(records)) == ([(2, ["1", "before"])], [(3, "intake.bad_bytes")])


@pytest.mark.parametrize("data", [b"", b'a,"b\n1,2\n', b"a,a\n1,2\n", b"\xff,b\n1,2\n"])
def test_a_file_without_a_header_is_unusable(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnusableFile):
        read(tmp_path, data)


def test_a_missing_mapped_column_is_told_with_those_present(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a,b\n1,2\n")

    with pytest.raises(UnusableFile) as refused:
        list(Reader(file, Source(), columns={"a", "code"}))

    assert (refused.value.facts["missing"], refused.value.facts["present"]) == (["code"], ["a", "b"])


def test_json_arrays_and_lines(tmp_path: Path) -> None:
    array = read(tmp_path, b'[{"p": 5.10, "n": 3}, 7, {"p": null}]', Source(format="json"))
    assert good(array) == [(1, ["5.10", "3"]), (3, [None])]
    assert broken(array) == [(2, "intake.not_an_object")]

    lines = read(tmp_path, b'{"p": "x"}\n\n{"p": \n[1]\n{"p": "y"}\n', Source(format="jsonl"))
    assert good(lines) == [(1, ["x"]), (5, ["y"])]
    assert broken(lines) == [(3, "intake.not_json"), (4, "intake.not_json")]


def test_json_that_breaks_off_gives_what_came_before_and_then_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b'[{"a": "1"}, {"a": "2"}, {"a": ')
    records = iter(Reader(file, Source(format="json")))

    assert [next(records).line, next(records).line] == [1, 2]
    with pytest.raises(UnusableFile) as refused:
        next(records)
    assert refused.value.facts["record"] == 2


def test_deeply_nested_json_is_a_broken_record(tmp_path: Path) -> None:
    deep = b'[{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b'}, {"a": "after"}]'

    records = read(tmp_path, deep, Source(format="json"))

    assert (broken(records), good(records)) == ([(1, "intake.not_json")], [(2, ["after"])])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "big"

    def peak(rows: int) -> int:
        with file.open("w") as out:
            out.write("a,b\n")
            for number in range(rows):
                out.write(f'{number},"{"x" * 500}"\n')
        tracemalloc.start()
        for _ in Reader(file, Source()):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(20_000) < 2 * peak(1_000) < 4_000_000
