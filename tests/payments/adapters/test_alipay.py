"""Alipay: its SDK with our organs, keys of every form, replies and notices nobody should believe."""

import base64
import json
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.payments.adapters.shops import Shop, fen
from yundian.payments.adapters.alipay import keys, notices, operations
from yundian.payments.adapters.alipay.sdk import AlipaySdk, Untrusted
from yundian.payments.adapters.amounts import from_fen, from_yuan, readable, yuan
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.errors import BadCredentials, BadNotice, KindNotOffered
from yundian.payments.types import (
    AlipayAccount,
    NoticeKind,
    OutcomeUnknown,
    PayKind,
    PaymentStanding,
    ProviderRefund,
    RefundStanding,
    Started,
)
from yundian.platform.core import clock

GATEWAY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FORMS = {"pkcs1": PrivateFormat.TraditionalOpenSSL, "pkcs8": PrivateFormat.PKCS8}


def _private(form: str, encoding: Encoding = Encoding.PEM) -> str:
    raw = OURS.private_bytes(encoding, FORMS[form], NoEncryption())
    return raw.decode() if encoding is Encoding.PEM else base64.b64encode(raw).decode()


def _public(encoding: Encoding = Encoding.PEM) -> str:
    raw = GATEWAY.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    return raw.decode() if encoding is Encoding.PEM else base64.b64encode(raw).decode()


ACCOUNT = AlipayAccount("2021", "2088", _private("pkcs8"), _public(), "http://127.0.0.1:8999/gateway.do")
SDK = AlipaySdk(ACCOUNT)
FIELDS = {
    "notify_id": "n1",
    "notify_type": "trade_status_sync",
    "app_id": "2021",
    "seller_id": "2088",
    "trade_no": "T1",
    "out_trade_no": "A1",
    "buyer_id": "2088b",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.50",
    "gmt_payment": "2025-11-21 09:30:00",
    "subject": "礼盒 & <云店> = +%",
    "body": "",
}


def _signature(content: str, strength: hashes.HashAlgorithm) -> str:
    return base64.b64encode(GATEWAY.sign(content.encode(), padding.PKCS1v15(), strength)).decode()


def _notice(strength: hashes.HashAlgorithm | None = None, /, **more: str) -> bytes:
    fields = {name: value for name, value in (FIELDS | more).items() if value != "-"}
    content = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if name != "sign_type")
    sign = _signature(content, strength or hashes.SHA256())
    return urlencode({"sign_type": "RSA2"} | fields | {"sign": sign}).encode()


def _reply(content: dict[str, str], strength: hashes.HashAlgorithm | None = None, *, node: str = "") -> bytes:
    raw = json.dumps(content, ensure_ascii=False).replace("/", "\\/")
    node = node or "alipay_trade_query_response"
    return f'{{"{node}": {raw},"sign":"{_signature(raw, strength or hashes.SHA256())}"}}'.encode()


