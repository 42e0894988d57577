"""WeChat Pay v2: HMAC-SHA256 both ways and nothing else, values of every kind, notices nobody should believe."""

import hashlib
import hmac

import pytest
import xmltodict
from hypothesis import example, given
from hypothesis import strategies as st

from tests.payments.adapters.shops import Shop, fen
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.transport import Transport
from yundian.payments.adapters.wechat import messages
from yundian.payments.adapters.wechat.provider import WeChatPayProvider
from yundian.payments.errors import BadNotice, BadSignature, KindNotOffered
from yundian.payments.types import (
    NoticeKind,
    OutcomeUnknown,
    PayKind,
    RefundStanding,
    Refused,
    Started,
    WeChatPayAccount,
)
from yundian.sandbox.wechat import xml
from yundian.sandbox.wechat.signing import pay_signature, seal_refund_info

KEY = "k" * 32
ACCOUNT = WeChatPayAccount("wx1", "1600000001", KEY)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)


def _provider() -> WeChatPayProvider:
    return WeChatPayProvider(ACCOUNT, Transport(Limits()))


def _notice(algorithm: str = "HMAC-SHA256", /, **more: object) -> bytes:
    fields: dict[str, object] = {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "appid": ACCOUNT.app_id,
        "mch_id": ACCOUNT.merchant_id,
        "nonce_str": "n1",
        "openid": "o1",
        "total_fee": 1250,
        "fee_type": "CNY",
        "transaction_id": "4200001",
        "out_trade_no": "A1",
        "time_end": "20251121093000",
        **more,
    }
    return xml.dump({**fields, "sign": pay_signature(fields, KEY, algorithm)})


def _refund_notice(key: str = KEY, *, app_id: str = ACCOUNT.app_id, status: str = "SUCCESS") -> bytes:
    says = {
        "transaction_id": "4200001",
        "out_trade_no": "A1",
        "refund_id": "5000001",
        "out_refund_no": "A1R1",
        "total_fee": 1250,
        "refund_fee": 300,
        "refund_status": status,
        "success_time": "2025-11-21 09:31:00",
    }
    envelope = {
        "return_code": "SUCCESS",
        "appid": app_id,
        "mch_id": ACCOUNT.merchant_id,
        "nonce_str": "n",
        "req_info": seal_refund_info(xml.dump(says, root="root"), key),
    }
    return xml.dump(envelope)


@pytest.mark.anyio
async def test_inside_wechat_the_page_gets_parameters_signed_with_the_orders_algorithm(
    wechat: Shop, number: str
) -> None:
    made = wechat.sandbox.post("wechat/code", {"appid": wechat.account.app_id})
    started = await wechat.provider.start(wechat.order(number, kind=PayKind.JSAPI, payer=made["openid"]))

    assert isinstance(started, Started)
    given_ = dict(started.client_parameters)
    signature = given_.pop("paySign")
    assert isinstance(wechat.account, WeChatPayAccount)
    key = wechat.account.api_key
    text = "&".join(f"{name}={given_[name]}" for name in sorted(given_)) + f"&key={key}"
    assert signature == hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()
    assert given_["signType"] == "HMAC-SHA256"
    assert given_["package"].startswith("prepay_id=wx")
    assert given_["timeStamp"].isdecimal()


@pytest.mark.anyio
async def test_a_phones_browser_is_sent_to_wechat_and_back(wechat: Shop, number: str) -> None:
    order = wechat.order(number, kind=PayKind.WAP, return_url="https://shop.example/paid?id=1")
    started = await wechat.provider.start(order)

    assert isinstance(started, Started)
    assert started.redirect_url.endswith("redirect_url=https%3A%2F%2Fshop.example%2Fpaid%3Fid%3D1")
    with pytest.raises(KindNotOffered):
        await wechat.provider.start(wechat.order(number, kind=PayKind.PAGE))


@pytest.mark.anyio
async def test_a_no_without_a_signature_is_believed_only_where_it_cannot_cost_money(
    wechat: Shop, number: str
) -> None:
    await wechat.provider.start(wechat.order(number))
    wechat.pay(number)
    text = "<xml><return_code>FAIL</return_code><return_msg>no</return_msg></xml>"
    for operation in ("start", "refund"):
        wechat.break_it("body", operation, params={"text": text})
    start = await wechat.provider.start(wechat.order(f"{number}b"))
    refund = await wechat.provider.refund(wechat.refund(number, amount=300))

    assert start == Refused(code="rejected", message="no")
    assert isinstance(refund, OutcomeUnknown)


