"""Hand-over in a shop: a code that works there, once, in two steps; and the way back from a mistake."""

import datetime as dt
import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.types import StockLine
from yundian.brands import api as brands
from yundian.orders.errors import CodeUnknown, CodeUsed, NotReady, OrderUnknown, RefundOpen, UndoTooLate
from yundian.orders.events import OrderCollected
from yundian.orders.repository import handover, moving, reading
from yundian.orders.repository.moving import Move
from yundian.orders.rules import UNDO_WITHIN, code_hash, facts_of, new_code, open_code, read_code, seal_code
from yundian.orders.states import EventKind, HandOverState, OrderState
from yundian.orders.types import SUBJECT, Actor, HandOverView, OrderView, PickUpCode
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import readable_code
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox, timers
from yundian.platform.outbox.door import Door

COMPLETION = "orders.complete"
_ISSUE_TRIES = 3


async def pick_up_code(door: Door, *, keyring: Keyring, order: OrderView) -> PickUpCode | None:
    """The code of an order that waits in its shop, made when it is first looked at; ``None`` for any other."""
    if order.state is not OrderState.READY or order.fulfil_shop_id is None or order.handed_by:
        return None
    for _ in range(_ISSUE_TRIES):
        found = await handover.sealed_code(door, order_id=order.id)
        if found is not None:
            return open_code(keyring, found[1]) if found[0].state is HandOverState.ISSUED else None
        code = new_code()
        await handover.issue(
            door,
            order_id=order.id,
            shop_id=order.fulfil_shop_id,
            code_hash=code_hash(keyring, shop_id=order.fulfil_shop_id, code=code),
            code_sealed=seal_code(keyring, code),
        )
    return None


async def preview(door: Door, *, keyring: Keyring, shop_ids: frozenset[uuid.UUID], text: str) -> OrderView:
    """What a clerk of these shops would hand over for a code. Changes nothing.

    Raises:
        CodeMistyped, CodeUnknown, CodeUsed, NotReady, RefundOpen
    """
    found = await _find(door, keyring, shop_ids, text)
    orders = await reading.by_ids(door, order_ids=[found.order_id])
    await _check(door, orders[0])
    return orders[0]


async def confirm(
    door: Door, *, keyring: Keyring, shop_ids: frozenset[uuid.UUID], text: str, actor: Actor
) -> OrderView:
    """The goods leave the shop: once, whoever confirms at the same time. Records ``OrderCollected``.

    Raises:
        CodeMistyped, CodeUnknown, CodeUsed, NotReady, RefundOpen
    """
    found = await _find(door, keyring, shop_ids, text)
    now = clock.now()
    locked = await reading.by_ids(door, order_ids=[found.order_id], lock=True)
    await _check(door, locked[0])
    if not await handover.use(door, handover_id=found.id, now=now, actor_id=actor.id):
        raise NotReady
    return await _collect(door, found.order_id, found.shop_id, now, actor)


async def hand_over(door: Door, *, order_id: uuid.UUID, actor: Actor) -> bool:
    """The same for whom an upper room checked by a code of its own; a pick-up code is worth nothing any more.

    ``False``: it is not released yet. Handed over before, it stays so. Records ``OrderCollected``.

    Raises:
        OrderUnknown, NotReady, RefundOpen
    """
    locked = await reading.by_ids(door, order_ids=[order_id], lock=True)
    order = locked[0] if locked else None
    if order is None or order.fulfil_shop_id is None:
        raise OrderUnknown
    if order.state in (OrderState.COLLECTED, OrderState.COMPLETED):
        return True
    if order.state in (OrderState.PAID, OrderState.WAITING):
        return False
    await _check(door, order)
    await handover.void(door, order_ids=[order_id])
    await _collect(door, order_id, order.fulfil_shop_id, clock.now(), actor)
    return True


async def forfeit(door: Door, *, order_id: uuid.UUID, reason: str) -> bool:
    """Nobody came for what was kept for her alone: it is over, what was paid stays. ``False``: not released."""
    move = Move(order_id=order_id, at=clock.now(), text=reason, facts={"reason": reason})
    moved = await moving.move(door, kind=EventKind.FORFEITED, moves=[move])
    await handover.void(door, order_ids=[order.id for order in moved])
    return bool(moved)


