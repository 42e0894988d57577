"""WeChat Pay v2 through wechatpy, under both algorithms."""

import hashlib
import hmac

import pytest
import xmltodict
from wechatpy.exceptions import InvalidSignatureException
from wechatpy.pay import WeChatPayException

from tests.sandbox.clients import is_signed, pay_client
from tests.sandbox.conftest import WeChatShop
from tests.sandbox.receiver import Merchant, Received
from tests.sandbox.running import eventually

BOTH = pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])


def _told(merchant: Merchant, path: str = "/wechat/notify") -> Received:
    return eventually(lambda: merchant.at(path), what="a notice")[0]


@BOTH
def test_an_order_is_made_paid_told_and_found_under_either_algorithm(
    wechat: WeChatShop, merchant: Merchant, number: str, sign_type: str
) -> None:
    key, openid = wechat.account["api_key"], wechat.openid(2)
    made = wechat.order(
        number, product="JSAPI", openid=openid, attach="brand=1&x=2", sign_type=sign_type, fen=1999
    )
    before = wechat.call("pay/orderquery", out_trade_no=number, sign_type=sign_type)
    transaction_id = wechat.pay(number, user_id=2)
    notice = _told(merchant)
    after = wechat.call("pay/orderquery", out_trade_no=number, sign_type=sign_type)

    said = xmltodict.parse(notice.body)["xml"]
    assert made["prepay_id"].startswith("wx")
    assert all(is_signed(each, key, sign_type=sign_type) for each in (made, before, after, said))
    assert "sign_type" not in said
    assert len(said["sign"]) == {"MD5": 32, "HMAC-SHA256": 64}[sign_type]
    assert (before["trade_state"], after["trade_state"]) == ("NOTPAY", "SUCCESS")
    assert said["openid"] == after["openid"] == openid
    assert said["transaction_id"] == after["transaction_id"] == transaction_id
    assert (said["total_fee"], said["attach"], said["fee_type"]) == ("1999", "brand=1&x=2", "CNY")
    assert notice.content_type == "text/xml"


def test_the_sdk_itself_reads_an_md5_notice_and_refuses_an_hmac_one(
    wechat: WeChatShop, merchant: Merchant, number: str
) -> None:
    wechat.client.order.create(
        "NATIVE", "口红", 100, wechat.notify_url, client_ip="127.0.0.1", out_trade_no=number, product_id="1"
    )
    wechat.pay(number)
    read = wechat.client.parse_payment_result(_told(merchant).body)
    wechat.order(f"{number}b")
    wechat.pay(f"{number}b")
    second = eventually(lambda: merchant.at("/wechat/notify")[1:], what="the second notice")[0]

    assert (read["out_trade_no"], read["total_fee"], read["result_code"]) == (number, 100, "SUCCESS")
    with pytest.raises(InvalidSignatureException):
        wechat.client.parse_payment_result(second.body)


def test_a_request_signed_with_another_key_is_rejected_and_not_signed(wechat: WeChatShop, number: str) -> None:
    stranger = pay_client(
        wechat.sandbox.base_url, appid=wechat.app["appid"], merchant={**wechat.account, "api_key": "0" * 32}
    )
    with pytest.raises(WeChatPayException) as refusal:
        stranger.post("pay/orderquery", data={"appid": wechat.app["appid"], "out_trade_no": number})
    said = xmltodict.parse(refusal.value.response.content)["xml"]

    assert (said["return_code"], "sign" in said) == ("FAIL", False)
    assert "签名错误" in said["return_msg"]
    assert wechat.sandbox.books(wechat.mch_id)["payments"] == []


def test_the_hash_agreed_is_the_hash_checked(wechat: WeChatShop, number: str) -> None:
    with pytest.raises(WeChatPayException, match="签名错误"):
        wechat.client.post(
            "pay/orderquery",
            data={"appid": wechat.app["appid"], "out_trade_no": number, "sign_type": "HMAC-SHA1"},
        )