@pytest.fixture
def far_east() -> Iterator[None]:
    """The machine's own zone must not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


def test_requests_are_stamped_in_beijing_wherever_the_machine_stands(far_east: None) -> None:
    prepared = SDK.prepare(operations.QUERY.fill({"out_trade_no": "A1"}))
    query = parse_qs(urlsplit(prepared.url).query)

    assert query["timestamp"][0][:15] == readable(clock.now())[:15]
    assert urlsplit(prepared.url).port == 8999
    assert query["sign_type"] == ["RSA2"]


@pytest.mark.parametrize("form", ["pkcs1", "pkcs8"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_key_loads_in_any_form_that_tools_export(form: str, encoding: Encoding) -> None:
    key = keys.load_private_key(f"  {_private(form, encoding)}\n")

    assert key.private_numbers() == OURS.private_numbers()
    assert keys.load_public_key(_public(encoding)).public_numbers() == GATEWAY.public_key().public_numbers()


def test_a_key_that_is_none_is_refused_and_not_quoted() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    curve = ec.generate_private_key(ec.SECP256R1())
    for bad in (short, curve):
        text = bad.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        with pytest.raises(BadCredentials):
            keys.load_private_key(text)
    for text in ("", "nonsense", "-----BEGIN", _public()):
        with pytest.raises(BadCredentials) as refused:
            ProviderPool().of(AlipayAccount("1", "2", text, _public()))
        assert "nonsense" not in str(refused.value)


@pytest.mark.parametrize("strength", [hashes.SHA1(), hashes.MD5()])
def test_a_weaker_hash_is_no_signature(strength: hashes.HashAlgorithm) -> None:
    with pytest.raises(Untrusted):
        SDK.read(_reply({"code": "10000"}, strength), method="alipay.trade.query")
    with pytest.raises(BadNotice):
        notices.verify(SDK, _notice(strength))


def test_a_reply_is_believed_as_it_was_signed_and_to_its_own_question() -> None:
    said = {"code": "10000", "msg": 'a "},"sign":" b', "url": "https://x/y", "name": "云"}
    assert json.loads(SDK.read(_reply(said), method="alipay.trade.query")) == said
    for body, method in (
        (_reply(said).replace("云".encode(), "雨".encode()), "alipay.trade.query"),
        (_reply(said), "alipay.trade.refund"),
        (_reply(said, node="evil_response"), "alipay.trade.query"),
        (b'{"alipay_trade_query_response":{"code":"10000"}}', "alipay.trade.query"),
        (b"\xff", "alipay.trade.query"),
        (b"", "alipay.trade.query"),
    ):
        with pytest.raises(Untrusted):
            SDK.read(body, method=method)


@pytest.mark.anyio
async def test_a_buyer_who_is_still_at_it_has_not_paid(alipay: Shop, number: str) -> None:
    await alipay.provider.start(alipay.order(number))
    alipay.pay(number)
    alipay.break_it("error", "query", params={"code": "10003", "sub_code": "", "commit": True})

    assert isinstance(await alipay.provider.query(number), OutcomeUnknown)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [PayKind.WAP, PayKind.PAGE])
async def test_a_browser_reaches_the_cashier_with_any_subject(alipay: Shop, number: str, kind: PayKind) -> None:
    order = alipay.order(number, kind=kind, return_url="https://shop.example/paid?id=1&x=%26amp;")
    started = await alipay.provider.start(order)
    assert isinstance(started, Started)
    answer = alipay.sandbox.http.get(started.redirect_url, follow_redirects=False)
    alipay.pay(number)
    notice = alipay.provider.verify_notice(alipay.told()[0].body, {})

    assert answer.status_code == 302
    assert "/cashier/alipay/" in answer.headers["location"]
    assert notice.payment is not None
    assert notice.payment.standing is PaymentStanding.PAID
    with pytest.raises(KindNotOffered):
        await alipay.provider.start(alipay.order(number, kind=PayKind.JSAPI))


@pytest.mark.anyio
async def test_a_key_of_the_older_form_signs_as_well(alipay: Shop, pool: ProviderPool, number: str) -> None:
    made = alipay.sandbox.account("alipay_app", number)
    account = AlipayAccount(
        made["app_id"],
        made["seller_id"],
        made["app_private_key"],
        made["alipay_public_key"],
        f"{alipay.sandbox.base_url}/gateway.do",
    )

    assert isinstance(await pool.of(account).start(alipay.order(number)), Started)


@pytest.mark.anyio
async def test_a_refund_sent_again_is_looked_up_and_a_failed_sum_is_no_success(alipay: Shop, number: str) -> None:
    await alipay.provider.start(alipay.order(number))
    alipay.pay(number)
    alipay.break_it("wrong_amount", "refund")
    doubtful = await alipay.provider.refund(alipay.refund(number, amount=300))
    again = await alipay.provider.refund(alipay.refund(number, amount=300))

    assert doubtful == OutcomeUnknown(reason="amount")
    assert isinstance(again, ProviderRefund)
    assert (again.standing, again.amount) == (RefundStanding.SUCCEEDED, fen(300))


def test_a_notice_is_read_blanks_and_all() -> None:
    notice = notices.verify(SDK, _notice())

    assert (notice.kind, notice.ref, notice.refund) == (NoticeKind.PAYMENT, "n1", None)
    assert notice.payment is not None
    assert (notice.payment.amount, notice.payment.payer) == (fen(1250), "2088b")
    assert notice.payment.paid_at is not None
    assert notice.payment.paid_at.isoformat() == "2025-11-21T01:30:00+00:00"


@pytest.mark.parametrize(
    ("more", "standing", "kind"),
    [
        ({"trade_status": "TRADE_FINISHED"}, PaymentStanding.PAID, NoticeKind.PAYMENT),
        ({"trade_status": "TRADE_CLOSED", "gmt_payment": "-"}, PaymentStanding.CLOSED, NoticeKind.PAYMENT),
        (
            {"trade_status": "TRADE_CLOSED", "refund_fee": "12.50", "out_biz_no": "A1R1"},
            PaymentStanding.PAID,
            NoticeKind.REFUND,
        ),
        ({"refund_fee": "3.00", "out_biz_no": "A1R1"}, PaymentStanding.PAID, NoticeKind.REFUND),
        ({"trade_status": "WAIT_BUYER_PAY", "gmt_payment": "-"}, PaymentStanding.WAITING, NoticeKind.PAYMENT),
    ],
)
def test_a_closed_trade_was_never_paid_or_all_paid_back(
    more: dict[str, str], standing: PaymentStanding, kind: NoticeKind
) -> None:
    notice = notices.verify(SDK, _notice(**more))

    assert notice.payment is not None
    assert (notice.payment.standing, notice.kind) == (standing, kind)


@pytest.mark.parametrize(
    "body",
    [
        _notice().replace(b"12.50", b"12.51"),
        _notice() + b"&total_amount=0.01",
        _notice() + b"&extra=1",
        _notice().replace(b"RSA2", b"RSA"),
        _notice().split(b"&sign=")[0],
        _notice().split(b"&sign=")[0] + b"&sign=",
        _notice(total_amount="1e3"),
        _notice(total_amount="-1.00"),
        _notice(total_amount="１２"),
        _notice(trade_status="NEW_STATUS"),
        _notice(trade_no=""),
        _notice(notify_id="-"),
        _notice(gmt_payment="soon"),
        b"",
        b"\xff=1",
        b"a=%ff",
        b"&".join([b"a%d=1" % n for n in range(200)]),
    ],
)
def test_what_nobody_should_believe_is_refused(body: bytes) -> None:
    with pytest.raises(BadNotice):
        notices.verify(SDK, body)


def test_no_single_bit_can_change_in_a_notice() -> None:
    genuine = _notice()
    facts = notices.verify(SDK, genuine)
    accepted = []
    for position in range(len(genuine)):
        for bit in range(8):
            forged = bytearray(genuine)
            forged[position] ^= 1 << bit
            try:
                read = notices.verify(SDK, bytes(forged))
            except BadNotice:
                continue
            if read != facts:
                accepted.append((position, bit))

    assert accepted == []


def test_money_is_text_with_two_places_and_comes_back_the_same() -> None:
    for amount in (1, 10, 99, 100, 101, 1250, 10**12 + 7):
        assert from_yuan(yuan(fen(amount))) == fen(amount)
    assert from_yuan("12") == from_yuan("12.0") == fen(1200)
    for text in ("", "1.234", "1,000.00", " 1.00", "1.00\n", "NaN", "1.", ".5", "0x1", "٣.٠٠"):
        with pytest.raises(ValueError, match="not an amount"):
            from_yuan(text)
        with pytest.raises(ValueError, match="not an amount"):
            from_fen(text)
