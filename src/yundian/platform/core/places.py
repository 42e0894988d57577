"""What provinces and prefectures of China are called in English: no brand's own words, but everybody's."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from yundian.platform.core.words import ENGLISH

_NAMES = Path(__file__).with_name("places.tsv")


def place_text(name: str, *, locale: str) -> str:
    """A province or a city as the reader's language writes it; what is not known here stays as it was entered."""
    return _english().get(name.strip(), name) if locale == ENGLISH else name


@cache
def _english() -> Mapping[str, str]:
    lines = _NAMES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return {own: english for full, brief, english in rows for own in (full, brief)}
