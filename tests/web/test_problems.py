"""Every refusal is one shape with a stable code; nothing that went wrong inside is shown."""

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import create_async_engine

from tests.helpers import csrf_token, make_client
from tests.people import Person
from tests.web.probe import PROBE
from yundian.app.asgi import create_app
from yundian.platform.core.settings import Settings

pytestmark = pytest.mark.anyio


async def test_a_wrong_field_is_named(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/probe/bells", json={"note": "", "lines": [{"quantity": 1}, {"quantity": 0}]})

    problem = answer.json()
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["code"] == "core.invalid_input"
    assert problem["errors"][0]["field"] in {"note", "lines.1.quantity"}
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"note": "a", "times": "many"}, "times"),
        ({"note": "a", "surprise": 1}, "surprise"),
        ({}, "note"),
        ({"note": "a", "at": "2026-01-01T10:00:00"}, "at"),
        ({"note": "a", "lines": [{"quantity": 1}, {"quantity": 0}]}, "lines.1.quantity"),
        ({"note": "a", "lines": [{"quantity": 1, "colour": 2}]}, "lines.0.colour"),
    ],
)
async def test_each_kind_of_wrong_field_is_named_by_its_path(
    api: httpx.AsyncClient, body: dict[str, object], field: str
) -> None:
    answer = await api.post("/v1/probe/bells", json=body)

    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize(("query", "field"), [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit")])
async def test_a_wrong_query_parameter_is_named(api: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await api.get(f"/v1/probe/bells?{query}")

    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (400, [field])


async def test_a_refusal_carries_its_code_and_facts(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/v1/probe/bells", json={"note": "x", "refuse": True}, headers={"Accept-Language": "en"}
    )

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["facts"]) == (409, "probe.out_of_stock", {"left": 0})
    assert problem["type"] == "urn:yundian:problem:probe.out_of_stock"
    assert problem["title"] == "Sold out"


async def test_a_services_own_wrong_field_is_named(api: httpx.AsyncClient) -> None:
    answer = await api.post("/v1/probe/wrong-field")

    assert answer.status_code == 400
    assert [e["field"] for e in answer.json()["errors"]] == ["shade.hex"]


async def test_unknown_addresses_and_methods_are_problems_too(api: httpx.AsyncClient) -> None:
    unknown, wrong_method = await api.get("/v1/nowhere"), await api.delete("/v1/probe/bells")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "core.not_found")
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "web.method_not_allowed")
    assert "GET" in wrong_method.headers["allow"]


async def test_nobody_signed_in_is_told_to(probe_app: Litestar) -> None:
    async with make_client(probe_app) as nobody:
        answer = await nobody.get("/v1/probe/bells")

    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_named_constraint_becomes_the_rooms_own_refusal(api: httpx.AsyncClient) -> None:
    named, unnamed = await api.post("/v1/probe/taken"), await api.post("/v1/probe/taken-unnamed")

    assert (named.status_code, named.json()["code"]) == (409, "probe.code_taken")
    assert (unnamed.status_code, unnamed.json()["code"]) == (409, "core.already_exists")


