"""The sandbox's memory: one SQLite file that survives ``kill -9``.

Calls are direct, not through a thread: one local write costs less than the hop, and a block without ``await`` is
atomic among all requests of this single process.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_SCHEMA = Path(__file__).with_name("schema.sql")


class Store:
    """Rows as plain dictionaries or structs. Durable against the death of the process, not of the machine."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA.read_text())

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; joins a transaction that is already open. Never ``await`` inside."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.execute(sql, values)]

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        found = self._connection.execute(sql, values).fetchone()
        return dict(found) if found is not None else None

    def all(self, kind: type[T], sql: str, *values: object) -> list[T]:
        """Rows as structs of a kind."""
        return [msgspec.convert(row, kind, strict=False) for row in self.rows(sql, *values)]

    def one(self, kind: type[T], sql: str, *values: object) -> T | None:
        found = self.row(sql, *values)
        return None if found is None else msgspec.convert(found, kind, strict=False)

    def value(self, sql: str, *values: object) -> Any:
        """The first column of the first row."""
        found = self._connection.execute(sql, values).fetchone()
        return None if found is None else found[0]

    def run(self, sql: str, *values: object) -> int:
        """How many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def insert(self, table: str, values: Mapping[str, object]) -> int:
        """The new row's number. Table and columns come from our own code, never from a request."""
        columns, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
        return int(self._connection.execute(sql, tuple(values.values())).lastrowid or 0)

    def setting(self, name: str) -> str | None:
        found = self.value("SELECT value FROM setting WHERE name = ?", name)
        return None if found is None else str(found)

    def set_setting(self, name: str, value: str) -> None:
        self.run(
            "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?", name, value, value
        )

    def serial(self, purpose: str) -> int:
        """1, 2, 3 … per purpose, remembered."""
        sql = "INSERT INTO serial VALUES (?, 1) ON CONFLICT (purpose) DO UPDATE SET last = last + 1 RETURNING last"
        return int(self._connection.execute(sql, (purpose,)).fetchone()[0])
