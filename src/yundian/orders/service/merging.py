"""Orders of other systems become orders here, and whose they turn out to be."""

import uuid
from collections.abc import Mapping, Sequence

from yundian.orders.repository import merging
from yundian.orders.repository.merging import Merged
from yundian.orders.types import StagedLine, StagedOrder, StagedReturn
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx


async def merge(
    tx: Tx,
    *,
    orders: list[StagedOrder],
    lines: list[StagedLine],
    returns: list[StagedReturn],
    gone_orders: Sequence[uuid.UUID],
    gone_returns: Sequence[uuid.UUID],
    members_of_orders: Mapping[uuid.UUID, uuid.UUID],
    members_of_returns: Mapping[uuid.UUID, uuid.UUID],
) -> Merged:
    now = clock.now()
    has_known = any(order.is_known for order in orders)
    await merging.open_tables(tx)
    await merging.stage(tx, orders=orders, lines=lines, returns=returns)
    if gone_orders:
        await merging.remove_orders(tx, ids=gone_orders)
    if orders:
        await merging.put_orders(tx, now=now, has_known=has_known)
    step("orders.merged")
    if has_known or gone_returns or any(one.has_before for one in returns):
        await merging.adopt_returns(tx, gone=gone_returns)
    if returns:
        await merging.put_returns(tx, now=now)
    has_linked = bool(orders) and await merging.link_returns(tx)
    assigned = await merging.assign(tx, orders=members_of_orders, returns=members_of_returns)
    step("orders.returns_merged")
    has_changed = any(
        (returns, gone_returns, gone_orders, has_known, has_linked, members_of_orders, members_of_returns)
    )
    changed, summed = await merging.settle_returns(tx) if has_changed else ([], [])
    return Merged([*orders, *assigned], changed, summed)
