"""The pages a person touches, in a real Chromium with a small phone's screen."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.sandbox.clients import app_client
from tests.sandbox.conftest import AlipayShop, WeChatShop
from tests.sandbox.receiver import Merchant, Received, polite
from tests.sandbox.running import eventually

pytestmark = pytest.mark.browser
_FINDER = Path(__file__).parents[2] / "scripts" / "browser.py"
_SHARE_PAGE = """<!doctype html><meta charset=utf-8><title>share</title><p id=result>waiting</p>
<script src="%s/res/jweixin-1.6.0.js"></script>
<script>
var tell = function (said) { document.getElementById("result").textContent = said.errMsg; };
wx.config(Object.assign(%s, { jsApiList: [] }));
wx.ready(tell);
wx.error(tell);
</script>"""
_SHOP_PAGE = """<!doctype html><meta charset=utf-8><title>shop</title><p id=result>waiting</p>
<script src="%s/res/jweixin-1.6.0.js"></script>
<script>
var tell = function (said) { document.getElementById("result").textContent = said.errMsg; };
wx.chooseWXPay(Object.assign(%s, { success: tell, cancel: tell, fail: tell }));
</script>"""


@pytest.fixture(scope="module")
def shared_phone() -> Iterator[Page]:
    found = subprocess.run([sys.executable, str(_FINDER)], check=True, capture_output=True)
    how = json.loads(found.stdout)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=how["executable"],
            args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            env={**os.environ, **how["environment"]},
        )
        yield chromium.new_page(viewport={"width": 360, "height": 740}, locale="zh-CN")
        chromium.close()


@pytest.fixture
def phone(shared_phone: Page) -> Page:
    shared_phone.context.clear_cookies()
    return shared_phone


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def _shop_page(wechat: WeChatShop, merchant: Merchant, number: str) -> str:
    """A page of the shop that asks for a payment inside WeChat; its address."""
    made = wechat.order(number, product="JSAPI", openid=wechat.openid(), sign_type="MD5")
    params = wechat.client.jsapi.get_jsapi_params(made["prepay_id"], timestamp="1700000000")
    params["timestamp"] = params.pop("timeStamp")
    html = (_SHOP_PAGE % (wechat.sandbox.base_url, json.dumps(params))).encode()

    def answer(taken: Received) -> tuple[int, bytes]:
        return polite(taken) if taken.method == "POST" else (200, html)

    merchant.answer = answer
    return f"{merchant.url}/shop.html"


def test_paying_in_the_sheet_of_the_js_sdk(
    wechat: WeChatShop, merchant: Merchant, phone: Page, number: str
) -> None:
    phone.goto(_shop_page(wechat, merchant, number))
    sheet = phone.frame_locator("iframe")
    expect(sheet.get_by_text("¥12.50").first).to_be_visible()
    sheet.get_by_role("button", name="支付 Pay").click()
    expect(phone.locator("#result")).to_have_text("chooseWXPay:ok")

    assert phone.locator("iframe").count() == 0
    assert wechat.call("pay/orderquery", out_trade_no=number)["trade_state"] == "SUCCESS"
    assert eventually(lambda: merchant.at("/wechat/notify"), what="the notice")


def test_cancelling_in_the_sheet_of_the_js_sdk(
    wechat: WeChatShop, merchant: Merchant, phone: Page, number: str
) -> None:
    phone.goto(_shop_page(wechat, merchant, number))
    phone.frame_locator("iframe").get_by_role("button", name="取消 Cancel").click()
    expect(phone.locator("#result")).to_have_text("chooseWXPay:cancel")

    assert wechat.call("pay/orderquery", out_trade_no=number)["trade_state"] == "NOTPAY"


@pytest.mark.parametrize(("page", "said"), [("a", "config:ok"), ("b", "config:invalid signature")])
def test_a_page_may_share_if_its_own_address_was_signed(
    wechat: WeChatShop, merchant: Merchant, phone: Page, page: str, said: str
) -> None:
    client = app_client(wechat.sandbox.base_url, wechat.app)
    url = f"{merchant.url}/share?page=a"
    signature = client.jsapi.get_jsapi_signature("n1", client.jsapi.get_jsapi_ticket(), "1700000000", url)
    client._http.close()
    config = {"appId": wechat.app["appid"], "nonceStr": "n1", "timestamp": 1700000000, "signature": signature}
    html = (_SHARE_PAGE % (wechat.sandbox.base_url, json.dumps(config))).encode()
    merchant.answer = lambda _taken: (200, html)
    phone.goto(f"{merchant.url}/share?page={page}#top")

    expect(phone.locator("#result")).to_have_text(said)


def test_the_cashier_fits_a_small_phone_and_a_new_person_can_pay(
    alipay: AlipayShop, phone: Page, number: str
) -> None:
    phone.goto(alipay.precreate(number)["qr_code"])
    fits = _fits(phone)
    phone.get_by_text("用手机扫码").click()
    has_code = phone.locator("svg").is_visible()
    phone.get_by_placeholder("昵称").fill("新客")
    phone.get_by_role("button", name="支付 Pay").click()
    expect(phone.get_by_role("heading", name="支付成功")).to_be_visible()

    assert (fits, has_code) == (True, True)
    assert alipay.call("trade.query", out_trade_no=number)["trade_status"] == "TRADE_SUCCESS"


def test_the_operators_pages_fit_a_small_phone(wechat: WeChatShop, phone: Page, number: str) -> None:
    wechat.order(number)
    wechat.pay(number)
    wide = []
    for name in ("", *(f"pages/{each}" for each in ("books", "notices", "messages", "sms", "users", "faults"))):
        phone.goto(f"{wechat.sandbox.base_url}/{name}")
        if not _fits(phone):
            wide.append(name)

    assert wide == []
