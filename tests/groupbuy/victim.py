"""A process that tests kill: it checks out, or does a worker's work, and dies at the step it is told.

``python -m tests.groupbuy.victim checkout BRAND MEMBER CAMPAIGN SHOP SKU`` or ``... work BRAND``; its settings
come by the environment, the step by ``YUNDIAN_TEST_DIE_AT``.
"""

import sys
import uuid

import uvloop

from groupbuy.service import checkout
from groupbuy.service.seats import Buyer
from groupbuy.types import Wanted, Wish
from tests.courier_kit import Courier, FakeQueue
from tests.groupbuy.kit import registry
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services, open_services


async def buy(services: Services, brand: uuid.UUID, member: str, campaign: str, shop: str, sku: str) -> None:
    await checkout.check_out(
        services.database,
        keyring=services.keyring,
        buyer=Buyer(brand, "brand", uuid.UUID(member)),
        wish=Wish(campaign_code=campaign, lines=(Wanted(uuid.UUID(sku)),), pickup_shop_id=uuid.UUID(shop)),
    )


async def work(services: Services, brand: uuid.UUID) -> None:
    pool = await open_pool(services.settings, role=RELAY_ROLE, size=1)
    courier = Courier(database=services.database, brand=brand, queue=FakeQueue(), pool=pool, registry=registry())
    for _ in range(12):
        await courier.relay()
        await courier.work()
    await pool.close()


async def main(what: str, brand: str, *rest: str) -> None:
    async with open_services(Settings()) as services:
        if what == "checkout":
            await buy(services, uuid.UUID(brand), *rest)
        else:
            await work(services, uuid.UUID(brand))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
