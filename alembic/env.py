"""Runs migrations as the owner: one transaction each, under timeouts, one migrator at a time.

What reaches through a large table leaves the transaction (``platform/db/operations.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate import rewriter
from alembic.operations import ops
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from yundian.app.tables import metadata
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import sqlalchemy_url
from yundian.platform.db.migrate import MIGRATION_LOCK
from yundian.platform.db.operations import ProtectByBrand

_NAME = "yundian migrate"
_PATIENCE_SECONDS = 0.1

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
    async with _connected(settings, f"{_NAME}: waits or holds the lock") as lock:
        await _wait_for_others(lock)
        await _end_abandoned(lock)
        async with _connected(settings, _NAME, statement_timeout="600000", lock_timeout="5000") as connection:
            await connection.run_sync(run)


@contextlib.asynccontextmanager
async def _connected(settings: Settings, name: str, **more: str) -> AsyncIterator[AsyncConnection]:
    server_settings = {"application_name": name, "timezone": "UTC", **more}
    url = sqlalchemy_url(settings.database_owner_url)
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"server_settings": server_settings})
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def _wait_for_others(lock: AsyncConnection) -> None:
    """One migrator at a time. It asks again and again: who waits inside of a statement has a snapshot, and an
    index that is built concurrently waits for everybody who has one."""
    await lock.execution_options(isolation_level="AUTOCOMMIT")
    lock_sql = sa.text(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})")
    while not await lock.scalar(lock_sql):  # noqa: ASYNC110  it is another process that ends
        await asyncio.sleep(_PATIENCE_SECONDS)


async def _end_abandoned(lock: AsyncConnection) -> None:
    """PostgreSQL does not notice that a migrator was killed before the statement it is at is over."""
    # Only who holds the lock has a connection of this name.
    found = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = :name"
    await lock.execute(sa.text(f"SELECT pg_terminate_backend(pid) {found}"), {"name": _NAME})
    is_there = sa.text(f"SELECT EXISTS (SELECT {found})")
    while await lock.scalar(is_there, {"name": _NAME}):  # noqa: ASYNC110  it is another process that ends
        await asyncio.sleep(_PATIENCE_SECONDS)


asyncio.run(main())