@pytest.mark.anyio
async def test_where_todays_money_is_not_enough_the_same_refund_is_paid_from_the_balance(
    wechat: Shop, number: str
) -> None:
    await wechat.provider.start(wechat.order(number))
    wechat.pay(number)
    wechat.break_it("error", "refund", params={"code": "NOTENOUGH"})
    accepted = await wechat.provider.refund(wechat.refund(number, amount=300))

    asked = [each for each in wechat.sandbox.get("calls", operation="pay.refund") if each["key"] == f"{number}R1"]
    assert not isinstance(accepted, Refused | OutcomeUnknown)
    assert [each["outcome"] for each in asked] == ["NOTENOUGH", "SUCCESS"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("ends", "standing"), [("closed", RefundStanding.CLOSED), ("abnormal", RefundStanding.ABNORMAL)]
)
async def test_a_refund_may_end_badly(wechat: Shop, number: str, ends: str, standing: RefundStanding) -> None:
    await wechat.provider.start(wechat.order(number))
    wechat.pay(number)
    wechat.break_it("settle_as", "settle", params={"state": ends}, key=f"{number}R1")
    await wechat.provider.refund(wechat.refund(number, amount=300))
    told = [wechat.provider.verify_notice(each.body, {}) for each in wechat.told(2)]

    refund = next(each.refund for each in told if each.kind is NoticeKind.REFUND)
    assert refund is not None
    assert (refund.standing, refund.amount) == (standing, fen(300))


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda n: n != "sign"), TEXT))
@example({"body": "礼盒 ]]> & <b> ]]", "c": "&amp;]]>]]>"})
def test_any_text_survives_the_wire_and_its_signature(fields: dict[str, str]) -> None:
    fields = {name: value.strip() for name, value in fields.items()} | {"zero": "0"}
    body = messages.dump(fields, KEY)
    read = messages.load(body)

    messages.check_signature(read, KEY)
    assert {name: value for name, value in fields.items() if value} == {
        name: value for name, value in read.items() if name not in ("sign", "sign_type", "nonce_str")
    }
    assert xml.parse(body)["sign"] == pay_signature(xml.parse(body), KEY, "HMAC-SHA256")


def test_a_notice_is_read_and_told_apart_by_its_ref() -> None:
    notice = _provider().verify_notice(_notice(attach=" edges of space "), {})

    assert notice.payment is not None
    assert (notice.payment.amount, notice.payment.provider_ref) == (fen(1250), "4200001")
    assert notice.payment.paid_at is not None
    assert notice.payment.paid_at.isoformat() == "2025-11-21T01:30:00+00:00"
    assert notice.ref == _provider().verify_notice(_notice(nonce_str="n2"), {}).ref


def test_signed_facts_about_somebody_else_are_passed_on_as_they_stand() -> None:
    notice = _provider().verify_notice(_notice(mch_id="16999", appid="wx9", fee_type="USD"), {})

    assert notice.payment is not None
    assert (notice.merchant_id, notice.app_id) == ("16999", "wx9")
    assert notice.payment.amount is not None
    assert notice.payment.amount.currency == "USD"


@pytest.mark.parametrize(
    "body",
    [
        _notice("MD5"),
        _notice("MD5", sign_type="MD5"),
        _notice().replace(b"1250", b"1251"),
        _notice().replace(b"<sign>", b"<sing>").replace(b"</sign>", b"</sing>"),
        _notice().replace(b"</xml>", b"<total_fee>1</total_fee></xml>"),
        _notice(total_fee="12.5"),
        _notice(total_fee="-1"),
        _notice(time_end="yesterday"),
        _notice(transaction_id=""),
        b"",
        b"<xml></xml>",
        b"<html/>",
        b"\xff\xfe",
        b"<!DOCTYPE xml [<!ENTITY a 'x'>]><xml><sign>&a;</sign></xml>",
        _refund_notice("x" * 32),
        _refund_notice(app_id="wx9"),
        _refund_notice(status="NEW"),
        _refund_notice().replace(b"req_info><![CDATA[", b"req_info><![CDATA[A"),
    ],
)
def test_what_nobody_should_believe_is_refused(body: bytes) -> None:
    with pytest.raises(BadNotice):
        _provider().verify_notice(body, {})


def test_no_single_bit_can_change_in_a_notice() -> None:
    """Of what the signature covers: between the tags, and in the signature itself."""
    genuine, provider = _notice(), _provider()
    facts = provider.verify_notice(genuine, {})
    accepted = []
    for position in range(len(genuine)):
        for bit in range(8):
            forged = bytearray(genuine)
            forged[position] ^= 1 << bit
            try:
                read = provider.verify_notice(bytes(forged), {})
            except BadNotice:
                continue
            if read != facts:
                accepted.append((position, bit))

    assert accepted == []


def test_a_refund_notice_opens_with_the_key_only() -> None:
    notice = _provider().verify_notice(_refund_notice(), {})

    assert notice.refund is not None
    assert (notice.refund.out_refund_no, notice.refund.amount) == ("A1R1", fen(300))
    with pytest.raises(BadSignature):
        _provider().verify_notice(_refund_notice("y" * 32), {})


def test_the_answers_are_what_wechat_waits_for() -> None:
    accepted, rejected = _provider().accepted(), _provider().rejected()

    assert xmltodict.parse(accepted.body)["xml"]["return_code"] == "SUCCESS"
    assert xmltodict.parse(rejected.body)["xml"]["return_code"] == "FAIL"
    assert accepted.media_type == "text/xml"
