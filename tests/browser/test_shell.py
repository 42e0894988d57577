"""The page shell in a real browser: drawer, dialog, toast, panels, language, and a console without complaints."""

import pytest
from playwright.async_api import Page, expect

from tests.people import PASSWORD, Person, make_person
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture
async def person(services: Services, brand: BrandView) -> Person:
    return await make_person(services, brand.id, Role.HQ_ADMIN)


async def sign_in(page: Page, site: str, person: Person) -> None:
    await page.goto(f"{site}/hq?lang=en")
    await page.get_by_label("E-mail, phone or name").fill(person.login)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{site}/hq**")


def complaints(page: Page) -> list[str]:
    return page.complaints  # type: ignore[attr-defined, no-any-return]


async def test_the_front_page_fits_a_phone_and_speaks_chinese(phone: Page, site: str) -> None:
    await phone.goto(site)

    await expect(phone.locator("html")).to_have_attribute("lang", "zh-CN")
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert complaints(phone) == []


async def test_a_home_page_loads_its_panels_and_says_when_one_fails(
    desktop: Page, site: str, person: Person
) -> None:
    await sign_in(desktop, site, person)
    await expect(desktop.get_by_text("ding")).to_be_visible()
    assert complaints(desktop) == []

    await desktop.route("**/probe/panel", lambda route: route.abort())
    await desktop.goto(f"{site}/hq")

    failed = desktop.locator("[data-panel][hx-get='/probe/panel'] [data-failed]")
    await expect(failed).to_be_visible()
    await expect(desktop.locator("[data-failed]:visible")).to_have_count(1)


async def test_the_drawer_opens_and_closes_by_keyboard(phone: Page, site: str, person: Person) -> None:
    await sign_in(phone, site, person)
    menu = phone.get_by_role("button", name="Menu")

    await menu.press("Enter")
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await expect(phone.get_by_role("navigation", name="Main navigation")).to_be_visible()
    await phone.keyboard.press("Escape")

    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(menu).to_be_focused()


async def test_a_form_shows_its_errors_and_then_a_toast(desktop: Page, site: str, person: Person) -> None:
    await sign_in(desktop, site, person)
    await desktop.goto(f"{site}/probe/form")
    await desktop.get_by_label("Note").fill("x")
    await desktop.get_by_role("button", name="Save").click()
    await expect(desktop.get_by_label("Note")).to_have_attribute("aria-invalid", "true")

    await desktop.get_by_label("Note").fill("hello")
    await desktop.get_by_label("Times").fill("1")
    await desktop.get_by_role("button", name="Save").click()

    await expect(desktop.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    assert [text for text in complaints(desktop) if "400" not in text] == []


async def test_a_dangerous_button_asks_first(desktop: Page, site: str, person: Person) -> None:
    await sign_in(desktop, site, person)
    await desktop.goto(f"{site}/probe/form")
    sent: list[str] = []
    desktop.on("request", lambda request: sent.append(request.method))

    await desktop.get_by_role("button", name="Do").click()
    dialog = desktop.get_by_role("dialog")
    await expect(dialog).to_contain_text("Really?")
    await dialog.get_by_role("button", name="Go back").click()
    assert "POST" not in sent

    await desktop.get_by_role("button", name="Do").click()
    await dialog.get_by_role("button", name="Yes, go ahead").click()
    await desktop.wait_for_load_state("networkidle")
    assert sent.count("POST") == 1


async def test_the_api_page_works_under_the_strict_policy(desktop: Page, site: str) -> None:
    await desktop.goto(f"{site}/docs")

    await expect(desktop.get_by_text("auth_sign_in").first).to_be_visible(timeout=15_000)
    assert complaints(desktop) == []
