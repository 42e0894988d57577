"""HQ's numbers in a real browser: charts are drawn under the strict policy, and a number leads to its orders."""

import datetime as dt

import pytest
from playwright.async_api import FilePayload, Page, expect

from tests.browser.test_accessibility import read
from tests.browser.test_shell import complaints, sign_in
from tests.catalog.makers import make_product, picture_file, product_fields, sku_fields
from tests.people import make_person
from tests.reports.makers import Story, tell
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

# A canvas of one colour shows nothing.
_COLOURS = """canvas => new Set(new Uint32Array(
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""


async def test_hq_looks_at_its_chart_goes_deeper_and_finds_the_orders_of_a_number(
    desktop: Page, site: str, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields(name="静安店"))
    now = clock.now()
    stories = [
        Story(shop_id=shop.id, paid_at=now - dt.timedelta(days=n, hours=2), lines=(n * 100_00 + 1,))
        for n in range(5)
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    await sign_in(desktop, site, await make_person(services, brand.id, Role.HQ_ANALYST))
    await desktop.goto(f"{site}/hq/sales?by=shop&lang=en")

    await expect(desktop.locator("tfoot")).to_contain_text("1,000.05")
    canvas = desktop.locator("[data-chart] canvas")
    await expect(canvas).to_be_visible()
    assert await canvas.evaluate(_COLOURS) > 3
    await desktop.set_viewport_size({"width": 360, "height": 740})
    await expect(canvas).to_be_visible()
    assert await desktop.evaluate("document.documentElement.scrollWidth") <= 360
    await desktop.set_viewport_size({"width": 1280, "height": 800})
    await desktop.get_by_role("link", name="静安店").click()
    await expect(desktop.locator("[aria-current=page]", has_text="Day")).to_be_visible()
    assert await desktop.locator("tbody tr").count() == 30
    await desktop.go_back()
    await desktop.locator("tbody td a").first.click()
    await expect(desktop.get_by_role("link", name=stories[0].number)).to_be_visible()
    assert await desktop.locator("tbody tr").count() == len(stories)
    assert complaints(desktop) == []


async def test_hq_shows_a_product_and_finds_it_again_for_a_campaign_by_keyboard(
    desktop: Page, site: str, services: Services, brand: BrandView
) -> None:
    skus = tuple(sku_fields(f"LIP-0{n}", shade_name=name) for n, name in enumerate(("枫叶红", "山茶粉")))
    product = await make_product(services, brand, fields=product_fields("LIP"), skus=skus)
    await sign_in(desktop, site, await make_person(services, brand.id, Role.HQ_ADMIN))
    await desktop.goto(f"{site}/hq/products/{product.id}?lang=en")
    files = [
        FilePayload(name=f"{colour}.png", mimeType="image/png", buffer=picture_file(f"#{colour}"))
        for colour in ("a03020", "2030a0")
    ]
    await desktop.locator("#picture-files").set_input_files(
        [*files, FilePayload(name="no.png", mimeType="", buffer=b"?")]
    )
    tiles = desktop.locator(".picture-grid img.picture-tile")
    await expect(tiles).to_have_count(2)
    await expect(desktop.get_by_text("no.png: Not a JPEG, PNG or WebP picture, or a broken one")).to_be_visible()
    second = await tiles.nth(1).get_attribute("src")
    await desktop.get_by_role("button", name="Earlier").click()
    await expect(tiles.first).to_have_attribute("src", str(second))
    assert await tiles.first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320
    await desktop.get_by_role("button", name="Remove picture 2").click()
    await expect(desktop.get_by_text("1 removed picture")).to_be_visible()
    await desktop.get_by_text("1 removed picture").click()
    await desktop.get_by_role("button", name="Put back").click()
    await expect(tiles).to_have_count(2)

    await desktop.goto(f"{site}/hq/campaigns/new")
    await desktop.locator("#sku-search").press_sequentially("山茶")
    await expect(desktop.locator(".picks li")).to_have_count(2)
    assert await read(desktop) == []
    await desktop.keyboard.press("ArrowDown")
    await desktop.keyboard.press("Enter")
    await expect(desktop.locator("#items")).to_contain_text("山茶粉")
    await expect(desktop.locator("#sku-search")).to_be_focused()
    await expect(desktop.locator("#sku-search")).to_have_value("")
    await expect(desktop.locator("#items img")).to_have_attribute("src", str(second))
    await desktop.locator("#items [name=price]").fill("99")
    await desktop.locator("#sku-search").press_sequentially("LIP-00")
    await expect(desktop.locator(".picks li").first).to_contain_text("LIP-00")
    await desktop.keyboard.press("Enter")
    await expect(desktop.locator("#items [name=sku]")).to_have_count(2)
    await expect(desktop.locator("#items [name=price]").first).to_have_value("99")
    await desktop.get_by_role("button", name="Remove").first.click()
    await expect(desktop.locator("#items [name=sku]")).to_have_count(1)
    assert await read(desktop) == []
    assert [each for each in complaints(desktop) if "403" not in each] == []
