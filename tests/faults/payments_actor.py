"""One stage of a payment in a process of its own, which dies where it is told:
``python -m tests.faults.payments_actor STAGE BRAND PAYMENT [PROVIDER ACCOUNT BODY]``."""

import base64
import sys
import uuid

import uvloop

from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.repository import trades
from yundian.payments.service import notices, refunding, starting, sweeping
from yundian.payments.types import PayKind, Provider
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services, open_services

KINDS = {Provider.WECHAT: PayKind.NATIVE, Provider.ALIPAY: PayKind.PRECREATE}


async def act(stage: str, brand_id: uuid.UUID, payment_id: uuid.UUID, *rest: str) -> None:
    """What web or worker would do."""
    async with open_services(Settings()) as services:
        providers = ProviderPool()
        if stage == "start":
            await starting.start(
                services,
                providers=providers,
                brand_id=brand_id,
                payment_id=payment_id,
                provider=Provider(rest[0]),
                kind=KINDS[Provider(rest[0])],
                client_ip="127.0.0.1",
            )
        elif stage == "look":
            await sweeping.look_at(
                services.database,
                keyring=services.keyring,
                providers=providers,
                brand_id=brand_id,
                payment_id=payment_id,
            )
        elif stage == "close":
            async with services.database.connection(brand_id) as tx:
                await trades.begin_closing(tx, now=(await tx.fetchval("SELECT now()")), payment_id=payment_id)
            await _sweep(services, providers, brand_id)
        elif stage == "refund":
            async with services.database.connection(brand_id) as tx:
                await refunding.request_refund(
                    tx, payment_id=payment_id, amount_minor=int(rest[0]), reason="x", actor_id=None
                )
            await _sweep(services, providers, brand_id)
        else:
            await _notice(services, providers, brand_id, *rest)
        await providers.aclose()


async def _sweep(services: Services, providers: ProviderPool, brand_id: uuid.UUID) -> None:
    await sweeping.sweep(services.database, keyring=services.keyring, providers=providers, brand_id=brand_id)


async def _notice(
    services: Services, providers: ProviderPool, brand_id: uuid.UUID, provider: str, account: str, body: str
) -> None:
    await notices.receive(
        services.database,
        keyring=services.keyring,
        providers=providers,
        provider=Provider(provider),
        brand_id=brand_id,
        account_id=uuid.UUID(account),
        body=base64.b64decode(body),
        headers={},
    )
    async with services.database.connection(brand_id) as tx:
        sql = "SELECT id FROM payments_notice WHERE brand_id = $1 AND handled_at IS NULL"
        await notices.handle(tx, ids=[row["id"] for row in await tx.fetch(sql, brand_id)])


if __name__ == "__main__":
    stage, brand, payment, *rest = sys.argv[1:]
    uvloop.run(act(stage, uuid.UUID(brand), uuid.UUID(payment), *rest))
