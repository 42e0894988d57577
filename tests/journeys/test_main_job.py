"""The main job in real browsers: a shop's link brings a group that pays, is credited to the shop, is handed over,
and is seen by headquarters. Web, worker and the sandbox run; only the people move."""

import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from groupbuy import api as groupbuy
from groupbuy.types import CampaignFields, ItemFields
from stores.types import ShopView
from tests.browser.conftest import PHONE, watched
from tests.browser.test_accessibility import read
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.payments.kit import add_account, sandbox_account
from tests.people import PASSWORD, Person, make_person
from tests.sandbox.running import RunningSandbox
from tests.stores.makers import make_shop, receive
from yundian.brands.types import BrandView
from yundian.catalog.states import ProductStatus
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1"
_SHARED = "navigator.share = what => { window.shared = what.url; return Promise.resolve(); }"
_DRAWN = "picture => picture.complete && picture.naturalWidth > 0"
PRICE = 9_900
SOLD = "¥198.00"
TITLE = "云雾唇釉 两人团 99 元"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A brand that is ready to sell, and the people who move on it."""

    site: str
    sandbox: RunningSandbox
    brand: BrandView
    shop: ShopView
    merchant: str
    browser: Browser
    owner: Person
    hq: Person
    contexts: list[BrowserContext] = field(default_factory=list)

    async def phone(self) -> Page:
        """Somebody's own phone, with a share sheet that tells what was shared."""
        context = await self.browser.new_context(
            viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN", user_agent=_AGENT
        )
        await context.add_init_script(_SHARED)
        self.contexts.append(context)
        return await watched(context)

    async def staff_sign_in(self, page: Page, person: Person) -> None:
        await page.goto(f"{self.site}/sign-in")
        await page.locator("[name=login]").fill(person.login)
        await page.locator("[name=password]").fill(PASSWORD)
        await page.locator("[name=password]").press("Enter")
        await page.wait_for_url(re.compile(r"/(hq|shop)$"))

    async def sign_in(self, page: Page, number: str) -> None:
        """A customer proves her phone number and is where she wanted to be."""
        await page.get_by_role("textbox", name="手机号").fill(number)
        await page.get_by_label(re.compile("我同意")).check()
        await page.get_by_role("button", name="获取验证码").click()
        code = page.get_by_label("短信验证码")
        await expect(code).to_be_visible()
        (message,) = self.sandbox.get("messages", channel="sms", recipient=number)
        await code.fill(re.findall(r"\d{6}", message["body"])[0])
        await page.get_by_role("button", name="继续").click()

    async def choose_and_pay(self, page: Page) -> None:
        """From the choice of the goods to the thanks for the money."""
        await page.get_by_role("button", name="去付款").click()
        await page.locator("form:has([value=wechat]) button").click()
        await page.wait_for_url(f"{self.sandbox.base_url}/cashier/wechat/**")
        await page.get_by_role("button", name="支付 Pay").click()
        await expect(page.get_by_text("支付成功")).to_be_visible(timeout=15_000)
        await page.get_by_role("link", name="继续").click()


@pytest.fixture
async def stage(
    services: Services, brand: BrandView, sandbox: RunningSandbox, shop_site: str, worker: None, browser: Browser
) -> AsyncIterator[Stage]:
    name = f"J{brand.code.replace('-', '')}"
    account = sandbox_account(sandbox, Provider.WECHAT, name)
    await add_account(services, brand.id, account)
    shop = await make_shop(services, brand)
    product = await make_product(
        services, brand, fields=product_fields(), skus=(sku_fields("LIP-01"),), status=ProductStatus.ON_SALE
    )
    [sku] = product.skus
    await receive(services, brand, shop, sku.id, 5)
    now = clock.now()
    fields = CampaignFields(
        name="双十一两人团",
        title=TITLE,
        size=2,
        starts_at=now - dt.timedelta(minutes=1),
        ends_at=now + dt.timedelta(days=1),
        items=(ItemFields(sku_id=sku.id, group_price_minor=PRICE, quota=4),),
    )
    async with services.database.unit_of_work(brand.id) as session:
        draft = await groupbuy.create_campaign(session, fields=fields)
        await groupbuy.publish_campaign(
            session, campaign_id=draft.campaign.id, version=draft.campaign.version, now=now
        )
    stage = Stage(
        site=shop_site,
        sandbox=sandbox,
        brand=brand,
        shop=shop,
        merchant=account.merchant_id,
        browser=browser,
        owner=await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=shop.id),
        hq=await make_person(services, brand.id, Role.HQ_ADMIN),
    )
    yield stage
    for context in stage.contexts:
        await context.close()


async def test_a_shops_link_brings_a_group_that_pays_is_credited_handed_over_and_seen_by_headquarters(
    stage: Stage, desktop: Page
) -> None:
    owner, first, second = await stage.phone(), await stage.phone(), await stage.phone()

    link = await take_the_link(stage, owner)
    shared = await start_a_group(stage, first, link)
    await join_the_group(stage, second, shared)
    code = await collect_code(first)
    assert await read(first) == []
    assert await collect_code(second) != code
    await hand_over(stage, owner, code)
    number = await see_the_order(first)
    await see_credited_sales(stage, owner)
    await see_what_headquarters_sees(stage, desktop, number)

    paid = [one["amount_minor"] for one in stage.sandbox.books(stage.merchant)["payments"] if one["paid_at"]]
    assert paid == [PRICE, PRICE]
    for page in (owner, first, second, desktop):
        assert complaints(page) == []


