"""A customer on a small phone: through WeChat's own page and back, by a code to her phone, and out again."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_accessibility import read
from tests.members.makers import set_up_app
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.types import AppKind
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

NUMBER = "19876543210"


def complaints(page: Page) -> list[str]:
    return page.complaints  # type: ignore[attr-defined, no-any-return]


async def test_a_customer_signs_in_through_wechat_and_out_again(
    phone: Page, shop_site: str, sandbox: RunningSandbox, services: Services, brand: BrandView
) -> None:
    await set_up_app(services, brand, sandbox, AppKind.OFFICIAL)
    await phone.goto(f"{shop_site}/m/{brand.code}/me")
    assert await read(phone) == []
    await phone.get_by_role("link", name="用微信登录").click()
    await phone.wait_for_url(f"{sandbox.base_url}/**")
    await phone.locator("[name=user_id]").first.check(force=True)
    await phone.locator("[name=decision][value=allow]").click()
    await phone.wait_for_url(f"{shop_site}/m/{brand.code}/me")

    await expect(phone.get_by_text("已绑定")).to_be_visible()
    assert await read(phone) == []
    await phone.get_by_role("button", name="退出登录", exact=True).click()
    await phone.wait_for_url("**/sign-in?stay=1")
    await expect(phone.get_by_text("已退出")).to_be_visible()
    assert [each for each in complaints(phone) if "favicon" not in each] == []


async def test_a_customer_signs_in_with_a_code_and_waits_for_another(
    phone: Page, shop_site: str, sandbox: RunningSandbox, brand: BrandView
) -> None:
    await phone.goto(f"{shop_site}/m/{brand.code}/sign-in")
    terms = phone.locator(f"a[href='/m/{brand.code}/terms']")
    await terms.click()
    assert await read(phone) == []
    # Where a form's answer was, its address leads back to the form.
    await phone.goto(f"{shop_site}/m/{brand.code}/sign-in/phone")
    await expect(terms).to_be_visible()
    await phone.get_by_role("textbox", name="手机号").fill(NUMBER)
    await phone.get_by_label(re.compile("我同意")).check()
    await phone.get_by_role("button", name="获取验证码").click()
    again = phone.get_by_role("button", name=re.compile(r"重新发送 \(\d+\)"))
    await expect(again).to_be_disabled()
    assert await read(phone) == []

    (message,) = sandbox.get("messages", channel="sms", recipient=NUMBER)
    await phone.get_by_label("短信验证码").fill(re.findall(r"\d{6}", message["body"])[0])
    await phone.get_by_role("button", name="继续").click()
    await phone.wait_for_url(f"{shop_site}/m/{brand.code}/me")
    await expect(phone.get_by_text("198****3210")).to_be_visible()
    assert await read(phone) == []
    assert complaints(phone) == []
