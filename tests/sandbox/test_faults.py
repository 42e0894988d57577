"""Every switch for failure, seen from the client's side of the wire."""

import json
import time
from typing import Any

import pytest
import requests
import xmltodict
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.response.AlipayTradeQueryResponse import AlipayTradeQueryResponse
from alipay.aop.api.util.SignatureUtils import verify_with_rsa
from wechatpy.pay import WeChatPayException

from tests.sandbox.clients import is_signed
from tests.sandbox.conftest import AlipayShop, WeChatShop
from tests.sandbox.receiver import Merchant
from tests.sandbox.running import RunningSandbox, eventually
from tests.sandbox.test_alipay import is_genuine, notice_fields

HMAC = "HMAC-SHA256"
FOUND_OUT_BY_SIGNATURE = pytest.mark.parametrize("fault", ["tampered", "weak", "unsigned"])
SIGNED_BUT_WRONG = pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("wrong_amount", "total_fee"),
        ("wrong_currency", "fee_type"),
        ("wrong_app", "appid"),
        ("wrong_merchant", "mch_id"),
        ("wrong_number", "out_trade_no"),
    ],
)


@FOUND_OUT_BY_SIGNATURE
def test_a_reply_of_wechat_pay_that_nobody_should_believe(wechat: WeChatShop, number: str, fault: str) -> None:
    key = wechat.account["api_key"]
    wechat.order(number)
    wechat.sandbox.break_it(fault, provider="wechat_pay", operation="pay.orderquery", key=number)
    bad = wechat.call("pay/orderquery", out_trade_no=number)
    good = wechat.call("pay/orderquery", out_trade_no=number)

    assert (is_signed(bad, key, sign_type=HMAC), is_signed(good, key, sign_type=HMAC)) == (False, True)
    assert is_signed(bad, key, sign_type="MD5") == (fault == "weak")


@SIGNED_BUT_WRONG
def test_a_notice_of_wechat_pay_signed_well_but_about_something_else(
    wechat: WeChatShop, merchant: Merchant, number: str, fault: str, name: str
) -> None:
    merchant.answer = lambda _taken: (500, b"")
    wechat.order(number)
    wechat.sandbox.break_it(fault, provider="wechat_pay", operation="notify.pay", key=number)
    wechat.pay(number)
    eventually(lambda: len(merchant.received) >= 2, what="the wrong notice and the right one")
    wrong, right = (xmltodict.parse(each.body)["xml"] for each in merchant.received[:2])

    assert all(is_signed(each, wechat.account["api_key"], sign_type=HMAC) for each in (wrong, right))
    assert wrong[name] != right[name]
    assert {key for key in right if wrong[key] != right[key]} - {"sign", "cash_fee"} == {name}


@FOUND_OUT_BY_SIGNATURE
def test_a_notice_of_wechat_pay_that_nobody_should_believe(
    wechat: WeChatShop, merchant: Merchant, number: str, fault: str
) -> None:
    wechat.order(number)
    wechat.sandbox.break_it(fault, operation="notify.pay", key=number)
    wechat.pay(number)
    said = xmltodict.parse(eventually(lambda: merchant.received, what="a notice")[0].body)["xml"]

    assert not is_signed(said, wechat.account["api_key"], sign_type=HMAC)


def test_a_forged_refund_notice_cannot_be_opened(wechat: WeChatShop, merchant: Merchant, number: str) -> None:
    wechat.order(number, fen=100)
    wechat.pay(number)
    wechat.sandbox.break_it("tampered", operation="notify.refund", key=f"{number}R")
    wechat.call(
        "secapi/pay/refund",
        out_trade_no=number,
        out_refund_no=f"{number}R",
        total_fee=100,
        refund_fee=100,
        notify_url=f"{merchant.url}/wechat/refunded",
    )
    told = eventually(lambda: merchant.at("/wechat/refunded"), what="a refund notice")[0]

    with pytest.raises(ValueError):  # noqa: PT011  (whatever a wrong key makes of padding or text)
        wechat.client.parse_refund_notify_result(told.body)


