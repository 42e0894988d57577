"""What customers buy after an appointment: credited to it, to whoever served and to the shop."""

import datetime as dt
import uuid
from collections.abc import Sequence

from appointments.repository import purchases as repository
from appointments.repository.purchases import Bought
from yundian.orders import api as orders
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

MOST_DAYS = 365


async def follow(tx: Tx, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """Orders that became sales, or of which money went back; in whatever order and however often that is told."""
    found = await orders.get_orders(tx, order_ids=sorted(set(order_ids)))
    bought = [
        Bought(
            order_id=order.id,
            member_id=order.member_id,
            amount_minor=order.total_minor,
            refunded_minor=order.refunded_minor,
            currency=order.currency,
            at=order.paid_at or order.placed_at,
            sku_ids=tuple(line.sku_id for line in order.lines if line.sku_id is not None),
        )
        for order in found.values()
        if order.member_id is not None and order.released_at is not None
    ]
    if bought:
        await repository.keep(tx, bought=bought, now=now)


async def days(door: Door) -> int:
    """How many days after an appointment an order still counts."""
    return await repository.days(door)


async def put_days(door: Door, *, count: int, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """HQ decides anew; what was counted stays."""
    if not 1 <= count <= MOST_DAYS:
        raise InvalidInput("purchase_days", "1 to 365 days")
    await repository.put_days(door, count=count, actor_id=actor_id, now=now)
