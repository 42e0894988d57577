"""One statement made of parts that belong to several rooms: a hot step in one round trip.

Parts run in an undefined order unless one reads from another: chain them by their data. All of them
see the database as it was when the statement began, so no part sees what another part wrote except through its
RETURNING rows.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import asyncpg

from yundian.platform.db.database import Tx

_PLACEHOLDER = re.compile(r"\$(\d+)")


class Cte:
    """``WITH a AS (...), b AS (...) SELECT ...``, its parameters numbered as they come.

    The same calls give the same text, so that a connection prepares it once. Values go in by ``value`` only.
    """

    __slots__ = ("_arguments", "_has_events", "_names", "_parts")

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._names: set[str] = set()
        self._arguments: list[object] = []
        self._has_events = False

    def value(self, value: object) -> str:
        """The placeholder (``$n``) of a value; name its type where PostgreSQL cannot tell: ``f"{p}::uuid"``."""
        self._arguments.append(value)
        return f"${len(self._arguments)}"

    def values(self, values: Sequence[object]) -> int:
        """Several values in a row; the number of the first, which ``outbox.fragment(first=...)`` asks for."""
        first = len(self._arguments) + 1
        self._arguments.extend(values)
        return first

    def part(self, name: str, sql: str) -> None:
        """A further part; ``name`` is how later parts read its RETURNING rows."""
        if name in self._names:
            raise ValueError(f"two parts named {name}")
        self._names.add(name)
        self._parts.append(f"{name} AS ({sql})")

    def add(self, name: str, sql: str, *values: object) -> None:
        """``part`` for hot paths: ``sql`` is the same text at each call and counts its own values from ``$1``;
        here they get the next free numbers. Nothing is put together twice in a process."""
        if name in self._names:
            raise ValueError(f"two parts named {name}")
        self._names.add(name)
        self._parts.append(_numbered(name, sql, len(self._arguments)))
        self._arguments.extend(values)

    def records_events(self) -> None:
        """One of the parts writes to the outbox: the relay is poked after the commit."""
        self._has_events = True

    async def fetchrow(self, tx: Tx, select: str) -> asyncpg.Record | None:
        """Run all parts; the first row of ``select``."""
        row = await tx.fetchrow(self.text(select), *self._arguments)
        self._mark(tx)
        return row

    async def fetch(self, tx: Tx, select: str) -> list[asyncpg.Record]:
        """Run all parts; the rows of ``select``."""
        rows = await tx.fetch(self.text(select), *self._arguments)
        self._mark(tx)
        return rows

    def text(self, select: str) -> str:
        """The whole statement, for EXPLAIN and for tests."""
        return f"WITH {', '.join(self._parts)} {select}" if self._parts else select

    @property
    def arguments(self) -> tuple[object, ...]:
        return tuple(self._arguments)

    def _mark(self, tx: Tx) -> None:
        if self._has_events:
            tx.is_outbox_dirty = True


@lru_cache(maxsize=512)
def _numbered(name: str, sql: str, before: int) -> str:
    return f"{name} AS ({_PLACEHOLDER.sub(lambda found: f'${int(found[1]) + before}', sql)})"
