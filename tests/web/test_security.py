"""What other sites can make a browser do, and what browsers are told."""

import re

import httpx
import pytest
from litestar import Litestar

from tests.helpers import csrf_token, make_client
from tests.web.probe import rings
from yundian.app.asgi import create_app
from yundian.brands.types import BrandView
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db.services import Services
from yundian.platform.web.addresses import client_address
from yundian.platform.web.headers import content_security_policy

pytestmark = pytest.mark.anyio

FORM = {"note": "hello", "times": "1"}


async def test_a_form_without_our_token_is_refused_and_changes_nothing(
    browser: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    await csrf_token(browser)

    missing = await browser.post("/probe/form", data=FORM)
    wrong = await browser.post("/probe/form", data={**FORM, "_csrf_token": "x" * 65})

    assert missing.status_code == wrong.status_code == 403
    async with services.database.unit_of_work(brand.id) as session:
        assert await rings(session) == 0


async def test_a_token_made_up_by_a_stranger_is_refused_even_with_its_cookie(browser: httpx.AsyncClient) -> None:
    forged = "0" * 32 + "." + "0" * 32
    browser.cookies.set("csrf", forged)

    answer = await browser.post("/probe/form", data={**FORM, "_csrf_token": forged})

    assert answer.status_code == 403


async def test_the_token_may_come_as_a_header(browser: httpx.AsyncClient) -> None:
    token = await csrf_token(browser)

    answer = await browser.post("/v1/probe/bells", json={"note": "x"}, headers={"X-CSRF-Token": token})

    assert answer.status_code == 201


async def test_a_cookie_alone_writes_nothing_through_the_json_api(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/v1/probe/bells", json={"note": "x"})

    assert (answer.status_code, answer.json()["code"]) == (403, "web.forged_request")


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
async def test_a_request_from_another_site_is_refused_even_with_a_token(
    browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    token = await csrf_token(browser)

    answer = await browser.post("/probe/form", data={**FORM, "_csrf_token": token}, headers=headers)

    assert answer.status_code == 403


async def test_a_program_without_cookies_needs_no_token(api: httpx.AsyncClient) -> None:
    assert (await api.post("/v1/probe/bells", json={"note": "x"})).status_code == 201


@pytest.mark.parametrize("path", ["/", "/nowhere", "/v1/probe/bells", "/healthz", "/docs"])
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers={"Accept": "text/html"})).headers

    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "max-age" in headers["strict-transport-security"]
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/", "/docs", "/probe/form", "/hq", "/nowhere"])
async def test_no_page_holds_inline_script_or_style(browser: httpx.AsyncClient, path: str) -> None:
    html = (await browser.get(path)).text

    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)


async def test_cookies_are_for_this_site_only_and_secure_over_tls(probe_app: Litestar) -> None:
    async with make_client(probe_app) as client:
        cookie = (await client.get("/?lang=en", headers={"Accept": "text/html"})).headers.get_list("set-cookie")

    assert {c.split("=")[0] for c in cookie} == {"locale", "csrf"}
    assert all("SameSite=Lax" in c and "Secure" in c and "Path=/" in c for c in cookie)
    assert all("HttpOnly" in c for c in cookie if c.startswith("csrf"))


async def test_over_plain_http_there_is_no_promise_of_tls(probe_app: Litestar) -> None:
    async with make_client(probe_app, base_url="http://127.0.0.1") as client:
        answer = await client.get("/")

    assert "strict-transport-security" not in answer.headers


async def test_an_unsafe_database_login_refuses_to_start(migrated: Settings) -> None:
    app = create_app(migrated.model_copy(update={"database_url": migrated.database_owner_url}), rooms=())

    with pytest.raises(BaseException) as caught:  # noqa: PT011  Litestar wraps it in a group
        async with app.lifespan():
            pass
    assert "plain role" in repr(caught.value.__dict__) or "plain role" in _texts(caught.value)


def _texts(error: BaseException) -> str:
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return str(error) + "".join(_texts(e) for e in inner)


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "seen"),
    [
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("203.0.113.9", "198.51.100.1", ("10.0.0.0/8",), "203.0.113.9"),
        ("", "198.51.100.1", ("10.0.0.0/8",), ""),
    ],
)
async def test_the_client_is_the_last_address_that_a_trusted_proxy_saw(
    peer: str, forwarded: str, trusted: tuple[str, ...], seen: str
) -> None:
    assert client_address(peer, forwarded, trusted) == seen


async def test_the_sandbox_may_be_loaded_in_development_and_never_in_production(settings: Settings) -> None:
    with_sandbox = settings.model_copy(update={"wechat_url": "http://127.0.0.1:8900/some;path"})

    development = content_security_policy(with_sandbox)
    production = content_security_policy(with_sandbox.model_copy(update={"environment": Environment.PRODUCTION}))

    assert production == content_security_policy(settings)
    assert "127.0.0.1" not in production
    added = development.removeprefix(f"{production}; ").split("; ")
    assert added == ["script-src 'self' http://127.0.0.1:8900", "frame-src http://127.0.0.1:8900"]
