"""A brand that takes payments: real accounts at a sandbox, and the worker's work done by hand."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from typing import Any

from tests.sandbox.running import RunningSandbox
from yundian.payments import api
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.repository import trades
from yundian.payments.service import accounts, notices, starting, sweeping
from yundian.payments.service.notices import Received
from yundian.payments.types import (
    AlipayAccount,
    AttemptView,
    PayKind,
    PaymentView,
    Provider,
    ProviderAccount,
    RefundView,
    Started,
    WeChatPayAccount,
)
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.db.services import Services

SUBJECT_TYPE = "test.cart"
KINDS = {Provider.WECHAT: PayKind.NATIVE, Provider.ALIPAY: PayKind.PRECREATE}


@dataclass(kw_only=True)
class Till:
    """One brand's payments, and the people at the sandbox who pay."""

    services: Services
    sandbox: RunningSandbox
    providers: ProviderPool
    brand_id: uuid.UUID
    accounts: dict[Provider, tuple[uuid.UUID, ProviderAccount]]

    def account(self, provider: Provider) -> ProviderAccount:
        return self.accounts[provider][1]

    def payee(self, provider: Provider) -> str:
        """What the sandbox calls the merchant in orders."""
        account = self.account(provider)
        return account.merchant_id if provider is Provider.WECHAT else account.app_id

    async def open(
        self, *, minor: int = 1250, expires_in_s: float = 1800, description: str = "雾面唇釉 & 礼盒"
    ) -> PaymentView:
        async with self.services.database.connection(self.brand_id) as tx:
            return await api.start_payment(
                tx,
                keyring=self.services.keyring,
                subject_type=SUBJECT_TYPE,
                subject_id=new_id(),
                amount=Money(minor, "CNY"),
                description=description,
                expires_at=clock.now() + dt.timedelta(seconds=expires_in_s),
            )

    async def start(self, payment: PaymentView, provider: Provider) -> Started:
        return await starting.start(
            self.services,
            providers=self.providers,
            brand_id=self.brand_id,
            payment_id=payment.id,
            provider=provider,
            kind=KINDS[provider],
            client_ip="127.0.0.1",
        )

    def pay(self, provider: Provider, number: str) -> None:
        self.sandbox.pay(provider.value, self.payee(provider), number)

    async def attempts(self, payment: PaymentView) -> list[AttemptView]:
        async with self.services.database.connection(self.brand_id) as tx:
            return await trades.attempts(tx, payment_id=payment.id)

    async def number(self, payment: PaymentView) -> str:
        return (await self.attempts(payment))[-1].out_trade_no

    async def paid(self, provider: Provider, *, minor: int = 1250) -> PaymentView:
        """A payment that was started, paid and found paid by a poll."""
        payment = await self.open(minor=minor)
        await self.start(payment, provider)
        self.pay(provider, await self.number(payment))
        await self.look(payment)
        return await self.see(payment)

    async def see(self, payment: PaymentView) -> PaymentView:
        async with self.services.database.connection(self.brand_id) as tx:
            found = await trades.payment(tx, payment_id=payment.id)
        assert found is not None
        return found

    async def look(self, payment: PaymentView) -> None:
        await sweeping.look_at(
            self.services.database,
            keyring=self.services.keyring,
            providers=self.providers,
            brand_id=self.brand_id,
            payment_id=payment.id,
        )

    async def sweep(self, *, later_s: float = 0) -> int:
        """The worker's round, as if it were later."""
        return await sweeping.sweep(
            self.services.database,
            keyring=self.services.keyring,
            providers=self.providers,
            brand_id=self.brand_id,
            now=clock.now() + dt.timedelta(seconds=later_s),
        )

    async def handle(self) -> None:
        """What the courier would deliver: every notice that was stored and not handled."""
        async with self.services.database.connection(self.brand_id) as tx:
            rows = await tx.fetch(
                "SELECT id FROM payments_notice WHERE brand_id = $1 AND handled_at IS NULL ORDER BY id",
                self.brand_id,
            )
            await notices.handle(tx, ids=[row["id"] for row in rows])

    async def receive(self, provider: Provider, body: bytes) -> bytes:
        (answer,) = await notices.receive(
            self.services.database,
            keyring=self.services.keyring,
            providers=self.providers,
            brand_id=self.brand_id,
            received=[Received(provider, self.accounts[provider][0], body, {})],
        )
        return answer.body

    async def refund(self, payment: PaymentView, amount_minor: int) -> RefundView:
        async with self.services.database.connection(self.brand_id) as tx:
            return await api.request_refund(tx, payment_id=payment.id, amount_minor=amount_minor, reason="换色号")

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """A look at this brand's tables: ``$1`` is the brand."""
        async with self.services.database.connection(self.brand_id) as tx:
            return [dict(row) for row in await tx.fetch(sql, self.brand_id, *args)]

    async def events(self, tag: str) -> list[dict[str, Any]]:
        rows = await self.rows(
            "SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = $2 ORDER BY id", tag
        )
        return [json.loads(row["payload"]) for row in rows]

    async def orphans(self) -> list[dict[str, Any]]:
        return await self.rows("SELECT * FROM payments_orphan WHERE brand_id = $1 ORDER BY id")


def sandbox_account(sandbox: RunningSandbox, provider: Provider, name: str) -> ProviderAccount:
    """A merchant of its own at the sandbox."""
    if provider is Provider.WECHAT:
        app, merchant = sandbox.account("official", name), sandbox.account("wechat_merchant", name)
        return WeChatPayAccount(
            app_id=app["appid"],
            merchant_id=merchant["mch_id"],
            api_key=merchant["api_key"],
            gateway_url=sandbox.base_url,
        )
    made = sandbox.account("alipay_app", name)
    return AlipayAccount(
        app_id=made["app_id"],
        merchant_id=made["seller_id"],
        private_key=made["app_private_key_pkcs8"],
        alipay_public_key=made["alipay_public_key"],
        gateway_url=f"{sandbox.base_url}/gateway.do",
    )


async def add_account(services: Services, brand_id: uuid.UUID, account: ProviderAccount) -> uuid.UUID:
    async with services.database.unit_of_work(brand_id) as session:
        view = await accounts.add_account(
            session, keyring=services.keyring, settings=services.settings, label="Till", account=account
        )
    return view.id


async def open_till(
    services: Services, sandbox: RunningSandbox, providers: ProviderPool, brand_id: uuid.UUID, name: str
) -> Till:
    """A brand with an account at each provider."""
    made: dict[Provider, tuple[uuid.UUID, ProviderAccount]] = {}
    for provider in Provider:
        account = sandbox_account(sandbox, provider, name)
        made[provider] = (await add_account(services, brand_id, account), account)
    return Till(services=services, sandbox=sandbox, providers=providers, brand_id=brand_id, accounts=made)