@pytest.mark.parametrize("fault", ["tampered", "unsigned"])
def test_a_reply_of_alipay_that_the_sdk_refuses(alipay: AlipayShop, number: str, fault: str) -> None:
    alipay.precreate(number)
    alipay.sandbox.break_it(fault, provider="alipay", operation="trade.query", key=number)

    with pytest.raises(ResponseException):
        alipay.call("trade.query", out_trade_no=number)
    assert alipay.call("trade.query", out_trade_no=number)["code"] == "40004"


def test_a_weak_reply_of_alipay_passes_the_sdk_and_must_not_pass_ours(
    alipay: AlipayShop, merchant: Merchant, number: str
) -> None:
    alipay.precreate(number)
    alipay.sandbox.break_it("weak", provider="alipay", key=number, remaining=None)
    reply = alipay.call("trade.query", out_trade_no=number)
    alipay.pay(number)
    told = notice_fields(eventually(lambda: merchant.received, what="a notice")[0])
    signed = {name: value for name, value in told.items() if name not in {"sign", "sign_type"}}
    content = "&".join(f"{name}={signed[name]}" for name in sorted(signed)).encode()

    assert reply["code"] == "40004"
    assert verify_with_rsa(alipay.app["alipay_public_key"], content, told["sign"])
    assert not is_genuine(alipay.app, told)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("wrong_amount", "total_amount"),
        ("wrong_app", "app_id"),
        ("wrong_merchant", "seller_id"),
        ("wrong_number", "out_trade_no"),
    ],
)
def test_a_notice_of_alipay_signed_well_but_about_something_else(
    alipay: AlipayShop, merchant: Merchant, number: str, fault: str, name: str
) -> None:
    alipay.precreate(number)
    alipay.sandbox.break_it(fault, operation="notify.pay", key=number)
    alipay.pay(number)
    wrong = notice_fields(eventually(lambda: merchant.received, what="a notice")[0])
    right = {"total_amount": "12.50", "out_trade_no": number, **alipay.app}

    assert is_genuine(alipay.app, wrong)
    assert wrong[name] != right[name]


def test_dropped_after_commit_means_the_order_is_there(wechat: WeChatShop, number: str) -> None:
    wechat.sandbox.break_it("drop_after_commit", operation="pay.unifiedorder", key=number)
    with pytest.raises(requests.RequestException):
        wechat.order(number)

    assert wechat.call("pay/orderquery", out_trade_no=number)["trade_state"] == "NOTPAY"


def test_dropped_after_commit_means_the_money_went_back_once(alipay: AlipayShop, number: str) -> None:
    alipay.precreate(number)
    alipay.pay(number)
    alipay.sandbox.break_it("drop_after_commit", operation="trade.refund")
    asked: dict[str, Any] = {"out_trade_no": number, "refund_amount": "2.50", "out_request_no": "R1"}
    with pytest.raises(Exception):  # noqa: B017, PT011  (the SDK lets anything through)
        alipay.call("trade.refund", **asked)
    again = alipay.call("trade.refund", **asked)
    totals = alipay.sandbox.books(alipay.app["app_id"])["totals"][0]

    assert (again["fund_change"], again["refund_fee"]) == ("N", "2.50")
    assert totals["refunded_minor"] == 250


@pytest.mark.parametrize("status", [0, 502])
def test_a_provider_that_is_down_has_no_effect(wechat: WeChatShop, number: str, status: int) -> None:
    wechat.sandbox.break_it("down", operation="pay.unifiedorder", key=number, params={"status": status})
    with pytest.raises((requests.RequestException, WeChatPayException)):
        wechat.order(number)

    with pytest.raises(WeChatPayException) as unknown:
        wechat.call("pay/orderquery", out_trade_no=number)
    assert unknown.value.errcode == "ORDERNOTEXIST"


def test_a_provider_is_down_until_somebody_repairs_it(wechat: WeChatShop, number: str) -> None:
    wechat.sandbox.break_it("down", provider="wechat_pay", key=f"{number}*", remaining=None)
    for attempt in range(3):
        with pytest.raises(WeChatPayException):
            wechat.order(f"{number}{attempt}")
    wechat.sandbox.http.delete("/sandbox/api/faults")

    assert wechat.order(f"{number}9")["result_code"] == "SUCCESS"
    assert len(wechat.sandbox.books(wechat.mch_id)["payments"]) == 1


