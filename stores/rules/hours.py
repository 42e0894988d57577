"""Weekly opening hours: reading them, checking them, and whether a shop is open at an instant.

Hours are told by the wall clock. A time of day begins at the first moment at which the clock shows it or later: in
the hour that spring skips that is the moment of the jump, in the hour that autumn repeats it is the first passing.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Sequence
from zoneinfo import ZoneInfo

from stores.types import Interval
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput

DAY = 1440
WEEK = 7 * DAY

# Nobody serves in more stretches a week; a form with more is a mistake.
MAX_INTERVALS = 70

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_RULE = re.compile(r"(?:(?P<days>[A-Za-z,\- ]+?)\s+)?(?P<times>\d{1,2}:\d\d\s*-.*)")
_TIMES = re.compile(r"(\d{1,2}):([0-5]\d)\s*-\s*(\d{1,2}):([0-5]\d)")


def checked(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """The intervals in order if they are possible and none overlaps another, over the end of the week too."""
    ordered = tuple(sorted(intervals))
    if len(ordered) > MAX_INTERVALS:
        raise InvalidInput("hours", "too many opening times")
    for interval in ordered:
        if not interval.opens < interval.closes <= interval.opens + DAY:
            raise InvalidInput("hours", "an opening time must end after it begins, within 24 hours")
    spans = [(_start(i), _start(i) + i.closes - i.opens) for i in ordered]
    if spans:
        spans.append((spans[0][0] + WEEK, spans[0][1] + WEEK))
    if any(end > start for (_, end), (start, _) in itertools.pairwise(spans)):
        raise InvalidInput("hours", "opening times overlap")
    return ordered


def interval(*, weekday: int, opens: str, closes: str) -> Interval:
    """From ``HH:MM`` texts. A closing time at or before the opening time lies in the next day."""
    start, end = minute_of(opens), minute_of(closes)
    if start >= DAY:
        raise InvalidInput("hours", "an opening time is 00:00 to 23:59")
    return Interval(weekday=weekday, opens=start, closes=end if end > start else end + DAY)


def minute_of(text: str) -> int:
    """``HH:MM`` as minutes after midnight, up to 24:00."""
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", text.strip())
    minute = int(match.group(1)) * 60 + int(match.group(2)) if match is not None else DAY + 1
    if minute > DAY:
        raise InvalidInput("hours", "not a time of day like 09:30")
    return minute


def text_of(minute: int) -> str:
    """Minutes as ``HH:MM``; the end of a day is 24:00, what lies in the next day is told as its own time."""
    shown = minute if minute <= DAY else minute - DAY
    return f"{shown // 60:02d}:{shown % 60:02d}"


def parse(text: str) -> tuple[Interval, ...]:
    """``Mo-Fr 10:00-22:00; Sa,Su 09:30-12:00,13:00-01:00`` or ``24/7``, the plain part of OpenStreetMap's way."""
    if text.strip() == "24/7":
        return tuple(Interval(day, 0, DAY) for day in range(1, 8))
    found: list[Interval] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = _RULE.fullmatch(part)
        if match is None:
            raise InvalidInput("hours", "%(hours)s is not like Mo-Fr 10:00-22:00", hours=part[:40])
        for times in match.group("times").split(","):
            span = _TIMES.fullmatch(times.strip())
            if span is None:
                raise InvalidInput("hours", "%(hours)s is not like 10:00-22:00", hours=times.strip()[:40])
            opens, closes = f"{span[1]}:{span[2]}", f"{span[3]}:{span[4]}"
            found += [
                interval(weekday=day, opens=opens, closes=closes) for day in _days(match.group("days") or "Mo-Su")
            ]
    return checked(found)


def is_open_at(intervals: Sequence[Interval], *, zone: str, instant: dt.datetime) -> bool:
    """Whether one of the weekly intervals holds at an aware instant."""
    return any(start <= instant < end for start, end in spans_around(intervals, zone=zone, instant=instant))


def spans_around(
    intervals: Sequence[Interval], *, zone: str, instant: dt.datetime
) -> list[tuple[dt.datetime, dt.datetime]]:
    """The intervals of the local day and its neighbours, as UTC instants.

    Yesterday's may reach over midnight; tomorrow's may have begun before a clock that was set back at midnight.
    """
    home = ZoneInfo(zone)
    today = instant.astimezone(home).date()
    spans = []
    for day in (today - dt.timedelta(days=1), today, today + dt.timedelta(days=1)):
        midnight = dt.datetime.combine(day, dt.time())
        for one in intervals:
            if one.weekday == day.isoweekday():
                opens = clock.first_moment(midnight + dt.timedelta(minutes=one.opens), home)
                spans.append((opens, clock.first_moment(midnight + dt.timedelta(minutes=one.closes), home)))
    return spans


def on_day(intervals: Sequence[Interval], *, day: dt.date) -> list[Interval]:
    """What begins on a calendar day."""
    return [one for one in intervals if one.weekday == day.isoweekday()]


def _start(one: Interval) -> int:
    return (one.weekday - 1) * DAY + one.opens


def _days(text: str) -> list[int]:
    days: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        start, end = _day(first), _day(last or first)
        days += [(start + offset) % 7 + 1 for offset in range((end - start) % 7 + 1)]
    return days


def _day(text: str) -> int:
    if text.capitalize() not in _DAYS:
        days = ", ".join(_DAYS)
        raise InvalidInput("hours", "%(day)s is not one of %(days)s", day=text[:10], days=days)
    return _DAYS.index(text.capitalize())
