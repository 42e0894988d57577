"""The doors close, also when somebody stands in one or the house behind them fell down."""

import time

import asyncpg
import pytest

from yundian.platform.core.settings import Settings
from yundian.platform.db import database as module
from yundian.platform.db.database import Database

pytestmark = pytest.mark.anyio


async def test_a_connection_that_was_never_given_back_does_not_keep_the_process_alive(
    migrated: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_CLOSE_S", 0.3)
    database = Database(migrated)
    await database.open()
    held = await database.pool.acquire()
    began = time.monotonic()

    await database.close()

    assert time.monotonic() - began < 5
    with pytest.raises(asyncpg.InterfaceError):
        await held.execute("SELECT 1")


async def test_a_driver_that_lost_its_way_is_a_lost_connection(migrated: Settings) -> None:
    """What asyncpg says when PostgreSQL is killed between two messages: seen in the matrix of deaths."""
    database = Database(migrated)
    await database.open()
    try:
        with pytest.raises(asyncpg.PostgresConnectionError, match="lost"):
            async with database.connection(None):
                raise asyncpg.InternalClientError(
                    "cannot switch to state 15; another operation (2) is in progress"
                )
        async with database.connection(None) as tx:
            assert await tx.fetchval("SELECT 1") == 1
    finally:
        await database.close()
