"""Makes a document of the records of a file, by the rules of a mapping."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as AnyMapping
from typing import Any

import msgspec

from yundian.platform.intake.columns import Cells, Column, Sheet, column_of_cells, column_of_results, objects
from yundian.platform.intake.conversions import LONGEST_REMEMBERED, FieldProblem, computed, converter, texts_of
from yundian.platform.intake.formulas import Formula, Make, Scope, compile_formula
from yundian.platform.intake.mapping import Mapping
from yundian.platform.intake.rules import FieldRule, rule_of

__all__ = ["Extractor", "FieldProblem"]

Values = AnyMapping[str, Any]
Fields = list[tuple[str, Make]]


class Extractor:
    """A mapping made ready to run: each rule becomes one function."""

    def __init__(self, mapping: Mapping) -> None:
        compiler = _Compiler(mapping)
        self._of_record: Fields = []
        self._of_document: Fields = []
        for name, rule in mapping.values.items():
            step, is_of_document = compiler.value(name, rule)
            (self._of_document if is_of_document else self._of_record).append((name, step))
        self._fields = [(name, compiler.step(rule, name)) for name, rule in mapping.fields.items()]
        self._columns = compiler.columns if compiler.is_plain and self._is_all_columns(compiler) else None
        self._labels = compiler.labels
        self._nullable: dict[type[Any], frozenset[str]] = {}
        self._rows = {name for name, rule in mapping.fields.items() if rule.type == "rows" and rule.when is None}

    def fields(self, values: Values) -> dict[str, Any]:
        """The fields of a document of one record; raises ``FieldProblem`` with the source's column."""
        return self._made([values])

    def record(self, values: Values, kind: type[Any]) -> Any:
        """The validated document of one record."""
        return self.document([values], kind)

    def document(self, records: Sequence[Values], kind: type[Any]) -> Any:
        """The validated document of some records; a violated constraint is told under the source's column name.

        What is not computed over all records is taken of the first.
        """
        nullable = self._nullable.get(kind) or self._nullable.setdefault(kind, _nullable(kind))
        # A blank field has the default that the record gives it.
        made = {k: v for k, v in self._made(records).items() if v is not None or k in nullable}
        try:
            return msgspec.convert(made, kind)
        except msgspec.ValidationError as error:
            raise self._violated(error) from error

    def _made(self, records: Sequence[Values]) -> dict[str, Any]:
        if self._columns is not None and isinstance(records, Cells) and len(records) > 1:
            try:
                return self._made_of_sheet(records, self._columns)
            except (FieldProblem, TypeError, ArithmeticError):
                pass  # Record by record, to tell of which one.
        scopes = [Scope(record) for record in records]
        try:
            self._name_values(scopes)
            first = scopes[0]
            return {name: step(first) for name, step in self._fields}
        finally:
            # They hold each other through it: without, they go at once and not when the collector comes.
            scopes.clear()

    def _is_all_columns(self, compiler: "_Compiler") -> bool:
        return [name for name, _ in self._of_record] == [name for name, _ in compiler.columns]

    def _made_of_sheet(self, records: Cells, columns: Sequence[tuple[str, Column]]) -> dict[str, Any]:
        sheet = Sheet(records)
        for name, column in columns:
            sheet.names[name] = column(sheet)
        first = Scope(records[0], sheet)
        first.names = {name: values[0] for name, values in sheet.names.items()}
        for name, step in self._of_document:
            first.names[name] = value = step(first)
            sheet.names[name] = [value] * sheet.size
        return {name: step(first) for name, step in self._fields}

    def _name_values(self, scopes: list[Scope]) -> None:
        position = 0
        try:
            for position, scope in enumerate(scopes):  # noqa: B007  told when it fails
                scope.rows = scopes
                names = scope.names
                for name, step in self._of_record:
                    names[name] = step(scope)
        except FieldProblem as error:
            error.row = position
            raise
        for name, step in self._of_document:
            value = step(scopes[0])
            for scope in scopes:
                scope.names[name] = value

    def _violated(self, error: msgspec.ValidationError) -> FieldProblem:
        reason, _, path = str(error).partition(" - at ")
        inner = path.strip("`").removeprefix("$").lstrip(".")
        name = re.sub(r"\[[^]]*\]", "", inner)
        top = name.split(".", 1)[0]
        column = self._labels.get(name) or self._labels.get(top) or name
        row = re.match(r"\w+\[(\d+)\]", inner)
        is_row = row is not None and top in self._rows
        return FieldProblem(
            "intake.invalid_value",
            "%(place)s: %(message)s",
            column,
            row=int(row[1]) if row is not None and is_row else None,
            place=inner or "record",
            message=reason,
        )


