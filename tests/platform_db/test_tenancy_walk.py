"""The walk: at every table, what a transaction of one brand can do to a row of another. It is: nothing."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import pytest
from asyncpg.exceptions import InsufficientPrivilegeError

from tests.conftest import Servers
from tests.platform_db.rows import Catalogue, Connection, loosen
from yundian.app.tables import metadata
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate, tenancy
from yundian.platform.db.database import Database, Tx, operator_unit_of_work

pytestmark = pytest.mark.anyio


TABLES = sorted(set(metadata.tables) - tenancy.GLOBAL_TABLES)

# They look a session up before its brand is known to be the caller's (ADR 0020).
SESSION_LOOKUPS = ("auth_find_customer_session", "auth_find_session")

OURS, THEIRS = new_id(), new_id()
# Every row of a brand has one and the same id, so that references between the brand's rows hold.
KEYS = {OURS: new_id(), THEIRS: new_id()}


@dataclass(frozen=True)
class Walk:
    """A database of its own with one row of each of two brands in every table; checks and triggers are dropped."""

    database: Database
    owner: Connection
    catalogue: Catalogue
    settings: Settings

    async def rows_of(self, table: str, brand: uuid.UUID) -> int:
        """As the owner sees them, whom no policy binds."""
        return int(await self.owner.fetchval(f"SELECT count(*) FROM {table} WHERE brand_id = $1", brand))


@pytest.fixture(scope="module")
async def walk(servers: Servers, settings: Settings) -> AsyncIterator[Walk]:
    name = f"walk_{new_id().hex[-12:]}"
    urls = servers.postgres.create_database(name)
    own = settings.model_copy(update={"database_url": urls.app, "database_owner_url": urls.owner})
    await migrate.upgrade(own)
    owner = await asyncpg.connect(urls.owner)
    database = Database(own)
    await database.open()
    try:
        await loosen(owner)
        catalogue = await Catalogue.read(owner)
        for table in catalogue.in_order(TABLES):
            for brand in (OURS, THEIRS):
                await owner.execute(catalogue.insert(table, brand, key=KEYS[brand]))
        yield Walk(database, owner, catalogue, own)
    finally:
        await database.close()
        await owner.close()
        servers.postgres.drop_database(name)


async def _refused(statement: Callable[[], Awaitable[object]]) -> bool:
    try:
        await statement()
    except InsufficientPrivilegeError:
        return True
    return False


class _Undo(Exception):
    pass


@contextlib.asynccontextmanager
async def undone(database: Database, brand: uuid.UUID) -> AsyncIterator[Tx]:
    """A transaction that keeps nothing of what it did."""
    with contextlib.suppress(_Undo):
        async with database.connection(brand) as tx:
            yield tx
            raise _Undo


async def a_brand_sees_its_own_row_and_no_other(walk: Walk, table: str) -> None:
    async with walk.database.connection(OURS) as tx:
        seen = [row["brand_id"] for row in await tx.fetch(f"SELECT * FROM {table}")]
        asked = await tx.fetch(f"SELECT 1 FROM {table} WHERE brand_id = $1", THEIRS)

    assert seen == [OURS]
    assert asked == []


async def a_brand_inserts_no_row_of_another(walk: Walk, table: str) -> None:
    async def insert() -> None:
        async with walk.database.connection(OURS) as tx:
            # A key of its own: only the wall may be in the way, no unique key.
            await tx.execute(walk.catalogue.insert(table, THEIRS, key=new_id()))

    assert await _refused(insert)
    assert await walk.rows_of(table, THEIRS) == 1


async def test_a_brand_inserts_its_own_rows_everywhere(walk: Walk) -> None:
    """What was refused above was refused for its brand alone."""
    key = new_id()
    async with undone(walk.database, OURS) as tx:
        for table in walk.catalogue.in_order(TABLES):
            await tx.execute(walk.catalogue.insert(table, OURS, key=key))


async def a_brand_changes_no_row_of_another(walk: Walk, table: str) -> None:
    async with walk.database.connection(OURS) as tx:
        everything = await tx.execute(f"UPDATE {table} SET brand_id = brand_id")
        theirs = await tx.execute(f"UPDATE {table} SET brand_id = brand_id WHERE brand_id = $1", THEIRS)

    assert (everything, theirs) == ("UPDATE 1", "UPDATE 0")


async def a_brand_gives_no_row_away_and_takes_none(walk: Walk, table: str) -> None:
    async def move(start: uuid.UUID, end: uuid.UUID) -> str:
        async with walk.database.connection(OURS) as tx:
            return await tx.execute(f"UPDATE {table} SET brand_id = $2 WHERE brand_id = $1", start, end)

    assert await _refused(lambda: move(OURS, THEIRS))
    assert await move(THEIRS, OURS) == "UPDATE 0"
    assert await walk.rows_of(table, OURS) == 1


async def a_brand_deletes_no_row_of_another(walk: Walk, table: str) -> None:
    async with walk.database.connection(OURS) as tx:
        assert await tx.execute(f"DELETE FROM {table} WHERE brand_id = $1", THEIRS) == "DELETE 0"

    assert await walk.rows_of(table, THEIRS) == 1


async def test_a_brand_deletes_its_own_rows_everywhere_and_no_other(walk: Walk) -> None:
    async with undone(walk.database, OURS) as tx:
        for table in reversed(walk.catalogue.in_order(TABLES)):
            assert await tx.execute(f"DELETE FROM {table}") == "DELETE 1", table


async def a_transaction_without_a_brand_sees_and_changes_nothing(walk: Walk, table: str) -> None:
    async with walk.database.connection(None) as tx:
        assert await tx.fetch(f"SELECT 1 FROM {table}") == []
        assert await tx.execute(f"UPDATE {table} SET brand_id = brand_id") == "UPDATE 0"
        assert await tx.execute(f"DELETE FROM {table}") == "DELETE 0"

    async def insert() -> None:
        async with walk.database.connection(None) as tx:
            await tx.execute(walk.catalogue.insert(table, OURS, key=new_id()))

    assert await _refused(insert)


async def the_session_door_has_the_same_wall(walk: Walk, table: str) -> None:
    async def count(brand: uuid.UUID | None) -> object:
        async with walk.database.unit_of_work(brand) as session:
            connection = await session.connection()
            return (await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")).scalar_one()

    assert [await count(OURS), await count(THEIRS), await count(None)] == [1, 1, 0]


# One test for all of a table: most of the time of a test so small is its beginning.
STEPS = (
    a_brand_sees_its_own_row_and_no_other,
    a_brand_inserts_no_row_of_another,
    a_brand_changes_no_row_of_another,
    a_brand_gives_no_row_away_and_takes_none,
    a_brand_deletes_no_row_of_another,
    a_transaction_without_a_brand_sees_and_changes_nothing,
    the_session_door_has_the_same_wall,
)


@pytest.mark.parametrize("table", TABLES)
async def test_a_brand_reaches_no_row_of_another_in_any_way(walk: Walk, table: str) -> None:
    for step in STEPS:
        await step(walk, table)


async def test_a_connection_forgets_its_brand_when_it_goes_back(walk: Walk) -> None:
    """Whatever reached a pooled connection without a door would find no brand left on it."""
    async with walk.database.unit_of_work(OURS) as session:
        pid = (await (await session.connection()).exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
    async with walk.database.engine.connect() as connection:
        again = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()
        brand = (await connection.exec_driver_sql("SELECT current_setting('yundian.brand', true)")).scalar_one()

    assert again == pid
    assert not brand


async def test_exactly_the_listed_tables_have_no_policy(walk: Walk) -> None:
    async with operator_unit_of_work(walk.settings, None) as session:
        open_tables = await tenancy.tables_without_policy(await session.connection())

    present = set(walk.catalogue.columns)
    assert open_tables == (tenancy.GLOBAL_TABLES & present) | tenancy.BOOKKEEPING_TABLES
    assert present - tenancy.BOOKKEEPING_TABLES == set(metadata.tables)


async def test_policies_compare_the_brand_both_ways_and_know_no_others(walk: Walk) -> None:
    """One policy named ``brand`` for every command; permissive policies add up, so another would be a hole."""
    compare = "(brand_id = (NULLIF(current_setting('yundian.brand'::text, true), ''::text))::uuid)"
    policies = await walk.owner.fetch(
        "SELECT tablename, policyname, cmd, roles, qual, with_check FROM pg_policies"
    )

    brand = {p["tablename"]: p for p in policies if p["policyname"] == "brand"}
    assert sorted(brand) == TABLES
    for table, policy in brand.items():
        assert (policy["cmd"], policy["qual"], policy["with_check"]) == ("ALL", compare, compare), table
    others = [p for p in policies if p["policyname"] != "brand"]
    assert {tuple(p["roles"]) for p in others} <= {("yundian_relay",)}
    assert all(p["tablename"].startswith("outbox_") for p in others)


async def test_nothing_in_the_schema_steps_around_the_wall(walk: Walk) -> None:
    """Views, materialised views and functions may run with their owner's rights, whom no policy binds."""
    views = await walk.owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (relkind = 'm' OR"
        " (relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY(reloptions), false)))"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')"
    )
    functions = await walk.owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
        " AND proname <> ALL($1)",
        list(SESSION_LOOKUPS),
    )
    # TRUNCATE and the existence check of a foreign key are not subject to policies.
    granted = await walk.owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND has_table_privilege('yundian_app', oid, 'TRUNCATE, REFERENCES, TRIGGER')"
    )

    assert (views, functions, granted) == ([], [], [])


