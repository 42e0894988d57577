"""The same rules for all records of a document at once, a column at a time: what a long file costs is mostly this.

Only what is said plainly is done so: columns, constants, named values, sums, products, comparisons. Anything else,
and every document with which something is wrong go record by record, which also tells what is wrong.
"""

import ast
import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, overload

from yundian.platform.intake.conversions import LONGEST_REMEMBERED, REMEMBERED
from yundian.platform.intake.rules import FieldRule

Convert = Callable[[Any], Any]

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class NotPlain(Exception):
    """This has to go record by record."""


class Cells(Sequence[Mapping[str, Any]]):
    """Rows of a CSV file: each the values of a record by their columns, or all values of a column."""

    __slots__ = ("_columns", "_header", "_rows")

    def __init__(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._header = header
        self._rows = rows
        self._columns: dict[str, Sequence[str]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "Cells": ...
    def __getitem__(self, index: int | slice) -> "Mapping[str, Any] | Cells":
        if isinstance(index, slice):
            return Cells(self._header, self._rows[index])
        return dict(zip(self._header, self._rows[index], strict=True))

    def column(self, name: str) -> Sequence[str]:
        if not self._columns:
            self._columns = dict(zip(self._header, zip(*self._rows, strict=True), strict=True))
        return self._columns[name]


class Sheet:
    """The records of a document, and the named values so far, each as a column."""

    __slots__ = ("names", "rows", "size")

    def __init__(self, rows: Cells) -> None:
        self.rows = rows
        self.size = len(rows)
        self.names: dict[str, list[Any]] = {}


Column = Callable[[Sheet], list[Any]]


def column_of_formula(node: ast.expr) -> Column:
    """A formula of known names over columns; ``NotPlain`` where it takes more than operators."""
    if isinstance(node, ast.Name):
        name = node.id
        return lambda sheet: sheet.names[name]
    if isinstance(node, ast.Constant) and type(node.value) is int:
        value = node.value
        return lambda sheet: [value] * sheet.size
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = column_of_formula(node.operand)
        return lambda sheet: list(map(operator.neg, inner(sheet)))
    if isinstance(node, ast.BinOp):
        return _of_two(node.op, node.left, node.right)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _of_two(node.ops[0], node.left, node.comparators[0])
    raise NotPlain


def column_of_cells(column: str, convert: Convert, remembered: Convert) -> Column:
    """A column of the file, each cell made its rule's value."""

    def make(sheet: Sheet) -> list[Any]:
        cells = sheet.rows.column(column)
        make_one = remembered if max(map(len, cells)) <= LONGEST_REMEMBERED else convert
        # What is of the whole document, each of its records says.
        if cells.count(cells[0]) == sheet.size:
            return [make_one(cells[0])] * sheet.size
        return list(map(make_one, cells))

    return make


def column_of_results(rule: FieldRule, formula: Column, finish: Convert) -> Column:
    """The results of a formula, each made its rule's value."""
    places, is_rounded = rule.scale, rule.type == "integer" and rule.rounding == "half_up"

    @functools.lru_cache(REMEMBERED)
    def rounded(value: Decimal) -> int:
        return int(value.scaleb(places).to_integral_value(rounding=ROUND_HALF_UP))

    def make(sheet: Sheet) -> list[Any]:
        results = formula(sheet)
        types = set(map(type, results))
        if is_rounded and types == {Decimal}:
            return list(map(rounded, results))
        if rule.type == "integer" or not types <= {int, Decimal}:
            return list(map(finish, results))
        return results

    return make


def objects(columns: Sequence[tuple[str, Column]]) -> Callable[[Sheet], list[dict[str, Any]]]:
    """An object for each record, without what is blank."""
    names = [name for name, _ in columns]

    def make(sheet: Sheet) -> list[dict[str, Any]]:
        values = [column(sheet) for _, column in columns]
        made = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
        if any(None in column for column in values):
            return [{name: value for name, value in one.items() if value is not None} for one in made]
        return made

    return make


def _of_two(sign: ast.AST, left: ast.expr, right: ast.expr) -> Column:
    compute = _OPERATORS.get(type(sign))
    if compute is None:
        raise NotPlain
    one, other = column_of_formula(left), column_of_formula(right)
    is_product = isinstance(sign, ast.Mult)

    def make(sheet: Sheet) -> list[Any]:
        ones, others = one(sheet), other(sheet)
        if is_product and not set(map(type, ones)) | set(map(type, others)) <= {int, Decimal}:
            raise TypeError("only numbers are multiplied")
        return list(map(compute, ones, others))

    return make
