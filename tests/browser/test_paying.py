"""A person pays, in a real browser: inside WeChat, by a code on a screen, on Alipay's page; gives up, tries again,
is too late. Web, worker and the sandbox run; what she sees comes from the notices, or from asking."""

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PHONE, watched
from tests.browser.test_accessibility import read
from tests.members.makers import set_up_app
from tests.payments.kit import add_account, sandbox_account
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.types import AppKind
from yundian.payments import api
from yundian.payments.states import PaymentState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

_WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.50"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A payment that somebody is asked for, and where."""

    payment: PaymentView
    url: str


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A brand that takes payments, with its site."""

    services: Services
    sandbox: RunningSandbox
    brand: BrandView
    site: str

    async def ask(self, *, payer: str = "", lives_s: float = 900) -> Asked:
        async with self.services.database.connection(self.brand.id) as tx:
            payment = await api.start_payment(
                tx,
                keyring=self.services.keyring,
                subject_type="test.counter",
                subject_id=new_id(),
                amount=Money(1280, "CNY"),
                description="雾面唇釉",
                expires_at=clock.now() + dt.timedelta(seconds=lives_s),
                payer=payer,
            )
        path = api.pay_path(self.services.keyring, brand_id=self.brand.id, payment_id=payment.id)
        return Asked(payment=payment, url=f"{self.site}{path}")

    async def state(self, subject_id: uuid.UUID) -> PaymentState:
        async with self.services.database.connection(self.brand.id) as tx:
            found = await api.find_payment(tx, subject_type="test.counter", subject_id=subject_id)
        assert found is not None
        return found.state


@pytest.fixture
async def counter(
    services: Services, brand: BrandView, sandbox: RunningSandbox, shop_site: str, worker: None
) -> AsyncIterator[Counter]:
    for provider in Provider:
        await add_account(
            services, brand.id, sandbox_account(sandbox, provider, f"M{brand.code.replace('-', '')}")
        )
    yield Counter(services=services, sandbox=sandbox, brand=brand, site=shop_site)
    sandbox.http.delete("/sandbox/api/faults")


Hold = Callable[[str], Awaitable[Page]]


@pytest.fixture
async def hold(browser: Browser) -> AsyncIterator[Hold]:
    """A phone whose browser says what it is."""
    contexts = []

    async def make(user_agent: str) -> Page:
        context = await browser.new_context(
            viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN", user_agent=user_agent
        )
        contexts.append(context)
        return await watched(context)

    yield make
    for context in contexts:
        await context.close()


async def choose(page: Page, provider: Provider) -> None:
    await page.locator(f"form:has([value={provider.value}]) button").click()


async def is_paid(page: Page, asked: Asked) -> None:
    await expect(page.get_by_text("支付成功")).to_be_visible(timeout=15_000)
    assert page.url == asked.url


async def test_inside_wechat_she_cancels_the_sheet_and_then_pays_in_it(counter: Counter, hold: Hold) -> None:
    app_id = await set_up_app(counter.services, counter.brand, counter.sandbox, AppKind.OFFICIAL)
    openid = counter.sandbox.post("wechat/code", {"appid": app_id})["openid"]
    asked, phone = await counter.ask(payer=openid), await hold(_WECHAT)
    await phone.goto(asked.url)
    assert await read(phone) == []

    await choose(phone, Provider.WECHAT)
    sheet = phone.frame_locator("iframe")
    await sheet.get_by_role("button", name="取消 Cancel").click()
    await expect(phone.locator("[data-wechat-said]")).not_to_be_empty()
    assert await phone.locator("iframe").count() == 0
    assert await read(phone) == []
    assert await counter.state(asked.payment.subject_id) is PaymentState.PENDING

    await phone.locator("[data-wechat-pay]").click()
    await sheet.get_by_role("button", name="支付 Pay").click()
    await is_paid(phone, asked)
    assert await counter.state(asked.payment.subject_id) is PaymentState.SUCCEEDED
    assert phone.complaints == []  # type: ignore[attr-defined]


async def test_at_a_desk_the_page_turns_by_itself_when_the_code_was_paid(counter: Counter, desktop: Page) -> None:
    asked = await counter.ask()
    await desktop.goto(asked.url)
    await choose(desktop, Provider.WECHAT)
    assert await read(desktop) == []

    async with desktop.expect_popup() as opened:
        await desktop.locator("a[target=_blank]").click()
    cashier = await opened.value
    await cashier.get_by_role("button", name="支付 Pay").click()
    # Nobody touches the shop's page: the notice, the worker and the page's own question do it.
    await is_paid(desktop, asked)
    assert await read(desktop) == []
    assert desktop.complaints == []  # type: ignore[attr-defined]


async def test_alipays_code_or_its_own_page_at_a_desk(counter: Counter, desktop: Page) -> None:
    asked = await counter.ask()
    await desktop.goto(asked.url)
    await choose(desktop, Provider.ALIPAY)
    await expect(desktop.locator("figure img")).to_be_visible()
    await desktop.locator("form:has([value=page]) button").click()
    await desktop.wait_for_url(f"{counter.sandbox.base_url}/cashier/alipay/**")
    await desktop.get_by_role("button", name="支付 Pay").click()

    await is_paid(desktop, asked)


async def test_on_a_phone_she_gives_up_at_alipay_meets_a_wechat_that_is_down_and_pays_there_at_last(
    counter: Counter, hold: Hold
) -> None:
    asked, phone = await counter.ask(), await hold(_PHONE)
    await phone.goto(asked.url)
    await choose(phone, Provider.ALIPAY)
    await phone.get_by_role("link", name="取消并返回商家").click()
    await phone.wait_for_url(asked.url)
    await expect(phone.locator(".toast")).to_be_visible()

    counter.sandbox.break_it("down", provider="wechat_pay", operation="pay.unifiedorder", remaining=None)
    await choose(phone, Provider.WECHAT)
    await expect(phone.get_by_role("alert")).to_be_visible()
    assert await read(phone) == []
    counter.sandbox.http.delete("/sandbox/api/faults")
    await choose(phone, Provider.WECHAT)
    await phone.wait_for_url(f"{counter.sandbox.base_url}/cashier/wechat/**")
    await phone.get_by_role("button", name="支付 Pay").click()

    await is_paid(phone, asked)


async def test_what_is_over_while_she_looks_says_so_and_what_was_closed_too(counter: Counter, phone: Page) -> None:
    short = await counter.ask(lives_s=3)
    await phone.goto(short.url)
    await expect(phone.locator("form button").first).to_be_visible()
    closed = await counter.ask()
    async with counter.services.database.connection(counter.brand.id) as tx:
        await api.close_payment(tx, payment_id=closed.payment.id)
    await expect(phone.locator(".notice-warn")).to_be_visible(timeout=10_000)
    assert await phone.locator("form button[type=submit]").count() == 0
    over = await phone.locator(".notice-warn").inner_text()
    assert await read(phone) == []
    await phone.goto(closed.url)

    assert await phone.locator(".notice-warn").inner_text() != over
