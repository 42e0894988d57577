"""Whoever is killed in the middle of a statement does not go on: nobody waits for the locks of the dead."""

import asyncio

import asyncpg
import pytest

from tests.helpers import wait_until
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import server_settings

pytestmark = pytest.mark.anyio

_SLEEPS = "SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND wait_event = 'PgSleep'"


async def test_a_statement_ends_with_its_process(migrated: Settings) -> None:
    own = server_settings(migrated) | {"statement_timeout": "60000"}
    killed = await asyncpg.connect(migrated.database_url, server_settings=own)
    other = await asyncpg.connect(migrated.database_url, server_settings=own)
    pid = killed.get_server_pid()

    async def sleeps() -> bool:
        return bool(await other.fetch(_SLEEPS, pid))

    async def is_over() -> bool:
        return not await sleeps()

    working = asyncio.create_task(killed.execute("SELECT pg_sleep(60)"))
    await wait_until(sleeps, what="the statement to run")
    # Its end of the connection is gone, and nothing was said before: as a kill does it.
    killed.terminate()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await working
    await wait_until(is_over, seconds=15, what="the statement to end")
    await other.close()
