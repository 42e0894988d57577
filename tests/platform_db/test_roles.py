"""The three roles: what each may do, and which logins the house refuses to start with."""

import contextlib
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
import sqlalchemy as sa
from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.conftest import Servers
from yundian.app.tables import metadata
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import tenancy
from yundian.platform.db.database import RELAY_ROLE, open_pool, operator_unit_of_work, sqlalchemy_url, transaction
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


COURIERS_TABLES = sorted(name for name in metadata.tables if name.startswith("outbox_"))
OTHER_TABLES = sorted(set(metadata.tables) - set(COURIERS_TABLES))


@contextlib.asynccontextmanager
async def _superuser(servers: Servers) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The cluster's own superuser: it alone can make the unsafe logins that must be refused."""
    password = servers.postgres._state["passwords"]["postgres"]
    url = sa.make_url(servers.database_owner_url).set(username="postgres", password=password)
    connection = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()


async def _start_as(url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await tenancy.check_startup(connection)
    finally:
        await engine.dispose()


@pytest.mark.parametrize(
    ("clause", "grant", "reason"),
    [
        ("SUPERUSER", None, "is a superuser"),
        ("BYPASSRLS", None, "has BYPASSRLS"),
        ("CREATEROLE", None, "has CREATEROLE"),
        ("", "GRANT yundian_owner TO {name} WITH INHERIT TRUE", "owns tables"),
        ("", "GRANT yundian_owner TO {name} WITH INHERIT FALSE, SET TRUE", "owns tables"),
    ],
)
async def test_a_login_that_could_step_over_the_wall_is_refused_at_the_start(
    migrated: Settings, servers: Servers, clause: str, grant: str | None, reason: str
) -> None:
    name, password = f"unsafe_{new_id().hex[-12:]}", secrets.token_urlsafe(12)
    url = sa.make_url(migrated.database_url).set(username=name, password=password)
    async with _superuser(servers) as superuser:
        await superuser.execute(f"CREATE ROLE {name} LOGIN {clause} PASSWORD '{password}' IN ROLE yundian_app")
        try:
            if grant is not None:
                await superuser.execute(grant.format(name=name))
            with pytest.raises(tenancy.UnsafeRole, match=reason):
                await _start_as(url.render_as_string(hide_password=False))
        finally:
            await superuser.execute(f"DROP ROLE {name}")


async def test_the_owner_is_refused_at_the_start(migrated: Settings) -> None:
    with pytest.raises(tenancy.UnsafeRole, match="owns tables"):
        await _start_as(migrated.database_owner_url)


async def test_the_plain_login_may_start(migrated: Settings) -> None:
    await _start_as(migrated.database_url)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO brand (id, code, name, created_at) VALUES (gen_random_uuid(), 'x', 'x', now())",
        "UPDATE brand SET name = 'x'",
        "DELETE FROM brand",
        "UPDATE directory SET brand_id = brand_id",
        "UPDATE alembic_version SET version_num = version_num",
        "TRUNCATE brand_policy",
        "ALTER TABLE brand_policy DISABLE ROW LEVEL SECURITY",
        "DROP POLICY brand ON brand_policy",
        "CREATE TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "SET ROLE yundian_owner",
        "CREATE ROLE mine",
    ],
)
async def test_the_application_may_not(services: Services, brand: BrandView, statement: str) -> None:
    async def attempt() -> None:
        async with services.database.connection(brand.id) as tx:
            await tx.execute(statement)

    with pytest.raises(InsufficientPrivilegeError):
        await attempt()


async def test_the_directory_takes_and_forgets_keys_but_changes_none(services: Services, brand: BrandView) -> None:
    key = secrets.token_bytes(32)
    async with services.database.connection(brand.id) as tx:
        await tx.execute("INSERT INTO directory (kind, key_hash, brand_id) VALUES ('t', $1, $2)", key, brand.id)
    async with services.database.connection(None) as tx:
        found = await tx.fetchval("SELECT brand_id FROM directory WHERE kind = 't' AND key_hash = $1", key)
        gone = await tx.execute("DELETE FROM directory WHERE kind = 't' AND key_hash = $1", key)

    assert (found, gone) == (brand.id, "DELETE 1")


@pytest.mark.parametrize("table", OTHER_TABLES)
async def test_the_courier_sees_no_table_but_its_own(migrated: Settings, table: str) -> None:
    async with operator_unit_of_work(migrated, None) as session:
        connection = await session.connection()
        rights = "SELECT has_table_privilege($1, $2, 'SELECT, INSERT, UPDATE, DELETE')"
        allowed = (await connection.exec_driver_sql(rights, (RELAY_ROLE, table))).scalar_one()

    assert allowed is False


@pytest.mark.parametrize("table", COURIERS_TABLES)
async def test_the_courier_sees_its_tables_across_brands(migrated: Settings, table: str) -> None:
    pool = await open_pool(migrated, role=RELAY_ROLE, size=1)
    async with pool, transaction(pool, None) as tx:
        await tx.fetch(f"SELECT brand_id FROM {table} LIMIT 1")
        policy = await tx.fetchval(
            "SELECT qual FROM pg_policies WHERE tablename = $1 AND policyname = 'relay' AND roles = $2",
            *(table, [RELAY_ROLE]),
        )

    assert policy == "true"


async def test_the_courier_is_refused_at_a_brands_table(migrated: Settings) -> None:
    pool = await open_pool(migrated, role=RELAY_ROLE, size=1)
    async with pool:
        with pytest.raises(InsufficientPrivilegeError):
            async with transaction(pool, None) as tx:
                await tx.fetch("SELECT 1 FROM brand_policy")


async def test_the_application_does_not_inherit_the_couriers_sight(services: Services) -> None:
    async with services.database.connection(None) as tx:
        inherits = await tx.fetchval("SELECT pg_has_role(current_user, $1, 'USAGE')", RELAY_ROLE)
        may_switch = await tx.fetchval("SELECT pg_has_role(current_user, $1, 'SET')", RELAY_ROLE)

    assert (inherits, may_switch) == (False, True)
