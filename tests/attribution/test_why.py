"""Why this shop: by API and on HQ's screen, in sentences of both languages; and transfers from there."""

import uuid

import httpx
import pytest
from litestar import Litestar

from tests.attribution.makers import credited, decided, make_link, touch
from tests.helpers import make_client, submit
from tests.people import Person, sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api
from yundian.attribution.types import Subject
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

BROWSER = b"b" * 32


class Story:
    """An order that two shops' links brought, the later one of its own staff."""

    def __init__(self, brand: BrandView, first: uuid.UUID, later: uuid.UUID, subject: Subject) -> None:
        self.brand, self.first, self.later, self.subject = brand, first, later, subject
        self.path = f"/credits/order/{subject.id}"


@pytest.fixture
async def story(services: Services, brand: BrandView) -> Story:
    first = await make_shop(services, brand, fields=shop_fields("A", name="南京路店"))
    later = await make_shop(services, brand, fields=shop_fields("B", name="淮海路店"))
    for shop in (first, later):
        link = await make_link(services, brand, shop.id)
        await touch(services, link, visitor=BROWSER, own=frozenset({later.id}))
    subject = await credited(services, brand, await decided(services, brand, visitor=BROWSER))
    return Story(brand, first.id, later.id, subject)


async def test_the_api_tells_why_in_sentences_and_facts(
    client: httpx.AsyncClient, services: Services, story: Story
) -> None:
    boss = await sign_in_as(services, story.brand.id, Role.HQ_ANALYST)

    answer = await client.get(f"/v1{story.path}", headers={**boss.headers, "Accept-Language": "en"})

    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert (body["rule"], body["shop_id"], body["shop_name"]) == ("link", str(story.later), "淮海路店")
    assert body["marks"] == ["self_purchase", "two_shops"]
    assert body["why"][0].startswith("The customer came by a link of 淮海路店 on ")
    assert body["why"][-1].startswith("Provisional")
    assert [(t["verdict"], t["shop_name"]) for t in body["touches"]] == [
        ("won", "淮海路店"),
        ("assist", "南京路店"),
    ]
    assert body["transfers"] == []
    assert (await client.get(f"/v1/credits/order/{new_id()}", headers=boss.headers)).status_code == 404


async def test_who_reads_english_is_told_by_the_english_name_of_the_shop(
    client: httpx.AsyncClient, services: Services, story: Story
) -> None:
    boss = await sign_in_as(services, story.brand.id, Role.HQ_ANALYST)
    async with services.database.connection(story.brand.id) as tx:
        await tx.execute("UPDATE stores_shop SET name_en = 'Huaihai Road' WHERE id = $1", story.later)

    english = await client.get(f"/v1{story.path}", headers={**boss.headers, "Accept-Language": "en"})
    screens = [
        (await client.get(f"/hq{story.path}?lang={locale}", headers={**boss.headers, "Accept": "text/html"})).text
        for locale in ("en", "zh_CN")
    ]

    body = english.json()
    assert body["why"][0].startswith("The customer came by a link of Huaihai Road on ")
    assert (body["shop_name"], body["touches"][0]["shop_name"]) == ("淮海路店", "淮海路店")
    assert ["came by a link of Huaihai Road on" in screens[0], "淮海路店" in screens[0]] == [True, False]
    assert ["淮海路店" in screens[1], "Huaihai Road" in screens[1]] == [True, False]


async def test_a_shops_people_are_told_about_their_own_credits_only(
    client: httpx.AsyncClient, services: Services, story: Story
) -> None:
    own = await sign_in_as(services, story.brand.id, Role.SHOP_STAFF, shop_id=story.later)
    other = await sign_in_as(services, story.brand.id, Role.SHOP_OWNER, shop_id=story.first)
    assert (await client.get(f"/v1{story.path}", headers=own.headers)).status_code == 200
    assert (await client.get(f"/v1{story.path}", headers=other.headers)).status_code == 404


