"""What a mapping may say: the shapes of its TOML tables."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

Scalar = str | int | float | bool
RuleType = Literal[
    "text",
    "integer",
    "decimal",
    "number",
    "boolean",
    "date",
    "datetime",
    "list",
    "each",
    "object",
    "rows",
    "items",
]


class Source(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How the file is laid out. A byte order mark wins over ``encoding``; a name in ``.gz`` is unpacked.

    A ``table`` is what a spreadsheet program saves: all but ``sheet`` is found out. A workbook is always one.
    """

    format: Literal["csv", "jsonl", "json", "table"] = "csv"
    sheet: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    records: str = "item"

    @property
    def is_flat(self) -> bool:
        """Records are rows of texts under names of columns."""
        return self.format in ("csv", "table")


class Grouping(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Records with the same texts in the columns ``by`` are one document, wherever in the file they stand."""

    by: tuple[str, ...]


class Case(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``is`` the value when the formula ``when`` holds."""

    when: str
    then: Scalar = msgspec.field(name="is")


class Item(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One object of a list, made of the document; left out unless the formula ``when`` holds."""

    fields: dict[str, Any]
    when: str | None = None


class FieldRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How one field is made, in this order: take, unescape, strip, extract, blank or default, look up, convert.

    It is taken from one of ``column``, ``columns``, ``constant``, ``value`` (a formula over the named values) and
    ``cases`` (the first that holds, else ``otherwise``). ``when``: a formula without which the field is left out.
    An ``object`` has fields of its own, ``rows`` has an object for each record of the document, ``items`` has the
    objects it lists, ``each`` has one for each of a JSON list.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    separator: str = " "
    constant: Scalar | None = None
    value: str | None = None
    cases: tuple[Case, ...] = ()
    otherwise: Scalar | None = None
    when: str | None = None
    html: bool = False
    strip: bool = True
    extract: str | None = None
    blank: tuple[str, ...] = ()
    default: str | None = None
    required: bool = False
    lookup: str | None = None
    unknown: Literal["refuse", "keep", "blank"] = "refuse"
    type: RuleType = "text"
    scale: int = 0
    rounding: Literal["refuse", "half_up"] = "refuse"
    formats: tuple[str, ...] = ()
    zone: str | None = None
    fields: dict[str, Any] = {}
    items: tuple[Item, ...] = ()

    @property
    def own_columns(self) -> tuple[str, ...]:
        return (self.column,) if self.column is not None else self.columns

    @property
    def formulas(self) -> Iterator[tuple[str, str]]:
        """The formulas of this rule itself, with the keys they stand under."""
        if self.value is not None:
            yield "value", self.value
        if self.when is not None:
            yield "when", self.when
        for position, case in enumerate(self.cases):
            yield f"cases[{position}].when", case.when


def rule_of(spec: Any) -> FieldRule:
    """A rule of a checked mapping; a bare text is a formula."""
    return msgspec.convert({"value": spec} if isinstance(spec, str) else spec, FieldRule)
