"""A mapping says how a foreign file becomes records: TOML, checked before the first line is read.

.. code-block:: toml

    kind = "stores.shops"
    name = "our-erp"

    [source]
    format = "csv"
    encoding = "gb18030"

    [fields.code]
    column = "门店编号"
    required = true

    [fields.price_minor]
    column = "价格"
    type = "integer"
    scale = 2
"""

import codecs
import hashlib
import re
import tomllib
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from yundian.platform.intake.errors import BadMapping

MAX_MAPPING_BYTES = 256 * 1024

ENCODINGS = ("utf-8", "gb18030", "gbk", "gb2312", "big5", "utf-16", "shift_jis", "euc-kr", "cp1252", "latin-1")

T = TypeVar("T")


class Source(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How the file is laid out. A byte order mark wins over ``encoding``."""

    format: Literal["csv", "jsonl", "json"] = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    records: str = "item"


class FieldRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How one field is made, in this order: take, unescape, strip, extract, blank or default, look up, convert."""

    column: str | None = None
    columns: tuple[str, ...] = ()
    separator: str = " "
    constant: str | int | float | bool | None = None
    html: bool = False
    strip: bool = True
    extract: str | None = None
    blank: tuple[str, ...] = ()
    default: str | None = None
    required: bool = False
    lookup: str | None = None
    unknown: Literal["refuse", "keep", "blank"] = "refuse"
    type: Literal["text", "integer", "decimal", "number", "boolean", "date", "datetime", "list", "each"] = "text"
    scale: int = 0
    rounding: Literal["refuse", "half_up"] = "refuse"
    formats: tuple[str, ...] = ()
    zone: str | None = None
    fields: dict[str, dict[str, Any]] = {}


class _Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    kind: str
    name: str
    fields: dict[str, dict[str, Any]]
    source: Source = Source()
    lookups: dict[str, dict[str, str]] = {}


@dataclass(frozen=True)
class Mapping:
    """A checked mapping. ``text`` is kept with the run, so that its quarantine can be replayed later."""

    name: str
    kind: str
    source: Source
    fields: AnyMapping[str, FieldRule]
    lookups: AnyMapping[str, AnyMapping[str, str]]
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def columns(self) -> set[str]:
        """Every source column the fields are made of."""
        rules = self.fields.values()
        return {c for r in rules for c in r.columns} | {r.column for r in rules if r.column is not None}


def load(path: Path) -> Mapping:
    """Read and check a mapping file; ``BadMapping`` names the file, the key and what is allowed."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadMapping(file=path.name, key="", reason=error.strerror or "cannot be read") from error
    if len(data) > MAX_MAPPING_BYTES:
        raise BadMapping(file=path.name, key="", reason=f"larger than {MAX_MAPPING_BYTES} bytes")
    try:
        return parse(data.decode("utf-8-sig"), file=path.name)
    except UnicodeDecodeError as error:
        raise BadMapping(file=path.name, key="", reason="not UTF-8") from error


def parse(text: str, *, file: str) -> Mapping:
    """Check a mapping's text."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadMapping(file=file, key="", reason=f"not TOML: {error}") from error
    head = _convert(document, _Document, file=file, key="")
    _check_source(head.source, file=file)
    rules = {
        name: _rule(spec, file=file, key=f"fields.{name}", lookups=head.lookups)
        for name, spec in head.fields.items()
    }
    return Mapping(
        name=head.name, kind=head.kind, source=head.source, fields=rules, lookups=head.lookups, text=text
    )


def check_fields(mapping: Mapping, record: type[msgspec.Struct], *, kind: str, file: str) -> None:
    """The mapping fills a record of this kind: no unknown field, none of the needed ones missing."""
    if mapping.kind != kind:
        raise BadMapping(file=file, key="kind", reason=f"is {mapping.kind!r}", allowed=[kind])
    known = {field.name: field for field in msgspec.structs.fields(record)}
    for name in mapping.fields:
        if name not in known:
            raise BadMapping(
                file=file, key=f"fields.{name}", reason=f"{kind} has no such field", allowed=sorted(known)
            )
    for name, field in known.items():
        if field.required and name not in mapping.fields:
            raise BadMapping(file=file, key=f"fields.{name}", reason=f"{kind} needs this field")


def _rule(
    spec: dict[str, Any], *, file: str, key: str, lookups: AnyMapping[str, AnyMapping[str, str]]
) -> FieldRule:
    rule = _convert(spec, FieldRule, file=file, key=key)
    sources = [rule.column is not None, bool(rule.columns), rule.constant is not None]
    if sum(sources) != 1:
        raise BadMapping(
            file=file, key=key, reason="needs exactly one source", allowed=["column", "columns", "constant"]
        )
    if rule.lookup is not None and rule.lookup not in lookups:
        raise BadMapping(
            file=file, key=f"{key}.lookup", reason=f"no table lookups.{rule.lookup}", allowed=sorted(lookups)
        )
    _check_conversion(rule, file=file, key=key)
    for name, inner in rule.fields.items():
        _rule(inner, file=file, key=f"{key}.fields.{name}", lookups=lookups)
    return rule


def _check_conversion(rule: FieldRule, *, file: str, key: str) -> None:
    if rule.extract is not None:
        try:
            re.compile(rule.extract)
        except re.error as error:
            raise BadMapping(
                file=file, key=f"{key}.extract", reason=f"not a regular expression: {error}"
            ) from error
    if rule.type in ("date", "datetime") and not rule.formats:
        raise BadMapping(
            file=file, key=f"{key}.formats", reason="a date needs at least one format", allowed=["%Y-%m-%d"]
        )
    if rule.zone is not None:
        try:
            ZoneInfo(rule.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadMapping(
                file=file,
                key=f"{key}.zone",
                reason=f"{rule.zone!r} is not an IANA zone",
                allowed=["Asia/Shanghai"],
            ) from error
    if rule.type == "datetime" and rule.zone is None and not all("%z" in f for f in rule.formats):
        raise BadMapping(file=file, key=f"{key}.zone", reason="a time without offset needs the zone it is told in")
    if (rule.type == "each") != bool(rule.fields):
        raise BadMapping(file=file, key=f"{key}.fields", reason='go with type = "each", and only with it')


def _check_source(source: Source, *, file: str) -> None:
    try:
        name = codecs.lookup(source.encoding).name
    except LookupError:
        name = ""
    if name not in {codecs.lookup(encoding).name for encoding in ENCODINGS}:
        raise BadMapping(
            file=file,
            key="source.encoding",
            reason=f"{source.encoding!r} is not supported",
            allowed=list(ENCODINGS),
        )
    for key, value in (("delimiter", source.delimiter), ("quote", source.quote)):
        if len(value) != 1 or value in "\r\n\0":
            raise BadMapping(file=file, key=f"source.{key}", reason="must be one character")
    if source.delimiter == source.quote:
        raise BadMapping(file=file, key="source.quote", reason="must differ from the delimiter")
    if source.format == "csv" and source.header is bool(source.columns):
        raise BadMapping(file=file, key="source.columns", reason="are listed exactly when header = false")
    if source.skip_lines < 0:
        raise BadMapping(file=file, key="source.skip_lines", reason="must not be negative")


def _convert(value: Any, kind: type[T], *, file: str, key: str) -> T:
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


def _names(kind: Any) -> list[str]:
    return sorted(field.name for field in msgspec.structs.fields(kind))
