"""Connections kept in hand between two transactions: a pool's own taking and giving back costs more processor time
than the BEGIN between them (two tasks, a time limit each, a reset)."""

import asyncio
import contextlib
import time

import asyncpg

Connection = asyncpg.pool.PoolConnectionProxy

# What was not needed for so long goes back to the pool, which closes it in its own time.
_KEPT_S = 60.0
_GONE = (asyncpg.InternalClientError, asyncpg.InterfaceError, asyncpg.PostgresError, OSError)


def is_gone(conn: "Connection[asyncpg.Record]") -> bool:
    """Whether it is closed. One that the server closed, the pool took back already."""
    try:
        return conn.is_closed()
    except asyncpg.InterfaceError:
        return True


def lost(error: BaseException) -> asyncpg.PostgresConnectionError | None:
    """The outage behind what asyncpg calls its own fault: a server killed between two messages leaves the driver
    in the middle of one, and every further step, the first on a new connection too, is refused as "internal"."""
    if not isinstance(error, asyncpg.InternalClientError):
        return None
    return asyncpg.ConnectionDoesNotExistError("the connection was lost")


class Lender:
    """Lends the connections of a pool, the one used last first; the pool says how many there may be."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", *, is_keeping: bool = True) -> None:
        self._pool = pool
        self._is_keeping = is_keeping
        self._free: list[tuple[float, Connection[asyncpg.Record]]] = []
        self._waiting = 0

    @property
    def idle(self) -> int:
        """Connections that nobody uses, here and in the pool."""
        return len(self._free) + self._pool.get_idle_size()

    async def take(self, wait_s: float | None = None) -> "Connection[asyncpg.Record]":
        """A connection, to be given back by ``give`` or ``drop``; ``TimeoutError`` when none came free in time."""
        while self._free:
            _, conn = self._free.pop()
            if not is_gone(conn):
                return conn
            await self._put_back(conn)
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                return await self._pool.acquire()
        finally:
            self._waiting -= 1

    async def give(self, conn: "Connection[asyncpg.Record]") -> None:
        """After a COMMIT, or a statement that was its own transaction."""
        if self._waiting or not self._is_keeping or is_gone(conn) or conn.is_in_transaction():
            await self._put_back(conn)
            return
        now = time.monotonic()
        self._free.append((now, conn))
        if self._free[0][0] < now - _KEPT_S:
            await self._put_back(self._free.pop(0)[1])

    async def drop(self, conn: "Connection[asyncpg.Record]") -> None:
        """After anything else: the pool waits for a cancelled exchange to end, and resets or closes."""
        await self._put_back(conn)

    async def aclose(self) -> None:
        """Give everything back to the pool, from now on at once."""
        self._is_keeping = False
        while self._free:
            await self._put_back(self._free.pop()[1])

    async def _put_back(self, conn: "Connection[asyncpg.Record]") -> None:
        """What can't be put back, the pool has closed and replaced: no news for those whose work is committed, or
        who have an error of their own. One that its server closed in this very moment was put back by that."""
        with contextlib.suppress(*_GONE):
            await self._pool.release(conn)
