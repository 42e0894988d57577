"""What monitors read, and who may."""

import subprocess
import sys

import httpx
import pytest
from litestar import Litestar
from pydantic import SecretStr

from tests.helpers import make_client
from yundian.app.asgi import create_app
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate
from yundian.platform.db.revision import newest_revision

pytestmark = pytest.mark.anyio


async def test_requests_are_counted_by_operation_and_status(api: httpx.AsyncClient, probe_app: Litestar) -> None:
    await api.get("/v1/probe/bells")
    async with make_client(probe_app) as monitor:
        answer = await monitor.get("/metrics")
    text = answer.text

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'yundian_http_request_seconds_count{operation="probe_list",status="200"}' in text
    assert 'yundian_db_pool_connections{pool="asyncpg",state="idle"}' in text
    assert "yundian_workers_alive" in text
    assert "courier" in text


async def test_another_machine_may_not_read_them(probe_app: Litestar) -> None:
    async with make_client(probe_app, peer="203.0.113.9") as stranger:
        answer = await stranger.get("/metrics")

    assert answer.status_code == 404


async def test_with_a_token_only_its_bearer_may(migrated: Settings) -> None:
    app = create_app(migrated.model_copy(update={"metrics_token": SecretStr("t0ken")}), rooms=())
    async with app.lifespan(), make_client(app) as client:
        without = await client.get("/metrics")
        wrong = await client.get("/metrics", headers={"Authorization": "Bearer other"})
        right = await client.get("/metrics", headers={"Authorization": "Bearer t0ken"})

    assert [a.status_code for a in (without, wrong, right)] == [404, 404, 200]


async def test_while_the_database_is_away_the_process_is_alive_but_not_ready(migrated: Settings) -> None:
    app = create_app(migrated, rooms=())
    async with app.lifespan(), make_client(app) as client:
        database = app.state.services.database
        working, database._engine = database._engine, None
        try:
            alive, ready = await client.get("/healthz"), await client.get("/readyz")
        finally:
            database._engine = working

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["checks"]["database"]["state"] == "down"


def test_the_newest_migration_is_found_as_alembic_finds_it(settings: Settings) -> None:
    assert newest_revision() == migrate.head_revision(settings)


def test_a_web_process_loads_no_heavy_library_before_it_needs_it() -> None:
    heavy = ("alembic", "arq", "polyfactory", "opentelemetry.sdk", "alipay", "wechatpy", "requests", "aiohttp")
    code = (
        "import sys; from yundian.app.asgi import create_app; create_app();"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]", done.stdout
