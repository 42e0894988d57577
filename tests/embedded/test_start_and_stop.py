"""The embedded servers come up whatever state they were left in."""

from pathlib import Path

import asyncpg
import pytest

from yundian.platform.embedded.postgres import EmbeddedPostgres

pytestmark = pytest.mark.anyio


async def _answer(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_the_application_role_is_plain_and_does_not_own_the_database(scratch: Path) -> None:
    server = EmbeddedPostgres(scratch / "roles")
    try:
        url = server.start()
        powers = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
        plain = f"SELECT NOT ({powers}) FROM pg_roles WHERE rolname = current_user"
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert await _answer(url, plain) is True
        assert await _answer(url, owner) == "yundian_owner"
        assert await _answer(server.owner_url, "SELECT current_user") == "yundian_owner"
        assert await _answer(url, "SHOW fsync") == "on"
    finally:
        server.destroy()
