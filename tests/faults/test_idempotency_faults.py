"""A web process killed in the middle of an idempotent request leaves the key and its effect, or neither."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlmodel import col, func, select

from tests.helpers import wait_until
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.catalog.models import Product
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.faults]

ROOT = Path(__file__).parents[2]


@contextmanager
def web_process(settings: Settings, *, die_at: str) -> Iterator[str]:
    """``yundian serve`` whose worker kills itself at a step."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_TEST_DIE_AT": die_at,
    }
    command = [sys.executable, "-m", "yundian", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("step", ["web.idempotency.claimed", "web.idempotency.kept"])
async def test_a_killed_request_can_be_sent_again_and_takes_effect_once(
    client: httpx.AsyncClient, services: Services, brand: BrandView, step: str
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    headers = {**admin.headers, "Idempotency-Key": str(new_id())}
    body = {"code": "KILLED", "name": "Killed"}

    with web_process(services.settings, die_at=step) as site:
        async with httpx.AsyncClient(base_url=site, timeout=30) as victim:

            async def answers() -> bool:
                try:
                    return (await victim.get("/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await wait_until(answers, seconds=60, what="the web process")
            with pytest.raises(httpx.TransportError):
                await victim.post("/v1/products", json=body, headers=headers)

    first = await client.post("/v1/products", json=body, headers=headers)
    second = await client.post("/v1/products", json=body, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotent-replayed" not in first.headers
    assert second.content == first.content
    async with services.database.unit_of_work(brand.id) as session:
        query = select(func.count()).select_from(Product).where(col(Product.code) == "KILLED")
        assert (await session.exec(query)).one() == 1
