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

Rules can share named values and compute (``formulas``); several records can make one document (``document.by``).
``docs/guide/mappings.md`` walks through it.
"""

import dataclasses
import hashlib
import tomllib
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from yundian.platform.intake.checks import ENCODINGS, Checker, check_record, check_source, convert
from yundian.platform.intake.errors import BadMapping
from yundian.platform.intake.rules import FieldRule, Grouping, Source, rule_of
from yundian.platform.intake.types import Problem

__all__ = ["ENCODINGS", "FieldRule", "Mapping", "Source", "check_fields", "load", "parse"]

MAX_MAPPING_BYTES = 256 * 1024


class _Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    kind: str
    name: str
    fields: dict[str, Any]
    source: Source = Source()
    document: Grouping | None = None
    values: dict[str, Any] = {}
    lookups: dict[str, dict[str, str]] = {}


@dataclass(frozen=True)
class Mapping:
    """A checked mapping. ``text`` is kept with the run, so that its quarantine can be replayed later.

    ``by`` are the columns whose texts name the document a record belongs to; without, every record is one.
    """

    name: str
    kind: str
    source: Source
    fields: AnyMapping[str, FieldRule]
    lookups: AnyMapping[str, AnyMapping[str, str]]
    text: str
    values: AnyMapping[str, FieldRule] = field(default_factory=dict)
    by: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def named(self, problem: Problem) -> Problem:
        """What a room refused of a field, under the name that the file has for it."""
        rule = self.fields.get(problem.column)
        if rule is None or len(rule.own_columns) != 1:
            return problem
        return dataclasses.replace(problem, column=rule.own_columns[0])

    def columns(self) -> set[str]:
        """Every source column the document is made of."""
        rules = (*self.values.values(), *self.fields.values())
        return set(self.by) | {column for rule in rules for column in _columns(rule)}


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
    """Check a mapping's text; ``BadMapping``, whatever it is."""
    try:
        return _checked(text, file=file)
    except RecursionError as error:
        raise BadMapping(file=file, key="", reason="nested too deeply") from error


def _checked(text: str, *, file: str) -> Mapping:
    try:
        document = tomllib.loads(text)
    except ValueError as error:  # also a number of thousands of digits, which is TOML
        raise BadMapping(file=file, key="", reason=f"not TOML: {error}") from error
    head = convert(document, _Document, file=file, key="")
    check_source(head.source, file=file)
    if head.document is not None and not head.document.by:
        raise BadMapping(file=file, key="document.by", reason="names no column")
    checker = Checker(file, head.lookups)
    values = {name: checker.value(name, spec) for name, spec in head.values.items()}
    rules = {name: checker.rule(spec, key=f"fields.{name}") for name, spec in head.fields.items()}
    return Mapping(
        name=head.name,
        kind=head.kind,
        source=head.source,
        fields=rules,
        lookups=head.lookups,
        text=text,
        values=values,
        by=head.document.by if head.document is not None else (),
    )


def check_fields(mapping: Mapping, record: type[msgspec.Struct], *, kind: str, file: str) -> None:
    """The mapping fills a record of this kind: no unknown field, none of the needed ones missing."""
    if mapping.kind != kind:
        raise BadMapping(file=file, key="kind", reason=f"is {mapping.kind!r}", allowed=[kind])
    check_record(mapping.fields, record, kind=kind, file=file)


def _columns(rule: FieldRule) -> Iterator[str]:
    yield from rule.own_columns
    if rule.type == "each":
        return
    inner = [*rule.fields.values(), *(spec for item in rule.items for spec in item.fields.values())]
    for spec in inner:
        yield from _columns(rule_of(spec))
