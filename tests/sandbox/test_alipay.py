"""Alipay through its own SDK, whose signer and verifier are left as they are."""

import base64
import datetime as dt
import re
import socket
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.util.SignatureUtils import get_sign_content
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.sandbox import clients
from tests.sandbox.conftest import AlipayShop
from tests.sandbox.receiver import Merchant, Received
from tests.sandbox.running import eventually

WAP = {"product_code": "QUICK_WAP_WAY", "quit_url": "http://shop.test/quit"}


def notice_fields(received: Received) -> dict[str, str]:
    return dict(parse_qsl(received.body.decode(), keep_blank_values=True))


def is_genuine(app: dict[str, str], fields: dict[str, str]) -> bool:
    """RSA2 over everything but ``sign`` and ``sign_type``; SHA-256 only, which the SDK's verifier is not."""
    signed = {name: value for name, value in fields.items() if name not in {"sign", "sign_type"}}
    public = serialization.load_pem_public_key(app["alipay_public_key"].encode())
    assert isinstance(public, RSAPublicKey)
    signature = base64.b64decode(fields.get("sign", ""))
    try:
        public.verify(signature, get_sign_content(signed).encode(), PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _told(merchant: Merchant, count: int = 1) -> list[dict[str, str]]:
    eventually(lambda: len(merchant.received) >= count, what=f"{count} notices")
    return [notice_fields(each) for each in merchant.received]


def test_a_code_is_no_trade_until_scanned_then_waits_then_is_paid_and_told(
    alipay: AlipayShop, merchant: Merchant, number: str
) -> None:
    made = alipay.precreate(number, passback_params="brand%3D1")
    unscanned = alipay.call("trade.query", out_trade_no=number)
    alipay.sandbox.post("scan", alipay.order(number))
    scanned = alipay.call("trade.query", out_trade_no=number)
    trade_no = alipay.pay(number)
    paid = alipay.call("trade.query", trade_no=trade_no)
    told = _told(merchant)[0]

    assert made["qr_code"].startswith(alipay.sandbox.base_url)
    assert (unscanned["code"], unscanned["sub_code"]) == ("40004", "ACQ.TRADE_NOT_EXIST")
    assert (scanned["code"], scanned["trade_status"]) == ("10000", "WAIT_BUYER_PAY")
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "12.50")
    assert is_genuine(alipay.app, told)
    assert (told["trade_status"], told["total_amount"], told["trade_no"]) == ("TRADE_SUCCESS", "12.50", trade_no)
    assert (told["seller_id"], told["app_id"]) == (alipay.app["seller_id"], alipay.app["app_id"])
    assert (told["body"], told["subject"]) == ("", "雾面唇釉 <No.7> & 礼盒")


