"""A day as a board shows it: lanes side by side, time from top to bottom, counted in minutes that really pass."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

from appointments.rules.days import CELL_S, cell_of, days_of, instant_of
from appointments.types import BookingView

_HOUR = 3600 // CELL_S
_USUAL = (9 * 60, 18 * 60)
# What begins on a day may reach into the next one.
_AFTER = 12 * _HOUR
_ONE_DAY = dt.timedelta(days=1)

Moments = tuple[dt.datetime, dt.datetime]


class Span(NamedTuple):
    """Minutes from the top of the board."""

    at: int
    minutes: int


class Tick(NamedTuple):
    """What the shop's clock shows there."""

    at: int
    clock: str


class Place(NamedTuple):
    """Where a card stands; ``column`` of ``columns`` where several are at the same time."""

    span: Span
    column: int
    columns: int


@dataclass(frozen=True)
class Frame:
    """From when until when a board shows a day."""

    begins: dt.datetime
    minutes: int
    ticks: tuple[Tick, ...]

    def span(self, starts: dt.datetime, ends: dt.datetime) -> Span | None:
        """As much of it as is on the board."""
        first = max(int((starts - self.begins).total_seconds()) // 60, 0)
        last = min(int((ends - self.begins).total_seconds()) // 60, self.minutes)
        return Span(first, last - first) if last > first else None


def frame(zone: str, day: dt.date, shown: Iterable[Moments]) -> Frame:
    """Whole hours around all that is to be shown of a local day; the usual hours of work where there is nothing.

    On a day whose clock is changed an hour is left out or shown twice, as it is.
    """
    days = days_of(zone)
    midnight, end = days.start(day), days.start(day + _ONE_DAY) + _AFTER
    cells = [(cell_of(starts), -(-int(ends.timestamp()) // CELL_S)) for starts, ends in shown]
    cells = [(max(first, midnight), min(last, end)) for first, last in cells if last > midnight and first < end]
    if not cells:
        cells = [(days.at(day, _USUAL[0], is_end=False), days.at(day, _USUAL[1], is_end=True))]
    top = _whole_hour(min(first for first, _last in cells), days.zone, -1, midnight)
    bottom = _whole_hour(max(last for _first, last in cells), days.zone, 1, end)
    ticks = tuple(
        Tick((cell - top) * CELL_S // 60, f"{local:%H:%M}")
        for cell in range(top, bottom + 1)
        if (local := instant_of(cell).astimezone(days.zone)).minute == 0
    )
    return Frame(instant_of(top), (bottom - top) * CELL_S // 60, ticks)


def _whole_hour(cell: int, zone: ZoneInfo, by: int, limit: int) -> int:
    while cell != limit and instant_of(cell).astimezone(zone).minute:
        cell += by
    return cell


def natural(name: str) -> list[tuple[int, str]]:
    """By which names are sorted as people count: chair 2 stands before chair 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]


def placed(frame: Frame, cards: Sequence[tuple[BookingView, ...]]) -> list[tuple[tuple[BookingView, ...], Place]]:
    """Cards of one lane, the earlier first; those at the same time stand side by side."""
    made: list[tuple[tuple[BookingView, ...], Place]] = []
    group: list[tuple[tuple[BookingView, ...], Span, int]] = []
    until = -1
    for card in sorted(cards, key=lambda each: (each[0].starts_at, each[0].id)):
        span = frame.span(card[0].starts_at, card[0].ends_at)
        if span is None:
            continue
        if span.at >= until:
            made += _closed(group)
            group = []
        taken = {column for _card, other, column in group if other.at + other.minutes > span.at}
        column = next(n for n in range(len(taken) + 1) if n not in taken)
        group.append((card, span, column))
        until = max(until, span.at + span.minutes)
    return made + _closed(group)


def _closed(group: list[tuple[tuple[BookingView, ...], Span, int]]) -> list[tuple[tuple[BookingView, ...], Place]]:
    columns = max((column for _card, _span, column in group), default=0) + 1
    return [(card, Place(span, column, columns)) for card, span, column in group]
