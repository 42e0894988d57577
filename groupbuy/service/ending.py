"""Seats that come free and groups that end: unpaid, left, at the deadline, with the campaign or the shop."""

import datetime as dt
import uuid
from collections.abc import Sequence

from groupbuy import rules
from groupbuy.errors import LeaveTooLate, SeatUnknown
from groupbuy.events import GroupEnded, GroupFailed
from groupbuy.repository import groups as rows
from groupbuy.rules import AtDeadline
from groupbuy.service import confirming
from groupbuy.states import JOINABLE, EndReason, GroupState, SeatState
from groupbuy.types import GroupView, SeatView
from yundian.attribution import api as attribution
from yundian.attribution.types import Subject
from yundian.orders import api as orders
from yundian.orders.types import SUBJECT, by_customer
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox, timers
from yundian.platform.outbox.door import Door

DEADLINE = "groupbuy.deadline"
REFUND_TEXT = "拼团未成团退款"
LEAVE_TEXT = "退出拼团退款"
SHOP_TEXT = "自提门店停业退款"
# Whoever may be paying at the deadline is waited for, as long as payments need to find out.
LOOK_AGAIN_AFTER = dt.timedelta(seconds=15)


async def release_seats(door: Door, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """Orders that were closed unpaid: their seats come free, and somebody else may lead."""
    groups = await rows.lock_of_orders(door, order_ids=order_ids)
    freed = await rows.release_seats(door, order_ids=order_ids, now=now)
    step("groupbuy.seats_released")
    await _after_seats_came_free(door, groups, freed, now)


async def note_cancelled(door: Door, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """Paid orders that somebody else cancelled while their group was open: as if their members had left."""
    groups = await rows.lock_of_orders(door, order_ids=order_ids)
    freed = await rows.leave_seats(door, order_ids=order_ids, now=now)
    await _take_back_at_once(door, freed)
    await _after_seats_came_free(door, groups, freed, now)


async def free_cancelled(
    door: Door, *, groups: Sequence[GroupView], order_ids: Sequence[uuid.UUID], now: dt.datetime
) -> None:
    """Orders of locked groups that were cancelled before their seats were paid: the seats come free."""
    freed = await rows.refuse_seats(door, order_ids=order_ids, now=now)
    await _take_back_at_once(door, freed)
    await _after_seats_came_free(door, groups, freed, now)


async def leave(door: Door, *, seat_id: uuid.UUID, member_id: uuid.UUID, now: dt.datetime) -> SeatView:
    """Give a seat of an open group back: an unpaid one is called off, a paid one's money goes back.

    Raises:
        SeatUnknown, LeaveTooLate
    """
    seat = await rows.seat(door, seat_id=seat_id, member_id=member_id)
    if seat is None:
        raise SeatUnknown
    [group] = await rows.lock(door, group_ids=[seat.group_id])
    seat = await rows.seat(door, seat_id=seat_id, member_id=member_id) or seat
    actor = by_customer(member_id)
    if seat.state is SeatState.RESERVED:
        await orders.close(door, order_ids=[seat.order_id], reason="buyer", actor=actor)
    elif seat.state is SeatState.PAID and group.is_joinable(now):
        freed = await rows.leave_seats(door, order_ids=[seat.order_id], now=now)
        await orders.cancel_paid(door, order_ids=[seat.order_id], reason="buyer_left", refund_reason=LEAVE_TEXT)
        await _after_seats_came_free(door, [group], freed, now)
    elif seat.state not in (SeatState.RELEASED, SeatState.REFUNDING, SeatState.REFUNDED):
        raise LeaveTooLate(state=group.state.value)
    return await rows.seat(door, seat_id=seat_id, member_id=member_id) or seat


async def reach_deadline(door: Door, *, group_id: uuid.UUID, now: dt.datetime) -> None:
    """The group's time is up. Whoever may be paying is asked about first, then looked at again."""
    locked = await rows.lock(door, group_ids=[group_id])
    if not locked or locked[0].state not in JOINABLE:
        return
    group = locked[0]
    if group.deadline_at > now:
        await timers.set_timer(door, name=DEADLINE, key=str(group.id), due_at=group.deadline_at)
        return
    if _verdict(group) is AtDeadline.WAIT:
        reserved = await rows.seats_of(door, group_ids=[group.id], states=(SeatState.RESERVED.value,))
        await orders.close(door, order_ids=[seat.order_id for seat in reserved], reason="timeout")
        await timers.set_timer(door, name=DEADLINE, key=str(group.id), due_at=now + LOOK_AGAIN_AFTER)
        return
    await settle(door, groups=[group], now=now)


async def settle(door: Door, *, groups: Sequence[GroupView], now: dt.datetime) -> None:
    """Decide about locked groups whose deadline has passed: enough by their own short fill, or over."""
    due = [group for group in groups if group.state in JOINABLE and group.deadline_at <= now]
    verdicts = {group.id: _verdict(group) for group in due}
    short = [group_id for group_id, verdict in verdicts.items() if verdict is AtDeadline.SHORT_FILL]
    if short:
        await _fill_short(door, short, now)
    expired = [group_id for group_id, verdict in verdicts.items() if verdict is AtDeadline.EXPIRE]
    await _end(door, expired, GroupState.EXPIRED, EndReason.DEADLINE, now)


async def give_back(door: Door, *, group_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """Groups that did not make it: paid orders are cancelled and refunded, unpaid ones called off. Set-based."""
    await rows.lock(door, group_ids=group_ids)
    seats = await rows.give_back_seats(door, group_ids=group_ids, now=now)
    await rows.begin_refunding(door, group_ids=group_ids)
    paid = [seat.order_id for seat in seats]
    if paid:
        await orders.cancel_paid(door, order_ids=paid, reason="group_failed", refund_reason=REFUND_TEXT)
        await attribution.reverse(door, _subjects(paid))
        await _take_back_at_once(door, seats)
    reserved = await rows.seats_of(door, group_ids=group_ids, states=(SeatState.RESERVED.value,))
    if reserved:
        await orders.close(door, order_ids=[seat.order_id for seat in reserved], reason="group_over")
    step("groupbuy.refunds_asked")
    await finish(door, group_ids=group_ids)


async def take_back(door: Door, *, order_ids: Sequence[uuid.UUID]) -> None:
    """Orders whose money is back whole. The last one of a group that did not make it ends it."""
    await rows.lock_of_orders(door, order_ids=order_ids)
    seats = await rows.refunded_seats(door, order_ids=order_ids)
    await attribution.reverse(door, _subjects([seat.order_id for seat in seats]))
    await finish(door, group_ids=sorted({seat.group_id for seat in seats}))


async def _take_back_at_once(door: Door, seats: Sequence[SeatView]) -> None:
    """Seats whose money was back before we heard that they are over: nobody tells it again."""
    known = await orders.get_orders(door, order_ids=[seat.order_id for seat in seats])
    back = [order.id for order in known.values() if order.refunded_minor >= order.total_minor]
    if back:
        await rows.refunded_seats(door, order_ids=back)


async def finish(door: Door, *, group_ids: Sequence[uuid.UUID]) -> None:
    """Groups in which nothing is under way any more have failed. Records ``GroupFailed``."""
    failed = await rows.finish_refunding(door, group_ids=group_ids)
    await outbox.record(
        door,
        *(
            GroupFailed(
                group_id=group.id,
                code=group.code,
                campaign_id=group.campaign_id,
                shop_id=group.shop_id,
                reason=group.end_reason,
            )
            for group in failed
        ),
    )


async def cancel_groups(
    door: Door,
    *,
    reason: EndReason,
    now: dt.datetime,
    campaign_id: uuid.UUID | None = None,
    shop_id: uuid.UUID | None = None,
) -> int:
    """End the open groups of a campaign or of a shop; how many. Records ``GroupEnded`` each."""
    open_ids = await rows.open_ids(door, campaign_id=campaign_id, shop_id=shop_id)
    if open_ids:
        await rows.lock(door, group_ids=open_ids)
    return await _end(door, open_ids, GroupState.CANCELLED, reason, now)


async def leave_shop(door: Door, *, shop_id: uuid.UUID, now: dt.datetime) -> int:
    """Seats of open groups whose pieces would be collected in a shop that is gone, in groups of other shops: as if
    their members had left. The groups go on with the others; how many seats it were."""
    group_ids = await rows.open_groups_collected_in(door, shop_id=shop_id)
    groups = await rows.lock(door, group_ids=group_ids)
    seats = await rows.seats_of(door, group_ids=group_ids, states=(SeatState.RESERVED.value, SeatState.PAID.value))
    there = [seat for seat in seats if seat.pickup_shop_id == shop_id]
    unpaid = [seat.order_id for seat in there if seat.state is SeatState.RESERVED]
    if unpaid:
        await orders.close(door, order_ids=unpaid, reason="shop")
    paid = [seat.order_id for seat in there if seat.state is SeatState.PAID]
    freed = await rows.leave_seats(door, order_ids=paid, now=now) if paid else []
    if freed:
        await orders.cancel_paid(door, order_ids=paid, reason="shop", refund_reason=SHOP_TEXT)
        await _take_back_at_once(door, freed)
    await _after_seats_came_free(door, groups, freed, now)
    return len(there)


async def _after_seats_came_free(
    door: Door, groups: Sequence[GroupView], freed: Sequence[SeatView], now: dt.datetime
) -> None:
    if not freed:
        return
    await attribution.reverse(door, _subjects([seat.order_id for seat in freed]))
    group_ids = sorted({seat.group_id for seat in freed})
    await rows.pass_on_leadership(door, group_ids=group_ids)
    left = await rows.lock(door, group_ids=group_ids)
    empty = [group.id for group in left if group.taken == 0 and group.state in JOINABLE]
    await _end(door, empty, GroupState.CANCELLED, EndReason.EMPTY, now)
    await settle(door, groups=[group for group in left if group.id not in empty], now=now)
    await finish(door, group_ids=group_ids)


async def _end(
    door: Door, group_ids: Sequence[uuid.UUID], state: GroupState, reason: EndReason, now: dt.datetime
) -> int:
    if not group_ids:
        return 0
    ended = await rows.end_groups(door, group_ids=group_ids, state=state.value, reason=reason.value, now=now)
    await outbox.record(
        door,
        *(
            GroupEnded(
                group_id=group.id,
                code=group.code,
                campaign_id=group.campaign_id,
                shop_id=group.shop_id,
                reason=reason.value,
                ended_at=now,
            )
            for group in ended
        ),
    )
    step("groupbuy.ended")
    return len(ended)


async def _fill_short(door: Door, group_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    await rows.fill_short(door, group_ids=group_ids, now=now)
    await confirming.fill(door, groups=await rows.lock(door, group_ids=group_ids), now=now)


def _verdict(group: GroupView) -> AtDeadline:
    return rules.at_deadline(
        size=group.size, taken=group.taken, paid=group.paid, short_fill_size=group.short_fill_size
    )


def _subjects(order_ids: Sequence[uuid.UUID]) -> list[Subject]:
    return [Subject(SUBJECT, order_id) for order_id in order_ids]
