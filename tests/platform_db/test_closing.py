"""The doors close, also when somebody stands in one."""

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
