"""After a long run of cells: which process died where, and whether it did any harm."""

import re
from collections import defaultdict
from collections.abc import Iterable

import pytest
from _pytest.terminal import TerminalReporter

from tests.faults.cells import Victim

_CELL = re.compile(r"\[(?P<where>.+:.+)-kills-(?P<victim>\w+)\]$")
_FEW = 20


def write(terminal: TerminalReporter) -> None:
    """A line a step, a column a victim."""
    words = {"passed": "ok", "failed": "RED", "error": "RED"}
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for outcome, word in words.items():
        for where, victim in _cells(terminal.stats.get(outcome, [])):
            found[where][victim] = word
    if sum(map(len, found.values())) < _FEW:
        return
    victims, wide = [one.value for one in Victim], max(map(len, found))
    terminal.section("who was killed where")
    terminal.write_line(f"{'':{wide}}  " + "  ".join(f"{one:>10}" for one in victims))
    for where, row in found.items():
        terminal.write_line(f"{where:{wide}}  " + "  ".join(f"{row.get(one, ''):>10}" for one in victims))
    total = [word for row in found.values() for word in row.values()]
    terminal.write_line(f"{total.count('ok')} of {len(total)} did no harm")


def _cells(reports: Iterable[object]) -> Iterable[tuple[str, str]]:
    for report in reports:
        if isinstance(report, pytest.TestReport) and (match := _CELL.search(report.nodeid)):
            yield match["where"], match["victim"]
