"""Template filters: dates, numbers and money as the reader's language writes them."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from babel import dates, numbers
from babel.core import Locale

from yundian.platform.core import clock, days, places
from yundian.platform.core.money import Money
from yundian.platform.web.context import current
from yundian.platform.web.i18n import babel_locale

DEFAULT_ZONE = "Asia/Shanghai"


def date(value: dt.date | dt.datetime | None, zone: str = DEFAULT_ZONE, style: str = "medium") -> str:
    """A calendar day; an instant is shown as the day it falls on in the zone."""
    if value is None:
        return ""
    return days.date_text(value, zone=zone, locale=current().locale, style=style)


def datetime(value: dt.datetime | None, zone: str = DEFAULT_ZONE, style: str = "medium") -> str:
    """An instant as the wall clock of the zone shows it: its day as ``date`` writes it, its time as ``time``."""
    if value is None:
        return ""
    return days.datetime_text(value, zone=zone, locale=current().locale, style=style)


def time(value: dt.time | dt.datetime | None, zone: str = DEFAULT_ZONE) -> str:
    """Hours and minutes of the day's 24, in every language; a plain time of day is shown as it is."""
    if value is None:
        return ""
    return days.time_text(value, zone=zone)


def zone(value: str) -> str:
    """A zone by the name of its city."""
    return dates.get_timezone_location(ZoneInfo(value), locale=_locale(), return_city=True)


def place(value: str) -> str:
    """A province or a city; one that nobody knows in the reader's language stays as it was entered."""
    return places.place_text(value, locale=current().locale)


def ago(value: dt.datetime | None) -> str:
    """How long ago, in words."""
    if value is None:
        return ""
    return dates.format_timedelta(value - clock.house(), add_direction=True, locale=_locale())


def number(value: int | float | Decimal | None) -> str:
    return "" if value is None else numbers.format_decimal(value, locale=_locale())


def percent(value: float | Decimal | None) -> str:
    """A share: 0.25 is 25%."""
    return "" if value is None else numbers.format_percent(value, locale=_locale())


def money(minor: int | None, currency: str = "CNY") -> str:
    """Minor units as people read them."""
    return "" if minor is None else Money(minor, currency).text(current().locale)


def amount(minor: int | None, currency: str = "CNY") -> str:
    """Minor units as a plain decimal, for an input field."""
    return "" if minor is None else format(Money(minor, currency).to_decimal(), "f")


def _live(function: Callable[..., str]) -> Callable[..., str]:
    """Jinja works out filters of constants when it compiles, in the language of whoever came first; not these."""

    @jinja2.pass_context
    def filtered(_context: object, value: Any, *args: Any, **kwargs: Any) -> str:
        return function(value, *args, **kwargs)

    return filtered


FILTERS = {f.__name__: _live(f) for f in (date, datetime, time, zone, place, ago, number, percent, money, amount)}


def _locale() -> Locale:
    return babel_locale(current().locale)