def test_closing_an_unscanned_code_fails_and_leaves_it_payable(
    alipay: AlipayShop, merchant: Merchant, number: str
) -> None:
    alipay.precreate(number)
    close = alipay.call("trade.close", out_trade_no=number)
    alipay.pay(number)

    assert close["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert alipay.call("trade.query", out_trade_no=number)["trade_status"] == "TRADE_SUCCESS"


def test_a_closed_trade_cannot_be_paid_and_a_paid_one_cannot_be_closed(alipay: AlipayShop, number: str) -> None:
    alipay.precreate(number)
    alipay.sandbox.post("scan", alipay.order(number))
    closed = alipay.call("trade.close", out_trade_no=number)
    pay = alipay.sandbox.http.post("/sandbox/api/pay", json=alipay.order(number))
    again = alipay.precreate(number)
    alipay.precreate(f"{number}b")
    alipay.pay(f"{number}b")
    too_late = alipay.call("trade.close", out_trade_no=f"{number}b")

    assert (closed["code"], pay.status_code) == ("10000", 409)
    assert again["sub_code"] == "ACQ.TRADE_HAS_CLOSE"
    assert too_late["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_browser_goes_from_the_shop_to_the_cashier_and_comes_back_signed(
    alipay: AlipayShop, merchant: Merchant, number: str, method: str
) -> None:
    biz = {"out_trade_no": number, "total_amount": "0.01", "subject": "试色盘 A&B", **WAP}
    request = clients.alipay_request(
        "trade.wap.pay", biz, notify_url=alipay.notify_url, return_url="http://shop.test/done?o=1"
    )
    browser = alipay.sandbox.http
    if method == "GET":
        answer = browser.get(alipay.client.page_execute(request, http_method="GET"))
    else:
        address, fields = _form(alipay.client.page_execute(request))
        answer = browser.post(address, data=fields)
    before = alipay.call("trade.query", out_trade_no=number)
    page = browser.get(answer.headers["location"])
    arrived = alipay.call("trade.query", out_trade_no=number)
    token = urlsplit(answer.headers["location"]).path.rsplit("/", 1)[-1]
    paid = browser.post(f"{alipay.sandbox.base_url}/cashier/pay/{token}", data={"user_id": "3"})
    returned = dict(parse_qsl(urlsplit(paid.headers["location"]).query, keep_blank_values=True))
    returned.pop("o")

    assert (answer.status_code, before["sub_code"]) == (302, "ACQ.TRADE_NOT_EXIST")
    assert "¥0.01" in page.text
    assert arrived["trade_status"] == "WAIT_BUYER_PAY"
    assert (paid.status_code, is_genuine(alipay.app, returned)) == (303, True)
    assert _told(merchant)[0]["trade_status"] == "TRADE_SUCCESS"


def _form(html: str) -> tuple[str, dict[str, str]]:
    """The SDK's auto-submitting form. A browser leaves ``&timestamp`` in it alone, Python's parser does not."""
    inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', html)
    action = re.findall(r'action="([^"]*)"', html)[0]
    return action, {name: value.replace("&quot;", '"') for name, value in inputs}


def test_refunds_add_up_replay_for_free_and_stop_at_the_amount_paid(
    alipay: AlipayShop, merchant: Merchant, number: str
) -> None:
    alipay.precreate(number, yuan="10.00")
    alipay.pay(number)
    ref = {"out_trade_no": number}
    nameless = alipay.call("trade.refund", **ref, refund_amount="1.00")
    first = alipay.call("trade.refund", **ref, refund_amount="3.00", out_request_no="R1")
    replay = alipay.call("trade.refund", **ref, refund_amount="3.00", out_request_no="R1")
    other = alipay.call("trade.refund", **ref, refund_amount="4.00", out_request_no="R1")
    too_much = alipay.call("trade.refund", **ref, refund_amount="7.01", out_request_no="R2")
    partly = alipay.call("trade.query", **ref)
    second = alipay.call("trade.refund", **ref, refund_amount="7.00", out_request_no="R2")
    wholly = alipay.call("trade.query", **ref)
    asked = alipay.call("trade.fastpay.refund.query", **ref, out_request_no="R1")
    unknown = alipay.call("trade.fastpay.refund.query", **ref, out_request_no="R7")
    totals = alipay.sandbox.books(alipay.app["app_id"])["totals"][0]

    assert nameless["sub_code"] == "ACQ.INVALID_PARAMETER"
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "3.00")
    assert (replay["fund_change"], replay["refund_fee"]) == ("N", "3.00")
    assert other["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert too_much["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert (second["fund_change"], second["refund_fee"]) == ("Y", "10.00")
    assert (partly["trade_status"], wholly["trade_status"]) == ("TRADE_SUCCESS", "TRADE_CLOSED")
    assert (asked["refund_status"], asked["refund_amount"]) == ("REFUND_SUCCESS", "3.00")
    assert (unknown["code"], "refund_status" in unknown) == ("10000", False)
    assert (totals["paid_minor"], totals["refunded_minor"], totals["refunded_count"]) == (1000, 1000, 2)
    # Face to face speaks of TRADE_SUCCESS only: the payment and the partial refund, not the closing one.
    told = {each["out_biz_no"]: each for each in _told(merchant, 2) if "out_biz_no" in each}
    assert (list(told), told["R1"]["refund_fee"]) == (["R1"], "3.00")
    assert is_genuine(alipay.app, told["R1"])


@pytest.mark.parametrize("ends", ["abnormal", "closed"])
def test_a_refund_that_failed_succeeds_under_the_same_number(alipay: AlipayShop, number: str, ends: str) -> None:
    alipay.precreate(number)
    alipay.pay(number)
    alipay.sandbox.break_it("settle_as", provider="alipay", key=f"{number}R", params={"state": ends})
    asked = {"out_trade_no": number, "refund_amount": "12.50", "out_request_no": f"{number}R"}
    first = alipay.call("trade.refund", **asked)
    found = alipay.call("trade.fastpay.refund.query", **asked)
    still = alipay.call("trade.query", out_trade_no=number)
    second = alipay.call("trade.refund", **asked)
    totals = alipay.sandbox.books(alipay.app["app_id"])["totals"][0]

    assert (first["fund_change"], "refund_status" in found) == ("N", False)
    assert still["trade_status"] == "TRADE_SUCCESS"
    assert (second["fund_change"], second["refund_fee"]) == ("Y", "12.50")
    assert (totals["refunded_count"], totals["refunded_minor"]) == (1, 1250)


def test_nothing_is_refunded_when_the_time_for_refunds_is_over(alipay: AlipayShop, number: str) -> None:
    alipay.precreate(number)
    alipay.pay(number)
    alipay.sandbox.post("finish", alipay.order(number))
    refund = alipay.call("trade.refund", out_trade_no=number, refund_amount="12.50")

    assert refund["sub_code"] == "ACQ.TRADE_HAS_FINISHED"
    assert alipay.call("trade.query", out_trade_no=number)["trade_status"] == "TRADE_FINISHED"


@pytest.mark.parametrize("amount", ["0", "-1.00", "1.001", "abc", "NaN", "1e9"])
def test_an_amount_that_is_no_amount_is_refused(alipay: AlipayShop, number: str, amount: str) -> None:
    assert alipay.precreate(number, yuan=amount)["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_a_request_signed_with_another_key_is_refused_with_a_signed_error(alipay: AlipayShop, number: str) -> None:
    stranger = alipay.sandbox.account("alipay_app", f"{number}x")
    forger = clients.alipay_client(
        alipay.sandbox.base_url, {**alipay.app, "app_private_key": stranger["app_private_key"]}
    )
    answer = clients.alipay_call(forger, "trade.query", {"out_trade_no": number})

    assert (answer["code"], answer["sub_code"]) == ("40002", "isv.invalid-signature")


def test_sha1_is_not_accepted_from_a_client(alipay: AlipayShop, number: str) -> None:
    weak = clients.alipay_client(alipay.sandbox.base_url, alipay.app)
    weak._DefaultAlipayClient__config.sign_type = "RSA"
    answer = clients.alipay_call(weak, "trade.query", {"out_trade_no": number})

    assert answer["sub_code"] == "isv.invalid-signature-type"


def test_an_unknown_app_gets_an_error_that_nobody_signed(alipay: AlipayShop, number: str) -> None:
    nobody = clients.alipay_client(alipay.sandbox.base_url, {**alipay.app, "app_id": "2021000000000000"})

    with pytest.raises(ResponseException, match="shape maybe illegal"):
        clients.alipay_call(nobody, "trade.query", {"out_trade_no": number})


def test_a_clock_in_the_wrong_zone_is_noticed(
    alipay: AlipayShop, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Utc(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            return dt.datetime.now(dt.UTC).replace(tzinfo=None)

    monkeypatch.setattr(clients.BeijingClock, "datetime", Utc)

    assert alipay.call("trade.query", out_trade_no=number)["sub_code"] == "isv.invalid-timestamp"


def test_the_absolute_and_the_origin_form_of_a_request_are_the_same(alipay: AlipayShop, number: str) -> None:
    address = alipay.client.page_execute(
        clients.alipay_request("trade.query", {"out_trade_no": number}), http_method="GET"
    )
    path = address.removeprefix(alipay.sandbox.base_url)
    answers = [_raw_get(alipay.sandbox.port, target) for target in (address, path)]

    assert all(b"ACQ.TRADE_NOT_EXIST" in each for each in answers)
    assert all(each.startswith(b"HTTP/1.1 200") for each in answers)


def _raw_get(port: int, target: str) -> bytes:
    head = f"GET {target} HTTP/1.1\r\nHost: openapi.alipay.com\r\nConnection: close\r\n\r\n"
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode())
        while part := connection.recv(65536):
            answer += part
    return answer


def test_the_signed_text_is_the_raw_text_with_its_escaped_slashes(alipay: AlipayShop, number: str) -> None:
    made = alipay.precreate(number)
    raw = alipay.sandbox.http.get(
        alipay.client.page_execute(
            clients.alipay_request(
                "trade.precreate", {"out_trade_no": number, "total_amount": "12.50", "subject": "s"}
            ),
            http_method="GET",
        )
    ).text

    assert made["qr_code"].replace("/", "\\/") in raw


def test_a_trade_ends_by_itself_and_the_wap_product_says_so(
    alipay: AlipayShop, merchant: Merchant, number: str
) -> None:
    biz = {"out_trade_no": number, "total_amount": "1.00", "subject": "s", "timeout_express": "15m", **WAP}
    request = clients.alipay_request("trade.wap.pay", biz, notify_url=alipay.notify_url)
    alipay.sandbox.http.get(alipay.client.page_execute(request, http_method="GET"), follow_redirects=True)
    alipay.sandbox.post("clock/advance", {"seconds": 901})
    told = _told(merchant)[0]

    assert told["trade_status"] == "TRADE_CLOSED"
    assert "gmt_payment" not in told
    assert alipay.call("trade.query", out_trade_no=number)["trade_status"] == "TRADE_CLOSED"
