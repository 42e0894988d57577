"""Connections are kept between transactions, go round among those who wait, and come back whole."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import lending
from yundian.platform.db.database import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
async def narrow(migrated: Settings) -> AsyncIterator[Database]:
    """A door of two connections."""
    database = Database(migrated.model_copy(update={"pool_size": 2, "pool_wait_s": 5.0}))
    await database.open()
    yield database
    await database.close()


async def _pid(database: Database) -> int:
    async with database.connection(None) as tx:
        pid: int = await tx.fetchval("SELECT pg_backend_pid()")
    return pid


async def test_one_after_the_other_get_the_same_connection_and_a_crowd_gets_round(narrow: Database) -> None:
    assert len({await _pid(narrow) for _ in range(5)}) == 1

    assert len(set(await asyncio.gather(*(_pid(narrow) for _ in range(40))))) == 2
    assert narrow.idle_connections == 2


async def test_who_waits_too_long_is_told_and_takes_nothing_with_her(narrow: Database) -> None:
    hurried = Database(narrow.settings.model_copy(update={"pool_wait_s": 1.0}))
    await hurried.open()
    async with hurried.connection(None), hurried.connection(None):
        with pytest.raises(TimeoutError):
            await _pid(hurried)
    assert (await _pid(hurried), hurried.idle_connections) > (0, 1)
    await hurried.close()


async def test_a_brand_never_stays_on_a_connection_that_is_lent_again(narrow: Database) -> None:
    async with narrow.connection(new_id()) as tx:
        await tx.fetchval("SELECT 1")
    row = await narrow.lookup("SELECT current_setting('yundian.brand', true)")
    assert row is not None
    assert row[0] in (None, "")


async def test_what_is_killed_or_cancelled_is_not_lent_again(narrow: Database) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await narrow.lookup("SELECT pg_sleep(3)")
    async with asyncio.timeout(5):
        killed = set(await asyncio.gather(_pid(narrow), _pid(narrow)))
        async with narrow.connection(None) as tx:
            own = await tx.fetchval("SELECT pg_backend_pid()")
            for pid in killed - {own}:
                await tx.fetchval("SELECT pg_terminate_backend($1, 2000)", pid)
        await _pid(narrow)
        with pytest.raises(asyncpg.PostgresConnectionError):
            async with narrow.connection(None) as tx:
                await tx.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
        found = set(await asyncio.gather(*(_pid(narrow) for _ in range(10))))
    assert not found & {*killed, own}
    assert narrow.idle_connections == len(found)


async def test_what_nobody_needs_goes_back_to_the_pool(narrow: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with narrow.connection(None), narrow.connection(None):
        pass
    assert narrow.pool.get_idle_size() == 0
    monkeypatch.setattr(lending, "_KEPT_S", -1.0)
    await _pid(narrow)
    assert narrow.pool.get_idle_size() == 1


async def test_a_commit_stands_when_the_connection_dies_on_its_way_back(narrow: Database) -> None:
    """asyncpg gives back in a task of its own and calls it a fault of its own when the server was quicker."""
    lender = lending.Lender(narrow.pool, is_keeping=False)
    for give_back in (lender.give, lender.drop):
        conn = await lender.take()
        asyncio.get_running_loop().call_soon(conn.terminate)
        await give_back(conn)

    assert len(set(await asyncio.gather(*(_pid(narrow) for _ in range(40))))) == 2
