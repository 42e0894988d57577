"""The one source of the current time, always aware UTC."""

import datetime as dt
import os
from zoneinfo import ZoneInfo

UTC = dt.UTC

# A process whose clock is wrong is a fault to survive; tests start workers with a skew (seconds).
_SKEW = dt.timedelta(seconds=float(os.environ.get("YUNDIAN_TEST_CLOCK_SKEW_S", "0")))


def now() -> dt.datetime:
    """The current time, aware, in UTC."""
    return dt.datetime.now(UTC) + _SKEW


def business_day(at: dt.datetime, zone: str) -> dt.date:
    """The calendar day of an instant in an IANA zone, as shops count their days."""
    return at.astimezone(ZoneInfo(zone)).date()
