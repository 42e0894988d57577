"""The one source of the current time, always aware UTC: this process's, and the house's (the database's)."""

import datetime as dt
import os
import time
from zoneinfo import ZoneInfo

UTC = dt.UTC

# A process whose clock is wrong is a fault to survive; tests start workers with a skew (seconds).
_SKEW = dt.timedelta(seconds=float(os.environ.get("YUNDIAN_TEST_CLOCK_SKEW_S", "0")))

# What the database's clock said, and when that was on a clock which nobody sets.
_heard: tuple[dt.datetime, float] | None = None


def now() -> dt.datetime:
    """The current time, aware, in UTC."""
    return dt.datetime.now(UTC) + _SKEW


def hear(said: dt.datetime) -> None:
    """Note what the database's clock says; each unit of work does, in the statement that it begins with."""
    global _heard  # noqa: PLW0603  a process has one clock
    _heard = said, time.monotonic()


def house() -> dt.datetime:
    """The current time by the database's clock, as far as this process has heard it: for screens.

    What is offered, hidden or called today is then the same on every machine, however wrong its own clock is.
    """
    if _heard is None:
        return now()
    said, since = _heard
    return said + dt.timedelta(seconds=time.monotonic() - since)


def business_day(at: dt.datetime, zone: str) -> dt.date:
    """The calendar day of an instant in an IANA zone, as shops count their days."""
    return at.astimezone(ZoneInfo(zone)).date()


def first_moment(wall: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first instant (UTC) at which the zone's clock shows the naive ``wall`` or later.

    In the hour that spring skips that is the moment of the jump, in the one that autumn repeats the first passing.
    """
    first = wall.replace(tzinfo=zone).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # The clock never shows it: the jump lies between the two readings of the skipped time.
    low, high = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            high = middle
        else:
            low = middle
    return high.replace(microsecond=0)
