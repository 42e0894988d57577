"""Checks of a mapping, before the first line is read: each refusal names the file, the key and what is allowed."""

import codecs
import datetime as dt
import re
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import inspect

from yundian.platform.intake import moments
from yundian.platform.intake.errors import BadMapping
from yundian.platform.intake.formulas import BadFormula, compile_formula
from yundian.platform.intake.rules import FieldRule, Source, rule_of

ENCODINGS = ("utf-8", "gb18030", "gbk", "gb2312", "big5", "utf-16", "shift_jis", "euc-kr", "cp1252", "latin-1")

NESTED = {"object": "fields", "rows": "fields", "each": "fields", "items": "items"}

MAX_SCALE = 18
MAX_SKIPPED = 10_000
_SOME_TIME = dt.datetime(2026, 11, 22, 14, 30, 15, tzinfo=dt.UTC)

T = TypeVar("T")


@dataclass
class Checker:
    """Goes through one mapping; ``known`` are the named values so far, and whether they are of the document."""

    file: str
    lookups: AnyMapping[str, AnyMapping[str, str]]
    known: dict[str, bool] = field(default_factory=dict)

    def value(self, name: str, spec: Any) -> FieldRule:
        """A named value: a single thing, under a name that formulas can say."""
        key = f"values.{name}"
        if not name.isidentifier() or not name.isascii():
            raise self.bad(key, "the name of a value is made of a-z, 0-9 and _")
        rule = self.rule(spec, key=key)
        if rule.type in NESTED or rule.type == "list":
            raise self.bad(f"{key}.type", "a named value is a single thing", allowed=["text", "integer", "..."])
        self.known[name] = any(compile_formula(text, self.known).is_of_document for _, text in rule.formulas)
        return rule

    def rule(self, spec: Any, *, key: str, is_of_item: bool = False) -> FieldRule:
        """One rule with all that is inside; ``is_of_item``: it is made of an item of a JSON list."""
        rule = convert({"value": spec} if isinstance(spec, str) else spec, FieldRule, file=self.file, key=key)
        self._source(rule, key=key)
        for inner, text in rule.formulas:
            if is_of_item:
                raise self.bad(f"{key}.{inner}", "formulas do not see the items of a list")
            self._formula(text, key=f"{key}.{inner}")
        if rule.lookup is not None and rule.lookup not in self.lookups:
            raise self.bad(f"{key}.lookup", f"no table lookups.{rule.lookup}", allowed=sorted(self.lookups))
        self._conversion(rule, key=key)
        self._inside(rule, key=key, is_of_item=is_of_item)
        return rule

    def bad(self, key: str, reason: str, **facts: object) -> BadMapping:
        return BadMapping(file=self.file, key=key, reason=reason, **facts)

    def _source(self, rule: FieldRule, *, key: str) -> None:
        sources = {
            "column": rule.column is not None,
            "columns": bool(rule.columns),
            "constant": rule.constant is not None,
            "value": rule.value is not None,
            "cases": bool(rule.cases),
        }
        wanted = 0 if NESTED.get(rule.type) and rule.type != "each" else 1
        if sum(sources.values()) != wanted:
            if wanted:
                raise self.bad(key, "needs exactly one source", allowed=list(sources))
            raise self.bad(key, f"is an {rule.type!r}: it has no source of its own", allowed=[NESTED[rule.type]])
        if rule.otherwise is not None and not rule.cases:
            raise self.bad(f"{key}.otherwise", "goes with cases, and only with them")

    def _formula(self, text: str, *, key: str) -> None:
        try:
            compile_formula(text, self.known)
        except BadFormula as error:
            allowed = {"allowed": error.allowed} if error.allowed else {}
            raise self.bad(key, error.reason, **allowed) from error

    def _inside(self, rule: FieldRule, *, key: str, is_of_item: bool) -> None:
        for name in ("fields", "items"):
            if (NESTED.get(rule.type) == name) != bool(getattr(rule, name)):
                types = [kind for kind, where in NESTED.items() if where == name]
                raise self.bad(f"{key}.{name}", f"go with type {' or '.join(types)}, and only with it")
        is_each = rule.type == "each"
        for name, spec in rule.fields.items():
            self.rule(spec, key=f"{key}.fields.{name}", is_of_item=is_of_item or is_each)
        for position, item in enumerate(rule.items):
            where = f"{key}.items[{position}]"
            if item.when is not None:
                self._formula(item.when, key=f"{where}.when")
            for name, spec in item.fields.items():
                self.rule(spec, key=f"{where}.fields.{name}", is_of_item=is_of_item)

    def _conversion(self, rule: FieldRule, *, key: str) -> None:
        if rule.extract is not None:
            try:
                re.compile(rule.extract)
            except (re.error, OverflowError, RecursionError) as error:
                raise self.bad(f"{key}.extract", f"not a regular expression: {error}") from error
        if not 0 <= rule.scale <= MAX_SCALE:
            raise self.bad(f"{key}.scale", "must be from 0 to 18")
        for form in rule.formats:
            self._format(form, key=f"{key}.formats")
        is_from_text = rule.value is None and not rule.cases
        if rule.type in ("date", "datetime") and not rule.formats and is_from_text:
            raise self.bad(f"{key}.formats", "a date needs at least one format", allowed=["%Y-%m-%d"])
        if rule.zone is not None:
            try:
                ZoneInfo(rule.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                reason = f"{rule.zone!r} is not an IANA zone"
                raise self.bad(f"{key}.zone", reason, allowed=["Asia/Shanghai"]) from error
        if rule.type == "datetime" and rule.zone is None and not all("%z" in form for form in rule.formats):
            raise self.bad(f"{key}.zone", "a time without offset needs the zone it is told in")

    def _format(self, form: str, *, key: str) -> None:
        """One that can read a time, and this machine's library knows."""
        if form == moments.ANY:
            return
        try:
            dt.datetime.strptime(_SOME_TIME.strftime(form), form)  # noqa: DTZ007  nothing is kept of it
        except (ValueError, re.error) as error:
            reason = f"{form!r} is no format of a date"
            raise self.bad(key, reason, allowed=["%Y-%m-%d", "%Y-%m-%d %H:%M", moments.ANY]) from error


def check_source(source: Source, *, file: str) -> None:
    """The layout of the file is one that can be read."""
    checker = Checker(file, {})
    try:
        name = codecs.lookup(source.encoding).name
    except LookupError:
        name = ""
    if name not in {codecs.lookup(encoding).name for encoding in ENCODINGS}:
        reason = f"{source.encoding!r} is not supported"
        raise checker.bad("source.encoding", reason, allowed=list(ENCODINGS))
    for key, value in (("delimiter", source.delimiter), ("quote", source.quote)):
        if len(value) != 1 or value in "\r\n\0":
            raise checker.bad(f"source.{key}", "must be one character")
    if source.delimiter == source.quote:
        raise checker.bad("source.quote", "must differ from the delimiter")
    if source.format == "csv" and source.header is bool(source.columns):
        raise checker.bad("source.columns", "are listed exactly when header = false")
    if source.format == "table" and (source.columns or not source.header):
        raise checker.bad("source.format", "a table has the names of its columns in a row of its own")
    if source.skip_lines < 0:
        raise checker.bad("source.skip_lines", "must not be negative")
    if source.skip_lines > MAX_SKIPPED:
        raise checker.bad("source.skip_lines", "must not be more than 10000")


def check_record(rules: AnyMapping[str, Any], record: type, *, kind: str, file: str, key: str = "fields") -> None:
    """The rules fill this record: no unknown field, none of the needed ones missing; the objects in it too."""
    known = {one.name: one for one in msgspec.structs.fields(record)}
    for name, spec in rules.items():
        where = f"{key}.{name}"
        if name not in known:
            raise BadMapping(file=file, key=where, reason=f"{kind} has no such field", allowed=sorted(known))
        rule = spec if isinstance(spec, FieldRule) else rule_of(spec)
        inner = _struct_in(inspect.type_info(known[name].type))
        if inner is None:
            continue
        if rule.fields:
            check_record(rule.fields, inner, kind=kind, file=file, key=f"{where}.fields")
        for position, item in enumerate(rule.items):
            check_record(item.fields, inner, kind=kind, file=file, key=f"{where}.items[{position}].fields")
    for name, one in known.items():
        if one.required and name not in rules:
            raise BadMapping(file=file, key=f"{key}.{name}", reason=f"{kind} needs this field")


def convert(value: Any, kind: type[T], *, file: str, key: str) -> T:
    """The TOML table as its shape; an unknown or wrong key is told by its path."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        inner = path.strip("`").removeprefix("$").lstrip(".")
        unknown = re.search(r"unknown field `(.*)`", reason)
        allowed: dict[str, Any] = {}
        if unknown is not None:
            allowed = {"allowed": _names(kind if not inner else Source)}
            inner = ".".join(filter(None, (inner, unknown.group(1))))
        raise BadMapping(file=file, key=".".join(filter(None, (key, inner))), reason=reason, **allowed) from error


def _struct_in(type_: inspect.Type) -> type | None:
    """The struct a field holds, be it one, a list of them, or perhaps none."""
    if isinstance(type_, inspect.StructType):
        return type_.cls
    if isinstance(type_, inspect.Metadata):
        return _struct_in(type_.type)
    if isinstance(type_, inspect.ListType | inspect.VarTupleType):
        return _struct_in(type_.item_type)
    if isinstance(type_, inspect.UnionType):
        return next(filter(None, map(_struct_in, type_.types)), None)
    return None


def _names(kind: Any) -> list[str]:
    return sorted(one.encode_name for one in msgspec.structs.fields(kind))
