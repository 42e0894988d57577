"""HQ's numbers in a real browser: charts are drawn under the strict policy, and a number leads to its orders."""

import datetime as dt

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_shell import complaints, sign_in
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