async def test_a_transfer_by_the_api_is_told_with_who_and_why(
    client: httpx.AsyncClient, services: Services, story: Story
) -> None:
    admin = await sign_in_as(services, story.brand.id, Role.HQ_ADMIN)
    wanted = {"from_shop_id": str(story.later), "to_shop_id": str(story.first), "reason": "顾客由南京路店导购邀请"}
    headers = {**admin.headers, "Accept-Language": "en", "Idempotency-Key": str(new_id())}

    done = await client.post(f"/v1{story.path}/transfers", json=wanted, headers=headers)
    same = await client.post(f"/v1{story.path}/transfers", json=wanted, headers=headers)
    late = await client.post(f"/v1{story.path}/transfers", json=wanted, headers=admin.headers)

    assert done.status_code == same.status_code == 201, done.text
    assert done.json() == same.json()
    assert (late.status_code, late.json()["code"]) == (409, "attribution.credit_moved")
    told = done.json()
    assert told["shop_id"] == str(story.first)
    assert len(told["transfers"]) == 1
    assert "moved it from 淮海路店 to 南京路店. Reason: 顾客由南京路店导购邀请" in told["why"][-2]
    # The rule's own answer stays: whose it was at first.
    assert "淮海路店" in told["why"][0]


async def page(app: Litestar, person: Person, path: str, language: str = "en") -> str:
    async with make_client(app) as browser:
        headers = {**person.headers, "Accept": "text/html", "Accept-Language": language}
        answer = await browser.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_hq_reads_the_story_and_moves_the_credit_on_the_screen(
    app: Litestar, services: Services, story: Story
) -> None:
    admin = await sign_in_as(services, story.brand.id, Role.HQ_ADMIN)
    analyst = await sign_in_as(services, story.brand.id, Role.HQ_ANALYST)

    shown = await page(app, admin, f"/hq{story.path}")
    assert "Why this shop" in shown
    assert "Kept as an assist." in shown
    assert "The buyer seems to work in this shop" in shown
    assert "Nobody has moved this credit." in shown
    assert "Transfer the credit" not in await page(app, analyst, f"/hq{story.path}")
    panel = await page(app, analyst, f"/hq/panels/credits/order/{story.subject.id}")
    assert "淮海路店" in panel
    assert "Nothing is credited" in await page(app, analyst, f"/hq/panels/credits/order/{new_id()}")

    async def move(**data: str) -> httpx.Response:
        async with make_client(app, headers={**admin.headers, "Accept-Language": "en"}) as browser:
            return await submit(browser, f"/hq{story.path}/transfer", {"seen": str(story.later), **data})

    empty = await move(shop=str(story.first))
    assert (empty.status_code, "Nobody has moved" in empty.text) == (400, True)
    unknown = await move(code="NO-SUCH", reason="x")
    assert (unknown.status_code, "Shop not found" in unknown.text) == (404, True)
    moved = await move(code="A", reason="聊天记录")
    assert (moved.status_code, moved.headers["location"]) == (303, f"/hq{story.path}")
    stale = await move(shop="hq", reason="x")
    assert (stale.status_code, "look again" in stale.text) == (409, True)

    shown = await page(app, admin, f"/hq{story.path}")
    assert "from 淮海路店 to 南京路店. Reason: 聊天记录" in shown
    assert "聊天记录" in await page(app, analyst, f"/hq/panels/credits/order/{story.subject.id}")
    async with services.database.connection(story.brand.id) as tx:
        assert (await api.get_credit(tx, subject=story.subject)).shop_id == story.first


async def test_the_story_is_told_in_chinese_too(app: Litestar, services: Services, story: Story) -> None:
    admin = await sign_in_as(services, story.brand.id, Role.HQ_ADMIN)
    shown = await page(app, admin, f"/hq{story.path}", "zh-CN")
    for english in ("Why this shop", "came by a link", "Kept as an assist", "Transfer", "Nobody has moved"):
        assert english not in shown