async def _collect(
    door: Door, order_id: uuid.UUID, shop_id: uuid.UUID, now: dt.datetime, actor: Actor
) -> OrderView:
    if actor.id is None:
        raise RuntimeError("somebody hands it over")
    wanted = Move(order_id=order_id, at=now, ref=shop_id, facts={"shop_id": shop_id})
    moved = await moving.move(door, kind=EventKind.COLLECTED, moves=[wanted], actor=actor)
    if not moved:
        raise NotReady
    order = moved[0]
    event = OrderCollected(order=facts_of(order), collected_at=now, shop_id=shop_id, staff_id=actor.id)
    await outbox.record(door, event)
    if order.stock_reference:
        await stores.commit_stock(door, shop_id=shop_id, reference=order.stock_reference, now=now)
    step("orders.collected")
    due_at = now + dt.timedelta(days=await brands.after_sale_days(door))
    await timers.set_timer(door, name=COMPLETION, key=str(order.id), due_at=due_at)
    return order


async def undo(
    session: AsyncSession, *, order_id: uuid.UUID, shop_ids: frozenset[uuid.UUID] | None, actor: Actor
) -> OrderView:
    """Take a mistaken hand-over back: the order waits again under the same code, its pieces are set aside again.

    Raises:
        OrderUnknown: not handed over by one of these shops.
        UndoTooLate: longer ago than ``rules.UNDO_WITHIN``.
    """
    locked = await reading.by_ids(session, order_ids=[order_id], lock=True)
    order = locked[0] if locked else None
    shop_id = order.fulfil_shop_id if order else None
    if order is None or shop_id is None or (shop_ids is not None and shop_id not in shop_ids):
        raise OrderUnknown
    if not is_undoable(order):
        raise UndoTooLate(minutes=UNDO_WITHIN // dt.timedelta(minutes=1))
    now = clock.now()
    reference = await _set_aside_again(session, order, shop_id, now)
    moves = [Move(order_id=order.id, at=now, text=reference, facts={"shop_id": shop_id})]
    moved = await moving.move(session, kind=EventKind.COLLECTION_UNDONE, moves=moves, actor=actor)
    await handover.reissue(session, order_id=order.id)
    await timers.cancel_timer(session, name=COMPLETION, key=str(order.id))
    return moved[0]


def is_undoable(order: OrderView) -> bool:
    """Whether its hand-over is so fresh that it may be taken back, and was the counter's."""
    at = order.handed_over_at
    is_ours = order.state is OrderState.COLLECTED and not order.handed_by
    return is_ours and at is not None and at > clock.now() - UNDO_WITHIN


async def _set_aside_again(session: AsyncSession, order: OrderView, shop_id: uuid.UUID, now: dt.datetime) -> str:
    """The pieces came back to the shop and are the customer's; the new reference, as each is used once."""
    if not order.stock_reference:
        return ""
    pieces: dict[uuid.UUID, int] = {}
    for line in order.lines:
        if line.sku_id is not None:
            pieces[line.sku_id] = pieces.get(line.sku_id, 0) + line.quantity
    lines = [StockLine(sku_id, quantity) for sku_id, quantity in sorted(pieces.items())]
    reference = f"order:{order.id}:{readable_code(6)}"
    await stores.receive_stock(
        session, shop_id=shop_id, lines=lines, reference=f"{reference}:back", reason="hand-over taken back"
    )
    await stores.reserve_stock(session, shop_id=shop_id, lines=lines, reference=reference, now=now)
    return reference


async def complete(door: Door, *, order_id: uuid.UUID) -> None:
    """The after-sale window is over; an order that was taken back in between is left alone."""
    moves = [Move(order_id=order_id, at=clock.now())]
    await moving.move(door, kind=EventKind.COMPLETED, moves=moves)


async def _find(door: Door, keyring: Keyring, shop_ids: frozenset[uuid.UUID], text: str) -> HandOverView:
    code = read_code(text)
    hashes = [(shop_id, code_hash(keyring, shop_id=shop_id, code=code)) for shop_id in sorted(shop_ids)]
    found = await handover.by_code(door, hashes=hashes)
    if found is None:
        raise CodeUnknown
    if found.state is HandOverState.USED:
        raise CodeUsed(at=found.used_at)
    return found


async def _check(door: Door, order: OrderView) -> None:
    if order.state in (OrderState.COLLECTED, OrderState.COMPLETED):
        raise CodeUsed(at=order.handed_over_at)
    if order.state is not OrderState.READY:
        raise NotReady(state=order.state.value)
    if await open_refund(door, order):
        raise RefundOpen


async def open_refund(door: Door, order: OrderView) -> int:
    """What is on its way back and has not arrived, in minor units."""
    payment = await payments.find_payment(door, subject_type=SUBJECT, subject_id=order.id)
    return payment.reserved_minor - payment.refunded_minor if payment else 0