async def test_a_stale_version_is_a_conflict_also_when_the_commit_finds_it(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/probe/stale")

    assert (answer.status_code, answer.json()["code"]) == (409, "core.version_conflict")


async def test_a_timeout_in_the_database_asks_to_come_back(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/probe/slow")

    assert (answer.status_code, answer.json()["code"]) == (503, "core.unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_what_breaks_inside_shows_neither_stack_nor_values(api: httpx.AsyncClient) -> None:
    answer = await api.get("/v1/probe/break")

    assert (answer.status_code, answer.json()["code"]) == (500, "core.unexpected")
    assert "138" not in answer.text
    assert "KeyError" not in answer.text


async def test_a_browser_gets_a_page_and_htmx_a_fragment(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/nowhere")
    fragment = await browser.get("/nowhere", headers={"HX-Request": "true"})

    assert page.status_code == fragment.status_code == 404
    assert "<html" in page.text
    assert page.headers["x-request-id"] in page.text
    assert "<html" not in fragment.text
    assert 'role="alert"' in fragment.text


async def test_htmx_without_a_session_is_sent_to_sign_in(probe_app: Litestar) -> None:
    async with make_client(probe_app) as nobody:
        answer = await nobody.get(
            "/probe/panel", headers={"HX-Request": "true", "HX-Current-URL": "https://testserver/hq?x=1"}
        )

    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fhq%3Fx%3D1"


HOSTILE = [
    b'{"note": "a\\u0000b"}',
    b'{"note": "\\ud800"}',
    b'{"note": "a", "times": 1e400}',
    b'{"note": "a", "price": NaN}',
    b'{"note": "a", "price": 1e999}',
    b'{"note": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"deep": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"}",
    b'{"note": "\xff\xfe"}',
    b"",
    b"null",
    b"[]",
    b'{"note": "a"',
    b'"' + b"a" * 100_000 + b'"',
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_json_is_refused_and_never_breaks(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.post("/v1/probe/bells", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "core.invalid_input"


@pytest.mark.parametrize(
    "body",
    [
        {"display_name": "a\x00b"},
        {"display_name": "x" * 200},
        {"after_sale_days": 9_223_372_036_854_775_808},
        {"after_sale_days": 99},
        {"display_name": None},
        {"after_sale_days": 1e308},
    ],
)
async def test_what_only_the_database_refuses_is_bad_input(
    api: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await api.post("/v1/probe/policies", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "core.invalid_input")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/probe/bells?cursor=%ED%A0%80",
        "/v1/probe/bells?cursor=%00",
        "/v1/probe/bells?limit=9223372036854775808",
        "/v1/probe/bells?limit=NaN",
        "/v1/probe/bells/not-an-id",
        "/v1/probe/bells/%00",
        "/v1/probe/bells/%FF%FE",
        "/%ED%A0%80",
    ],
)
async def test_hostile_addresses_never_break(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)

    assert answer.status_code < 500, answer.text


async def test_a_form_in_an_unknown_charset_is_bad_input(browser: httpx.AsyncClient) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="note"\r\nContent-Type: text/plain; charset=no\r\n\r\n1'
    media = {"Content-Type": "multipart/form-data; boundary=x", "X-CSRF-Token": await csrf_token(browser)}

    answer = await browser.post("/probe/form", content=part + b"\r\n--x--\r\n", headers=media)

    assert answer.status_code == 400, answer.text


async def test_a_body_over_one_mebibyte_is_too_large(api: httpx.AsyncClient) -> None:
    answer = await api.post(
        "/v1/probe/bells",
        content=b'{"note": "' + b"a" * 1_048_576 + b'"}',
        headers={"Content-Type": "application/json"},
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "web.body_too_large")


async def test_a_full_pool_asks_to_come_back(migrated: Settings, admin: Person) -> None:
    small = migrated.model_copy(update={"pool_size": 2, "session_pool_size": 1, "pool_wait_s": 0.2})
    app = create_app(small, rooms=(PROBE,))
    async with app.lifespan(), make_client(app, headers=admin.headers) as client:
        async with app.state.services.database.unit_of_work(None):
            full = await client.post("/v1/probe/bells", json={"note": "x"})
        free = await client.post("/v1/probe/bells", json={"note": "x"})

    assert (full.status_code, full.json()["code"], free.status_code) == (503, "core.unavailable", 201)
    assert full.headers["retry-after"]


async def test_a_database_that_is_away_asks_to_come_back(migrated: Settings, admin: Person) -> None:
    app = create_app(migrated, rooms=(PROBE,))
    async with app.lifespan(), make_client(app, headers=admin.headers) as client:
        services = app.state.services
        away = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
        services.database._sessions.configure(bind=away)
        answer = await client.post("/v1/probe/bells", json={"note": "x"})

    assert (answer.status_code, answer.json()["code"]) == (503, "core.unavailable")