@pytest.mark.parametrize("name", SESSION_LOOKUPS)
async def test_a_lookup_finds_a_session_in_its_own_brand_only(walk: Walk, name: str) -> None:
    """The functions that do run as the owner: keyed by a brand and the hash of a secret."""
    table = name.replace("find_", "")
    await walk.owner.execute(
        f"UPDATE {table} SET expires_at = now() + interval '1 day', revoked_at = NULL,"
        " token_hash = decode(md5(brand_id::text), 'hex')"
    )
    await walk.owner.execute("UPDATE auth_account SET status = 'active'")
    await walk.owner.execute(
        "INSERT INTO brand (id, code, name, created_at) VALUES ($1, 'walk', 'walk', now()) ON CONFLICT DO NOTHING",
        THEIRS,
    )
    theirs = await walk.owner.fetchval(f"SELECT token_hash FROM {table} WHERE brand_id = $1", THEIRS)
    ask = f"SELECT * FROM {name}($1, $2, now())"

    assert await walk.database.lookup(ask, THEIRS, theirs) is not None
    assert await walk.database.lookup(ask, OURS, theirs) is None
    assert await walk.database.lookup(ask, THEIRS, theirs + b"x") is None


async def test_a_table_without_its_wall_is_noticed(walk: Walk) -> None:
    """The walk itself is tried: without the wall a brand sees the other's row, and the list says so."""
    await walk.owner.execute("ALTER TABLE brand_policy DISABLE ROW LEVEL SECURITY")
    try:
        async with walk.database.connection(OURS) as tx:
            seen = {row["brand_id"] for row in await tx.fetch("SELECT brand_id FROM brand_policy")}
        async with operator_unit_of_work(walk.settings, None) as session:
            open_tables = await tenancy.tables_without_policy(await session.connection())
    finally:
        await walk.owner.execute("ALTER TABLE brand_policy ENABLE ROW LEVEL SECURITY")

    assert seen == {OURS, THEIRS}
    assert "brand_policy" in open_tables
