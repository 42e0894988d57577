"""Finds the msgids in Python files, for Babel.

Beside ``_("...")`` and ``ngettext``, texts that the house translates when it shows them: the ``title`` of a
refusal, why a file or a mapping cannot be used, the message of an ``InvalidInput`` or of a line in a table of
checks, the reason of a ``Problem``, the ``label`` of a navigation entry.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

# Calls whose second argument is a text.
_SECOND = frozenset({"InvalidInput", "FieldError", "Problem", "quoting", "FieldProblem", "Said", "_Known", "bad"})

Found = tuple[int, str, str | tuple[str, ...], list[str]]


def extract_python(
    file: IO[bytes], _keywords: Mapping[str, Any], _comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """Babel's interface: line, function, message, comments."""
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.ClassDef):
            yield from _titles(node)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 3:
            yield from _check(*node.elts)


def _call(node: ast.Call) -> Iterator[Found]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [_text(argument) for argument in node.args]
    either = node.args[1] if len(node.args) > 1 else None
    if name in ("_", "gettext", "_unusable") and texts and texts[0]:
        yield node.lineno, "gettext", texts[0], []
    elif name == "ngettext" and len(texts) > 1 and texts[0] and texts[1]:
        yield node.lineno, "ngettext", (texts[0], texts[1]), []
    elif name in _SECOND and len(texts) > 1 and texts[1]:
        yield node.lineno, "gettext", texts[1], []
    elif name in _SECOND and isinstance(either, ast.IfExp):
        for text in filter(None, (_text(either.body), _text(either.orelse))):
            yield node.lineno, "gettext", text, []
    elif name == "BadMapping":
        for reason in filter(None, (_text(one.value) for one in node.keywords if one.arg == "reason")):
            yield node.lineno, "gettext", reason, []
    elif name == "NavigationItem":
        labels = [_text(keyword.value) for keyword in node.keywords if keyword.arg == "label"]
        # Place, order, label.
        for label in filter(None, (*texts[2:3], *labels)):
            yield node.lineno, "gettext", label, []


def _check(field: ast.expr, is_right: ast.expr, message: ast.expr) -> Iterator[Found]:
    """One line of a table of checks: a field, whether it is right, what to say when it is not."""
    if isinstance(is_right, ast.Compare | ast.BoolOp | ast.Call) and _text(field) and _text(message):
        yield message.lineno, "gettext", _text(message), []


def _titles(node: ast.ClassDef) -> Iterator[Found]:
    """Only classes that have a ``code`` beside the title, or inherit one from a refusal."""
    for statement in node.body:
        targets = (
            statement.targets
            if isinstance(statement, ast.Assign)
            else [statement.target]
            if isinstance(statement, ast.AnnAssign)
            else []
        )
        if any(isinstance(target, ast.Name) and target.id == "title" for target in targets):
            value = getattr(statement, "value", None)
            if value is not None and (title := _text(value)):
                yield statement.lineno, "gettext", title, []


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
