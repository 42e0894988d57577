"""The two doors to the database, and the only commits in the code.

``unit_of_work(brand)`` gives a SQLModel session for what people edit; ``connection(brand)`` gives asyncpg for hot
paths, BEGIN and SET LOCAL in one message. Both are one transaction as the plain application role, in which the
row policies show the rows of one brand only. ``brand=None`` sees the global tables and nothing else.
"""

import asyncio
import contextlib
import functools
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import DomainError
from yundian.platform.core.settings import Settings
from yundian.platform.db import binary_copy, counting
from yundian.platform.db.lending import Connection, Lender, is_gone, lost

T = TypeVar("T")

AfterCommit = Callable[[uuid.UUID], Awaitable[None]]

_LONGEST_KEPT = 64 * 1024
# With the brand comes what time it is: it costs no round trip, and one text for all brands is prepared once.
_BEGIN = "SELECT clock_timestamp() FROM set_config('yundian.brand', $1, true)"
_PLANNED_ONCE = "; SET LOCAL plan_cache_mode = force_generic_plan"

RELAY_ROLE = "yundian_relay"
_LONGEST_CLOSE_S = 5.0


class NoDatabase(DomainError):
    code = "core.no_database"
    status = 503
    title = "No database: start yundian up here, or set DATABASE_URL and DATABASE_OWNER_URL"


class Tx:
    """One asyncpg transaction of one brand: the hot path's view of the database."""

    __slots__ = ("brand", "conn", "database", "is_outbox_dirty")

    def __init__(
        self,
        conn: "Connection[asyncpg.Record]",
        brand: uuid.UUID | None,
        database: "Database | None" = None,
    ) -> None:
        self.conn = conn
        self.brand = brand
        self.database = database
        self.is_outbox_dirty = False

    async def execute(self, sql: str, *args: object) -> str:
        counting.count(sql)
        return await self.conn.execute(sql, *args)

    async def executemany(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        counting.count(sql)
        await self.conn.executemany(sql, rows)

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        counting.count(sql)
        return await self.conn.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> asyncpg.Record | None:
        counting.count(sql)
        return await self.conn.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: object) -> Any:
        counting.count(sql)
        return await self.conn.fetchval(sql, *args)

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None, None]:
        """What is written inside is undone when the block raises; the transaction around goes on."""
        await self.execute("SAVEPOINT inner_step")
        try:
            yield
        except BaseException:
            if not self.conn.is_closed():
                await _to_the_end(self.conn.execute("ROLLBACK TO SAVEPOINT inner_step"))
            raise
        await self.execute("RELEASE SAVEPOINT inner_step")

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[Sequence[object]]) -> None:
        """COPY into a temporary table: under row policies PostgreSQL refuses COPY into a real one."""
        counting.count(f"COPY {table}")
        await self.conn.copy_records_to_table(table, records=records, columns=list(columns))

    async def copy_encoded(self, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
        """The same of rows that ``binary_copy`` encoded."""
        counting.count(f"COPY {table}")
        source = binary_copy.stream(rows)
        await self.conn.copy_to_table(table, source=source, columns=list(columns), format="binary")


class Database:
    """The pools of one process. ``after_commit`` is told the brand when a transaction recorded events."""

    def __init__(self, settings: Settings, *, after_commit: AfterCommit | None = None) -> None:
        self.settings = settings
        self.after_commit = after_commit
        self._engine: AsyncEngine | None = None
        self._sessions: async_sessionmaker[AsyncSession] | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._lender: Lender | None = None

    async def open(self) -> None:
        s = self.settings
        self._engine = create_async_engine(
            sqlalchemy_url(s.database_url),
            pool_size=s.session_pool_size,
            max_overflow=0,
            pool_timeout=s.pool_wait_s,
            # The text of a refused statement would quote its values.
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"server_settings": server_settings(s)},
        )
        sa.event.listen(self._engine.sync_engine, "before_cursor_execute", counting.on_cursor_execute)
        self._sessions = async_sessionmaker(self._engine, class_=AsyncSession, expire_on_commit=False)
        self._pool = await open_pool(s)
        self._lender = Lender(self._pool)

    async def close(self) -> None:
        """Whoever still holds a connection loses it after a while: an end that waits for ever is none."""
        if self._engine is not None:
            await self._engine.dispose()
        if self._pool is not None:
            # Left by the time limit, the pool drops what was not given back.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_CLOSE_S):
                    if self._lender is not None:
                        await self._lender.aclose()
                    await self._pool.close()

    @functools.cached_property
    def keyring(self) -> Keyring:
        """The keys of the house, for what is sealed inside a transaction (``keys.keyring_of``)."""
        return Keyring(self.settings.master_key_bytes())

    @property
    def engine(self) -> AsyncEngine:
        return _opened(self._engine)

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        return _opened(self._pool)

    @property
    def idle_connections(self) -> int:
        """Connections of the asyncpg door that nobody uses."""
        return _opened(self._lender).idle

    @contextlib.asynccontextmanager
    async def unit_of_work(self, brand: uuid.UUID | None) -> AsyncGenerator[AsyncSession, None]:
        """One request or job, one transaction, through SQLModel."""
        async with _opened(self._sessions)() as session:
            session.info["brand"], session.info["database"] = brand, self
            async with session.begin():
                connection: AsyncConnection = await session.connection()
                begun = await connection.exec_driver_sql(_BEGIN, (_named(brand),))
                clock.hear(begun.scalar_one())
                yield session
            is_dirty = bool(session.info.pop("is_outbox_dirty", False))
        if is_dirty and brand is not None:
            await self.tell(brand)

    def connection(self, brand: uuid.UUID | None, *, is_planned_once: bool = False) -> "Transaction":
        """One transaction through asyncpg: BEGIN and the brand in one message.

        ``is_planned_once``: its statements are long, with one good plan whatever their values; to plan them anew
        each time, as PostgreSQL may choose to, would cost more than to run them.
        """
        return Transaction(
            _opened(self._lender),
            brand,
            wait_s=self.settings.pool_wait_s,
            database=self,
            is_planned_once=is_planned_once,
        )

    async def lookup(self, sql: str, *args: object) -> asyncpg.Record | None:
        """One row, in one round trip and no transaction of ours: for SECURITY DEFINER functions, which filter by
        the brand they are given. Every other statement sees nothing here."""
        counting.count(sql)
        lender = _opened(self._lender)
        conn = await lender.take(self.settings.pool_wait_s)
        try:
            row: asyncpg.Record | None = await conn.fetchrow(sql, *args)
        except BaseException as error:
            await lender.drop(conn)
            if outage := lost(error):
                raise outage from error
            raise
        await lender.give(conn)
        return row

    async def tell(self, brand: uuid.UUID) -> None:
        """That a transaction of this brand recorded events and is committed."""
        if self.after_commit is not None:
            await self.after_commit(brand)


