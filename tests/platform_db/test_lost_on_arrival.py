"""PostgreSQL is killed while somebody comes in: what the driver calls its own fault is an outage, and waited for.

A worker whose relay met this on a new connection ended for good; the real kill meets it about once in twenty times
(tests/faults/test_courier_faults.py), the gate below every time.
"""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from yundian.platform.core.settings import Settings
from yundian.platform.db.database import RELAY_ROLE, Database, open_pool
from yundian.platform.outbox.failures import is_connection_lost

pytestmark = pytest.mark.anyio

_READY = b"Z" + struct.pack("!i", 5) + b"I"


def _fatal(text: str) -> bytes:
    fields = b"".join(
        kind + value.encode() + b"\0" for kind, value in ((b"S", "FATAL"), (b"C", "57P02"), (b"M", text))
    )
    return b"E" + struct.pack("!i", len(fields) + 5) + fields + b"\0"


class Gate:
    """The way to PostgreSQL. Broken, it says good-bye in the breath of the greeting, as a dying server does."""

    def __init__(self, upstream: str) -> None:
        self.is_broken = False
        self._upstream = urlsplit(upstream)
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._enter, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            login = self._upstream.netloc.rpartition("@")[0]
            yield urlunsplit(self._upstream._replace(netloc=f"{login}@127.0.0.1:{port}"))
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        for way in (self._carry(reader, outer), self._carry(inner, writer, is_answer=True)):
            task = asyncio.create_task(way)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_answer: bool = False
    ) -> None:
        while data := await reader.read(65536):
            is_over = is_answer and self.is_broken and data.endswith(_READY)
            writer.write(data + _fatal("the database system is shutting down") if is_over else data)
            await writer.drain()
        writer.close()


@pytest.fixture
async def gate(migrated: Settings) -> AsyncIterator[tuple[Gate, Settings]]:
    gate = Gate(migrated.database_url)
    async with gate.open() as url:
        yield gate, migrated.model_copy(update={"database_url": url})


@pytest.mark.parametrize("role", [None, RELAY_ROLE])
async def test_a_server_that_dies_under_a_greeting_is_an_outage(
    gate: tuple[Gate, Settings], role: str | None
) -> None:
    gate[0].is_broken = True

    with pytest.raises(asyncpg.PostgresConnectionError) as caught:
        (await open_pool(gate[1], role=role)).terminate()

    assert is_connection_lost(caught.value)


async def test_a_door_that_lost_its_server_opens_again(gate: tuple[Gate, Settings]) -> None:
    database = Database(gate[1])
    await database.open()
    try:
        await database.pool.expire_connections()
        gate[0].is_broken = True
        with pytest.raises(asyncpg.PostgresConnectionError):
            async with database.connection(None):
                pass

        gate[0].is_broken = False
        async with database.connection(None) as tx:
            assert await tx.fetchval("SELECT 1") == 1
    finally:
        await database.close()
