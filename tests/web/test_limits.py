"""Limits hold across processes, and do not close the shop when Redis is down."""

import httpx
import prometheus_client
import pytest
from litestar import Litestar

from tests.helpers import make_client
from tests.people import sign_in_as
from tests.web.probe import PROBE
from yundian.app.asgi import create_app
from yundian.brands.types import BrandView
from yundian.platform.core.errors import TooManyRequests
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services
from yundian.platform.web.limits import Limiter

pytestmark = pytest.mark.anyio

LIMITED = "/v1/probe/limited"


async def test_two_processes_count_together(
    probe_app: Litestar, migrated: Settings, services: Services, brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    second_process = create_app(migrated, rooms=(PROBE,))
    async with (
        second_process.lifespan(),
        make_client(probe_app, headers=person.headers) as one,
        make_client(second_process, headers=person.headers) as two,
    ):
        answers = [await client.get(LIMITED) for client in (one, two, one, two, one, two, one)]

    assert [a.status_code for a in answers] == [200] * 5 + [429] * 2
    assert answers[-1].json()["code"] == "core.too_many_requests"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


async def test_one_callers_limit_is_not_anothers(
    probe_app: Litestar, services: Services, brand: BrandView
) -> None:
    for _ in range(2):
        person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
        async with make_client(probe_app, headers=person.headers) as client:
            answers = [await client.get(LIMITED) for _ in range(6)]
        assert [a.status_code for a in answers] == [200] * 5 + [429]


async def test_without_redis_requests_go_through_and_a_metric_says_so(
    migrated: Settings, services: Services, brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    nowhere = migrated.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    before = _uncounted()
    app = create_app(nowhere, rooms=(PROBE,))
    async with app.lifespan(), make_client(app, headers=person.headers) as client:
        answers = [await client.get(LIMITED) for _ in range(8)]
        ready: httpx.Response = await client.get("/readyz")

    assert {a.status_code for a in answers} == {200}
    assert _uncounted() == before + 1
    assert (ready.status_code, ready.json()["checks"]["redis"]["state"]) == (200, "down")


async def test_a_generous_limit_is_told_in_portions_and_still_holds(services: Services) -> None:
    # A fortieth of it, ten, is what a process counts itself before it tells the others.
    limiters, caller, allowed = [Limiter(services.redis), Limiter(services.redis)], str(new_id()), 0
    try:
        for turn in range(600):
            await limiters[turn % 2].hit("400/minute", "general", caller)
            allowed += 1
    except TooManyRequests:
        pass
    assert 400 <= allowed <= 400 + 2 * 9
    for limiter in limiters * 10:
        with pytest.raises(TooManyRequests):
            await limiter.hit("400/minute", "general", caller)


def _uncounted() -> float:
    return prometheus_client.REGISTRY.get_sample_value("yundian_http_limits_unavailable_total") or 0.0
