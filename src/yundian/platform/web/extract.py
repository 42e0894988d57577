"""Finds the msgids in Python files, for Babel.

Beside ``_("...")`` and ``ngettext``, texts that the house translates when it shows them: the ``title`` of a
refusal, the message of an ``InvalidInput``, the ``label`` of a navigation entry.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

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


def _call(node: ast.Call) -> Iterator[Found]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [_text(argument) for argument in node.args]
    if name in ("_", "gettext") and texts and texts[0]:
        yield node.lineno, "gettext", texts[0], []
    elif name == "ngettext" and len(texts) > 1 and texts[0] and texts[1]:
        yield node.lineno, "ngettext", (texts[0], texts[1]), []
    elif name in ("InvalidInput", "FieldError") and len(texts) > 1 and texts[1]:
        yield node.lineno, "gettext", texts[1], []
    elif name == "NavigationItem":
        labels = [_text(keyword.value) for keyword in node.keywords if keyword.arg == "label"]
        # Place, order, label.
        for label in filter(None, (*texts[2:3], *labels)):
            yield node.lineno, "gettext", label, []


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
