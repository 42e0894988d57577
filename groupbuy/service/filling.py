"""Paid orders confirm their seats; the last one fills the group, and only then is anything a sale."""

import datetime as dt
import uuid
from collections.abc import Sequence

from groupbuy.events import GroupOpened
from groupbuy.repository import groups as rows
from groupbuy.repository.groups import Paid
from groupbuy.service import confirming, ending
from groupbuy.service.ending import REFUND_TEXT
from groupbuy.states import GroupState
from groupbuy.types import GroupView
from yundian.attribution import api as attribution
from yundian.attribution.types import Subject
from yundian.orders import api as orders
from yundian.orders.types import SUBJECT
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door


async def take_money(door: Door, *, paid: Sequence[Paid], now: dt.datetime) -> None:
    """Seats of paid orders are paid. A group whose last seat this was is filled in the same statement.

    Money without a seat (which the orders' own guards do not let through) goes back. Orders that HQ cancelled
    before we heard that they were paid take no seat: theirs come free. Records ``GroupOpened`` for the first
    payment of a group, ``GroupFilled`` for the last.
    """
    before = {group.id: group for group in await rows.lock_of_orders(door, order_ids=_ids(paid))}
    gone = await _cancelled(door, _ids(paid))
    standing = [one for one in paid if one.order_id not in gone]
    moved = await rows.pay_seats(door, paid=standing, now=now)
    step("groupbuy.seats_paid")
    after = await rows.lock(door, group_ids=list(before))
    opened = [group for group in after if before[group.id].paid == 0 < group.paid]
    await outbox.record(door, *(_opened(group) for group in opened))
    await confirming.fill(door, groups=[group for group in after if group.state is GroupState.FILLED], now=now)
    if len(moved) < len(standing):
        await _refuse(door, _ids(standing), now)
    seats = await rows.seats_of(door, order_ids=_ids(standing), states=("paid",))
    await orders.mark_waiting(door, order_ids=[seat.order_id for seat in seats], at=now)
    await ending.settle(door, groups=after, now=now)
    if gone:
        await ending.free_cancelled(door, groups=after, order_ids=sorted(gone), now=now)


async def _cancelled(door: Door, order_ids: list[uuid.UUID]) -> set[uuid.UUID]:
    """Looked at under the groups' locks: what is cancelled later finds its seat paid, and frees it."""
    known = await orders.get_orders(door, order_ids=order_ids)
    return {order.id for order in known.values() if order.state.value == "cancelled"}


async def _refuse(door: Door, order_ids: list[uuid.UUID], now: dt.datetime) -> None:
    refused = [seat.order_id for seat in await rows.refuse_seats(door, order_ids=order_ids, now=now)]
    if refused:
        await orders.cancel_paid(door, order_ids=refused, reason="group_over", refund_reason=REFUND_TEXT)
        await attribution.reverse(door, [Subject(SUBJECT, order_id) for order_id in refused])


def _opened(group: GroupView) -> GroupOpened:
    return GroupOpened(
        group_id=group.id,
        code=group.code,
        campaign_id=group.campaign_id,
        shop_id=group.shop_id,
        leader_member_id=group.leader_member_id,
        deadline_at=group.deadline_at,
    )


def _ids(paid: Sequence[Paid]) -> list[uuid.UUID]:
    return [one.order_id for one in paid]
