"""From a text of a file to a value: clean, extract, look up, convert. One function for each rule."""

import datetime as dt
import functools
import html
import re
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from yundian.platform.intake import moments
from yundian.platform.intake.rules import FieldRule
from yundian.platform.intake.types import Problem

Convert = Callable[[str], Any]
Lookups = AnyMapping[str, AnyMapping[str, str]]

# PostgreSQL stores neither NUL nor half a surrogate pair.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_YES = frozenset({"1", "true", "yes", "y", "t", "是"})
_NO = frozenset({"0", "false", "no", "n", "f", "否"})

# Files repeat themselves: days, prices, names of goods. Only short texts are remembered: memory stays bounded.
REMEMBERED = 8_192
LONGEST_REMEMBERED = 64


class FieldProblem(Exception):
    """A field is wrong. Caught by the run, which quarantines the document; ``row`` is its record, where known."""

    def __init__(
        self, code: str, text: str, column: str = "", *, row: int | None = None, **facts: str | int
    ) -> None:
        problem = Problem.quoting(code, text, column, **facts) if facts else Problem(code, text, column)
        super().__init__(problem.reason)
        self.problem = problem
        self.row = row

    @classmethod
    def of(cls, problem: Problem) -> "FieldProblem":
        """A problem that was found already."""
        error = cls(problem.code, problem.reason, problem.column)
        error.problem = problem
        return error


def converter(rule: FieldRule, lookups: Lookups, label: str) -> tuple[Callable[[Any], Any], Callable[[str], Any]]:
    """What makes a cell of the file (text; in JSON also a number, a boolean or null) the rule's value.

    The second function is the same for short texts and remembers what it made of them.
    """
    clean = _cleaner(rule, label)
    convert = _converter(rule, lookups, label)

    def make(raw: Any) -> Any:
        text = clean(raw)
        if text is None:
            text = rule.default
        if text is None:
            if rule.required:
                raise FieldProblem("intake.missing_value", "a value is required", label)
            return None
        return convert(text)

    return make, functools.lru_cache(REMEMBERED)(make)


def computed(rule: FieldRule, lookups: Lookups, label: str) -> Callable[[Any], Any]:
    """What makes the result of a formula the rule's value: a text goes the way of texts, a number is scaled."""
    of_text, _ = converter(rule, lookups, label)
    if rule.type != "integer":
        return lambda value: of_text(value) if value is None or isinstance(value, str) else value

    def make(value: Any) -> Any:
        if isinstance(value, (int, Decimal)):
            return whole(value, rule, label)
        return of_text(value) if value is None or isinstance(value, str) else value

    return make


def whole(value: int | Decimal, rule: FieldRule, label: str) -> int:
    """The number in the rule's minor units; what is left over is rounded once, half away from zero."""
    if isinstance(value, int):
        return value * int(10**rule.scale)
    scaled = value.scaleb(rule.scale)
    rounded = scaled.to_integral_value(rounding=ROUND_HALF_UP)
    if rule.rounding == "refuse" and rounded != scaled:
        raise FieldProblem(
            "intake.too_many_places",
            "%(value)s has more than %(places)s places",
            label,
            value=str(value),
            places=rule.scale,
        )
    return int(rounded)


def _cleaner(rule: FieldRule, label: str) -> Callable[[Any], str | None]:
    pattern = re.compile(rule.extract) if rule.extract is not None else None
    blank = frozenset(rule.blank)

    def clean(raw: Any) -> str | None:
        if raw is None:
            return None
        if isinstance(raw, (dict, list)):
            raise FieldProblem("intake.not_a_value", "is a list or an object, a single value is needed", label)
        text = str(raw) if not isinstance(raw, bool) else str(raw).lower()
        if rule.html:
            text = html.unescape(text)
        if rule.strip:
            text = text.strip()
        if not text or text in blank:
            return None
        if UNSTORABLE.search(text):
            raise FieldProblem("intake.unstorable_text", "contains NUL or half a character", label)
        return _extracted(pattern, text, label) if pattern is not None else text

    return clean


