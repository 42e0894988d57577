"""The two doors: one transaction each, committed at the edge, bound to one brand, whole also when cancelled."""

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import select

from tests.helpers import wait_until
from yundian.brands.types import BrandView
from yundian.platform.core.settings import Settings
from yundian.platform.db.counting import counted
from yundian.platform.db.database import Database, Tx, operator_unit_of_work, server_settings
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

Execute = Callable[[str], Awaitable[object]]


@contextlib.asynccontextmanager
async def _door(database: Database, kind: str, brand: uuid.UUID | None) -> AsyncIterator[Execute]:
    """Either door as one function that sends a statement and gives its first value."""
    if kind == "connection":
        async with database.connection(brand) as tx:
            yield tx.fetchval
    else:
        async with database.unit_of_work(brand) as session:
            yield _scalar_of(await session.connection())


def _scalar_of(connection: AsyncConnection) -> Execute:
    async def execute(sql: str) -> object:
        result = await connection.exec_driver_sql(sql)
        return result.scalar() if result.returns_rows else None

    return execute


both_doors = pytest.mark.parametrize("kind", ["connection", "unit_of_work"])

READ = "SELECT link_window_days FROM brand_policy"


def _write(days: int) -> str:
    return f"UPDATE brand_policy SET link_window_days = {days}"


@both_doors
async def test_each_door_sees_its_own_brand_only(
    services: Services, brand: BrandView, other_brand: BrandView, kind: str
) -> None:
    async with _door(services.database, kind, brand.id) as execute:
        seen = await execute("SELECT string_agg(brand_id::text, ',') FROM brand_policy")

    assert seen == str(brand.id)
    assert other_brand.id != brand.id


@both_doors
async def test_what_was_done_is_kept_when_the_block_ends(services: Services, brand: BrandView, kind: str) -> None:
    async with _door(services.database, kind, brand.id) as execute:
        await execute(_write(77))

    assert await _days(services, brand) == 77


@both_doors
async def test_nothing_is_kept_when_the_block_fails(services: Services, brand: BrandView, kind: str) -> None:
    before = await _days(services, brand)

    async def fail() -> None:
        async with _door(services.database, kind, brand.id) as execute:
            await execute(_write(78))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await _days(services, brand) == before


@both_doors
async def test_nothing_is_kept_when_a_statement_fails(services: Services, brand: BrandView, kind: str) -> None:
    before = await _days(services, brand)

    async def fail() -> None:
        async with _door(services.database, kind, brand.id) as execute:
            await execute(_write(79))
            await execute(_write(0))

    with pytest.raises((asyncpg.CheckViolationError, DBAPIError)):
        await fail()

    assert await _days(services, brand) == before


async def test_a_stray_commit_is_refused_by_the_next_statement(services: Services, brand: BrandView) -> None:
    async def stray() -> None:
        async with services.database.unit_of_work(brand.id) as session:
            await session.commit()
            await session.exec(select(1))

    with pytest.raises(InvalidRequestError, match="closed transaction"):
        await stray()


@both_doors
async def test_subscribers_of_a_commit_hear_of_it_once_and_only_when_events_were_recorded(
    migrated: Settings, brand: BrandView, kind: str
) -> None:
    told: list[uuid.UUID] = []

    async def tell(brand_id: uuid.UUID) -> None:
        told.append(brand_id)

    async def run(is_dirty: bool, fails: bool) -> None:
        if kind == "connection":
            async with database.connection(brand.id) as tx:
                tx.is_outbox_dirty = is_dirty
                _fail_if(fails)
        else:
            async with database.unit_of_work(brand.id) as session:
                session.info["is_outbox_dirty"] = is_dirty
                _fail_if(fails)

    database = Database(migrated, after_commit=tell)
    await database.open()
    try:
        await run(is_dirty=False, fails=False)
        with pytest.raises(ZeroDivisionError):
            await run(is_dirty=True, fails=True)
        assert told == []
        await run(is_dirty=True, fails=False)
        assert told == [brand.id]
    finally:
        await database.close()


@both_doors
async def test_statements_are_counted_without_the_frame_of_the_transaction(
    services: Services, brand: BrandView, kind: str
) -> None:
    with counted() as statements:
        async with _door(services.database, kind, brand.id) as execute:
            await execute(READ)
            await execute("SELECT 1")

    assert statements == [READ, "SELECT 1"]