def test_the_same_order_again_is_the_same_order_and_another_amount_is_refused(
    wechat: WeChatShop, number: str
) -> None:
    first, second = wechat.order(number), wechat.order(number)
    with pytest.raises(WeChatPayException) as other_amount:
        wechat.order(number, fen=9)
    wechat.pay(number)
    with pytest.raises(WeChatPayException) as paid:
        wechat.order(number)

    assert (first["prepay_id"], first["code_url"]) == (second["prepay_id"], second["code_url"])
    assert other_amount.value.errcode == "OUT_TRADE_NO_USED"
    assert paid.value.errcode == "ORDERPAID"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total_fee": "1.5"}, "PARAM_ERROR"),
        ({"total_fee": "-1"}, "PARAM_ERROR"),
        ({"openid": "oNobody"}, "PARAM_ERROR"),
        ({"trade_type": "CARRIER"}, "PARAM_ERROR"),
        ({"notify_url": "http://shop.test/notify?brand=1"}, "PARAM_ERROR"),
        ({"time_expire": "20200101000000"}, "INVALID_REQUEST"),
        ({"out_trade_no": "x" * 33}, "PARAM_ERROR"),
        ({"fee_type": "USD"}, "PARAM_ERROR"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    wechat: WeChatShop, number: str, change: dict[str, object], code: str
) -> None:
    fields: dict[str, object] = {"product": "JSAPI", "openid": wechat.openid(), **change}
    with pytest.raises(WeChatPayException) as refusal:
        wechat.order(number, **fields)  # type: ignore[arg-type]

    assert (refusal.value.return_code, refusal.value.errcode) == ("SUCCESS", code)


def test_a_closed_order_cannot_be_paid_and_a_paid_one_cannot_be_closed(wechat: WeChatShop, number: str) -> None:
    wechat.order(number)
    wechat.call("pay/closeorder", out_trade_no=number)
    again = wechat.call("pay/closeorder", out_trade_no=number)
    pay = wechat.sandbox.http.post(
        "/sandbox/api/pay", json={"provider": "wechat", "merchant": wechat.mch_id, "out_no": number}
    )
    wechat.order(f"{number}b")
    wechat.pay(f"{number}b")
    with pytest.raises(WeChatPayException) as paid:
        wechat.call("pay/closeorder", out_trade_no=f"{number}b")

    assert again["result_code"] == "SUCCESS"
    assert pay.status_code == 409
    assert wechat.call("pay/orderquery", out_trade_no=number)["trade_state"] == "CLOSED"
    assert paid.value.errcode == "ORDERPAID"


def test_an_order_nobody_made_is_unknown_and_anothers_order_too(wechat: WeChatShop, number: str) -> None:
    other_name = f"{number}x"
    other = wechat.sandbox.account("wechat_merchant", other_name)
    theirs = pay_client(wechat.sandbox.base_url, appid=wechat.app["appid"], merchant=other)
    wechat.order(number)
    with pytest.raises(WeChatPayException) as unknown:
        theirs.order.query(out_trade_no=number)

    assert unknown.value.errcode == "ORDERNOTEXIST"


def test_a_refund_is_accepted_once_settles_later_and_is_told_sealed(
    wechat: WeChatShop, merchant: Merchant, number: str
) -> None:
    refund_url = f"{merchant.url}/wechat/refunded"
    wechat.order(number, fen=1000)
    wechat.pay(number)
    asked: dict[str, object] = {
        "out_trade_no": number,
        "out_refund_no": f"{number}R1",
        "total_fee": 1000,
        "refund_fee": 300,
        "notify_url": refund_url,
    }
    first, second = wechat.call("secapi/pay/refund", **asked), wechat.call("secapi/pay/refund", **asked)
    told = wechat.client.parse_refund_notify_result(_told(merchant, "/wechat/refunded").body)
    found = wechat.call("pay/refundquery", out_refund_no=f"{number}R1")
    kept = wechat.sandbox.books(wechat.mch_id)

    assert first["refund_id"] == second["refund_id"] == told["refund_id"] == found["refund_id_0"]
    assert (told["refund_status"], told["refund_fee"], told["out_trade_no"]) == ("SUCCESS", 300, number)
    assert (found["refund_status_0"], found["refund_fee_0"], found["refund_count"]) == ("SUCCESS", "300", "1")
    assert wechat.call("pay/orderquery", out_trade_no=number)["trade_state"] == "REFUND"
    assert [each["amount_minor"] for each in kept["refunds"]] == [300]


