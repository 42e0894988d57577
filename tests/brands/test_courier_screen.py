import uuid

import httpx
import pytest

from tests.html_forms import fields_of, submit
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def _park(services: Services, brand: BrandView, subscriber: str = "demo.react") -> uuid.UUID:
    """A delivery that gave up."""
    event_id = new_id()
    async with services.database.connection(brand.id) as tx:
        await tx.execute(
            "INSERT INTO outbox_event (brand_id, id, tag, payload, expanded_at) VALUES ($1, $2, $3, '{}', now())",
            brand.id,
            event_id,
            "demo.happened.v1",
        )
        await tx.execute(
            "INSERT INTO outbox_delivery (brand_id, event_id, subscriber, state, attempts, recorded_at, next_at,"
            " last_error) VALUES ($1, $2, $3, 'parked', 8, now(), now(), 'ValueError')",
            brand.id,
            event_id,
            subscriber,
        )
    return event_id


async def _states(services: Services, brand: BrandView) -> list[tuple[str, int]]:
    async with services.database.connection(brand.id) as tx:
        rows = await tx.fetch("SELECT state, attempts FROM outbox_delivery ORDER BY event_id")
    return [(row["state"], row["attempts"]) for row in rows]


async def test_hq_sees_what_is_parked_and_runs_one_again(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    await _park(services, brand)
    await _park(services, brand)
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | {"Accept": "text/html"}
    client.cookies.set("locale", "en")

    html = (await client.get("/hq/courier", headers=headers)).text
    fields = fields_of(html, having="id")
    answer = await submit(client, "/hq/courier/rerun", fields, headers=headers)

    assert "demo.react" in html
    assert "ValueError" in html
    assert (answer.status_code, answer.headers["location"]) == (303, "/hq/courier")
    assert sorted(await _states(services, brand)) == [("parked", 8), ("pending", 0)]


async def test_everything_of_a_subscriber_is_run_again_at_once(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    for subscriber in ("demo.react", "demo.react", "demo.other"):
        await _park(services, brand, subscriber)
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    answer = await client.post("/v1/courier/parked/rerun-all", json={"subscriber": "demo.react"}, headers=headers)

    assert (answer.status_code, answer.json()) == (200, {"count": 2})
    left = (await client.get("/v1/courier/parked", headers=headers)).json()
    assert [item["subscriber"] for item in left["items"]] == ["demo.other"]


async def test_what_is_not_parked_any_more_is_refused(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    event_id = await _park(services, brand)
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    body = {"kind": "delivery", "id": str(event_id), "subscriber": "demo.react"}

    answers = [await client.post("/v1/courier/parked/rerun", json=body, headers=headers) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "courier.not_parked"


async def test_another_brands_parked_deliveries_are_out_of_reach(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    event_id = await _park(services, other_brand)
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    read = await client.get("/v1/courier/parked", headers=headers)
    one = await client.post(
        "/v1/courier/parked/rerun",
        json={"kind": "delivery", "id": str(event_id), "subscriber": "demo.react"},
        headers=headers,
    )
    every = await client.post("/v1/courier/parked/rerun-all", json={"subscriber": "demo.react"}, headers=headers)

    assert read.json()["items"] == []
    assert (one.status_code, every.json()) == (409, {"count": 0})
    assert await _states(services, other_brand) == [("parked", 8)]


async def test_the_home_page_says_when_something_is_parked(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | {"Accept": "text/html"}
    client.cookies.set("locale", "en")

    before = (await client.get("/hq/panels/courier", headers=headers)).text
    await _park(services, brand)
    after = (await client.get("/hq/panels/courier", headers=headers)).text

    assert "Everything arrives" in before
    assert "1 delivery is parked" in after
    assert "/hq/panels/courier" in (await client.get("/hq", headers=headers)).text
