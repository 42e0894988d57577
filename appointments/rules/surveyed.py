"""What a look at a list found: its words, how often each, and what can be learned of them; bounded in size."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from appointments.rules.layouts import Layout

# So many different words of a kind are told apart.
MOST_WORDS = 2_000
_SLOT = 30
_DAY = 1440
# Of so many rows on a week day, the earliest and latest hundredth are taken for mistakes.
_MANY = 200

Span = tuple[int, int, int]


class Seen(msgspec.Struct, kw_only=True):
    """A word of the list: on how many rows, an example with its line, from when to when.

    ``shop`` is where somebody was called so; ``minutes`` a service took as a rule; ``week`` when work was seen, as
    ``(week day, first minute, last minute)``; ``services`` that somebody performed.
    """

    said: str
    rows: int
    line: int
    example: str
    shop: str = ""
    first: dt.date | None = None
    last: dt.date | None = None
    minutes: int | None = None
    week: list[Span] = []
    services: list[str] = []


class Flaw(msgspec.Struct, kw_only=True):
    """Why so many rows would be held back, with the first one's line. ``text`` and ``facts`` as in ``Problem``."""

    code: str
    reason: str
    rows: int
    line: int
    column: str = ""
    text: str = ""
    facts: dict[str, str | int] = {}


class Found(msgspec.Struct, kw_only=True):
    """All of a look. ``cut``: kinds of which there are more words than were told apart; ``other_flaws``: rows with
    still other mistakes than ``flaws`` tells."""

    header: list[str]
    samples: dict[str, list[str]] = {}
    layout: Layout | None = None
    is_remembered: bool = False
    rows: int = 0
    shops: list[Seen] = []
    services: list[Seen] = []
    people: list[Seen] = []
    states: list[Seen] = []
    flaws: list[Flaw] = []
    other_flaws: int = 0
    cut: list[str] = []

    @property
    def rows_with_flaws(self) -> int:
        return sum(one.rows for one in self.flaws) + self.other_flaws


class Hours:
    """When work begins and ends on each week day, by half hours."""

    def __init__(self) -> None:
        self.begins = [Counter[int]() for _ in range(7)]
        self.ends = [Counter[int]() for _ in range(7)]

    def add(self, start: dt.datetime, minutes: int) -> None:
        """``start`` on the wall clock."""
        begin = start.hour * 60 + start.minute
        self.begins[start.weekday()][begin // _SLOT] += 1
        self.ends[start.weekday()][-(-(begin + minutes) // _SLOT)] += 1

    def week(self) -> list[Span]:
        """The hours that hold nearly all of it."""
        rows = [counted.total() for counted in self.begins]
        made: list[Span] = []
        for weekday, count in enumerate(rows):
            if count and count * 50 >= max(rows):
                few = count // 100 if count >= _MANY else 0
                opens = _behind(sorted(self.begins[weekday].items()), few) * _SLOT
                closes = _behind(sorted(self.ends[weekday].items(), reverse=True), few) * _SLOT
                made.append((weekday + 1, opens, min(max(closes, opens + _SLOT), opens + _DAY)))
        return made


def median(minutes: Mapping[int, int]) -> int | None:
    """The middle one of so many lengths, in steps of five that a service can have."""
    total = sum(minutes.values())
    if not total:
        return None
    middle = _behind(sorted(minutes.items()), (total - 1) // 2)
    return min(max(round(middle / 5) * 5, 5), 720)


def _behind(counted: Iterable[tuple[int, int]], few: int) -> int:
    """The first value behind so many."""
    last = 0
    for value, count in counted:
        last = value
        few -= count
        if few < 0:
            break
    return last


def best(items: Iterable[Seen]) -> list[Seen]:
    """Those on most rows first."""
    return sorted(items, key=lambda one: (-one.rows, one.shop, one.said))
