"""Small formulas over the values of a document, for mappings: ``quantity * price``, ``all(quantity < 0)``.

Python's parser reads them; what each node means is said here and nowhere else; there is nothing to break out to:
no attributes, no subscripts, no calls but those of ``FUNCTIONS``, no powers, no text multiplied into gigabytes.
(Evaluators on PyPI walk the tree anew for every record; compiled once, a formula costs what its operators do.)
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from yundian.platform.intake.columns import Column, NotPlain, Sheet, column_of_formula

MAX_CHARS = 500

Make = Callable[["Scope"], Any]

AGGREGATES = ("all", "any", "count", "max", "min", "sum")
FUNCTIONS = ("abs", "matches", *AGGREGATES)

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: Decimal(left) / Decimal(right),
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


class BadFormula(Exception):
    """A formula that means nothing; the mapping's check tells the key it stands under."""

    def __init__(self, reason: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.allowed = sorted(allowed)


class Scope:
    """What a rule sees of one record: its columns, the named values so far, and all records of its document.

    These are ``rows``, or a ``sheet`` where the rules are plain enough for it.
    """

    __slots__ = ("columns", "names", "rows", "sheet")

    def __init__(self, columns: Mapping[str, Any], sheet: Sheet | None = None) -> None:
        self.columns = columns
        self.sheet = sheet
        self.names: dict[str, Any] = {}
        self.rows: Sequence[Scope] = ()


@dataclass(frozen=True)
class Formula:
    """A formula ready to run; ``is_of_document``: it looks at all records, so that it is the same for each.

    ``is_plain``: what it looks at is columns. ``column`` is the formula over a whole column, where that is plain.
    """

    make: Make
    names: frozenset[str]
    is_of_document: bool
    is_plain: bool
    column: Column | None


def compile_formula(text: str, known: Mapping[str, bool]) -> Formula:
    """Make a formula over the ``known`` names (which say whether they are of the document); ``BadFormula``."""
    if len(text) > MAX_CHARS:
        raise BadFormula(f"longer than {MAX_CHARS} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadFormula(f"cannot be read: {getattr(error, 'msg', error)}") from error
    compiler = _Compiler(known)
    make = compiler.make(tree.body)
    is_of_document = compiler.has_aggregate or any(known[name] for name in compiler.names)
    return Formula(make, frozenset(compiler.names), is_of_document, compiler.is_plain, _column(tree.body))


class _Compiler:
    def __init__(self, known: Mapping[str, bool]) -> None:
        self._known = known
        self._is_inside = False
        self.names: set[str] = set()
        self.has_aggregate = False
        self.is_plain = True

    def make(self, node: ast.expr) -> Make:
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            raise BadFormula(f"{ast.unparse(node)!r} is not a formula of this language", FUNCTIONS)
        made: Make = handler(node)
        return made

    def _constant(self, node: ast.Constant) -> Make:
        value: Any = node.value
        if isinstance(value, float):
            value = Decimal(repr(value))
        if value is not None and not isinstance(value, (str, int, Decimal)):
            raise BadFormula(f"{node.value!r} is neither a number nor a text")
        return lambda _scope: value

    def _name(self, node: ast.Name) -> Make:
        name = node.id
        if name not in self._known:
            raise BadFormula(f"there is no value {name!r}", self._known)
        self.names.add(name)
        return lambda scope: scope.names[name]

    def _binop(self, node: ast.BinOp) -> Make:
        compute = _ARITHMETIC.get(type(node.op))
        if compute is None:
            raise BadFormula(f"{ast.unparse(node)!r} uses an unknown operator", ["+", "-", "*", "/"])
        left, right = self.make(node.left), self.make(node.right)
        if not isinstance(node.op, ast.Mult):
            return lambda scope: compute(left(scope), right(scope))

        def multiply(scope: Scope) -> Any:
            one, other = left(scope), right(scope)
            if isinstance(one, str) or isinstance(other, str):
                raise TypeError("a text cannot be multiplied")
            return one * other

        return multiply

    def _unaryop(self, node: ast.UnaryOp) -> Make:
        inner = self.make(node.operand)
        if isinstance(node.op, ast.Not):
            return lambda scope: not inner(scope)
        if isinstance(node.op, ast.USub):
            return lambda scope: -inner(scope)
        raise BadFormula(f"{ast.unparse(node)!r} uses an unknown operator", ["-", "not"])

    def _boolop(self, node: ast.BoolOp) -> Make:
        parts = [self.make(part) for part in node.values]
        if isinstance(node.op, ast.And):
            return lambda scope: all(part(scope) for part in parts)
        return lambda scope: any(part(scope) for part in parts)

    def _compare(self, node: ast.Compare) -> Make:
        if len(node.ops) != 1:
            raise BadFormula(f"{ast.unparse(node)!r}: compare two values at a time, joined by 'and'")
        compare = _COMPARISONS[type(node.ops[0])]
        left, right = self.make(node.left), self.make(node.comparators[0])
        return lambda scope: compare(left(scope), right(scope))

    def _ifexp(self, node: ast.IfExp) -> Make:
        test, then, otherwise = self.make(node.test), self.make(node.body), self.make(node.orelse)
        return lambda scope: then(scope) if test(scope) else otherwise(scope)

    def _list(self, node: ast.List) -> Make:
        parts = [self.make(part) for part in node.elts]
        return lambda scope: [part(scope) for part in parts]

    def _call(self, node: ast.Call) -> Make:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS or node.keywords:
            raise BadFormula(f"{ast.unparse(node.func)!r} is not a function", FUNCTIONS)
        if name == "matches":
            return self._matches(node)
        if name == "count" and not node.args:
            self.has_aggregate = True
            return lambda scope: scope.sheet.size if scope.sheet is not None else len(scope.rows)
        if len(node.args) != 1:
            raise BadFormula(f"{name} takes one value")
        return self._aggregate(name, node.args[0]) if name in AGGREGATES else self._abs(node.args[0])

    def _abs(self, node: ast.expr) -> Make:
        inner = self.make(node)
        return lambda scope: abs(inner(scope))

    def _matches(self, node: ast.Call) -> Make:
        if len(node.args) != 2 or not isinstance(node.args[1], ast.Constant):
            raise BadFormula("matches takes a value and a pattern in quotes")
        try:
            pattern = re.compile(str(node.args[1].value))
        except re.error as error:
            raise BadFormula(f"{node.args[1].value!r} is not a regular expression: {error}") from error
        inner = self.make(node.args[0])

        def matches(scope: Scope) -> bool:
            value = inner(scope)
            return value is not None and pattern.search(str(value)) is not None

        return matches

    def _aggregate(self, name: str, node: ast.expr) -> Make:
        """Over the records of the document; ``min`` and ``max`` pass over blanks, ``sum`` refuses them."""
        if self._is_inside:
            raise BadFormula(f"{name} cannot stand inside another of its sort", AGGREGATES)
        self._is_inside = True
        inner, column = self.make(node), _column(node)
        self._is_inside = False
        self.has_aggregate = True
        self.is_plain = self.is_plain and column is not None

        def values(scope: Scope) -> Iterable[Any]:
            if scope.sheet is not None and column is not None:
                return column(scope.sheet)
            return map(inner, scope.rows)

        if name in ("min", "max"):
            best: Any = min if name == "min" else max
            return lambda scope: best((v for v in values(scope) if v is not None), default=None)
        gather: Any = {"all": all, "any": any, "sum": sum, "count": lambda found: sum(map(bool, found))}[name]
        return lambda scope: gather(values(scope))


def _column(node: ast.expr) -> Column | None:
    try:
        return column_of_formula(node)
    except NotPlain:
        return None