@both_doors
@pytest.mark.parametrize("name", ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
async def test_every_connection_has_its_time_limits(
    services: Services, brand: BrandView, kind: str, name: str
) -> None:
    async with _door(services.database, kind, brand.id) as execute:
        shown = await execute(f"SELECT setting FROM pg_settings WHERE name = '{name}'")

    assert shown == server_settings(services.settings)[name] != "0"


@contextlib.asynccontextmanager
async def _hurried(settings: Settings, **limits: int) -> AsyncIterator[Database]:
    """A database whose limits are short enough to run into."""
    database = Database(settings.model_copy(update={"pool_size": 1, "session_pool_size": 1, **limits}))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@both_doors
async def test_a_statement_that_takes_too_long_is_cut_off_and_the_next_one_works(
    migrated: Settings, brand: BrandView, kind: str
) -> None:
    async with _hurried(migrated, statement_timeout_ms=50) as database:
        with pytest.raises((asyncpg.QueryCanceledError, DBAPIError), match="statement timeout"):
            async with _door(database, kind, brand.id) as execute:
                await execute("SELECT pg_sleep(5)")
        async with _door(database, kind, brand.id) as execute:
            assert await execute("SELECT 1") == 1


@both_doors
async def test_who_waits_too_long_for_a_lock_gives_up(
    services: Services, migrated: Settings, brand: BrandView, kind: str
) -> None:
    async with (
        services.database.connection(brand.id) as holder,
        _hurried(migrated, lock_timeout_ms=50) as database,
    ):
        await holder.execute(_write(80))
        with pytest.raises((asyncpg.LockNotAvailableError, DBAPIError), match="lock timeout"):
            async with _door(database, kind, brand.id) as execute:
                await execute(_write(81))


async def test_a_transaction_left_idle_is_ended_by_the_server(migrated: Settings, brand: BrandView) -> None:
    async def dawdle(database: Database) -> None:
        async with database.connection(brand.id) as tx:
            await wait_until(lambda: _is_gone(tx), what="the server to end the session")
            await tx.fetchval("SELECT 1")

    async with _hurried(migrated, idle_in_transaction_timeout_ms=50) as database:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
            await dawdle(database)
        async with database.connection(brand.id) as tx:
            assert await tx.fetchval("SELECT 1") == 1


async def _is_gone(tx: Tx) -> bool:
    return tx.conn.is_closed()


@both_doors
async def test_cancelled_requests_leave_no_connection_inside_a_transaction(
    migrated: Settings, brand: BrandView, kind: str
) -> None:
    """Hundreds of transactions, each cut off at some moment: all or nothing is kept, every connection works."""
    chance = random.Random(20_260_731)
    database = Database(migrated.model_copy(update={"pool_size": 4, "session_pool_size": 4}))
    await database.open()

    async def request(days: int) -> None:
        async with _door(database, kind, brand.id) as execute:
            await execute(_write(days))
            await execute(f"UPDATE brand_policy SET after_sale_days = {days % 30}")
            await execute("SELECT pg_sleep(0.001)")

    async def cancelled(seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await request(chance.randint(30, 365))
                return False
        return True

    try:
        outcomes: list[bool] = []
        for _ in range(15):
            # How long so many take undisturbed right now: cuts must fall before, inside and after.
            start = time.monotonic()
            await asyncio.gather(*(request(60) for _ in range(24)))
            usual = time.monotonic() - start
            outcomes += await asyncio.gather(*(cancelled(chance.uniform(0, 1.5 * usual)) for _ in range(24)))
        assert len(outcomes) // 20 < sum(outcomes) < len(outcomes) - len(outcomes) // 20
        assert await wait_until(lambda: _none_in_transaction(migrated), what="every transaction to end")
        async with _door(database, kind, brand.id) as execute:
            assert await execute("SELECT link_window_days % 30 = after_sale_days FROM brand_policy")
        await asyncio.gather(*(request(60) for _ in range(16)))
        assert await _days_of(database, brand) == 60
    finally:
        await database.close()


async def _none_in_transaction(settings: Settings) -> bool:
    """No session of the application login is inside a transaction (as the owner sees it, who is not counted)."""
    async with operator_unit_of_work(settings, None) as session:
        connection = await session.connection()
        query = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'virtualxid' AND pid <> pg_backend_pid()"
            " AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
        return int((await connection.exec_driver_sql(query)).scalar_one()) == 0


async def _days(services: Services, brand: BrandView) -> int:
    return await _days_of(services.database, brand)


async def _days_of(database: Database, brand: BrandView) -> int:
    async with database.connection(brand.id) as tx:
        return int(await tx.fetchval(READ))


def _fail_if(fails: bool) -> None:
    if fails:
        raise ZeroDivisionError
