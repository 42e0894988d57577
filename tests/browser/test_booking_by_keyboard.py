"""A customer without a mouse, one with impatient fingers, one who reads English on a phone."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.appointments.makers import make_salon, service_fields
from tests.browser.test_accessibility import read
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]
# What lies between the edge of the text and the card's, at most, where the text has the line to itself.
_SHARE_OF_LINE = "a => a.getBoundingClientRect().width / a.parentElement.getBoundingClientRect().width"


async def test_a_customer_books_by_keyboard_and_goes_on_where_she_was(
    phone: Page, site: str, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=30))
    customer = await make_customer(services, brand)
    await phone.set_extra_http_headers(customer.headers)
    await phone.goto(f"{site}/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}")
    person = phone.locator("#field-staff")
    await person.focus()
    await phone.keyboard.press("ArrowDown")
    await phone.wait_for_url(re.compile("staff="))
    await expect(person).to_be_focused()
    assert await person.input_value() in {str(one) for one in salon.staff}
    assert await read(phone) == []

    await phone.locator(".day-strip a").nth(2).focus()
    await phone.keyboard.press("Enter")
    await phone.wait_for_url(re.compile("day="))
    await phone.locator(".slot-grid a").first.focus()
    await phone.keyboard.press("Enter")
    await phone.wait_for_url(re.compile("/confirm"))
    await phone.locator("main form button[type=submit]").focus()
    await phone.keyboard.press("Enter")
    await phone.wait_for_url(re.compile(r"/appointments/[A-Z0-9]+$"))

    ask = phone.locator("form[action$='/cancel'] button")
    await ask.focus()
    await phone.keyboard.press("Enter")
    await expect(phone.get_by_role("dialog")).to_be_visible()
    await phone.keyboard.press("Escape")
    await expect(ask).to_be_focused()
    [row] = await salon.rows("SELECT state FROM appointments_booking WHERE brand_id = $1")
    assert row["state"] == "confirmed", "who looked at the question has not answered it"


async def test_shops_of_long_english_names_have_the_line_to_themselves(
    phone: Page, site: str, services: Services, brand: BrandView
) -> None:
    await make_salon(services, brand)
    await phone.goto(f"{site}/m/{brand.code}/book?lang=en&lat=31.22&lon=121.46")
    line = phone.locator("#shop-1 > a")
    await expect(line).to_be_visible()
    assert await line.evaluate(_SHARE_OF_LINE) > 0.8
    assert await read(phone) == []
    await phone.goto(f"{site}/m/{brand.code}/book?lang=zh_CN&lat=31.22&lon=121.46")
    assert await line.evaluate(_SHARE_OF_LINE) < 0.8, "in Chinese the way there stands beside it"