def test_refunds_never_exceed_the_payment_and_a_number_means_one_amount(wechat: WeChatShop, number: str) -> None:
    wechat.order(number, fen=1000)
    with pytest.raises(WeChatPayException) as unpaid:
        wechat.client.refund.apply(1000, 100, f"{number}R0", out_trade_no=number)
    wechat.pay(number)
    wechat.client.refund.apply(1000, 600, f"{number}R1", out_trade_no=number)
    with pytest.raises(WeChatPayException) as too_much:
        wechat.client.refund.apply(1000, 401, f"{number}R2", out_trade_no=number)
    with pytest.raises(WeChatPayException) as other_amount:
        wechat.client.refund.apply(1000, 500, f"{number}R1", out_trade_no=number)
    wechat.client.refund.apply(1000, 400, f"{number}R3", out_trade_no=number)
    with pytest.raises(WeChatPayException) as unknown:
        wechat.client.refund.query(out_refund_no=f"{number}R9")
    both = wechat.client.refund.query(out_trade_no=number)

    assert unpaid.value.errcode == "TRADE_STATE_ERROR"
    assert too_much.value.errcode == "INVALID_REQUEST"
    assert other_amount.value.errcode == "REFUND_FEE_MISMATCH"
    assert unknown.value.errcode == "REFUNDNOTEXIST"
    assert (both["refund_count"], both["refund_fee"]) == ("2", "1000")


@pytest.mark.parametrize(("ends", "status"), [("closed", "REFUNDCLOSE"), ("abnormal", "CHANGE")])
def test_a_refund_may_end_badly(wechat: WeChatShop, number: str, ends: str, status: str) -> None:
    wechat.order(number, fen=1000)
    wechat.pay(number)
    wechat.sandbox.break_it("settle_as", key=f"{number}R", params={"state": ends})
    wechat.client.refund.apply(1000, 1000, f"{number}R", out_trade_no=number)

    def settled() -> bool:
        found = wechat.client.refund.query(out_refund_no=f"{number}R")
        return bool(found["refund_status_0"] == status)

    eventually(settled, what=status)
    totals = wechat.sandbox.books(wechat.mch_id)["totals"][0]
    assert (totals["paid_minor"], totals["refunded_minor"]) == (1000, 0)


@BOTH
def test_the_pay_sheet_opens_only_for_parameters_the_shop_signed_as_agreed(
    wechat: WeChatShop, number: str, sign_type: str
) -> None:
    made = wechat.order(number, product="JSAPI", openid=wechat.openid(), sign_type=sign_type)
    params = wechat.client.jsapi.get_jsapi_params(made["prepay_id"], timestamp="1700000000")
    if sign_type == "HMAC-SHA256":
        # The SDK signs MD5 whatever the order's algorithm is.
        refused = wechat.sandbox.http.get("/cashier/wechat/jsapi", params=params)
        assert refused.status_code == 400
        unsigned = {name: value for name, value in params.items() if name != "paySign"} | {"signType": sign_type}
        params = {**unsigned, "paySign": _hmac(unsigned, wechat.account["api_key"])}
    opened = wechat.sandbox.http.get("/cashier/wechat/jsapi", params=params)
    forged = wechat.sandbox.http.get("/cashier/wechat/jsapi", params={**params, "nonceStr": "x"})

    assert (opened.status_code, forged.status_code) == (200, 400)
    assert "¥12.50" in opened.text


def _hmac(fields: dict[str, str], key: str) -> str:
    text = "&".join(f"{name}={fields[name]}" for name in sorted(fields)) + f"&key={key}"
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
