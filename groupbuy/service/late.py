"""Money that comes when its seat is gone: a seat in her own group, another, a new one, or back it goes."""

import datetime as dt
import uuid
from typing import NamedTuple

from groupbuy import rules
from groupbuy.events import SeatMoved
from groupbuy.repository import checkout as parts
from groupbuy.repository import groups as rows
from groupbuy.rules import Chosen, LateChoice
from groupbuy.service import ending
from groupbuy.service.seats import Buyer, GateShut, NewSeat, gate_parts, is_through, owner_of, result_parts
from groupbuy.states import SeatState
from groupbuy.types import CampaignView, GroupView, SeatView, Wish
from yundian.attribution import api as attribution
from yundian.orders import api as orders
from yundian.orders.types import SUBJECT
from yundian.payments import api as payments
from yundian.payments.errors import NotRefundable, OrphanTaken
from yundian.platform.core.errors import Unavailable
from yundian.platform.core.steps import step
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox

REFUND_TEXT = "拼团座位已失效退款"
DUPLICATE_TEXT = "重复付款退款"


class LateMoney(NamedTuple):
    """What was paid for an order of ours that could not be paid any more, or was paid already."""

    orphan_id: uuid.UUID
    order_id: uuid.UUID
    amount_minor: int
    currency: str
    is_duplicate: bool


async def place_late_money(tx: Tx, *, money: LateMoney, now: dt.datetime) -> None:
    """Give late money a seat as the group's policy says, else pay it back; second payments go back always.

    Records ``SeatMoved``. Money of other rooms' orders is left alone.

    Raises:
        Unavailable: what closed its order has not arrived yet; ask again.
    """
    seats = await rows.seats_of(tx, order_ids=[money.order_id])
    if not seats:
        return
    [seat] = seats
    if money.is_duplicate or seat.state not in (SeatState.RESERVED, SeatState.RELEASED):
        await _pay_back(tx, money, DUPLICATE_TEXT)
        return
    if seat.state is SeatState.RESERVED:
        await _release_first(tx, seat, now)
    group = await rows.group(tx, group_id=seat.group_id)
    if group is None:
        raise RuntimeError("a seat without a group")
    try:
        async with tx.savepoint():
            await _try_all(tx, seat, group, money, now)
    except OrphanTaken:
        # Somebody of HQ took it in hand first; the seat that was about to be made is not.
        return


async def _try_all(tx: Tx, seat: SeatView, group: GroupView, money: LateMoney, now: dt.datetime) -> None:
    for choice in rules.late_choices(group.late_policy):
        if await _try(tx, choice, seat, group, money, now):
            return


async def _release_first(tx: Tx, seat: SeatView, now: dt.datetime) -> None:
    """Her order was closed, and this seat does not know yet."""
    order = await orders.get_order(tx, order_id=seat.order_id)
    if order.state.value != "closed":
        raise Unavailable
    await ending.release_seats(tx, order_ids=[seat.order_id], now=now)


async def _try(
    tx: Tx, choice: LateChoice, seat: SeatView, group: GroupView, money: LateMoney, now: dt.datetime
) -> bool:
    if choice is LateChoice.REFUND:
        await _pay_back(tx, money, REFUND_TEXT)
        await rows.overflow_seat(tx, seat_id=seat.id, replaced_by=None)
        return True
    if (money.amount_minor, money.currency) != (seat.total_minor, seat.currency):
        return False
    target: GroupView | None = group
    if choice is LateChoice.OTHER_GROUP:
        other = await rows.other_group_of(tx, group=group, now=now)
        target = await rows.group(tx, group_id=other) if other is not None else None
        if target is None:
            return False
    campaign, items = await parts.read_terms(tx, campaign_id=seat.campaign_id, item_ids=seat.item_ids)
    chosen = [Chosen(items[item_id], count) for item_id, count in zip(seat.item_ids, seat.quantities, strict=True)]
    joined = None if choice is LateChoice.NEW_GROUP else target
    return await _move(tx, seat, group, campaign, joined, chosen, money, now)


async def _move(
    tx: Tx,
    seat: SeatView,
    group: GroupView,
    campaign: CampaignView,
    joined: GroupView | None,
    chosen: list[Chosen],
    money: LateMoney,
    now: dt.datetime,
) -> bool:
    """A seat with the same contents at the same prices, under the same shop; whether there was one."""
    credit = await attribution.decide(
        tx,
        member_id=seat.member_id,
        visitor=None,
        at=now,
        campaign_id=campaign.id,
        group=owner_of(joined or group),
        fulfil_shop_id=seat.pickup_shop_id,
    )
    made = NewSeat.of(
        Buyer(tx_brand(tx), "", seat.member_id),
        campaign,
        joined,
        chosen,
        Wish(lines=(), pickup_shop_id=seat.pickup_shop_id),
        credit,
        now,
        prices=list(seat.unit_prices),
    )
    try:
        async with tx.savepoint():
            await _take(tx, made, now)
    except GateShut:
        return False
    await _adopt(tx, seat, made, money)
    step("groupbuy.late_money_placed")
    return True


async def _take(tx: Tx, made: NewSeat, now: dt.datetime) -> None:
    cte = Cte()
    gate_parts(cte, seat=made, now=now)
    result_parts(cte, seat=made)
    gates = await parts.run(cte, tx, has_key=False)
    if not is_through(gates, lines=len(made.chosen)):
        raise GateShut(gates)


async def _adopt(tx: Tx, seat: SeatView, made: NewSeat, money: LateMoney) -> None:
    before = await payments.find_payment(tx, subject_type=SUBJECT, subject_id=seat.order_id)
    where = before.return_path.rpartition("/")[0] if before is not None else ""
    payment = await payments.adopt_orphan(
        tx,
        orphan_id=money.orphan_id,
        subject_type=SUBJECT,
        subject_id=made.ids.order,
        description=made.campaign.title,
        return_path=f"{where}/{made.ids.group_code}",
    )
    await rows.name_payment(tx, seat_id=made.ids.seat, payment_id=payment.id)
    await rows.overflow_seat(tx, seat_id=seat.id, replaced_by=made.ids.seat)
    await outbox.record(
        tx,
        SeatMoved(
            seat_id=made.ids.seat,
            member_id=seat.member_id,
            from_group_id=seat.group_id,
            to_group_id=made.ids.group,
            to_group_code=made.ids.group_code,
            order_id=made.ids.order,
            order_number=made.ids.number,
        ),
    )


async def _pay_back(tx: Tx, money: LateMoney, text: str) -> None:
    """Unless somebody of HQ did so already."""
    try:
        async with tx.savepoint():
            await payments.refund_orphan(tx, orphan_id=money.orphan_id, reason=text)
    except (OrphanTaken, NotRefundable):
        return


def tx_brand(tx: Tx) -> uuid.UUID:
    if tx.brand is None:
        raise RuntimeError("no brand")
    return tx.brand
