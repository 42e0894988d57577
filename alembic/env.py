"""Runs migrations as the owner: one transaction each, under timeouts, one migrator at a time."""

import asyncio
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate import renderers, rewriter
from alembic.operations import MigrateOperation, Operations, ops
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from yundian.app.tables import metadata
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import sqlalchemy_url
from yundian.platform.db.migrate import MIGRATION_LOCK

BRAND = "nullif(current_setting('yundian.brand', true), '')::uuid"


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


writer = rewriter.Rewriter()


@writer.rewrites(ops.CreateTableOp)
def _protect_new_tables(_context: object, _revision: object, operation: ops.CreateTableOp) -> list[Any]:
    """Autogenerate writes the policy beside every new brand-owned table."""
    is_brands = any(isinstance(c, sa.Column) and c.name == "brand_id" for c in operation.columns)
    return (
        [operation, ProtectByBrand(operation.table_name)]
        if is_brands and operation.table_name != "directory"
        else [operation]
    )


@renderers.dispatch_for(ProtectByBrand)
def _render_protect(_context: object, operation: ProtectByBrand) -> str:
    return f"op.protect_by_brand({operation.table!r})"


def render_item(kind: str, item: Any, _autogen: object) -> str | bool:
    """Plain SQLAlchemy types, so that old migrations never depend on SQLModel."""
    if kind == "type" and type(item).__name__ == "AutoString":
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    if kind == "type" and type(item).__name__ == "UTCDateTime":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    return False


def run(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        # A list, because a single metadata would lend migrations its naming convention, and a check that is named
        # in full there would be called ck_brand_policy_ck_brand_policy_one_row.
        target_metadata=[metadata],
        compare_type=True,
        compare_server_default=True,
        render_item=render_item,
        transaction_per_migration=True,
        process_revision_directives=writer,
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    settings: Settings = context.config.attributes.get("settings") or Settings()
    engine = create_async_engine(
        sqlalchemy_url(settings.database_owner_url),
        poolclass=NullPool,
        connect_args={"server_settings": {"statement_timeout": "600000", "timezone": "UTC"}},
    )
    async with engine.connect() as lock, engine.connect() as connection:
        await lock.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
        await connection.run_sync(run)
    await engine.dispose()


asyncio.run(main())
