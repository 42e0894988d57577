"""What the log of messages is asked about: days as they are meant somewhere."""

import datetime as dt
from zoneinfo import ZoneInfo

from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput

# Around the ends of the calendar there is no day after, and none before in another zone.
_FIRST_DAY, _LAST_DAY = dt.date(1970, 1, 1), dt.date(9000, 1, 1)
_DAY, _MONTH = dt.timedelta(days=1), dt.timedelta(days=30)


def midnight(day: dt.date, zone: str) -> dt.datetime:
    """When a day begins there."""
    return clock.first_moment(dt.datetime.combine(day, dt.time()), ZoneInfo(zone))


def checked(name: str, day: dt.date | None) -> dt.date | None:
    """The day, or ``InvalidInput`` naming the field for one that nobody means."""
    if day is not None and not _FIRST_DAY <= day <= _LAST_DAY:
        raise InvalidInput(name, "This is not a date")
    return day


def between(
    first: dt.date | None, last: dt.date | None, *, zone: str
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """From when until before when these days last, both included; ``InvalidInput`` for the wrong way round."""
    first, last = checked("since", first), checked("until", last)
    if first and last and last < first:
        raise InvalidInput("until", "The last day is before the first")
    return (midnight(first, zone) if first else None), (midnight(last + _DAY, zone) if last else None)


def month(first: dt.date | None, last: dt.date | None, *, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """The same of a summary: without days of the last month, today included."""
    tomorrow = clock.business_day(clock.house(), zone) + _DAY
    before = midnight(last + _DAY if last else tomorrow, zone)
    return (midnight(first, zone) if first else before - _MONTH), before