class _Compiler:
    """Makes functions of rules; ``labels`` tell of which columns a field is made, by its dotted name.

    ``columns`` are the values that can be made a column at a time; it ``is_plain`` while everything else can do
    with columns too.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._lookups = mapping.lookups
        self._is_csv = mapping.source.is_flat
        self._known: dict[str, bool] = {}
        self._columns_of: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.columns: list[tuple[str, Column]] = []
        self.is_plain = self._is_csv

    def value(self, name: str, rule: FieldRule) -> tuple[Make, bool]:
        """A named value, and whether it is of the whole document."""
        step = self.step(rule, f"values.{name}")
        is_of_document = any(self._formula(text).is_of_document for _, text in rule.formulas)
        column = self._column(rule)
        if not is_of_document and column is not None:
            self.columns.append((name, column))
        self._known[name] = is_of_document
        self._columns_of[name] = self.labels[f"values.{name}"]
        return step, is_of_document

    def step(self, rule: FieldRule, name: str) -> Make:
        label = self._label(rule)
        self.labels[name] = label
        make = self._make(rule, name, label)
        if rule.when is None or rule.type == "rows":
            return make
        when = self._guarded(self._formula(rule.when), label)
        return lambda scope: make(scope) if when(scope) else None

    def _make(self, rule: FieldRule, name: str, label: str) -> Make:
        if rule.type == "object":
            return self._object(rule.fields, name)
        if rule.type == "rows":
            return self._of_rows(rule, name, label)
        if rule.type == "items":
            return self._of_items(rule, name, label)
        if rule.type == "each":
            return self._each(rule, name, label)
        if rule.constant is not None:
            is_text = isinstance(rule.constant, str)
            constant = converter(rule, self._lookups, label)[0](rule.constant) if is_text else rule.constant
            return lambda _scope: constant
        if rule.cases:
            return self._cases(rule, label)
        if rule.value is not None:
            finish = computed(rule, self._lookups, label)
            return self._guarded(self._formula(rule.value), label, finish)
        take = self._taker(rule)
        if rule.type == "list":
            return lambda scope: texts_of(take(scope), label)
        return self._converted(rule, take, label)

    def _object(self, specs: Values, name: str) -> Make:
        inner = [(key, self.step(rule_of(spec), f"{name}.{key}")) for key, spec in specs.items()]

        def make(scope: Scope) -> dict[str, Any]:
            made = {}
            for key, step in inner:
                value = step(scope)
                if value is not None:
                    made[key] = value
            return made

        return make

    def _of_rows(self, rule: FieldRule, name: str, label: str) -> Make:
        make = self._object(rule.fields, name)
        when = self._guarded(self._formula(rule.when), label) if rule.when is not None else None
        columns = [(key, self._column(rule_of(spec))) for key, spec in rule.fields.items()]
        plain = [(key, column) for key, column in columns if column is not None]
        of_sheet = objects(plain)
        self.is_plain = self.is_plain and when is None and len(plain) == len(columns)

        def rows(scope: Scope) -> list[Any]:
            if scope.sheet is not None:
                return of_sheet(scope.sheet)
            made = []
            position = 0
            try:
                for position, row in enumerate(scope.rows):  # noqa: B007  told when it fails
                    if when is None or when(row):
                        made.append(make(row))
            except FieldProblem as error:
                error.row = position
                raise
            return made

        return rows

    def _of_items(self, rule: FieldRule, name: str, label: str) -> Make:
        inner = [
            (
                self._guarded(self._formula(item.when), label) if item.when is not None else None,
                self._object(item.fields, name),
            )
            for item in rule.items
        ]
        return lambda scope: [make(scope) for when, make in inner if when is None or when(scope)]

    def _each(self, rule: FieldRule, name: str, label: str) -> Make:
        take = self._taker(rule)
        inner = [(key, self.step(rule_of(spec), f"{name}.{key}")) for key, spec in rule.fields.items()]

        def each(scope: Scope) -> list[dict[str, Any]]:
            raw = take(scope)
            if raw is None:
                return []
            if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
                raise FieldProblem("intake.not_a_list", "is not a list of objects", label)
            made = []
            for position, item in enumerate(raw):
                try:
                    values = ((key, step(Scope(item))) for key, step in inner)
                    made.append({key: value for key, value in values if value is not None})
                except FieldProblem as error:
                    column = f"{label}[{position}].{error.problem.column}"
                    error.problem = dataclasses.replace(error.problem, column=column)
                    raise
            return made

        return each

    def _cases(self, rule: FieldRule, label: str) -> Make:
        cases = [(self._guarded(self._formula(case.when), label), case.then) for case in rule.cases]
        otherwise = rule.otherwise

        def choose(scope: Scope) -> Any:
            for when, then in cases:
                if when(scope):
                    return then
            return otherwise

        return choose

    def _taker(self, rule: FieldRule) -> Make:
        if not rule.columns:
            return self._path(rule.column or "")
        parts = [self._path(column) for column in rule.columns]
        separator = rule.separator
        return lambda scope: separator.join(
            str(value).strip() for value in (part(scope) for part in parts) if value not in (None, "")
        )

    def _path(self, column: str) -> Make:
        """A column by its name (headers are stripped); in JSON also a dotted way into nested objects."""
        column = column.strip() if self._is_csv else column
        if "." not in column:
            return lambda scope: scope.columns.get(column)

        def walk(scope: Scope) -> Any:
            if column in scope.columns:
                return scope.columns[column]
            found: Any = scope.columns
            for key in column.split("."):
                found = found.get(key) if isinstance(found, dict) else None
            return found

        return walk

    def _converted(self, rule: FieldRule, take: Make, label: str) -> Make:
        """A column's cell made the rule's value; the plain case, which is nearly all of a file, in one step."""
        convert, remembered = converter(rule, self._lookups, label)
        column = (rule.column or "").strip()
        if not self._is_csv or rule.columns or "." in column:
            return lambda scope: convert(take(scope))

        def step(scope: Scope) -> Any:
            raw = scope.columns.get(column)
            if type(raw) is str and len(raw) <= LONGEST_REMEMBERED:
                return remembered(raw)
            return convert(raw)

        return step

    def _column(self, rule: FieldRule) -> Column | None:
        """The rule for a whole column, where it is plain enough."""
        if rule.when is not None or rule.type in ("object", "rows", "items", "each", "list"):
            return None
        label = self._label(rule)
        if rule.value is not None:
            formula = self._formula(rule.value).column
            return column_of_results(rule, formula, computed(rule, self._lookups, label)) if formula else None
        if rule.column is None or "." in rule.column:
            return None
        return column_of_cells(rule.column.strip(), *converter(rule, self._lookups, label))

    def _formula(self, text: str) -> Formula:
        formula = compile_formula(text, self._known)
        self.is_plain = self.is_plain and formula.is_plain
        return formula

    def _guarded(self, formula: Formula, label: str, finish: Callable[[Any], Any] | None = None) -> Make:
        """What cannot be computed is told, not raised: a blank in a sum, a text beside a number, 1 / 0."""
        make = formula.make

        def compute(scope: Scope) -> Any:
            try:
                value = make(scope)
            except (TypeError, ArithmeticError) as error:
                blank = sorted(name for name in formula.names if scope.names.get(name) is None)
                code = "intake.cannot_compute"
                if blank:
                    raise FieldProblem(code, "%(names)s is blank", label, names=", ".join(blank)) from error
                kind = type(error).__name__
                raise FieldProblem(code, "cannot be computed: %(kind)s", label, kind=kind) from error
            return finish(value) if finish is not None else value

        return compute

    def _label(self, rule: FieldRule) -> str:
        names = {name for _, text in rule.formulas for name in self._formula(text).names}
        parts = [*rule.own_columns, *(c for name in sorted(names) for c in self._columns_of[name].split(", "))]
        return ", ".join(dict.fromkeys(filter(None, parts)))


def _nullable(kind: type[Any]) -> frozenset[str]:
    """The fields whose blank is told as such: their record has no other default."""
    fields = msgspec.structs.fields(kind)
    return frozenset(one.name for one in fields if one.required or one.default in (None, msgspec.UNSET))
