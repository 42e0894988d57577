"""The shell: navigation by role, panels from rooms, the right home for each person."""

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.auth.cookies import cookie_name
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("role", "home"), [(Role.HQ_ADMIN, "/hq"), (Role.HQ_ANALYST, "/hq"), (Role.SHOP_OWNER, "/shop")]
)
async def test_the_front_door_leads_each_person_to_her_work(
    probe_app: Litestar, services: Services, brand: BrandView, role: Role, home: str
) -> None:
    person = await sign_in_as(services, brand.id, role, shop_id=None if role.is_hq else new_id())
    cookies = {cookie_name(services.settings): person.token}
    async with make_client(probe_app, cookies=cookies, headers={"Accept": "text/html"}) as browser:
        front = await browser.get("/")
        page = await browser.get(home)

    assert (front.status_code, front.headers["location"]) == (303, home)
    assert page.status_code == 200
    assert 'aria-current="page"' in page.text


async def test_a_home_page_loads_the_panels_of_ones_own_role(
    probe_app: Litestar, browser: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    analyst = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    cookies = {cookie_name(services.settings): analyst.token}
    async with make_client(probe_app, cookies=cookies, headers={"Accept": "text/html"}) as other:
        analysts = (await other.get("/hq")).text
    admins = (await browser.get("/hq")).text
    panel = (await browser.get("/probe/panel", headers={"HX-Request": "true"})).text

    assert 'hx-get="/probe/panel"' in admins
    assert 'aria-busy="true"' in admins
    assert "data-failed" in admins
    assert "/probe/panel" not in analysts
    assert "<html" not in panel
    assert "ding" in panel


async def test_a_shop_person_may_not_enter_hq_and_is_told_so_in_a_page(
    probe_app: Litestar, services: Services, brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=new_id())
    cookies = {cookie_name(services.settings): person.token}
    async with make_client(probe_app, cookies=cookies, headers={"Accept": "text/html"}) as browser:
        answer = await browser.get("/hq")

    assert answer.status_code == 403
    assert "<html" in answer.text


async def test_every_component_renders_with_its_state(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/probe/form?cursor=x&q=1")).text

    assert page.count('name="_csrf_token"') >= 3
    assert 'name="_idempotency_key"' in page
    assert 'fill="#aabbcc"' in page
    assert '<progress value="3" max="10">' in page
    assert 'aria-describedby="hint-note"' in page
    assert 'data-confirm="Really?"' in page
    assert 'href="/probe/form?cursor=abc&amp;q=1"' in page
    assert 'href="/probe/form?q=1"' in page
    assert 'role="search"' in page