class Transaction(contextlib.AbstractAsyncContextManager[Tx]):
    """One transaction. A cancelled caller still gets a whole COMMIT or ROLLBACK, never half of one.

    Raises:
        asyncpg.PostgresConnectionError: the connection was lost, also where the driver only finds its own state
            broken.
    """

    __slots__ = ("_brand", "_database", "_is_planned_once", "_lender", "_tx", "_wait_s")

    def __init__(
        self,
        lender: Lender,
        brand: uuid.UUID | None,
        *,
        wait_s: float | None = None,
        database: Database | None = None,
        is_planned_once: bool = False,
    ) -> None:
        self._lender = lender
        self._is_planned_once = is_planned_once
        self._brand = brand
        self._wait_s = wait_s
        self._database = database
        self._tx: Tx | None = None

    async def __aenter__(self) -> Tx:
        conn = await self._lender.take(self._wait_s)
        try:
            await conn.execute(f"BEGIN; {set_brand(self._brand)}{_PLANNED_ONCE if self._is_planned_once else ''}")
        except BaseException as error:
            await self._leave(conn, error)
            raise
        self._tx = Tx(conn, self._brand, self._database)
        return self._tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tx, self._tx = _opened(self._tx), None
        conn = tx.conn
        if error is not None:
            await self._leave(conn, error)
            return
        try:
            await _to_the_end(conn.execute("COMMIT"))
        except BaseException as failure:
            await self._leave(conn, failure, is_over=True)
            raise
        await self._lender.give(conn)
        if tx.is_outbox_dirty and self._database is not None and self._brand is not None:
            await self._database.tell(self._brand)

    async def _leave(
        self, conn: "Connection[asyncpg.Record]", error: BaseException, *, is_over: bool = False
    ) -> None:
        """Nothing stays of it."""
        try:
            if not is_over and not is_gone(conn):
                await _to_the_end(conn.execute("ROLLBACK"))
        except asyncpg.InternalClientError as broken:
            raise _opened(lost(broken)) from broken
        finally:
            await self._lender.drop(conn)
        if outage := lost(error):
            raise outage from error


