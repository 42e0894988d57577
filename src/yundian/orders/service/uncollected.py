"""What nobody collects is paid back, if the brand wants it so: announced first; headquarters may let it wait."""

import datetime as dt
import uuid

from yundian.brands import api as brands
from yundian.orders.errors import OrderNotOpen
from yundian.orders.events import OrderUncollected
from yundian.orders.repository import uncollected as repository
from yundian.orders.rules import UNCOLLECTED_NOTICE, facts_of
from yundian.orders.service import life, lists
from yundian.orders.types import Actor, UncollectedView
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db import directory
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

REASON = "uncollected"
_AT_ONCE = 100
_MOST_ROUNDS = 20


async def sweep(database: Database) -> None:
    """Brand by brand: announce, then pay back what was announced and is due. Twice at once does nothing twice."""
    for brand in await directory.brand_ids(database):
        for _round in range(_MOST_ROUNDS):
            async with database.connection(brand) as tx:
                if await step_of_brand(tx) < _AT_ONCE:
                    break


async def step_of_brand(tx: Tx) -> int:
    """So many orders of one brand in one transaction: how many were announced or paid back, whichever is more.

    Records ``orders.uncollected.v1`` for each announced, ``orders.cancelled.v1`` for each paid back.
    """
    now, days = clock.now(), await brands.uncollected_days(tx)
    await repository.forget(tx, is_off=not days)
    if not days:
        return 0
    due = await repository.claim(tx, now=now, limit=_AT_ONCE)
    if due:
        await life.cancel_paid(tx, order_ids=due, reason=REASON)
    step("orders.uncollected_refunded")
    after = dt.timedelta(days=days)
    told = await repository.remind(
        tx,
        released_before=now - after + UNCOLLECTED_NOTICE,
        now=now,
        after=after,
        notice=UNCOLLECTED_NOTICE,
        limit=_AT_ONCE,
    )
    await outbox.record(
        tx, *(OrderUncollected(order=facts_of(order), refund_at=refund_at) for order, refund_at in told)
    )
    return max(len(due), len(told))


async def keep(door: Door, *, order_id: uuid.UUID, actor: Actor) -> None:
    """Headquarters lets it wait: nobody pays it back by himself any more. ``OrderNotOpen`` when it is too late."""
    order = await lists.get_order(door, order_id=order_id)
    if not await repository.keep(door, order_id=order_id, actor_id=actor.id, now=clock.now()):
        raise OrderNotOpen(state=order.state.value)


async def announced(door: Door, *, order_id: uuid.UUID) -> UncollectedView | None:
    """What was said of an order that waits."""
    return await repository.of_order(door, order_id=order_id)
