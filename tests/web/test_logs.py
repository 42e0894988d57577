"""Logs say who did what and how it ended, and nothing that is nobody's business."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from litestar import Litestar

from tests.helpers import make_client, submit
from tests.people import PASSWORD, Person
from yundian.app import logs
from yundian.platform.auth.cookies import cookie_name
from yundian.platform.core.settings import Settings

pytestmark = pytest.mark.anyio

PHONE = "13812345678"
SECRETS = (PHONE, PASSWORD, "hunter2hunter2", "s3cr3t-query", "s3cr3t-body", "s3cr3t-header", "s3cr3t-file")


@pytest.fixture
def written(settings: Settings) -> Iterator[io.StringIO]:
    """Everything that this process logs, as JSON lines, at the most talkative level."""
    logs.configure(settings.model_copy(update={"log_json": True, "log_level": "debug"}))
    root = logging.getLogger()
    (real,) = root.handlers
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(real.formatter)
    root.addHandler(handler)
    yield text
    logs.configure(settings)


async def test_requests_full_of_secrets_leave_none_in_the_logs(
    probe_app: Litestar, client: httpx.AsyncClient, admin: Person, settings: Settings, written: io.StringIO
) -> None:
    cookies = {cookie_name(settings): admin.token}
    headers = {**admin.headers, "X-Secret": "s3cr3t-header"}
    async with make_client(probe_app, headers=headers) as api, make_client(probe_app, cookies=cookies) as browser:
        await api.get(f"/v1/probe/bells?cursor=s3cr3t-query&limit=x&phone={PHONE}")
        await api.post("/v1/probe/bells", json={"note": "s3cr3t-body", "times": PHONE})
        await api.post("/v1/probe/bells", json={"note": f"s3cr3t-body\x00{PHONE}"})
        await api.post("/v1/probe/policies", json={"display_name": PHONE * 20})
        await api.post("/v1/probe/policies", json={"display_name": f"\x00{PHONE}"})
        await api.post("/v1/probe/taken-unnamed")
        await api.get("/v1/probe/break")
        await api.get("/v1/probe/slow")
        await api.get(f"/nowhere/{PHONE}?token={admin.token}")
        await submit(browser, "/probe/form", {"note": PHONE, "times": "s3cr3t-body"})
    await submit(client, "/sign-in", {"login": PHONE, "password": "hunter2hunter2"})
    await client.get("/sign-in?next=/hq", headers={"Authorization": f"Bearer {admin.token}x"})

    text = written.getvalue()
    assert text.count("http.request") >= 10
    assert "http.failure" in text
    for secret in (*SECRETS, admin.token, admin.token.partition(".")[2]):
        assert secret not in text


async def test_a_line_says_who_did_what_and_how_it_ended(
    api: httpx.AsyncClient, admin: Person, written: io.StringIO
) -> None:
    answer = await api.get("/v1/probe/bells", headers={"X-Request-Id": "trace-me-1234"})

    line = next(entry for entry in _lines(written) if entry["event"] == "http.request")
    assert answer.headers["x-request-id"] == "trace-me-1234"
    assert line["request_id"] == "trace-me-1234"
    assert line["operation"] == "probe_list"
    assert line["status"] == 200
    assert line["brand_id"] == str(admin.brand_id)
    assert line["principal_id"] == str(admin.id)
    assert line["duration_ms"] >= 0


async def test_a_request_id_that_could_forge_a_log_line_is_replaced(
    api: httpx.AsyncClient, written: io.StringIO
) -> None:
    answer = await api.get("/v1/probe/bells", headers={"X-Request-Id": 'x" event="http.failure'})

    assert '"' not in answer.headers["x-request-id"]


async def test_a_failure_is_logged_with_its_place_in_the_code(
    api: httpx.AsyncClient, written: io.StringIO
) -> None:
    answer = await api.get("/v1/probe/break")

    line = next(entry for entry in _lines(written) if entry["event"] == "http.failure")
    assert line["level"] == "error"
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["exceptions"] == ["KeyError"]
    assert "probe.py" in line["frames"][-1]


async def test_a_field_that_sounds_secret_is_blanked(written: io.StringIO) -> None:
    structlog.get_logger("anybody").info("room.thing", password="hunter2hunter2", Phone=PHONE, kept="yes")
    logging.getLogger("anybody").warning("plain")

    line = next(entry for entry in _lines(written) if entry["event"] == "room.thing")
    assert (line["password"], line["Phone"], line["kept"]) == ("[hidden]", "[hidden]", "yes")


@pytest.mark.parametrize("is_json", [True, False])
async def test_a_librarys_exception_shows_neither_its_message_nor_its_locals(
    settings: Settings, is_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """What asyncpg's pool does when the server is away, with the database's password among its locals."""
    logs.configure(settings.model_copy(update={"log_json": is_json}))
    try:
        _connect(password="hunter2hunter2")
    except ConnectionError:
        logging.getLogger("asyncpg.pool").exception("could not connect")
        structlog.get_logger("anybody").exception("room.broke")
    logs.configure(settings)

    text = capsys.readouterr().err
    assert text.count("ConnectionError") == 2
    assert text.count("test_logs.py") >= 2
    assert "hunter2hunter2" not in text


def _connect(*, password: str) -> None:
    raise ConnectionError(f"refused with {password}")


def _lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]
