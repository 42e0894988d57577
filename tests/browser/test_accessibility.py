"""Every page that a menu or a link reaches, read by axe-core: labels, landmarks, contrast by day and by night; and
none is wider than a small phone."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, ViewportSize

from yundian.app.demo.seed import DemoSummary, ensure_demo
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

_AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_READ = """async rules => (
  await axe.run({runOnly: rules, resultTypes: ["violations"], preload: false})).violations.map(
  v => [v.id, v.nodes.slice(0, 4).map(n => n.html.slice(0, 160) + " " + (n.any[0]?.message ?? ""))])"""
_LINKS = """() => [...document.querySelectorAll("a[href^='/']:not([download])")]
  .map(a => a.getAttribute("href"))"""
# Panels ask for themselves as soon as htmx reads the page, and are marked while they wait for their answer.
_IS_SETTLED = """() => document.readyState === "complete"
  && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, [data-panel][aria-busy=true]")"""
_WIDTH = "() => document.documentElement.scrollWidth"
# One page of a kind is enough: of one thing by its id, of one template by its code.
_ONE_OF_MANY = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/message-templates/)[a-z0-9_.]+")
_MOST_PAGES = 90
PHONE = ViewportSize(width=360, height=740)


@cache
def _axe() -> str:
    return _AXE.read_text()


@pytest.fixture
async def demo(services: Services, migrated: Settings) -> DemoSummary:
    return await ensure_demo(migrated)


async def sign_in(page: Page, site: str, demo: DemoSummary, login: str) -> None:
    password = next(person.password for person in demo.logins if person.login == login)
    await page.goto(f"{site}/sign-in")
    await page.locator("[name=login]").fill(login)
    await page.locator("[name=password]").fill(password)
    await page.locator("[name=password]").press("Enter")
    await page.wait_for_url(re.compile(r"/(hq|shop)$"))


async def read(page: Page) -> list[Any]:
    """What is wrong with the page, its panels loaded: by day, by night, and cut off on a small phone."""
    await page.wait_for_function(_IS_SETTLED)
    await page.evaluate(_axe())
    found: list[Any] = await page.evaluate(_READ, _RULES)
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += [["by night", *each] for each in await page.evaluate(_READ, ["color-contrast"])]
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    before = page.viewport_size
    await page.set_viewport_size(PHONE)
    width = await page.evaluate(_WIDTH)
    if width > PHONE["width"]:
        found.append(["wider than a phone", width])
    if before is not None:
        await page.set_viewport_size(before)
    return found


async def walk(page: Page, site: str, start: str) -> dict[str, list[Any]]:
    """Visit one page of each kind that links lead to; what is wrong by address, nothing for sound ones."""
    wrong: dict[str, list[Any]] = {}
    kinds: set[str] = set()
    waiting = [start]
    while waiting:
        address = waiting.pop(0)
        kind = _ONE_OF_MANY.sub("*", address)
        if kind in kinds or address.startswith(("/static", "/docs", "/v1")):
            continue
        kinds.add(kind)
        assert len(kinds) <= _MOST_PAGES, kinds
        answer = await page.goto(f"{site}{address}")
        found = await read(page)
        if answer is None or answer.status != 200:
            found.append(["status", answer and answer.status])
        if found:
            wrong[address] = found
        waiting += [re.sub(r"[?#].*", "", link) for link in await page.evaluate(_LINKS)]
    assert len(kinds) >= 5
    return wrong


async def test_every_page_of_hq_can_be_read_by_everyone(desktop: Page, site: str, demo: DemoSummary) -> None:
    await sign_in(desktop, site, demo, "demo-hq")

    assert await walk(desktop, site, "/hq") == {}


async def test_every_page_of_a_shop_can_be_read_by_everyone(phone: Page, site: str, demo: DemoSummary) -> None:
    await sign_in(phone, site, demo, "demo-owner")

    assert await walk(phone, site, "/shop") == {}


async def test_the_pages_before_the_sign_in_can_be_read_by_everyone(desktop: Page, site: str) -> None:
    for address in ("/", "/sign-in", "/nowhere"):
        await desktop.goto(f"{site}{address}")
        assert (address, await read(desktop)) == (address, [])
