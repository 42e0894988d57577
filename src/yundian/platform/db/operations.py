"""What migrations do beside Alembic's own operations: each is a method of ``op``. ``alembic/env.py`` loads them.

Two kinds. What belongs to a new table is part of the migration's transaction. What reaches through the rows of a
table that is in use runs outside of it, step by step, while the house goes on (ADR 0027): a migrator that was
killed in the middle leaves some of it done, and who runs the migration again goes on from there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.operations import MigrateOperation, Operations

BRAND = "nullif(current_setting('yundian.brand', true), '')::uuid"

# 16 MB of a table: some ten thousand rows, some tenths of a second.
_BLOCKS_PER_STEP = 2_000
# A step leaves out what others hold in that moment, and comes back for it a second later.
_PASSES = 60


@Operations.register_operation("protect_by_brand")
class ProtectByBrand(MigrateOperation):
    """Row-level security: a transaction sees and writes the rows of its own brand only."""

    def __init__(self, table: str) -> None:
        self.table = table

    @classmethod
    def protect_by_brand(cls, operations: Operations, table: str) -> None:
        operations.invoke(cls(table))


@Operations.implementation_for(ProtectByBrand)
def _protect(operations: Operations, operation: ProtectByBrand) -> None:
    table = operation.table
    operations.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    operations.execute(
        f"CREATE POLICY brand ON {table} USING (brand_id = {BRAND}) WITH CHECK (brand_id = {BRAND})"
    )


@renderers.dispatch_for(ProtectByBrand)
def _render_protect(_context: object, operation: ProtectByBrand) -> str:
    return f"op.protect_by_brand({operation.table!r})"


@Operations.register_operation("open_to_relay")
class OpenToRelay(MigrateOperation):
    """The courier's own role reads and moves this table's rows of every brand."""

    def __init__(self, table: str, privileges: str) -> None:
        self.table = table
        self.privileges = privileges

    @classmethod
    def open_to_relay(
        cls, operations: Operations, table: str, privileges: str = "SELECT, INSERT, UPDATE, DELETE"
    ) -> None:
        operations.invoke(cls(table, privileges))


@Operations.implementation_for(OpenToRelay)
def _open(operations: Operations, operation: OpenToRelay) -> None:
    table = operation.table
    operations.execute(f"CREATE POLICY relay ON {table} TO yundian_relay USING (true) WITH CHECK (true)")
    operations.execute(f"GRANT {operation.privileges} ON {table} TO yundian_relay")


@Operations.register_operation("create_index_concurrently")
class CreateIndexConcurrently(MigrateOperation):
    """An index on a table in use: its readers and writers go on while it is built.

    Commits what the migration did before it. One that is there is left, one that was never finished is built anew.
    """

    def __init__(self, name: str, table: str, columns: Sequence[str], unique: bool, more: dict[str, Any]) -> None:
        self.name, self.table, self.columns, self.unique, self.more = name, table, columns, unique, more

    @classmethod
    def create_index_concurrently(
        cls,
        operations: Operations,
        name: str,
        table: str,
        columns: Sequence[str],
        *,
        unique: bool = False,
        **more: Any,
    ) -> None:
        """``more``: what ``op.create_index`` knows, ``postgresql_where`` for instance."""
        operations.invoke(cls(name, table, columns, unique, more))


@Operations.implementation_for(CreateIndexConcurrently)
def _create_index(operations: Operations, operation: CreateIndexConcurrently) -> None:
    wanted = f"to_regclass('public.{operation.name}')"
    with _beside_the_house(operations) as connection:
        is_whole = connection.scalar(sa.text(f"SELECT indisvalid FROM pg_index WHERE indexrelid = {wanted}"))  # noqa: S608
        if is_whole:
            return
        if is_whole is not None:
            _drop(operations, operation.name)
        operations.create_index(
            operation.name,
            operation.table,
            list(operation.columns),
            unique=operation.unique,
            postgresql_concurrently=True,
            **operation.more,
        )


@Operations.register_operation("drop_index_concurrently")
class DropIndexConcurrently(MigrateOperation):
    """Take an index from a table in use, if it is there, whole or not.

    Commits what the migration did before it.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def drop_index_concurrently(cls, operations: Operations, name: str) -> None:
        operations.invoke(cls(name))


@Operations.implementation_for(DropIndexConcurrently)
def _drop_index(operations: Operations, operation: DropIndexConcurrently) -> None:
    with _beside_the_house(operations):
        _drop(operations, operation.name)


def _drop(operations: Operations, name: str) -> None:
    operations.execute(f"DROP INDEX CONCURRENTLY IF EXISTS public.{name}")


@Operations.register_operation("fill_in_steps")
class FillInSteps(MigrateOperation):
    """``UPDATE table SET assignments WHERE condition``, part by part of the table, each a transaction of its own.

    Commits what the migration did before it. ``condition`` does not hold for a row that is filled. Rows that
    somebody holds are left for the next pass, so that nobody waits for the migration, nor it for them.
    """

    def __init__(self, table: str, assignments: str, condition: str) -> None:
        self.table, self.assignments, self.condition = table, assignments, condition

    @classmethod
    def fill_in_steps(cls, operations: Operations, table: str, assignments: str, condition: str) -> None:
        """Raises ``RuntimeError`` if rows are left that somebody held all the time."""
        operations.invoke(cls(table, assignments, condition))


@Operations.implementation_for(FillInSteps)
def _fill(operations: Operations, operation: FillInSteps) -> None:
    table, condition = operation.table, operation.condition
    # What is updated while this goes on stands in a new place: the pass that finds nothing is the last one.
    left = sa.text(f"SELECT EXISTS (SELECT FROM {table} WHERE {condition})")  # noqa: S608
    with _beside_the_house(operations) as connection:
        for done in range(_PASSES):
            if not connection.scalar(left):
                return
            connection.execute(sa.text(f"SELECT pg_sleep({int(done > 0)})"))
            for first in range(0, _blocks(connection, table), _BLOCKS_PER_STEP):
                connection.execute(
                    sa.text(
                        f"WITH found AS MATERIALIZED (SELECT ctid AS place FROM {table}"  # noqa: S608
                        f" WHERE ctid >= '({first},0)' AND ctid < '({first + _BLOCKS_PER_STEP},0)' AND {condition}"
                        f" FOR NO KEY UPDATE SKIP LOCKED)"
                        f" UPDATE {table} SET {operation.assignments} FROM found WHERE {table}.ctid = found.place"
                    )
                )
    raise RuntimeError(f"rows of {table} are held by a transaction that does not end: run the migration again")


def _blocks(connection: sa.Connection, table: str) -> int:
    size = sa.text(f"SELECT pg_relation_size('{table}') / current_setting('block_size')::int")
    return int(connection.scalar(size) or 0)


@contextmanager
def _beside_the_house(operations: Operations) -> Iterator[sa.Connection]:
    """Outside of a transaction, and with as much time as it takes: whoever reads and writes waits for none of it.

    Inside of it each statement is a transaction of its own.
    """
    context = operations.get_context()
    with context.autocommit_block():
        connection = context.connection
        if connection is None:
            raise RuntimeError("needs a database: it looks at what is there")
        connection.execute(sa.text("SET statement_timeout = 0"))
        connection.execute(sa.text("SET lock_timeout = 0"))
        try:
            yield connection
        finally:
            connection.execute(sa.text("RESET statement_timeout"))
            connection.execute(sa.text("RESET lock_timeout"))
