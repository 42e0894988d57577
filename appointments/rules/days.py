"""Days of a shop in cells of five minutes: where a day begins, what its clock shows, which week day it is like."""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar

from appointments.errors import HolidaysUnknown
from appointments.states import DayRule
from yundian.platform.core import clock

CELL_S = 300
CELL_MIN = 5
DAY_MIN = 1440
REGULAR = DAY_MIN // CELL_MIN

# Of a zone, some megabytes.
_MOST_KEPT = 20_000
_ONE_DAY = dt.timedelta(days=1)


def cell_of(at: dt.datetime) -> int:
    """The cell an instant lies in."""
    return int(at.timestamp()) // CELL_S


def instant_of(cell: int) -> dt.datetime:
    """When a cell begins."""
    return dt.datetime.fromtimestamp(cell * CELL_S, dt.UTC)


class Days:
    """The days of one zone."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)
        self._starts: dict[dt.date, int] = {}
        self._cells: dict[tuple[dt.date, int, bool], int] = {}

    @property
    def is_large(self) -> bool:
        return len(self._cells) > _MOST_KEPT or len(self._starts) > _MOST_KEPT

    def start(self, day: dt.date) -> int:
        """The cell in which a local day begins."""
        found = self._starts.get(day)
        if found is None:
            midnight = dt.datetime.combine(day, dt.time())
            found = self._starts[day] = cell_of(clock.first_moment(midnight, self.zone))
        return found

    def length(self, day: dt.date) -> int:
        """In cells: 288, unless the clock is changed on this day."""
        return self.start(day + _ONE_DAY) - self.start(day)

    def at(self, day: dt.date, minute: int, *, is_end: bool) -> int:
        """The cell of a minute of the wall clock; past 1,440 it is the next day's.

        A start within a cell begins with the next one, and an end within a cell ends before it.
        """
        key = (day, minute, is_end)
        found = self._cells.get(key)
        if found is None:
            found = self._cells[key] = self._at(day, minute, is_end)
        return found

    def _at(self, day: dt.date, minute: int, is_end: bool) -> int:
        over, minute = divmod(minute, DAY_MIN)
        day += over * _ONE_DAY
        rounded = minute // CELL_MIN if is_end else -(-minute // CELL_MIN)
        if self.length(day) == REGULAR:
            return self.start(day) + rounded
        wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=rounded * CELL_MIN)
        return cell_of(clock.first_moment(wall, self.zone))

    def grid(self, day: dt.date, step_min: int) -> int:
        """The cells of a day, counted from its start, at which the clock shows a multiple of the step."""
        length = self.length(day)
        if length == REGULAR:
            return _even(step_min // CELL_MIN)
        mask, start = 0, self.start(day)
        for offset in range(length):
            shown = instant_of(start + offset).astimezone(self.zone)
            if (shown.hour * 60 + shown.minute) % step_min == 0:
                mask |= 1 << offset
        return mask


@lru_cache(maxsize=64)
def _days_of(zone: str) -> Days:
    return Days(zone)


def days_of(zone: str) -> Days:
    """The days of a zone, worked out once and kept, as long as they are not too many."""
    days = _days_of(zone)
    if days.is_large:
        _days_of.cache_clear()
        days = _days_of(zone)
    return days


@lru_cache(maxsize=64)
def _even(step: int) -> int:
    return sum(1 << offset for offset in range(0, REGULAR, step))


def knows_holidays(year: int) -> bool:
    """Whether the holidays of China of a year are announced, as far as the library has them."""
    try:
        chinese_calendar.get_holiday_detail(dt.date(year, 7, 1))
    except NotImplementedError:
        return False
    return True


def week_day(day: dt.date, *, holidays: DayRule, workdays: DayRule) -> int | None:
    """Which week day (1 is Monday) a shop's hours and plans follow on a date; ``None``: it is closed.

    Raises:
        HolidaysUnknown: the shop follows the holidays of China, and those of the year are not announced yet.
    """
    if holidays is DayRule.AS_USUAL and workdays is DayRule.AS_USUAL:
        return day.isoweekday()
    try:
        is_off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError as error:
        raise HolidaysUnknown(year=day.year) from error
    # An ordinary week day or weekend has no name.
    rule = (holidays if is_off else workdays) if name is not None else DayRule.AS_USUAL
    return {DayRule.AS_USUAL: day.isoweekday(), DayRule.CLOSED: None, DayRule.AS_SUNDAY: 7, DayRule.AS_MONDAY: 1}[
        rule
    ]
