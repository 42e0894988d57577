"""Counts the SQL statements of a block, for tests that hold a path to its number of round trips."""

import contextlib
from collections.abc import Generator
from contextvars import ContextVar

_statements: ContextVar[list[str] | None] = ContextVar("statements", default=None)


@contextlib.contextmanager
def counted() -> Generator[list[str], None, None]:
    """Collect every statement that this context (and what it awaits) sends, without BEGIN, SET and COMMIT."""
    statements: list[str] = []
    token = _statements.set(statements)
    try:
        yield statements
    finally:
        _statements.reset(token)


def count(sql: str) -> None:
    statements = _statements.get()
    if statements is not None:
        statements.append(sql)


def on_cursor_execute(
    _conn: object, _cursor: object, statement: str, _parameters: object, _context: object, _many: bool
) -> None:
    if not statement.startswith("SELECT clock_timestamp() FROM set_config("):
        count(statement)
