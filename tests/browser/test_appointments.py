"""A customer books with one hand, and the shop sees her on its board: every page can be read by everyone."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.appointments.makers import make_salon, service_fields
from tests.appointments.parlour import open_parlour
from tests.browser.test_accessibility import read
from tests.browser.test_shell import complaints, sign_in
from tests.members.makers import make_customer
from tests.people import make_person
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


async def test_a_customer_books_on_her_phone_and_the_shop_sees_her_on_its_board(
    phone: Page, desktop: Page, site: str, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=30))
    customer = await make_customer(services, brand)
    await phone.set_extra_http_headers(customer.headers)
    await phone.goto(f"{site}/m/{brand.code}?lat=31.22&lon=121.46")
    await expect(phone.locator("#shop-1 [data-way]")).to_be_visible()
    assert await read(phone) == []
    await phone.goto(f"{site}/m/{brand.code}/book?service={salon.service.id}&lat=31.22&lon=121.46")
    await expect(phone.get_by_text(re.compile("最近可约"))).to_be_visible()
    assert await read(phone) == []
    # The number on the map leads to the same number in the list; the way there is in China's datum.
    await phone.locator(".near-mark").first.click()
    await expect(phone.locator("#shop-1:target")).to_be_visible()
    way = await phone.locator("#shop-1 [data-way]").get_attribute("href")
    assert str(way).startswith("https://uri.amap.com/navigation?to=121.")
    await phone.locator(f"a[href^='/m/{brand.code}/book/{salon.shop_id}']").first.click()
    await phone.locator(".day-strip a").nth(2).click()
    assert await read(phone) == []
    await phone.locator(".slot-grid a").first.click()
    assert await read(phone) == []
    await phone.locator("main form button[type=submit]").first.click()
    await phone.wait_for_url(re.compile(r"/appointments/[A-Z0-9]+$"))
    code = phone.url.rpartition("/")[2]
    await expect(phone.locator(".code-digits")).to_have_text(code)
    assert await read(phone) == []

    await sign_in(desktop, site, await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id))
    booking = (await salon.rows("SELECT id, local_day FROM appointments_booking WHERE brand_id = $1"))[0]
    await desktop.goto(f"{site}/shop/appointments?day={booking['local_day']}")
    assert await read(desktop) == []
    await desktop.locator(f"a[href='/shop/appointments/{booking['id']}']").first.click()
    assert await read(desktop) == []
    # Signing in looks at HQ's home first, which is not hers.
    assert [each for each in complaints(desktop) if "403" not in each] == []
    assert [each for each in complaints(phone) if "favicon" not in each] == []


async def test_a_group_s_first_member_chooses_where_and_when_and_the_others_only_join(
    phone: Page, site: str, services: Services, brand: BrandView
) -> None:
    pool = await open_pool(services.settings, role=RELAY_ROLE, size=1)
    parlour = await open_parlour(services, brand, pool)
    leader, friend = [await make_customer(services, brand) for _ in range(2)]
    await phone.set_extra_http_headers(leader.headers)
    start = f"{site}/m/{brand.code}/book/group/{parlour.campaign.campaign.code}/start"
    await phone.goto(start)
    await expect(phone.locator(".slot-grid button").first).to_be_visible()
    assert await read(phone) == []
    await phone.locator(".slot-grid button").first.click()
    asked = phone.get_by_role("dialog")
    await expect(asked).to_contain_text(":00")
    await asked.locator("button[value=yes]").click()
    await phone.wait_for_url(re.compile("/pay/"))

    [group] = await parlour.fair.rows("SELECT code FROM groupbuy_group WHERE brand_id = $1")
    await phone.set_extra_http_headers(friend.headers)
    await phone.goto(f"{site}/m/{brand.code}/g/{group['code']}/join")
    assert await phone.locator("select[name=pickup_shop_id]").count() == 0
    await expect(phone.locator("input[name=pickup_shop_id]")).to_have_value(str(parlour.salon.shop_id))
    await expect(phone.locator("[hx-get$='/when']")).to_contain_text(":00")
    assert await read(phone) == []

    await parlour.salon.rows("UPDATE appointments_plan_span SET ends = starts + 30 WHERE brand_id = $1")
    await phone.goto(start)
    await expect(phone.locator(".empty")).to_be_visible()
    assert await read(phone) == []
    await pool.close()
