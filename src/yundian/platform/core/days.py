"""How days and moments are written to people: one way in each language, on screens as in messages."""

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import dates
from babel.core import Locale

# The ways in which a day is written, and no others: as the language does; with its week day in full or cut short;
# its week day and number alone, in a row of days; and for addresses, which know no language.
_DAYS = {"medium": "medium", "full": "full", "week": "E d", "iso": "yyyy-MM-dd"}
_SKELETONS = {"brief": "yMMMEd"}


def date_text(value: dt.date | dt.datetime, *, zone: str, locale: str, style: str = "medium") -> str:
    """A calendar day; an instant is shown as the day it falls on in the zone."""
    day = value.astimezone(ZoneInfo(zone)) if isinstance(value, dt.datetime) else value
    if style in _SKELETONS:
        return dates.format_skeleton(_SKELETONS[style], day, locale=_locale(locale))
    return dates.format_date(day, format=_DAYS[style], locale=_locale(locale))


def time_text(value: dt.time | dt.datetime, *, zone: str) -> str:
    """Hours and minutes of the day's 24, in every language; a plain time of day is shown as it is."""
    moment = value.astimezone(ZoneInfo(zone)).time() if isinstance(value, dt.datetime) else value
    return moment.strftime("%H:%M")


def datetime_text(value: dt.datetime, *, zone: str, locale: str, style: str = "medium") -> str:
    """An instant as the wall clock of the zone shows it."""
    joined = str(dates.get_datetime_format(locale=_locale(locale)))
    day = date_text(value, zone=zone, locale=locale, style=style)
    return joined.replace("{1}", day).replace("{0}", time_text(value, zone=zone))


@lru_cache(maxsize=8)
def _locale(name: str) -> Locale:
    return Locale.parse(name)
