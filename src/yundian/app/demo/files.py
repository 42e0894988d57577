"""The demo brand's files."""

import csv
from pathlib import Path

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by column."""
    with (DATA / name).open(newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))
