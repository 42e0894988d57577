"""What customers buy after an appointment: credited to it, to whoever served and to the shop."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

from appointments.repository import purchases as repository
from appointments.repository.purchases import Bought
from appointments.service import viewing
from yundian.orders import api as orders
from yundian.orders.types import OrderView
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

MOST_DAYS = 365
_NEWEST = 50


async def follow(tx: Tx, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """Orders that became sales, or of which money went back; in whatever order and however often that is told."""
    found = await orders.get_orders(tx, order_ids=sorted(set(order_ids)))
    if bought := _bought(found.values()):
        await repository.keep(tx, bought=bought, now=now)


async def follow_foreign(
    tx: Tx, *, order_ids: Sequence[uuid.UUID], member_ids: Sequence[uuid.UUID], now: dt.datetime
) -> None:
    """Orders of other systems changed: what follows an appointment is what they say now.

    Another amount, another time, another member, money back, no order any more: told in whatever order and however
    often, the same follows.
    """
    await repository.lock(tx)
    if not await repository.concerns(tx, order_ids=order_ids, member_ids=member_ids):
        return
    found = await orders.get_orders(tx, order_ids=sorted(set(order_ids)))
    # A till's exchange may give more back than it sells: that is no purchase.
    bought = [one for one in _bought(found.values()) if one.amount_minor >= 0]
    await repository.replace(tx, order_ids=order_ids, bought=bought, now=now)


async def follow_members(tx: Tx, *, member_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """What these members bought before it was known that they had been here: of each, her newest orders."""
    wanted = sorted(set(member_ids))
    pages = [await orders.list_of_member(tx, member_id=each, limit=_NEWEST) for each in wanted]
    order_ids = [order.id for page in pages for order in page.items]
    await follow_foreign(tx, order_ids=order_ids, member_ids=wanted, now=now)


def _bought(found: Iterable[OrderView]) -> list[Bought]:
    return [
        Bought(
            order_id=order.id,
            member_id=order.member_id,
            amount_minor=order.total_minor,
            refunded_minor=order.refunded_minor,
            currency=order.currency,
            at=order.paid_at or order.placed_at,
            sku_ids=tuple(line.sku_id for line in order.lines if line.sku_id is not None),
        )
        for order in found
        if order.member_id is not None and order.released_at is not None
    ]


async def days(door: Door) -> int:
    """How many days after an appointment an order still counts."""
    return await repository.days(door)


async def viewing_days(door: Door) -> int:
    """For how many days it is known who looked at times."""
    found = await repository.viewing_days(door)
    return viewing.KEEP_DAYS if found is None else found


async def put_days(
    door: Door,
    *,
    count: int,
    viewing_days: int = viewing.KEEP_DAYS,
    actor_id: uuid.UUID | None,
    now: dt.datetime,
) -> None:
    """HQ decides anew; what was counted stays. ``viewing_days``: how long it is known who looked at times."""
    if not 1 <= count <= MOST_DAYS:
        raise InvalidInput("purchase_days", "1 to 365 days")
    if not viewing.LEAST_DAYS <= viewing_days <= viewing.MOST_DAYS:
        raise InvalidInput("viewing_days", "7 to 400 days")
    await repository.put_days(door, count=count, viewing_days=viewing_days, actor_id=actor_id, now=now)