@pytest.mark.parametrize("commit", [True, False])
def test_an_error_may_or_may_not_have_had_its_effect(wechat: WeChatShop, number: str, commit: bool) -> None:
    params = {"code": "SYSTEMERROR", "commit": commit}
    wechat.sandbox.break_it("error", operation="pay.unifiedorder", key=number, params=params)
    with pytest.raises(WeChatPayException) as failure:
        wechat.order(number)

    assert (failure.value.return_code, failure.value.errcode) == ("SUCCESS", "SYSTEMERROR")
    assert len(wechat.sandbox.books(wechat.mch_id)["payments"]) == int(commit)


def test_alipay_may_say_20000_and_have_paid_back(alipay: AlipayShop, number: str) -> None:
    alipay.precreate(number)
    alipay.pay(number)
    alipay.sandbox.break_it(
        "error", operation="trade.refund", params={"sub_code": "ACQ.SYSTEM_ERROR", "commit": True}
    )
    said = alipay.call("trade.refund", out_trade_no=number, refund_amount="12.50")
    found = alipay.call("trade.fastpay.refund.query", out_trade_no=number, out_request_no=number)

    assert (said["code"], said["sub_code"]) == ("20000", "ACQ.SYSTEM_ERROR")
    assert found["refund_status"] == "REFUND_SUCCESS"


def test_alipay_may_say_that_somebody_is_still_paying_which_the_sdk_calls_a_success(
    alipay: AlipayShop, number: str
) -> None:
    alipay.precreate(number)
    params = {"code": "10003", "sub_code": "", "message": "order success pay inprocess"}
    alipay.sandbox.break_it("error", operation="trade.query", params=params)
    said = alipay.call("trade.query", out_trade_no=number)
    response = AlipayTradeQueryResponse()
    response.parse_response_content(json.dumps(said))

    assert (said["code"], "sub_code" in said, response.is_success()) == ("10003", False, True)


def test_any_text_may_come_instead_of_an_answer(wechat: WeChatShop, number: str) -> None:
    wechat.sandbox.break_it("body", operation="pay.unifiedorder", key=number, params={"text": "Bad Gateway"})

    # The trap: the SDK hands plain text over as if it were a success.
    assert str(wechat.order(number)) == "Bad Gateway"


@pytest.mark.parametrize(
    ("fault", "params"), [("delay", {"seconds": 0.6}), ("drip", {"seconds": 0.6, "pieces": 6})]
)
def test_an_answer_may_be_slow_and_is_right_all_the_same(
    wechat: WeChatShop, number: str, fault: str, params: dict[str, object]
) -> None:
    wechat.sandbox.break_it(fault, operation="pay.unifiedorder", key=number, params=params)
    started = time.monotonic()
    made = wechat.order(number)

    assert time.monotonic() - started >= 0.6
    assert is_signed(made, wechat.account["api_key"], sign_type=HMAC)


def test_a_notice_can_overtake_the_answer_to_the_call_that_made_the_order(
    wechat: WeChatShop, merchant: Merchant, number: str
) -> None:
    wechat.sandbox.break_it("delay", operation="pay.unifiedorder", key=number, params={"seconds": 60})
    with pytest.raises(requests.Timeout):
        wechat.client.post("pay/unifiedorder", data={**_order_fields(wechat, number)}, timeout=0.5)
    wechat.pay(number)

    assert eventually(lambda: merchant.received, what="a notice")


def _order_fields(wechat: WeChatShop, number: str) -> dict[str, object]:
    return {
        "appid": wechat.app["appid"],
        "body": "口红",
        "out_trade_no": number,
        "total_fee": 100,
        "spbill_create_ip": "127.0.0.1",
        "notify_url": wechat.notify_url,
        "trade_type": "NATIVE",
        "product_id": "1",
    }


def test_a_rule_that_makes_no_sense_is_refused(sandbox: RunningSandbox) -> None:
    answers = [
        sandbox.http.post("/sandbox/api/faults", json={"provider": "*", "kind": kind, "remaining": remaining})
        for kind, remaining in (("gremlins", 1), ("down", 0))
    ]

    assert [each.status_code for each in answers] == [400, 400]
    assert sandbox.get("faults") == []
