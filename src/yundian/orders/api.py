"""What upper rooms ask of orders. Everything takes either door and works in the caller's transaction.

Orders are paid, closed and refunded by what payments tells of the subject ``("order", order id)``; upper rooms
place them, let them wait, release or cancel them.
"""

import contextlib
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from yundian.orders.errors import RefundTooLarge
from yundian.orders.repository.merging import Merged, ReturnChange, Summed
from yundian.orders.rules import new_number
from yundian.orders.service import handing_over, life, lists, merging, placing, refunding
from yundian.orders.states import OrderState
from yundian.orders.types import (
    HOUSE,
    SUBJECT,
    Actor,
    NewOrder,
    OrderView,
    Placed,
    RefundWanted,
    ReturnRow,
    StagedLines,
    StagedOrder,
    StagedReturn,
)
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.db.paging import Page
from yundian.platform.outbox.door import Door

__all__ = ["NUMBER_TAKEN", "SUBJECT", "Merged", "ReturnChange", "Summed", "new_number"]

# The constraint that says so: for ``platform.db.conflicts`` around a statement with ``place_parts``.
NUMBER_TAKEN = placing.NUMBER_KEY


def place_parts(
    cte: Cte, *, brand_id: uuid.UUID, order: NewOrder, given: str | None, name: str = "placed"
) -> None:
    """An order inside a larger statement: row, lines, history and ``orders.placed.v1``, if ``given`` has a row.

    The part ``name`` returns ``id`` and ``number``. A number that exists already is a unique violation
    (``NUMBER_TAKEN``): try again with another. The caller opens the payment and sets the stock aside.

    Raises:
        OrderNotBalanced: before anything runs.
    """
    placing.place_parts(cte, brand_id=brand_id, order=order, given=given, name=name)


async def place(door: Door, *, order: NewOrder) -> Placed:
    """The same by itself. With ``expires_at`` it is closed at that time unless it has a payment or is paid.

    Raises:
        OrderNotBalanced, OrderExists
    """
    return await placing.place(door, order=order)


async def mark_waiting(door: Door, *, order_ids: Sequence[uuid.UUID], at: dt.datetime) -> list[uuid.UUID]:
    """Paid orders wait for something; which of them began to."""
    return await life.mark_waiting(door, order_ids=order_ids, at=at)


async def release(door: Door, *, order_ids: Sequence[uuid.UUID], at: dt.datetime) -> list[uuid.UUID]:
    """Paid or waiting orders may be handed over; which of them were released now. ``orders.released.v1`` each.

    Their stock stays set aside until the hand-over. The pick-up code is made when the customer first looks.
    """
    return [order.id for order in await life.release(door, order_ids=order_ids, at=at)]


async def close(door: Door, *, order_ids: Sequence[uuid.UUID], reason: str, actor: Actor = HOUSE) -> int:
    """Let nobody pay these orders any more; how many were unpaid. ``orders.closed.v1`` (or, where paying was
    faster, ``orders.paid.v1``) follows when their payments ended, within about a minute."""
    return await life.close(door, order_ids=order_ids, reason=reason, actor=actor)


async def cancel_paid(
    door: Door, *, order_ids: Sequence[uuid.UUID], reason: str, refund_reason: str = ""
) -> list[uuid.UUID]:
    """Paid orders that were not handed over end, and everything paid goes back; which were cancelled now.

    ``reason`` is a code (``group_failed``); ``refund_reason`` is what the payer reads at the provider.
    ``orders.cancelled.v1`` each now, ``orders.refunded.v1`` when the money arrived. Repeating changes nothing.
    """
    cancelled = await life.cancel_paid(door, order_ids=order_ids, reason=reason, refund_reason=refund_reason)
    return [order.id for order in cancelled]


async def hand_over(door: Door, *, order_id: uuid.UUID, actor: Actor) -> bool:
    """The caller's room checked who came, by a code of its own: the order is handed over, in its own shop, once.

    ``False``: it is not released yet; ask again when ``orders.released.v1`` tells. ``orders.collected.v1``.

    Raises:
        OrderUnknown
        NotReady: it is over.
        RefundOpen: its money may be on the way back.
    """
    return await handing_over.hand_over(door, order_id=order_id, actor=actor)


