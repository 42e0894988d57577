"""Small things that several tests need."""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
import httpx

T = TypeVar("T")


async def wait_until(
    condition: Callable[[], Awaitable[T]], *, seconds: float = 10.0, every_s: float = 0.02, what: str = "it"
) -> T:
    """Poll until the condition is truthy and return it; fail with ``what`` after the time is up."""
    with anyio.move_on_after(seconds):
        while True:
            result = await condition()
            if result:
                return result
            await anyio.sleep(every_s)
    raise AssertionError(f"waited {seconds} s for {what}")


def make_client(app: Any, *, peer: str = "127.0.0.1", **options: Any) -> httpx.AsyncClient:
    """A client of an app whose lifespan runs; it keeps cookies and follows no redirect."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(peer, 50_000))
    return httpx.AsyncClient(transport=transport, **{"base_url": "https://testserver", **options})


async def csrf_token(client: httpx.AsyncClient) -> str:
    """The token that a page hands to this browser."""
    page = await client.get("/docs", headers={"Accept": "text/html"})
    found = re.search(r'"X-CSRF-Token": "([^"]+)"', page.text)
    assert found, page.text
    return found[1]


async def submit(client: httpx.AsyncClient, url: str, data: dict[str, Any], **headers: str) -> httpx.Response:
    """Send a form as a page of ours would."""
    token = await csrf_token(client)
    return await client.post(url, data={"_csrf_token": token, **data}, headers={"Accept": "text/html", **headers})
