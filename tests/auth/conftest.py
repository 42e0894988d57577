"""A browser with an address of its own: sign-ins are limited per address, and each test signs in many times."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    transport = httpx.ASGITransport(app=app, client=(address, 40000))  # type: ignore[arg-type]  # two kinds of scope
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
        yield client
