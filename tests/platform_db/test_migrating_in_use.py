"""A house in use is migrated while its old code goes on, even by a migrator that is killed half-way (ADR 0027)."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.conftest import Servers
from tests.helpers import wait_until
from tests.nursery import Nursling
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import sqlalchemy_url
from yundian.platform.db.operations import FillInSteps

pytestmark = pytest.mark.anyio

# The release before the one that keeps lists of cancelled orders.
OLD, NEW = "0043", "0044"

# As the code of before writes them: it does not know the column.
_PLACE = """
INSERT INTO orders_order (brand_id, id, created_at, number, channel, external_shop, external_id, source_state,
    origin_type, state, close_reason, stock_reference, currency, goods_minor, discount_minor, shipping_minor,
    total_minor, paid_minor, refunded_minor, placed_at, closed_at, note)
SELECT $1, id, now(), md5(id::text), 'shop', '', '', '', '',
    CASE WHEN n % 2 = 0 THEN 'cancelled' ELSE 'paid' END, '', '', 'CNY', 100, 0, 0, 100, 0, 0, now(),
    CASE WHEN n % 2 = 0 THEN now() END, ''
FROM unnest($2::uuid[]) WITH ORDINALITY AS o (id, n)
"""
_CANCEL = "UPDATE orders_order SET state = 'cancelled', closed_at = now() WHERE brand_id = $1 AND id = $2"
_NOTE = "UPDATE orders_order SET note = 'seen' WHERE brand_id = $1 AND id = $2"
_WRONG = "SELECT count(*) FROM orders_order WHERE is_cancelled <> (state = 'cancelled')"
_INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_orders_order_cancelled')"
_PIECE = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = {0})"
_LEFT = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
_ABANDONED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONC%'"
)


@pytest.fixture
def old(servers: Servers, settings: Settings) -> Iterator[Settings]:
    """A database of the release before, of this test alone."""
    name = f"in_use_{new_id().hex[-12:]}"
    urls = servers.postgres.create_database(name)
    yield settings.model_copy(update={"database_url": urls.app, "database_owner_url": urls.owner})
    servers.postgres.drop_database(name)


@pytest.fixture
async def owner(old: Settings) -> AsyncIterator[asyncpg.Connection]:
    await migrate.upgrade(old, OLD)
    connection = await asyncpg.connect(old.database_owner_url)
    yield connection
    await connection.close()


class _House:
    """What an old release goes on doing; ``rounds`` of it so far."""

    def __init__(self, settings: Settings, brand: uuid.UUID) -> None:
        self.rounds = 0
        self._settings, self._brand = settings, brand

    async def work(self) -> None:
        # Who had to wait any longer than a person does would end here.
        limits = {"yundian.brand": str(self._brand), "statement_timeout": "3000"}
        connection = await asyncpg.connect(self._settings.database_owner_url, server_settings=limits)
        try:
            while True:
                ids = [new_id() for _ in range(4)]
                await connection.execute(_PLACE, self._brand, ids)
                await connection.execute(_CANCEL, self._brand, ids[0])
                await connection.execute(_NOTE, self._brand, ids[1])
                self.rounds += 1
        finally:
            connection.terminate()

    async def goes_on(self) -> None:
        """Fails if it stands still."""
        enough = self.rounds + 20

        async def is_done() -> bool:
            return self.rounds >= enough

        await wait_until(is_done, what="the house to work")


@contextlib.asynccontextmanager
async def _in_use(settings: Settings, brand: uuid.UUID) -> AsyncIterator[_House]:
    house = _House(settings, brand)
    async with asyncio.TaskGroup() as group:
        people = [group.create_task(house.work()) for _ in range(2)]
        await house.goes_on()
        try:
            yield house
        finally:
            for one in people:
                one.cancel()


@contextlib.asynccontextmanager
async def _long_look(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """Somebody reads for a long time: an index that is built meanwhile is not finished before."""
    reader = await asyncpg.connect(settings.database_owner_url)
    try:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        yield reader
    finally:
        reader.terminate()


async def test_a_killed_migrator_stops_nobody_and_the_next_one_goes_on_where_it_was(
    old: Settings, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    brand = new_id()
    await owner.execute(_PLACE, brand, [new_id() for _ in range(5_000)])
    environment = {
        **os.environ,
        "YUNDIAN_VAR_DIR": str(tmp_path),
        "DATABASE_URL": old.database_url,
        "DATABASE_OWNER_URL": old.database_owner_url,
        "REDIS_URL": old.redis_url,
    }

    async with _in_use(old, brand) as house:
        async with _long_look(old):
            killed = Nursling("yundian", "migrate", environment=environment, log=tmp_path / "migrate.log")
            await _until(owner, _INDEX, False)
            killed.kill()
            killed.wait(10)
            unfinished = await owner.fetchval("SELECT to_regclass('ix_orders_order_cancelled')::oid")
            # PostgreSQL has not noticed, and nobody is kept from working.
            assert await owner.fetchval(_ABANDONED) == 1
            assert await owner.fetchval("SELECT version_num FROM alembic_version") == OLD
            await house.goes_on()

            next_one = asyncio.create_task(migrate.upgrade(old, NEW))
            # It ends what was left, drops the piece and begins anew.
            await _until(owner, _PIECE.format(unfinished), False)
            await house.goes_on()
        await next_one
        await house.goes_on()
        assert await owner.fetchval(_INDEX) is True
        assert await owner.fetchval(_LEFT) == 0
        assert await owner.fetchval("SELECT version_num FROM alembic_version") == NEW
        assert await owner.fetchval(_WRONG) == 0

        await asyncio.to_thread(command.downgrade, migrate.alembic_config(old), OLD)
        await house.goes_on()
        assert await owner.fetchval(_INDEX) is None


async def test_what_somebody_holds_is_filled_when_it_is_free(old: Settings) -> None:
    owner, holder = [await asyncpg.connect(old.database_owner_url) for _ in range(2)]
    try:
        await _fill_beside(owner, holder, old)
    finally:
        # Whatever went wrong, the filling must not wait for ever.
        owner.terminate()
        holder.terminate()


async def _fill_beside(owner: asyncpg.Connection, holder: asyncpg.Connection, old: Settings) -> None:
    await owner.execute(
        "CREATE TABLE thing (id int PRIMARY KEY, is_done bool NOT NULL DEFAULT false, filler text)"
    )
    # More blocks than one step looks at.
    await owner.execute(
        "INSERT INTO thing (id, filler) SELECT n, repeat('x', 4000) FROM generate_series(1, 5000) n"
    )
    not_done = "SELECT count(*) FROM thing WHERE NOT is_done"
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT FROM thing WHERE id IN (7, 4990) FOR UPDATE")

    filling = asyncio.create_task(asyncio.to_thread(_fill, old))
    await _until(owner, not_done, 2)
    assert not filling.done()
    await held.rollback()
    await filling

    assert await owner.fetchval(not_done) == 0


def _fill(settings: Settings) -> None:
    def fill(connection: sa.Connection) -> None:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with context.begin_transaction(_per_migration=True):
            FillInSteps.fill_in_steps(Operations(context), "thing", "is_done = true", "NOT is_done")

    async def run() -> None:
        engine = create_async_engine(sqlalchemy_url(settings.database_owner_url), poolclass=NullPool)
        async with engine.connect() as connection:
            await connection.run_sync(fill)
        await engine.dispose()

    asyncio.run(run())


async def _until(owner: asyncpg.Connection, sql: str, wanted: object) -> None:
    async def is_so() -> bool:
        return bool(await owner.fetchval(sql) == wanted)

    await wait_until(is_so, seconds=20, what=f"{sql}: {wanted}")