def transaction(pool: "asyncpg.Pool[asyncpg.Record]", brand: uuid.UUID | None) -> Transaction:
    """One transaction on a pool that is nobody's but the caller's."""
    return Transaction(Lender(pool, is_keeping=False), brand)


async def _to_the_end(exchange: Coroutine[Any, Any, object]) -> None:
    """Await an exchange with the server; a cancellation is raised after it has finished."""
    task = asyncio.ensure_future(exchange)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def open_pool(
    settings: Settings, *, role: str | None = None, size: int | None = None
) -> "asyncpg.Pool[asyncpg.Record]":
    """An asyncpg pool; with ``role`` its connections act as that role (the courier's)."""
    parameters = server_settings(settings)
    if role is not None:
        parameters["role"] = role
    return await asyncpg.create_pool(
        settings.database_url,
        min_size=1,
        max_size=size or settings.pool_size,
        server_settings=parameters,
        init=_make_ready,
        reset=_roll_back_leftovers,
        # A hot step is one long statement (cte.py); what is longer than 15 KiB, asyncpg would prepare every time.
        max_cacheable_statement_size=_LONGEST_KEPT,
    )


def set_brand(brand: uuid.UUID | None) -> str:
    """SET LOCAL takes no bind parameter; a ``uuid.UUID`` is safe to write out."""
    return f"SET LOCAL yundian.brand = '{_named(brand)}'"


def _named(brand: uuid.UUID | None) -> str:
    return "" if brand is None else str(uuid.UUID(bytes=brand.bytes))


def server_settings(settings: Settings) -> dict[str, str]:
    return {
        "application_name": "yundian",
        "timezone": "UTC",
        "statement_timeout": str(settings.statement_timeout_ms),
        "lock_timeout": str(settings.lock_timeout_ms),
        "idle_in_transaction_session_timeout": str(settings.idle_in_transaction_timeout_ms),
        # Whoever is killed in the middle of a statement holds its locks no longer than that.
        "client_connection_check_interval": "1s",
    }


def sqlalchemy_url(url: str) -> sa.URL:
    """The address for SQLAlchemy; ``NoDatabase`` when nobody has given one."""
    if not url:
        raise NoDatabase
    return sa.make_url(url).set(drivername="postgresql+asyncpg")


async def _roll_back_leftovers(conn: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Instead of asyncpg's RESET ALL on every return, a round trip each: the doors leave nothing behind but,
    after a cancelled BEGIN, an open transaction."""
    if conn.is_in_transaction():
        await conn.execute("ROLLBACK")


async def _make_ready(conn: "asyncpg.Connection[asyncpg.Record]") -> None:
    """jsonb travels as text both ways: msgspec encodes and decodes it where the type is known."""
    try:
        clock.hear(await conn.fetchval("SELECT clock_timestamp()"))
        await conn.set_type_codec("jsonb", encoder=str, decoder=str, schema="pg_catalog", format="text")
    except asyncpg.InternalClientError as broken:
        raise _opened(lost(broken)) from broken


def _opened(part: T | None) -> T:
    if part is None:
        raise RuntimeError("the database is not open")
    return part


@contextlib.asynccontextmanager
async def operator_unit_of_work(settings: Settings, brand: uuid.UUID | None) -> AsyncGenerator[AsyncSession, None]:
    """One transaction as the owner, for operator commands only: row policies do not bind the owner."""
    engine = create_async_engine(sqlalchemy_url(settings.database_owner_url), poolclass=NullPool)
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            session.info["brand"] = brand
            await (await session.connection()).exec_driver_sql(set_brand(brand))
            yield session
    finally:
        await engine.dispose()
