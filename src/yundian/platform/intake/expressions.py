"""Makes the fields of a record from a source record, by the rules of a mapping."""

import datetime as dt
import html
import re
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from yundian.platform.intake.mapping import FieldRule, Mapping
from yundian.platform.intake.types import Problem

Values = AnyMapping[str, Any]
Step = Callable[[Values], Any]
Convert = Callable[[str], Any]

# PostgreSQL stores neither NUL nor half a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_YES = frozenset({"1", "true", "yes", "y", "t", "是"})
_NO = frozenset({"0", "false", "no", "n", "f", "否"})


class FieldProblem(Exception):
    """A field of one record is wrong. Caught by the run, which quarantines the record."""

    def __init__(self, code: str, reason: str, column: str = "") -> None:
        super().__init__(reason)
        self.problem = Problem(code=code, reason=reason, column=column)


class Extractor:
    """A mapping made ready to run: each field's rule becomes one function."""

    def __init__(self, mapping: Mapping) -> None:
        self._columns = {name: _label(rule) for name, rule in mapping.fields.items()}
        self._steps = [(name, _compile(rule, mapping.lookups)) for name, rule in mapping.fields.items()]

    def fields(self, values: Values) -> dict[str, Any]:
        """The record's fields; raises ``FieldProblem`` with the source's column."""
        return {name: step(values) for name, step in self._steps}

    def record(self, values: Values, kind: type[Any]) -> Any:
        """The validated record; a violated constraint is told under the source's column name."""
        try:
            return msgspec.convert(self.fields(values), kind)
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at ")
            inner = path.strip("`").removeprefix("$").lstrip(".")
            name = re.split(r"[.\[]", inner, maxsplit=1)[0]
            column = self._columns.get(name, name)
            raise FieldProblem("intake.invalid_value", f"{name}: {reason}", column) from error


def _label(rule: FieldRule) -> str:
    return rule.column or ", ".join(rule.columns)


def _compile(rule: FieldRule, lookups: AnyMapping[str, AnyMapping[str, str]]) -> Step:
    label = _label(rule)
    take = _taker(rule)
    if rule.type == "each":
        return _each(rule, label, lookups, take)
    if rule.type == "list":
        return lambda values: _texts(take(values), label)
    clean = _cleaner(rule, label)
    convert = _converter(rule, lookups, label)

    def step(values: Values) -> Any:
        raw = take(values)
        if rule.constant is not None and not isinstance(raw, str):
            return raw
        text = clean(raw)
        if text is None and rule.default is not None:
            text = rule.default
        if text is None:
            if rule.required:
                raise FieldProblem("intake.missing_value", "a value is required", label)
            return None
        return convert(text)

    return step


def _taker(rule: FieldRule) -> Step:
    if rule.constant is not None:
        return lambda _values: rule.constant
    if rule.columns:
        parts = [_path(column) for column in rule.columns]
        return lambda values: rule.separator.join(
            str(v).strip() for v in (part(values) for part in parts) if v not in (None, "")
        )
    return _path(rule.column or "")


def _path(column: str) -> Step:
    """A column by its name; in JSON also a dotted way into nested objects."""
    if "." not in column:
        return lambda values: values.get(column)

    def walk(values: Values) -> Any:
        if column in values:
            return values[column]
        found: Any = values
        for key in column.split("."):
            found = found.get(key) if isinstance(found, dict) else None
        return found

    return walk


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
        if _UNSTORABLE.search(text):
            raise FieldProblem("intake.unstorable_text", "contains NUL or half a character", label)
        return _extracted(pattern, text, label) if pattern is not None else text

    return clean


def _extracted(pattern: re.Pattern[str], text: str, label: str) -> str | None:
    match = pattern.search(text)
    if match is None:
        raise FieldProblem("intake.no_match", f"{_short(text)} does not match {pattern.pattern!r}", label)
    found: str | None = match.group(1) if pattern.groups else match.group()
    return found or None


def _converter(rule: FieldRule, lookups: AnyMapping[str, AnyMapping[str, str]], label: str) -> Convert:
    convert = _typed(rule, label)
    if rule.lookup is None:
        return convert
    table = lookups[rule.lookup]

    def look_up(text: str) -> Any:
        found = table.get(text)
        if found is not None:
            return convert(found)
        if rule.unknown == "refuse":
            raise FieldProblem("intake.unknown_value", f"{_short(text)} is not in lookups.{rule.lookup}", label)
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
        raise FieldProblem("intake.not_a_number", f"{_short(text)} is not a number", label) from None
    # Beyond this no price, count or coordinate is honest, and 1e999999999 would not fit into memory.
    if not value.is_finite() or abs(value.adjusted()) > 18:
        raise FieldProblem("intake.not_a_number", f"{_short(text)} is out of range", label)
    return value


def _integer(text: str, rule: FieldRule, label: str) -> int:
    value = _decimal(text, label).scaleb(rule.scale)
    whole = value.to_integral_value(rounding=ROUND_HALF_UP)
    if whole != value and rule.rounding == "refuse":
        raise FieldProblem("intake.too_many_places", f"{_short(text)} has more than {rule.scale} places", label)
    return int(whole)


def _boolean(text: str, label: str) -> bool:
    lowered = text.lower()
    if lowered in _YES or lowered in _NO:
        return lowered in _YES
    raise FieldProblem("intake.not_a_boolean", f"{_short(text)} is neither yes nor no", label)


def _moment(text: str, rule: FieldRule, label: str) -> dt.datetime:
    for form in rule.formats:
        try:
            return dt.datetime.strptime(text, form)  # noqa: DTZ007  the zone is put on in _instant
        except ValueError:
            continue
    raise FieldProblem("intake.not_a_date", f"{_short(text)} is none of {', '.join(rule.formats)}", label)


def _instant(text: str, rule: FieldRule, label: str) -> dt.datetime:
    moment = _moment(text, rule, label)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(rule.zone or "UTC"))
    return moment.astimezone(dt.UTC)


def _texts(raw: Any, label: str) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(item, str) for item in raw):
        raise FieldProblem("intake.not_a_list", "is not a list of texts", label)
    texts = [item.strip() for item in raw]
    if any(_UNSTORABLE.search(text) for text in texts):
        raise FieldProblem("intake.unstorable_text", "contains NUL or half a character", label)
    return [text for text in texts if text]


def _each(rule: FieldRule, label: str, lookups: AnyMapping[str, AnyMapping[str, str]], take: Step) -> Step:
    inner = [(name, _compile(msgspec.convert(spec, FieldRule), lookups)) for name, spec in rule.fields.items()]

    def step(values: Values) -> list[dict[str, Any]]:
        raw = take(values)
        if raw is None:
            return []
        if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
            raise FieldProblem("intake.not_a_list", "is not a list of objects", label)
        made = []
        for position, item in enumerate(raw):
            try:
                made.append({name: make(item) for name, make in inner})
            except FieldProblem as error:
                problem = error.problem
                where = f"{label}[{position}].{problem.column}"
                raise FieldProblem(problem.code, problem.reason, where) from error
        return made

    return step


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
