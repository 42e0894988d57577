"""A worker that notes every product put on sale: ``python -m tests.faults.sale_watcher``."""

import uvloop
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.events import EVENTS, ProductPutOnSale
from yundian.platform.core.settings import Settings
from yundian.platform.jobs.worker import work
from yundian.platform.outbox.declare import subscriber
from yundian.platform.outbox.door import run
from yundian.platform.outbox.registry import Registry


@subscriber(ProductPutOnSale, name="test.on_sale")
async def note(session: AsyncSession, event: ProductPutOnSale) -> None:
    await run(
        session, "INSERT INTO courier_test.effect VALUES ($1, $2, 1)", session.info["brand"], str(event.product_id)
    )


if __name__ == "__main__":
    uvloop.run(work(Settings(), registry=Registry.of(events=EVENTS, subscribers=[note])))
