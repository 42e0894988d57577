"""A shop at a provider, as tests see it: our port on one side, the sandbox's people on the other."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from tests.sandbox.receiver import Merchant, Received
from tests.sandbox.running import RunningSandbox, eventually
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.ports import PaymentProvider
from yundian.payments.types import (
    AlipayAccount,
    PayKind,
    PayOrder,
    ProviderAccount,
    RefundOrder,
    WeChatPayAccount,
)
from yundian.platform.core import clock
from yundian.platform.core.money import Money

# A product may be called anything.
SUBJECT = "  雾面唇釉 <No.7> & 礼盒 ]]> &amp; 0 "


def fen(amount: int) -> Money:
    return Money(amount, "CNY")


@dataclass(frozen=True, kw_only=True)
class Shop:
    """``name`` and ``gateway`` are what the sandbox calls the provider in orders and in fault rules."""

    sandbox: RunningSandbox
    merchant: Merchant
    account: ProviderAccount
    provider: PaymentProvider
    name: str
    gateway: str
    payee: str
    kind: PayKind
    operations: dict[str, str]

    @property
    def notify_url(self) -> str:
        return f"{self.merchant.url}/{self.name}/notify"

    def order(self, out_no: str, *, amount: int = 1250, **more: Any) -> PayOrder:
        fields: dict[str, Any] = {
            "kind": self.kind,
            "out_trade_no": out_no,
            "amount": fen(amount),
            "subject": SUBJECT,
            "notify_url": self.notify_url,
            "expires_at": clock.now() + dt.timedelta(minutes=30),
            "client_ip": "127.0.0.1",
        }
        return PayOrder(**(fields | more))

    def refund(self, out_no: str, *, amount: int, total: int = 1250, suffix: str = "R1") -> RefundOrder:
        return RefundOrder(
            out_trade_no=out_no,
            out_refund_no=f"{out_no}{suffix}",
            amount=fen(amount),
            total=fen(total),
            reason="不合适 ]]> &",
            notify_url=self.notify_url,
        )

    def pay(self, out_no: str) -> str:
        """A person pays; the provider's number."""
        return self.sandbox.pay(self.name, self.payee, out_no)

    def scan(self, out_no: str) -> None:
        order = {"provider": self.name, "merchant": self.payee, "out_no": out_no}
        self.sandbox.post("scan", order)

    def break_it(self, fault: str, operation: str, **more: Any) -> None:
        self.sandbox.break_it(fault, provider=self.gateway, operation=self.operations[operation], **more)

    def told(self, count: int = 1) -> list[Received]:
        """The notices that arrived, once there are so many."""
        path = f"/{self.name}/notify"
        return eventually(
            lambda: self.merchant.at(path) if len(self.merchant.at(path)) >= count else None, what="the notices"
        )


def wechat_shop(sandbox: RunningSandbox, merchant: Merchant, pool: ProviderPool, name: str) -> Shop:
    app, paid = sandbox.account("official", name), sandbox.account("wechat_merchant", name)
    account = WeChatPayAccount(
        app_id=app["appid"],
        merchant_id=paid["mch_id"],
        api_key=paid["api_key"],
        gateway_url=sandbox.base_url,
    )
    return Shop(
        sandbox=sandbox,
        merchant=merchant,
        account=account,
        provider=pool.of(account),
        name="wechat",
        gateway="wechat_pay",
        payee=account.merchant_id,
        kind=PayKind.NATIVE,
        operations={
            "start": "pay.unifiedorder",
            "query": "pay.orderquery",
            "close": "pay.closeorder",
            "refund": "pay.refund",
            "query_refund": "pay.refundquery",
            "notice": "notify.pay",
            "refund_notice": "notify.refund",
            "settle": "*",
        },
    )


def alipay_shop(sandbox: RunningSandbox, merchant: Merchant, pool: ProviderPool, name: str) -> Shop:
    app = sandbox.account("alipay_app", name)
    account = AlipayAccount(
        app_id=app["app_id"],
        merchant_id=app["seller_id"],
        private_key=app["app_private_key_pkcs8"],
        alipay_public_key=app["alipay_public_key"],
        gateway_url=f"{sandbox.base_url}/gateway.do",
    )
    return Shop(
        sandbox=sandbox,
        merchant=merchant,
        account=account,
        provider=pool.of(account),
        name="alipay",
        gateway="alipay",
        payee=account.app_id,
        kind=PayKind.PRECREATE,
        operations={
            "start": "trade.precreate",
            "query": "trade.query",
            "close": "trade.close",
            "refund": "trade.refund",
            "query_refund": "trade.fastpay.refund.query",
            "notice": "notify.pay",
            "refund_notice": "notify.refund",
            "settle": "*",
        },
    )
