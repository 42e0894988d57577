"""True passwords, and a browser with an address of its own: each test signs in many times, and that is limited."""

import secrets
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from litestar import Litestar

from yundian.platform.auth import passwords

# As the house has them; read before any test replaces them.
_HASHER, _DUMMY_HASH = passwords._HASHER, passwords.DUMMY_HASH


@pytest.fixture(scope="module", autouse=True)
def true_passwords(quick_passwords: None) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", _HASHER)
        patch.setattr(passwords, "DUMMY_HASH", _DUMMY_HASH)
        yield


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    transport = httpx.ASGITransport(app=app, client=(address, 40000))  # type: ignore[arg-type]  # two kinds of scope
    async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
        yield client
