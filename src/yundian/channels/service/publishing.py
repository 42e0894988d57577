"""What a merge changed, told to members and to the numbers in the same transaction, and to whoever else asks."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

from yundian.channels.events import MOST_TOLD, DocumentsMerged
from yundian.channels.repository import numbers
from yundian.members import api as members
from yundian.members.types import Happening, TimelineKind
from yundian.orders.api import Merged, ReturnChange
from yundian.orders.types import StagedOrder
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox
from yundian.reports import api as reports

ORDER, RETURN = "order", "return"


async def publish(tx: Tx, *, merged: Merged, gone: Sequence[uuid.UUID] = (), channel: str = "") -> None:
    """Timelines and totals, facts and rollups are what the orders and refunds are now; ``gone`` are no orders,
    and were of ``channel``. Records ``DocumentsMerged``, a row for each five hundred orders."""
    refs = [(ORDER, order.order_id) for order in merged.orders if order.is_known]
    refs += [(ORDER, order_id) for order_id in gone]
    refs += [(RETURN, one.return_id) for one in merged.returns if one.has_before]
    happenings = [happening for order in merged.orders for happening in _of_order(order)]
    happenings += [_of_return(one, one.member_id) for one in merged.returns if one.is_counted and one.member_id]
    if refs or happenings:
        await members.replace_happenings(tx, refs=refs, happenings=happenings)
    await outbox.record(tx, *_told(merged, gone, channel))
    step("channels.told_members")
    if merged.orders or merged.returns or gone:
        await reports.open_staging(tx)
        await numbers.stage(tx, has_orders=bool(merged.orders), has_returns=bool(merged.returns), gone=gone)
        # Last: one writer of a brand's numbers at a time.
        await reports.replace_staged(tx)
    step("channels.told_reports")


def _told(merged: Merged, gone: Sequence[uuid.UUID], channel: str) -> Iterable[DocumentsMerged]:
    """Every order that is another than before, or of which another sum was given back; channel by channel."""
    found: dict[str, dict[uuid.UUID, uuid.UUID | None]] = {channel: dict.fromkeys(gone)} if gone else {}
    for change in merged.returns:
        if change.order_id != change.return_id:
            found.setdefault(change.channel, {})[change.order_id] = change.member_id
    for one in merged.summed:
        found.setdefault(one.channel, {})[one.order_id] = one.member_id
    for order in merged.orders:
        found.setdefault(order.channel, {})[order.order_id] = order.member_id
    for code, member_of in found.items():
        ids = sorted(member_of)
        for start in range(0, len(ids), MOST_TOLD):
            part = tuple(ids[start : start + MOST_TOLD])
            named = {member_id for order_id in part if (member_id := member_of[order_id])}
            yield DocumentsMerged(channel=code, order_ids=part, member_ids=tuple(sorted(named)))


def _of_order(order: StagedOrder) -> Iterable[Happening]:
    """A sale was paid and released in one moment; of what is none, that it was placed and how it ended."""
    member_id = order.member_id
    if member_id is None:
        return
    if order.released_at is not None:
        yield _happening(order, member_id, TimelineKind.PAID, order.released_at, order.paid_minor)
        yield _happening(order, member_id, TimelineKind.RELEASED, order.released_at, order.total_minor)
    else:
        yield _happening(order, member_id, TimelineKind.PLACED, order.placed_at, order.total_minor)
    if order.closed_at is not None:
        kind = TimelineKind.CANCELLED if order.released_at is not None else TimelineKind.CLOSED
        yield _happening(order, member_id, kind, order.closed_at, order.total_minor)


def _happening(
    order: StagedOrder, member_id: uuid.UUID, kind: TimelineKind, at: dt.datetime, amount_minor: int
) -> Happening:
    return Happening(
        member_id=member_id,
        kind=kind,
        ref_type=ORDER,
        ref_id=order.order_id,
        at=at,
        order_id=order.order_id,
        number=order.number,
        channel=order.channel,
        shop_id=order.shop_id,
        amount_minor=amount_minor,
        currency=order.currency,
        facts={"name": order.first_name, "pieces": order.pieces},
    )


def _of_return(one: ReturnChange, member_id: uuid.UUID) -> Happening:
    assert one.refunded_at is not None
    return Happening(
        member_id=member_id,
        kind=TimelineKind.REFUNDED,
        ref_type=RETURN,
        ref_id=one.return_id,
        at=one.refunded_at,
        # A refund whose order was never seen leads nowhere.
        order_id=one.order_id if one.order_id != one.return_id else None,
        number=one.number,
        channel=one.channel,
        shop_id=one.shop_id,
        amount_minor=one.amount_minor,
        currency=one.currency,
    )
