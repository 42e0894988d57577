"""Filled groups: their seats are confirmed at once, and what that sets off follows from the event."""

import datetime as dt
from collections.abc import Sequence
from itertools import groupby

from groupbuy.events import GroupFilled, SeatFacts
from groupbuy.repository import groups as rows
from groupbuy.types import GroupView
from yundian.attribution import api as attribution
from yundian.attribution.types import Subject
from yundian.orders import api as orders
from yundian.orders.types import SUBJECT
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door


async def fill(door: Door, *, groups: Sequence[GroupView], now: dt.datetime) -> None:
    """The seats of filled groups are confirmed. Records ``GroupFilled`` each, once."""
    if not groups:
        return
    known = {group.id: group for group in groups}
    seats = await rows.confirm_seats(door, group_ids=list(known))
    events = []
    for group_id, members in groupby(seats, key=lambda seat: seat.group_id):
        group = known[group_id]
        events.append(
            GroupFilled(
                group_id=group.id,
                code=group.code,
                campaign_id=group.campaign_id,
                shop_id=group.shop_id,
                filled_at=group.filled_at or now,
                is_short=group.paid < group.size,
                seats=tuple(
                    SeatFacts(
                        seat_id=seat.id,
                        member_id=seat.member_id,
                        order_id=seat.order_id,
                        order_number=seat.order_number,
                    )
                    for seat in members
                ),
            )
        )
    await outbox.record(door, *events)
    step("groupbuy.filled")


async def release(door: Door, *, filled: Sequence[GroupFilled]) -> None:
    """What a filled group sets off: its orders may be handed over, and the shop's credit is final."""
    group_ids = sorted({event.group_id for event in filled})
    await rows.lock(door, group_ids=group_ids)
    order_ids = sorted(seat.order_id for event in filled for seat in event.seats)
    at = max(event.filled_at for event in filled)
    await orders.release(door, order_ids=order_ids, at=at)
    await attribution.finalise(door, [Subject(SUBJECT, order_id) for order_id in order_ids], at=at)
    await rows.succeed(door, group_ids=group_ids)
    step("groupbuy.released")
