"""Orders of other systems become orders here, and whose they turn out to be."""

import uuid
from collections.abc import Mapping, Sequence

from yundian.orders.repository import merging, returned
from yundian.orders.repository.merging import Merged
from yundian.orders.types import StagedLines, StagedOrder, StagedReturn
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx


async def merge(
    tx: Tx,
    *,
    orders: list[StagedOrder],
    lines: Sequence[StagedLines],
    skus: Mapping[str, uuid.UUID],
    returns: list[StagedReturn],
    gone_orders: Sequence[uuid.UUID],
    gone_returns: Sequence[uuid.UUID],
    members_of_orders: Mapping[uuid.UUID, uuid.UUID],
    members_of_returns: Mapping[uuid.UUID, uuid.UUID],
) -> Merged:
    now = clock.now()
    known = [order.order_id for order in orders if order.is_known]
    await merging.open_tables(tx)
    await merging.stage(tx, orders=orders, lines=lines, skus=skus, returns=returns)
    if gone_orders:
        await returned.remove_of(tx, orders=gone_orders)
        await merging.remove_orders(tx, ids=gone_orders)
    if orders:
        await merging.put_orders(tx, now=now, known=known)
    step("orders.merged")
    if known or gone_returns or any(one.has_before for one in returns):
        await returned.adopt(tx, known=known, staged=returns, gone=gone_returns)
    if returns:
        await returned.put(tx, staged=returns, now=now)
    has_linked = await returned.link(tx, orders=orders)
    assigned = await merging.assign(tx, orders=members_of_orders, returns=members_of_returns)
    step("orders.returns_merged")
    has_changed = any(
        (returns, gone_returns, gone_orders, known, has_linked, members_of_orders, members_of_returns)
    )
    if not has_changed:
        return Merged([*orders, *assigned], [], [])
    changed, summed = await returned.settle(tx, known=[*known, *(one.order_id for one in assigned)])
    return Merged([*orders, *assigned], changed, summed)
