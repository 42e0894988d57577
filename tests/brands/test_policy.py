import asyncio

import httpx
import pytest

from tests.html_forms import fields_of, filled, submit
from tests.people import sign_in_as
from yundian.brands import api
from yundian.brands.types import BrandView, PolicyView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

POLICY = {
    "display_name": "新名字",
    "default_locale": "en",
    "time_zone": "Asia/Urumqi",
    "currency": "HKD",
    "after_sale_days": 14,
    "link_window_days": 60,
}


async def _policy(services: Services, brand: BrandView) -> PolicyView:
    async with services.database.unit_of_work(brand.id) as session:
        return await api.get_policy(session, brand_id=brand.id)


async def test_hq_changes_the_policy_and_the_next_request_sees_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    saved = await client.put("/v1/brand/policy", json=POLICY | {"version": 1}, headers=headers)

    assert saved.status_code == 200, saved.text
    read = (await client.get("/v1/brand/policy", headers=headers)).json()
    assert {name: read[name] for name in POLICY} == POLICY
    assert read["version"] == 2
    assert (await _policy(services, other_brand)).display_name == "Test brand"


async def test_of_editors_at_once_one_wins_and_the_others_are_told(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    answers = await asyncio.gather(
        *(
            client.put("/v1/brand/policy", json=POLICY | {"version": 1, "after_sale_days": days}, headers=headers)
            for days in (1, 2, 3)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    winner = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await _policy(services, brand)).after_sale_days == winner["after_sale_days"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "GMT+8"}, "time_zone"),
        ({"currency": "YUA"}, "currency"),
        ({"default_locale": "fr"}, "default_locale"),
        ({"after_sale_days": 30}, "after_sale_days"),
        ({"link_window_days": 0}, "link_window_days"),
        ({"display_name": " "}, "display_name"),
        ({"brand_id": "x"}, "brand_id"),
    ],
)
async def test_an_impossible_policy_is_refused_naming_the_field(
    client: httpx.AsyncClient, services: Services, brand: BrandView, change: dict[str, object], field: str
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    answer = await client.put("/v1/brand/policy", json=POLICY | {"version": 1} | change, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert (await _policy(services, brand)).version == 1


async def test_only_hq_admins_change_it(client: httpx.AsyncClient, services: Services, brand: BrandView) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers

    answer = await client.put("/v1/brand/policy", json=POLICY | {"version": 1}, headers=headers)

    assert answer.status_code == 403
    assert (await client.get("/v1/brand/policy", headers=headers)).status_code == 200
    assert (await _policy(services, brand)).version == 1


async def test_the_settings_page_saves_and_warns_of_a_stale_form(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | {"Accept": "text/html"}
    client.cookies.set("locale", "en")
    html = (await client.get("/hq/settings", headers=headers)).text
    fields = fields_of(html, having="display_name")
    other = fields_of((await client.get("/hq/settings", headers=headers)).text, having="display_name")

    wrong = await submit(client, "/hq/settings", filled(fields, after_sale_days="99"), headers=headers)
    saved = await submit(client, "/hq/settings", filled(other, display_name="Theirs"), headers=headers)
    fresh = fields_of(wrong.text, having="display_name")
    stale = await submit(client, "/hq/settings", filled(fresh, after_sale_days="9"), headers=headers)

    assert (wrong.status_code, saved.status_code, stale.status_code) == (400, 303, 409)
    assert 'id="error-after_sale_days"' in wrong.text
    assert "Somebody else saved the settings" in stale.text
    assert (await _policy(services, brand)).display_name == "Theirs"
