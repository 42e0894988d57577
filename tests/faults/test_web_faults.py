"""The web under faults: what was acknowledged is there, and what cannot be done says so and passes."""

import os
import signal
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx
import pytest

from tests import factories
from tests.faults.kit import House
from tests.faults.web_kit import web_process
from tests.helpers import wait_until
from tests.people import PASSWORD, Person, sign_in_as
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.principal import Role
from yundian.platform.db.services import open_services

pytestmark = [pytest.mark.anyio, pytest.mark.faults]

WRITERS = 8
# A test's writers are quicker than any person.
UNLIMITED = {"YUNDIAN_RATE_BY_PRINCIPAL": "1000000/minute"}


@pytest.fixture
async def admin(house: House) -> AsyncIterator[Person]:
    brand = await factories.make_brand(house.settings)
    async with open_services(house.settings) as services:
        yield await sign_in_as(services, brand.id, Role.HQ_ADMIN)


@dataclass
class Writers:
    """Till staff who press the button again, with the same key, until it worked."""

    client: httpx.AsyncClient
    admin: Person
    done: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    is_over: bool = False

    async def write(self) -> None:
        while not self.is_over:
            code, key = readable_code(12), str(new_id())
            await wait_until(lambda: self._settled(code, key), seconds=60, what="an answer")  # noqa: B023

    async def _settled(self, code: str, key: str) -> bool:
        return await self._accepted(code, key) or self.is_over

    async def _accepted(self, code: str, key: str) -> bool:
        headers = {**self.admin.headers, "Idempotency-Key": key}
        try:
            answer = await self.client.post("/v1/products", json={"code": code, "name": "X"}, headers=headers)
        except httpx.TransportError as error:
            self.refused.append(type(error).__name__)
            return False
        if answer.status_code == 201:
            self.done[code] = time.monotonic()
            return True
        self.refused.append(f"{answer.status_code} {answer.json()['code']}")
        return False


async def test_postgresql_killed_under_writers_loses_no_acknowledged_write(house: House, admin: Person) -> None:
    pid = house.servers.postgres.postmaster_pid
    assert pid is not None

    async with web_process(house.settings, **UNLIMITED) as web:
        writers = Writers(web.client, admin)
        async with anyio.create_task_group() as group:
            for _ in range(WRITERS):
                group.start_soon(writers.write)
            await wait_until(lambda: _reached(writers, 40), what="the first writes")
            killed_at = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            await wait_until(lambda: _is_refused(writers), what="a refusal")
            await anyio.to_thread.run_sync(house.servers.postgres.start)
            enough = len(writers.done) + 80
            await wait_until(lambda: _reached(writers, enough), seconds=30, what="writes after the fall")
            writers.is_over = True

    assert set(writers.refused) <= {"503 core.unavailable", "409 web.idempotency_in_progress"}
    assert min(at for at in writers.done.values() if at > killed_at + 0.5) - killed_at < 10
    assert await _products(house, admin.brand_id) >= writers.done.keys()


async def test_with_valkey_down_the_shop_goes_on_and_events_arrive_after(house: House, admin: Person) -> None:
    house.start_worker(module="tests.faults.sale_watcher")
    async with web_process(house.settings, YUNDIAN_RATE_BY_PRINCIPAL="12/minute") as web:
        client = web.client
        await _put_on_sale_and_seen(house, client, admin)
        pid = house.servers.valkey.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        products = []
        for _ in range(5):
            started = time.monotonic()
            products.append(await _put_on_sale(client, admin))
            assert time.monotonic() - started < 4
        # These were more requests than this server's limit: without its counters it refuses nobody.
        sign_in = {"login": admin.login, "password": PASSWORD}
        assert (await client.post("/v1/sessions", json=sign_in)).status_code == 201
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["redis"]["state"]) == (200, "down")

        await anyio.to_thread.run_sync(house.servers.valkey.start)
        back_at = time.monotonic()
        await wait_until(lambda: _arrived(house, admin.brand_id, products), seconds=60, what=house.last_words())
        assert time.monotonic() - back_at < 60
        ready = await client.get("/readyz")
        assert ready.json()["checks"]["redis"]["state"] == "ok"


async def test_a_web_worker_killed_under_writers_comes_back_and_repeats_nothing(
    house: House, admin: Person
) -> None:
    async with web_process(house.settings, **UNLIMITED) as web:
        writers = Writers(web.client, admin)
        async with anyio.create_task_group() as group:
            for _ in range(WRITERS):
                group.start_soon(writers.write)
            await wait_until(lambda: _reached(writers, 40), what="the first writes")
            (victim,) = web.workers
            os.kill(victim, signal.SIGKILL)
            enough = len(writers.done) + 80
            await wait_until(lambda: _reached(writers, enough), seconds=30, what="writes of its successor")
            (successor,) = web.workers
            writers.is_over = True

    assert successor != victim
    # Connections broke; who asked again with the same key got the same thing, and nobody was told of a fault.
    assert writers.refused
    assert not [one for one in writers.refused if one.startswith("5")]
    made = await _products(house, admin.brand_id)
    assert made >= writers.done.keys()
    assert len(made - writers.done.keys()) <= WRITERS


async def _reached(writers: Writers, count: int) -> bool:
    return len(writers.done) >= count


async def _is_refused(writers: Writers) -> bool:
    return bool(writers.refused)


async def _products(house: House, brand: uuid.UUID) -> set[str]:
    async with house.database.connection(brand) as tx:
        rows = await tx.fetch("SELECT code FROM catalog_product")
    return {row["code"] for row in rows}


async def _put_on_sale(client: httpx.AsyncClient, admin: Person) -> str:
    made = await _sent(client, admin, "POST", "/v1/products", {"code": readable_code(12), "name": "X"})
    price = {"code": readable_code(12), "price_minor": 100, "currency": "CNY"}
    await _sent(client, admin, "POST", f"/v1/products/{made['id']}/skus", price)
    seen = (await client.get(f"/v1/products/{made['id']}", headers=admin.headers)).json()
    change = {"status": "on_sale", "version": seen["version"]}
    await _sent(client, admin, "PUT", f"/v1/products/{made['id']}/status", change)
    return str(made["id"])


async def _sent(client: httpx.AsyncClient, admin: Person, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = await client.request(method, path, json=body, headers=admin.headers)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def _put_on_sale_and_seen(house: House, client: httpx.AsyncClient, admin: Person) -> None:
    product = await _put_on_sale(client, admin)
    await wait_until(
        lambda: _arrived(house, admin.brand_id, [product]), seconds=30, what=f"an event\n{house.last_words()}"
    )


async def _arrived(house: House, brand: uuid.UUID, products: list[str]) -> bool:
    """Whether each of these was noted, and none twice."""
    async with house.database.connection(brand) as tx:
        rows = await tx.fetch("SELECT name FROM courier_test.effect WHERE brand_id = $1", brand)
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names)), "an event took effect twice"
    return set(products) <= set(names)
