"""The screens of shops, used as a person would: read the page, fill its form, send it."""

import re
import uuid
from pathlib import Path

import httpx
import pytest

from stores.service import shops as service
from stores.service.imports import MAPPINGS, SHOPS
from stores.types import ShopWithHours
from tests.html_forms import fields_of, filled, submit
from tests.people import sign_in_as
from tests.stores.makers import make_shop, make_skus, receive, shop_fields, stock_row
from tests.stores.test_import import file_of, line, rows
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.service import run_import

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}


@pytest.fixture
async def admin(services: Services, brand: BrandView) -> dict[str, str]:
    return (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | HTML


async def english(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> str:
    client.cookies.set("locale", "en")
    answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def shop_of(services: Services, brand: BrandView, shop_id: uuid.UUID) -> ShopWithHours:
    async with services.database.unit_of_work(brand.id) as session:
        return await service.get_shop(session, brand_id=brand.id, shop_id=shop_id, visible=None)


async def test_an_empty_list_says_how_to_begin(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    html = await english(client, "/hq/shops", admin)

    assert "No shops yet" in html
    assert 'href="/hq/shops/new"' in html
    assert "Nothing imported yet" in await english(client, "/hq/imports/shops", admin)


async def test_the_list_filters_and_draws_where_the_shops_are(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    await make_shop(services, brand, fields=shop_fields("SH-1", name="<b>外滩店</b>"))
    await make_shop(
        services,
        brand,
        fields=shop_fields(
            "BJ-1", name="北京国贸店", city="北京市", province="北京市", latitude=39.9, longitude=116.4
        ),
    )

    everything = await english(client, "/hq/shops", admin)
    found = await english(client, "/hq/shops?q=北京", admin)
    none = await english(client, "/hq/shops?q=北京&status=closed", admin)
    panel = await english(client, "/hq/panels/shops", admin)

    assert "&lt;b&gt;外滩店&lt;/b&gt;" in everything
    assert everything.count("h0") == 2
    assert "Open now" in everything
    assert "BJ-1" in found
    assert "SH-1" not in found
    assert "No shop fits" in none
    assert "In business" in panel


async def test_a_shop_is_made_and_edited_on_its_page(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    blank = fields_of(await english(client, "/hq/shops/new", admin), having="latitude")
    typed = filled(
        blank, name="外滩店", code="SH-1", latitude="31.2377", longitude="121.4943", datum="gcj02", phone="021-1"
    )

    wrong = await submit(client, "/hq/shops/new", filled(typed, latitude="north", phone="call me"), headers=admin)
    again = fields_of(wrong.text, having="latitude")
    right = filled(again, latitude="31.2377", phone="021-1")
    made = await submit(client, "/hq/shops/new", right, headers=admin)

    assert wrong.status_code == 400
    assert "Enter a number" in wrong.text
    assert (made.status_code, made.headers["location"][:10]) == (303, "/hq/shops/")
    url = made.headers["location"]
    shop = (await shop_of(services, brand, uuid.UUID(url.rsplit("/", 1)[1]))).shop
    assert (shop.name, shop.status.value) == ("外滩店", "opening")
    assert shop.latitude == pytest.approx(31.2397, abs=0.001)

    standing = fields_of(await english(client, url, admin), having="latitude")

    async def typed_again(**values: str) -> list[tuple[str, str]]:
        return filled(fields_of(await english(client, url, admin), having="latitude"), **values)

    await submit(client, url, standing, headers=admin)
    assert (await shop_of(services, brand, shop.id)).shop.version == shop.version
    saved = await submit(client, url, await typed_again(name="外滩旗舰店", phone=""), headers=admin)
    stale = await submit(client, url, await typed_again(name="x", version=str(shop.version)), headers=admin)

    assert saved.status_code == 303
    changed = (await shop_of(services, brand, shop.id)).shop
    assert (changed.name, changed.phone, changed.latitude) == ("外滩旗舰店", "", shop.latitude)
    assert stale.status_code == 409
    assert "Somebody else saved this shop" in stale.text
    assert 'value="x"' in stale.text


async def test_a_shop_says_its_name_and_address_in_english_and_is_found_by_either(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields("SH-1", name="外滩店", district="黄浦区"))
    await make_shop(services, brand, fields=shop_fields("SH-2", name="徐汇店", district="徐汇区"))
    url = f"/hq/shops/{shop.id}"
    typed = filled(
        fields_of(await english(client, url, admin), having="latitude"),
        name_en=" The Bund ",
        address_en="1 Zhongshan Road East, Shanghai",
    )

    saved = await submit(client, url, typed, headers=admin)
    page = await english(client, url, admin)
    found = [await english(client, f"/hq/shops?q={q}", admin) for q in ("The B", "the bund", "外滩")]
    near = (await client.get(f"/v1/brands/{brand.code}/shops/nearest?latitude=31.22&longitude=121.46")).json()
    listed = await english(client, "/hq/shops", admin)

    assert saved.status_code == 303
    assert "The Bund</h1>" in page
    assert re.search(r'value="上海市"[^>]*>Shanghai</option>', listed)
    # Whose whole address is said in English needs no district; the other's is told as it was entered.
    assert ("Shanghai<br>" in listed, "Shanghai 徐汇区" in listed, "黄浦区" in listed) == (True, True, False)
    shown = dict(fields_of(page, having="latitude"))
    assert [shown[name] for name in ("name", "name_en", "address")] == ["外滩店", "The Bund", shop.address]
    assert [("The Bund" in one, "SH-2" in one) for one in found] == [(True, False)] * 3
    assert ("外滩店", "The Bund", "1 Zhongshan Road East, Shanghai") in [
        (one["name"], one["name_en"], one["address_en"]) for one in near["items"]
    ]
    client.cookies.set("locale", "zh_CN")
    chinese = (await client.get("/hq/shops", headers=admin)).text
    assert "外滩店" in chinese
    assert "The Bund" not in chinese


async def test_a_double_click_makes_one_shop(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    typed = filled(fields_of(await english(client, "/hq/shops/new", admin), having="code"), name="店", code="ONE")

    first = await submit(client, "/hq/shops/new", typed, headers=admin)
    second = await submit(client, "/hq/shops/new", typed, headers=admin)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"]
    assert await rows(services, brand, "SELECT count(*) FROM stores_shop") == [(1,)]


async def test_the_status_is_changed_by_a_button(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    shop = await make_shop(services, brand)
    button = fields_of(await english(client, f"/hq/shops/{shop.id}", admin), having="status")

    moved = await submit(client, f"/hq/shops/{shop.id}/status", filled(button, status="paused"), headers=admin)
    button = fields_of(await english(client, f"/hq/shops/{shop.id}", admin), having="status")
    stale = filled(button, status="open", version="1")
    again = await submit(client, f"/hq/shops/{shop.id}/status", stale, headers=admin)

    assert (moved.status_code, again.status_code) == (303, 409)
    assert (await shop_of(services, brand, shop.id)).shop.status.value == "paused"


async def test_hours_are_edited_day_by_day_or_for_the_whole_week(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    shop = await make_shop(services, brand, hours=())
    url = f"/hq/shops/{shop.id}/hours"
    blank = fields_of(await english(client, url, admin), having="opens-1")

    monday = filled(blank, opens__1="18:00", closes__1="02:00")
    await submit(client, url, [*monday, ("same", "on")], headers=admin)
    week = (await shop_of(services, brand, shop.id)).hours
    assert [(one.weekday, one.opens, one.closes) for one in week] == [(day, 1080, 1560) for day in range(1, 8)]

    standing = fields_of(await english(client, url, admin), having="opens-1")
    assert ("closes-7", "02:00") in standing
    overlapping = [*standing, ("opens-2", "01:00"), ("closes-2", "03:00")]
    refused = await submit(client, url, overlapping, headers=admin)
    assert refused.status_code == 400
    assert "opening times overlap" in refused.text
    assert 'value="01:00"' in refused.text


async def test_an_analyst_reads_and_cannot_save(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    analyst = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers | HTML

    html = await english(client, f"/hq/shops/{shop.id}", analyst)
    refused = await submit(client, f"/hq/shops/{shop.id}", [("name", "x"), ("version", "1")], headers=analyst)

    assert "disabled" in html
    assert refused.status_code == 403


async def test_a_quarantined_record_is_corrected_on_its_page(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str], tmp_path: Path
) -> None:
    file = file_of(tmp_path, line("A", latitude="north"), line("B", phone="<i>"), "too,few")
    mapping = mappings.load(MAPPINGS / "demo.toml")
    await run_import(services.database, brand=brand.id, kind=SHOPS, file=file, mapping=mapping)
    held = await rows(services, brand, "SELECT id FROM intake_quarantine ORDER BY line")
    first, second, third = (f"/hq/imports/shops/{row[0]}" for row in held)

    listed = await english(client, "/hq/imports/shops", admin)
    assert "intake.not_a_number" in listed
    assert "&lt;i&gt;" in listed
    fields = fields_of(await english(client, first, admin), having="value")
    wrong = [(name, "south" if value == "north" else value) for name, value in fields]
    right = [(name, "31.5" if value == "north" else value) for name, value in fields]
    assert (await submit(client, f"{first}/replay", wrong, headers=admin)).status_code == 400
    assert (await submit(client, f"{first}/replay", right, headers=admin)).status_code == 303
    assert (await submit(client, f"{first}/replay", right, headers=admin)).status_code == 409
    assert (await submit(client, f"{second}/discard", fields, headers=admin)).status_code == 303
    assert "too broken" in await english(client, third, admin)

    assert await rows(services, brand, "SELECT code, latitude FROM stores_shop") == [("A", 31.5)]
    states = await rows(services, brand, "SELECT state FROM intake_quarantine ORDER BY line")
    assert states == [("replayed",), ("discarded",), ("open",)]


async def test_a_shop_sees_its_day_and_corrects_its_stock(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    mine = await make_shop(services, brand, fields=shop_fields("MINE", name="我的店"))
    theirs = await make_shop(services, brand, fields=shop_fields("THEIRS", name="别人的店"))
    [sku] = await make_skus(services, brand)
    await receive(services, brand, mine, sku, 2)
    staff = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=mine.id)).headers | HTML

    admin = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | HTML
    panel = await english(client, f"/hq/panels/stock/{mine.id}", admin)
    assert "LIP-00" in panel
    assert "Running out" in panel
    assert "Nothing in stock yet" in await english(client, f"/hq/panels/stock/{theirs.id}", admin)
    today = await english(client, "/shop/panels/today", staff)
    assert "Open now" in today
    assert "Running out" in today
    assert "别人的店" not in today
    assert 'href="/shop/stock/' in await english(client, "/shop/stock", staff)
    url = f"/shop/stock/{mine.id}/{sku}"
    form = fields_of(await english(client, url, staff), having="quantity")
    saved = await submit(client, url, filled(form, quantity="-1", reason="摔坏"), headers=staff)
    form = fields_of(await english(client, url, staff), having="quantity")
    refused = await submit(client, url, filled(form, quantity="-9", reason="?"), headers=staff)

    assert saved.status_code == 303
    assert (refused.status_code, "reserved" in refused.text) == (409, True)
    assert await stock_row(services, brand, sku) == (1, 0)
    assert "摔坏" in await english(client, url, staff)
    form = fields_of(await english(client, url, staff), having="quantity")
    other = f"/shop/stock/{theirs.id}/{sku}"
    assert (await client.get(other, headers=staff)).status_code == 404
    assert (await submit(client, other, filled(form, quantity="1", reason="x"), headers=staff)).status_code == 404
    assert (await client.get("/shop/team", headers=staff)).status_code == 403


async def test_an_owner_of_two_shops_chooses(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    first = await make_shop(services, brand, fields=shop_fields("A", name="甲店"))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=first.id)).headers | HTML

    html = await english(client, "/shop/team", owner)

    assert f"/shop-people/{first.id}" in html
    assert "Nothing in stock yet" in await english(client, "/shop/stock", owner)
