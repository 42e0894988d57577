"""Tables as people keep them: where the names of their columns stand, in which encoding, with what between cells.

``format = "table"`` finds all this out. The names are looked for among the first rows, so that a title above them
is of no account; sums below are left out.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from yundian.platform.intake.lines import BOMS

DELIMITERS = ",;\t|"
FIRST_ROWS = 20
SAMPLE_BYTES = 1024 * 1024

_SUM = re.compile(
    r"(?:合\s*计|总\s*计|小\s*计|共\s*计|汇\s*总|(?:grand\s*|sub\s*)?totals?)\b.*", re.IGNORECASE | re.DOTALL
)
_BLANKS = re.compile(r"\s+")
# What keeps a program from computing with a text: ="00123", '+8613800138000.
_KEPT_TEXT = re.compile(r'="(.*)"|\'(?=[=+\-@\d])(.*)', re.DOTALL)


@dataclass(frozen=True)
class Found:
    """The row of names that fits best: behind how many lines, how many of the wanted it has."""

    header: Sequence[str]
    lines: int
    hits: int
    delimiter: str = ","


def header_among(
    rows: Iterable[tuple[int, Sequence[str]]], wanted: Set[str], *, delimiter: str = ","
) -> Found | None:
    """The first of the rows that has all of the wanted names, else the one with most of them."""
    best: Found | None = None
    for (line, row), _ in zip(rows, range(FIRST_ROWS), strict=False):
        names = [_BLANKS.sub(" ", cell).strip() for cell in row]
        while names and not names[-1]:
            names.pop()
        filled = sum(map(bool, names))
        hits = len(wanted & set(names)) if wanted else filled
        if filled and (best is None or hits > best.hits):
            best = Found(names, line, hits, delimiter)
            if wanted and hits == len(wanted):
                break
    return best


def header_of_text(sample: str, wanted: Set[str]) -> Found | None:
    """The same of a text, with whichever mark between its cells fits best."""
    found = []
    for mark in DELIMITERS:
        reader = csv.reader(io.StringIO(sample, newline="\n"), delimiter=mark)
        one = header_among(((reader.line_num, row) for row in _rows(reader)), wanted, delimiter=mark)
        if one is not None:
            found.append(one)
    return max(found, key=lambda one: (one.hits, len(one.header)), default=None)


def encoding_of(sample: bytes) -> str:
    """UTF-8 or what Chinese programs write else, by most of the lines that are not plain ASCII."""
    if any(sample.startswith(mark) for mark, _ in BOMS):
        return "utf-8"
    fit = [_is_utf8(line) for line in sample.split(b"\n")[:-1] or [sample] if not line.isascii()]
    return "utf-8" if sum(fit) * 2 >= len(fit) else "gb18030"


def decoded(sample: bytes) -> str:
    """The sample as text, in whichever encoding."""
    for mark, encoding in BOMS:
        if sample.startswith(mark):
            return sample[len(mark) :].decode(encoding, "replace")
    return sample.decode(encoding_of(sample), "replace")


def cell(text: str) -> str:
    """What stands in a cell, without what only keeps it a text."""
    plain = text.strip()
    found = _KEPT_TEXT.fullmatch(plain)
    return plain if found is None else (found[1] if found[1] is not None else found[2]).strip()


def fitted(row: Sequence[str], width: int) -> list[str] | None:
    """The row as wide as its header, empty cells left out behind it or filled in; ``None``: it is wider."""
    cells = [cell(text) for text in row]
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return None if len(cells) > width else cells + [""] * (width - len(cells))


def is_sum(cells: Sequence[str], header: Sequence[str], wanted: Set[str]) -> bool:
    """A row that sums up the ones above: it says so first, and has little of what a record has."""
    first = next(filter(None, cells), "")
    if not _SUM.fullmatch(first):
        return False
    values = [value for name, value in zip(header, cells, strict=False) if not wanted or name in wanted]
    return sum(map(bool, values)) * 2 <= len(values)


def named(header: Sequence[str]) -> list[str]:
    """A name of its own for every column: those without one are told by their place."""
    names: list[str] = []
    for position, name in enumerate(header, 1):
        names.append(name if name and name not in names else f"#{position}")
    return names


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _rows(reader: Iterable[list[str]]) -> Iterable[list[str]]:
    try:
        yield from reader
    except csv.Error:
        return