def complaints(page: Page) -> list[str]:
    return page.complaints  # type: ignore[attr-defined, no-any-return]


async def take_the_link(stage: Stage, owner: Page) -> str:
    """The owner shares the campaign: an address, a code and a poster to save."""
    await stage.staff_sign_in(owner, stage.owner)
    await owner.goto(f"{stage.site}/shop/links")
    await owner.get_by_role("button", name="分享").click()
    await owner.wait_for_url(re.compile(r"/shop/links/[0-9a-f-]{36}$"))
    poster = owner.locator("img.link-poster")
    await poster.scroll_into_view_if_needed()
    for picture in (owner.locator("img.link-code"), poster):
        await expect(picture).to_be_visible()
        await picture.evaluate("picture => picture.decode()")
        assert await picture.evaluate(_DRAWN)
    async with owner.expect_download() as saved:
        await owner.get_by_role("link", name="保存海报").click()
    assert (await (await saved.value).path()).read_bytes().startswith(b"\x89PNG")
    await owner.get_by_role("button", name="分享").first.click()
    url = str(await owner.evaluate("window.shared"))
    assert url == await owner.locator("#link-url").input_value()
    return url


async def start_a_group(stage: Stage, page: Page, link: str) -> str:
    """The first customer comes by the link and pays; what she shares leads to her group."""
    await page.goto(link)
    await expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    await expect(page.get_by_text(stage.shop.name)).to_be_visible()
    assert await read(page) == []
    await page.get_by_role("link", name="我要开团").click()
    await stage.sign_in(page, "19811110001")
    await page.wait_for_url(re.compile(r"/c/\w+/start"))
    assert await read(page) == []
    await stage.choose_and_pay(page)
    await page.wait_for_url(re.compile(r"/g/\w+"))
    await expect(page.get_by_text("参团成功")).to_be_visible(timeout=15_000)
    assert await read(page) == []
    invite = page.get_by_role("button", name="邀请好友")
    # Her own link to the group, which keeps the shop's claim.
    await expect(invite).to_have_attribute("data-share-url", re.compile(rf"^{re.escape(stage.site)}/s/\w+$"))
    await invite.click()
    return str(await page.evaluate("window.shared"))


async def join_the_group(stage: Stage, page: Page, shared: str) -> None:
    await page.goto(shared)
    await page.wait_for_url(re.compile(r"/g/\w+\?via="))
    await page.get_by_role("link", name="参加这个团").click()
    await stage.sign_in(page, "19811110002")
    await page.wait_for_url(re.compile(r"/g/\w+/join"))
    await stage.choose_and_pay(page)


async def collect_code(page: Page) -> str:
    """Her page turns by itself when the group is complete; the order has the code."""
    await expect(page.get_by_role("heading", name="拼团成功")).to_be_visible(timeout=20_000)
    await page.get_by_role("link", name="查看订单").click()
    digits = page.locator(".code-digits")
    await expect(digits).to_be_visible()
    return await digits.inner_text()


async def hand_over(stage: Stage, owner: Page, code: str) -> None:
    """Looking changes nothing; confirming works once."""
    for _ in range(2):
        await owner.goto(f"{stage.site}/shop/hand-over")
        await owner.locator("[name=code]").fill(code)
        await owner.get_by_role("button", name="查看订单").click()
        await expect(owner.get_by_text("¥99.00").first).to_be_visible()
    await owner.locator("form[action='/shop/hand-over/confirm'] button").click()
    await owner.goto(f"{stage.site}/shop/hand-over")
    await owner.locator("[name=code]").fill(code)
    await owner.get_by_role("button", name="查看订单").click()
    await expect(owner.get_by_role("alert")).to_be_visible()
    # The refusal is all that the browser noticed.
    [noticed] = complaints(owner)
    assert "409" in noticed
    complaints(owner).clear()


async def see_the_order(page: Page) -> str:
    """Her order was collected; its number."""
    await page.reload()
    await expect(page.locator(".code-digits")).to_have_count(0)
    await expect(page.get_by_role("heading", level=1)).not_to_be_empty()
    return page.url.rpartition("/")[2]


async def see_credited_sales(stage: Stage, owner: Page) -> None:
    await owner.goto(f"{stage.site}/shop")
    card = owner.locator(".card", has_text="归属业绩")
    await expect(card.get_by_text(SOLD).first).to_be_visible()


async def see_what_headquarters_sees(stage: Stage, desktop: Page, number: str) -> None:
    """The dashboard's numbers are what was paid; why the shop; and the member with her order."""
    await stage.staff_sign_in(desktop, stage.hq)
    for basis in ("accrual", "cash"):
        await desktop.goto(f"{stage.site}/hq/sales?by=shop&basis={basis}")
        row = desktop.locator("tbody tr", has_text=stage.shop.name)
        await expect(row).to_contain_text("198.00")
        await expect(desktop.locator(".figures dd").first).to_have_text(SOLD)
    await desktop.goto(f"{stage.site}/hq/orders?number={number}")
    await desktop.get_by_role("link", name=number).click()
    await desktop.get_by_role("link", name="查看依据与转移").click()
    await expect(desktop.get_by_role("heading", name=stage.shop.name)).to_be_visible()
    await expect(desktop.get_by_text("以此为准", exact=True)).to_be_visible()
    await desktop.go_back()
    await desktop.locator("a[href^='/hq/members/']").click()
    # Ordered, paid, ready, collected.
    await expect(desktop.get_by_role("link", name=number)).to_have_count(4)
    await expect(desktop.locator(".figures dd").first).to_have_text("¥99.00")
