"""Ten thousand lives of payments: what a provider did, what it says of it, and in what order that arrives."""

import base64
import datetime as dt
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from wechatpy.pay.utils import calculate_signature_hmac
from wechatpy.utils import to_text

from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.ports import PaymentProvider
from yundian.payments.types import (
    AlipayAccount,
    CloseResult,
    PaymentClosed,
    PaymentStanding,
    Provider,
    ProviderAccount,
    ProviderPayment,
    ProviderRefund,
    QueryResult,
    RefundOrder,
    RefundResult,
    RefundStanding,
    WeChatPayAccount,
)
from yundian.platform.core.money import Money

BEIJING = dt.timezone(dt.timedelta(hours=8))
WRONG = ("signature", "amount", "currency", "merchant", "app")
SHAPES = ("paid", "lost", "unpaid", "early", "late", "refunded", *WRONG)


@dataclass
class History:
    """One number, and what its provider knows of it. ``shape`` says what goes wrong on the way."""

    number: str
    payment_id: uuid.UUID
    provider: Provider
    amount: int
    shape: str
    paid_at: dt.datetime
    refunds: dict[str, int] = field(default_factory=dict)

    @property
    def is_paid(self) -> bool:
        return self.shape != "unpaid"

    @property
    def reference(self) -> str:
        return f"REF{self.number}"


class Books:
    """The providers of all histories: ours must end equal to these. Stands where the clients are."""

    def __init__(self, accounts: dict[Provider, ProviderAccount]) -> None:
        self.accounts = accounts
        self.histories: dict[str, History] = {}
        self.real = ProviderPool()

    def of(self, account: ProviderAccount) -> PaymentProvider:
        return _Client(self, account, self.real.of(account))  # type: ignore[return-value]

    async def aclose(self) -> None:
        await self.real.aclose()


class _Client:
    """Answers from the books; notices are verified by the real client."""

    def __init__(self, books: Books, account: ProviderAccount, real: PaymentProvider) -> None:
        self._books = books
        self._account = account
        self.verify_notice = real.verify_notice
        self.accepted, self.rejected = real.accepted, real.rejected

    async def query(self, out_trade_no: str) -> QueryResult:
        one = self._books.histories[out_trade_no]
        return ProviderPayment(
            standing=PaymentStanding.PAID if one.is_paid else PaymentStanding.WAITING,
            out_trade_no=out_trade_no,
            merchant_id=self._account.merchant_id,
            app_id=self._account.app_id,
            provider_ref=one.reference if one.is_paid else "",
            amount=Money(one.amount, "CNY") if one.is_paid else None,
            paid_at=one.paid_at if one.is_paid else None,
        )

    async def close(self, out_trade_no: str) -> CloseResult:
        return PaymentClosed()

    async def refund(self, order: RefundOrder) -> RefundResult:
        self._books.histories[order.out_trade_no].refunds[order.out_refund_no] = order.amount.minor
        return self._told(order.out_trade_no, order.out_refund_no, RefundStanding.PROCESSING)

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        return self._told(out_trade_no, out_refund_no, RefundStanding.SUCCEEDED)

    def _told(self, trade: str, number: str, standing: RefundStanding) -> ProviderRefund:
        one = self._books.histories[trade]
        return ProviderRefund(
            standing=standing if number in one.refunds else RefundStanding.ABSENT,
            out_trade_no=trade,
            out_refund_no=number,
            provider_ref=f"F{number}",
            amount=Money(one.refunds[number], "CNY") if number in one.refunds else None,
            refunded_at=one.paid_at,
        )


def make_accounts(seed: int) -> tuple[dict[Provider, ProviderAccount], rsa.RSAPrivateKey]:
    """An account at each provider, and the key with which Alipay signs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    accounts: dict[Provider, ProviderAccount] = {
        Provider.WECHAT: WeChatPayAccount(app_id=f"wx{seed}", merchant_id=f"16{seed}", api_key="k" * 32),
        Provider.ALIPAY: AlipayAccount(
            app_id=f"2021{seed}",
            merchant_id=f"2088{seed}",
            private_key=private.decode(),
            alipay_public_key=public.decode(),
        ),
    }
    return accounts, key


def notices_of(one: History, accounts: dict[Provider, ProviderAccount], key: rsa.RSAPrivateKey) -> list[bytes]:
    """Every notice that is sent of a history: the right one, and the wrong one of its shape."""
    if not one.is_paid or one.shape == "lost":
        return []
    account = accounts[one.provider]
    told = [_notice(one, account, key, "")]
    if one.shape in WRONG:
        told.append(_notice(one, account, key, one.shape))
    # Of some the right notice never arrives.
    return told[1:] if one.shape in WRONG and one.amount % 2 else told


def _notice(one: History, account: ProviderAccount, key: rsa.RSAPrivateKey, wrong: str) -> bytes:
    amount = one.amount + (1 if wrong == "amount" else 0)
    merchant = account.merchant_id + ("9" if wrong == "merchant" else "")
    app = account.app_id + ("9" if wrong == "app" else "")
    currency = "USD" if wrong == "currency" else "CNY"
    at = one.paid_at.astimezone(BEIJING)
    if isinstance(account, WeChatPayAccount):
        fields = {
            "return_code": "SUCCESS",
            "result_code": "SUCCESS",
            "appid": app,
            "mch_id": merchant,
            "openid": "o1",
            "trade_type": "NATIVE",
            "bank_type": "OTHERS",
            "nonce_str": one.number,
            "total_fee": str(amount),
            "cash_fee": str(amount),
            "fee_type": currency,
            "transaction_id": one.reference,
            "out_trade_no": one.number,
            "time_end": f"{at:%Y%m%d%H%M%S}",
        }
        fields["sign"] = to_text(calculate_signature_hmac(fields, account.api_key))
        if wrong == "signature":
            fields["cash_fee"] = "1"
        return ("<xml>" + "".join(f"<{n}><![CDATA[{v}]]></{n}>" for n, v in fields.items()) + "</xml>").encode()
    fields = {
        "notify_id": f"{one.number}{wrong}",
        "app_id": app,
        "charset": "utf-8",
        "sign_type": "RSA2",
        "trade_no": one.reference,
        "out_trade_no": one.number,
        "seller_id": merchant,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": f"{amount / 100:.2f}",
        "gmt_payment": f"{at:%Y-%m-%d %H:%M:%S}",
    }
    if currency != "CNY":
        fields["trans_currency"] = currency
    content = "&".join(f"{n}={fields[n]}" for n in sorted(fields) if n != "sign_type").encode()
    fields["sign"] = base64.b64encode(key.sign(content, PKCS1v15(), hashes.SHA256())).decode()
    if wrong == "signature":
        fields["subject"] = "x"
    return urlencode(fields).encode()
