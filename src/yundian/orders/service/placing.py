"""Orders are placed: by themselves, or as parts of an upper room's statement."""

import uuid

from yundian.orders.errors import OrderExists
from yundian.orders.repository import placing
from yundian.orders.rules import checked
from yundian.orders.types import NewOrder, Placed
from yundian.platform.core.steps import step
from yundian.platform.db.conflicts import conflicts
from yundian.platform.db.cte import Cte
from yundian.platform.outbox import timers
from yundian.platform.outbox.door import Door

EXPIRY = "orders.expire"
NUMBER_KEY = "uq_orders_order_brand_id_number"
EXTERNAL_KEY = "uq_orders_order_external"


def place_parts(cte: Cte, *, brand_id: uuid.UUID, order: NewOrder, given: str | None, name: str) -> None:
    placing.place_parts(cte, brand_id=brand_id, order=checked(order), given=given, name=name)


async def place(door: Door, *, order: NewOrder) -> Placed:
    """One statement; a second sets the timer of an order that expires."""
    refusals = {NUMBER_KEY: OrderExists(field="number"), EXTERNAL_KEY: OrderExists(field="external_id")}
    async with conflicts(refusals):
        placed = await placing.place(door, order=checked(order))
    step("orders.placed")
    if order.expires_at is not None:
        await timers.set_timer(door, name=EXPIRY, key=str(order.id), due_at=order.expires_at)
    return placed