def _extracted(pattern: re.Pattern[str], text: str, label: str) -> str | None:
    match = pattern.search(text)
    if match is None:
        raise FieldProblem(
            "intake.no_match",
            "%(value)s does not match %(pattern)s",
            label,
            value=_short(text),
            pattern=repr(pattern.pattern),
        )
    found: str | None = match.group(1) if pattern.groups else match.group()
    return found or None


def _converter(rule: FieldRule, lookups: Lookups, label: str) -> Convert:
    convert = _typed(rule, label)
    if rule.lookup is None:
        return convert
    table = lookups[rule.lookup]

    def look_up(text: str) -> Any:
        found = table.get(text)
        if found is not None:
            return convert(found)
        if rule.unknown == "refuse":
            raise FieldProblem(
                "intake.unknown_value",
                "%(value)s is not in lookups.%(table)s",
                label,
                value=_short(text),
                table=str(rule.lookup),
            )
        return convert(text) if rule.unknown == "keep" else None

    return look_up


def _typed(rule: FieldRule, label: str) -> Convert:
    converters: dict[str, Convert] = {
        "text": lambda text: text,
        "integer": lambda text: _integer(text, rule, label),
        "decimal": lambda text: _decimal(text, label),
        "number": lambda text: float(_decimal(text, label)),
        "boolean": lambda text: _boolean(text, label),
        "date": lambda text: _moment(text, rule, label).date(),
        "datetime": lambda text: _instant(text, rule, label),
    }
    return converters[rule.type]


def _decimal(text: str, label: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise FieldProblem("intake.not_a_number", "%(value)s is not a number", label, value=_short(text)) from None
    # Beyond this no price, count or coordinate is honest, and 1e999999999 would not fit into memory.
    if not value.is_finite() or abs(value.adjusted()) > 18:
        raise FieldProblem("intake.not_a_number", "%(value)s is out of range", label, value=_short(text))
    return value


def _integer(text: str, rule: FieldRule, label: str) -> int:
    return whole(_decimal(text, label), rule, label)


def _boolean(text: str, label: str) -> bool:
    lowered = text.lower()
    if lowered in _YES or lowered in _NO:
        return lowered in _YES
    raise FieldProblem("intake.not_a_boolean", "%(value)s is neither yes nor no", label, value=_short(text))


def _moment(text: str, rule: FieldRule, label: str) -> dt.datetime:
    for form in rule.formats:
        if form == moments.ANY:
            found = moments.moment(text)
            if found is not None:
                return found
            continue
        try:
            return dt.datetime.strptime(text, form)  # noqa: DTZ007  the zone is put on in _instant
        except ValueError:
            continue
    if rule.formats == (moments.ANY,):
        raise FieldProblem(
            "intake.not_a_date",
            "%(value)s is no day or time that is told with its year first, such as 2026-03-05 14:30",
            label,
            value=_short(text),
        )
    formats = ", ".join(rule.formats)
    raise FieldProblem(
        "intake.not_a_date", "%(value)s is none of %(formats)s", label, value=_short(text), formats=formats
    )


def _instant(text: str, rule: FieldRule, label: str) -> dt.datetime:
    moment = _moment(text, rule, label)
    if moment.tzinfo is not None:
        return moment.astimezone(dt.UTC)
    zone = ZoneInfo(rule.zone or "UTC")
    instant = moment.replace(tzinfo=zone).astimezone(dt.UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != moment:
        raise FieldProblem(
            "intake.no_such_time",
            "%(value)s did not happen in %(zone)s: clocks were put forward",
            label,
            value=_short(text),
            zone=zone.key,
        )
    return instant


def texts_of(raw: Any, label: str) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise FieldProblem("intake.not_a_list", "is not a list of texts", label)
    texts = [item.strip() for item in raw]
    if any(UNSTORABLE.search(text) for text in texts):
        raise FieldProblem("intake.unstorable_text", "contains NUL or half a character", label)
    return [text for text in texts if text]


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
