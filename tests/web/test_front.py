"""The front door and the machine room."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_the_front_page_says_what_this_is_in_chinese_by_default(client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={"Accept": "text/html"})

    assert answer.status_code == 200
    assert '<html lang="zh-CN">' in answer.text
    assert 'href="/sign-in"' in answer.text


async def test_a_page_that_needs_a_session_sends_to_the_sign_in_page_and_back(client: httpx.AsyncClient) -> None:
    answer = await client.get("/hq?a=1", headers={"Accept": "text/html"})

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fhq%3Fa%3D1"


async def test_the_process_says_it_is_alive_and_ready(client: httpx.AsyncClient) -> None:
    alive, ready = await client.get("/healthz"), await client.get("/readyz")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert {name: check["state"] for name, check in ready.json()["checks"].items()} == {
        "database": "ok",
        "schema": "ok",
        "redis": "ok",
    }