async def forfeit(door: Door, *, order_id: uuid.UUID, reason: str) -> bool:
    """Nobody came for what was kept for her alone: the order is completed, and what was paid stays.

    ``reason`` is a code. ``False``: it was not waiting to be handed over.
    """
    return await handing_over.forfeit(door, order_id=order_id, reason=reason)


async def pay_back(door: Door, *, order_id: uuid.UUID, reason: str, actor: Actor = HOUSE) -> None:
    """Whatever is left of what was paid goes back, handed over or not; nothing left changes nothing.
    ``reason`` is what the payer reads at the provider."""
    with contextlib.suppress(RefundTooLarge):
        await refunding.request(door, order_id=order_id, wanted=RefundWanted(reason=reason), actor=actor)


async def get_order(door: Door, *, order_id: uuid.UUID) -> OrderView:
    """One order with its lines; ``OrderUnknown`` for none of this brand."""
    return await lists.get_order(door, order_id=order_id)


async def get_orders(door: Door, *, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, OrderView]:
    """Orders by id in one statement; unknown ids are left out."""
    return await lists.get_orders(door, order_ids=order_ids)


async def order_of_return(door: Door, *, return_id: uuid.UUID) -> OrderView | None:
    """The order that another system's refund is of; ``None`` while it has not come in."""
    return await lists.order_of_return(door, return_id=return_id)


async def returns_of(door: Door, *, order_id: uuid.UUID) -> list[ReturnRow]:
    """What another system gave back of an order, each refund once."""
    return await lists.returns_of(door, order_id=order_id)


async def list_of_member(
    door: Door, *, member_id: uuid.UUID, cursor: str | None = None, limit: int = 20
) -> Page[OrderView]:
    """A member's orders, newest first. One statement."""
    return await lists.list_of_member(door, member_id=member_id, cursor=cursor, limit=limit)


async def list_of_shop(
    door: Door,
    *,
    shop_id: uuid.UUID,
    states: Sequence[OrderState],
    cursor: str | None = None,
    limit: int = 50,
) -> Page[OrderView]:
    """What a shop still has to hand over (``PAID``, ``WAITING``, ``READY``), newest first. One statement."""
    return await lists.list_of_shop(door, shop_id=shop_id, states=states, cursor=cursor, limit=limit)


async def merge_documents(
    tx: Tx,
    *,
    orders: list[StagedOrder],
    lines: Sequence[StagedLines],
    returns: list[StagedReturn],
    skus: Mapping[str, uuid.UUID] | None = None,
    gone_orders: Sequence[uuid.UUID] = (),
    gone_returns: Sequence[uuid.UUID] = (),
    members_of_orders: Mapping[uuid.UUID, uuid.UUID] | None = None,
    members_of_returns: Mapping[uuid.UUID, uuid.UUID] | None = None,
) -> Merged:
    """Orders of other systems, their lines and refunds become what is given; a fixed number of statements for any
    number of them. The caller knows which documents are the newest, and lets one merge at a time into a brand.
    ``skus`` are the ids of the codes that the catalogue has.

    A refund waits for its order, or finds it; ``refunded_minor`` is the sum of those that count. Refunds that a
    known order does not tell of any more go, and so do ``gone_orders`` (with the refunds they told of) and
    ``gone_returns``: their documents turned out to be something else. ``members_of_orders`` and
    ``members_of_returns`` (those of documents of their own) say whose some others are, from now on.

    What changed is also left, until the end of the transaction, in the temporary tables ``orders_staged``,
    ``orders_staged_line`` and ``orders_changed_return``: columns as ``StagedOrder``, ``orders_line`` and
    ``ReturnChange`` have them, and ``lines jsonb`` of a changed return. No events: the caller tells.
    """
    return await merging.merge(
        tx,
        orders=orders,
        lines=lines,
        skus=skus or {},
        returns=returns,
        gone_orders=gone_orders,
        gone_returns=gone_returns,
        members_of_orders=members_of_orders or {},
        members_of_returns=members_of_returns or {},
    )
