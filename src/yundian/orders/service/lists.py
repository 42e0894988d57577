"""Orders as people look for them. Each page is one statement."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from yundian.orders.errors import OrderUnknown
from yundian.orders.repository import abroad, reading
from yundian.orders.repository.reading import FIRST, Key
from yundian.orders.states import OrderState
from yundian.orders.types import HistoryView, OrderFilter, OrderView, ReturnRow
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door


async def get_order(door: Door, *, order_id: uuid.UUID) -> OrderView:
    found = await reading.by_ids(door, order_ids=[order_id])
    if not found:
        raise OrderUnknown
    return found[0]


async def get_orders(door: Door, *, order_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, OrderView]:
    return {order.id: order for order in await reading.by_ids(door, order_ids=order_ids)}


async def order_of_return(door: Door, *, return_id: uuid.UUID) -> OrderView | None:
    order_id = await abroad.order_of_return(door, return_id=return_id)
    return None if order_id is None else await get_order(door, order_id=order_id)


async def returns_of(door: Door, *, order_id: uuid.UUID) -> list[ReturnRow]:
    return await abroad.returns_of(door, order_id=order_id)


async def order_of_member(door: Door, *, number: str, member_id: uuid.UUID) -> OrderView:
    """Her own order by its number; anybody else's is unknown."""
    found = await reading.by_number(door, number=number)
    if found is None or found.member_id != member_id:
        raise OrderUnknown
    return found


async def order_of_shops(door: Door, *, order_id: uuid.UUID, shop_ids: frozenset[uuid.UUID] | None) -> OrderView:
    """An order that one of these shops sold or hands over; ``None`` means every shop."""
    order = await get_order(door, order_id=order_id)
    if shop_ids is not None and not {order.attributed_shop_id, order.fulfil_shop_id} & shop_ids:
        raise OrderUnknown
    return order


async def history(door: Door, *, order_id: uuid.UUID) -> list[HistoryView]:
    return await reading.history(door, order_id=order_id)


async def list_of_member(door: Door, *, member_id: uuid.UUID, cursor: str | None, limit: int) -> Page[OrderView]:
    rows = await reading.of_member(door, member_id=member_id, before=_before(cursor), limit=limit + 1)
    return _page(rows, limit)


async def list_of_shop(
    door: Door, *, shop_id: uuid.UUID, states: Sequence[OrderState], cursor: str | None, limit: int
) -> Page[OrderView]:
    """What the shop still has to do."""
    rows = await reading.open_at_shop(
        door, shop_id=shop_id, states=states, before=_before(cursor), limit=limit + 1
    )
    return _page(rows, limit)


async def handed_over_by_shop(
    door: Door, *, shop_id: uuid.UUID, cursor: str | None, limit: int
) -> Page[OrderView]:
    rows = await reading.handed_over_at_shop(door, shop_id=shop_id, before=_before(cursor), limit=limit + 1)
    items, next_cursor = cut(rows, limit, lambda one: (one.handed_over_at, str(one.id)))
    return Page(items, next_cursor)


async def find_orders(door: Door, *, wanted: OrderFilter, cursor: str | None, limit: int) -> Page[OrderView]:
    """Newest first. A number is whole, the house's or the source's, in any case of its letters."""
    if wanted.number:
        numbers = sorted({wanted.number, wanted.number.upper()})
        ids = await abroad.ids_by_number(door, numbers=numbers)
        wanted = msgspec.structs.replace(wanted, ids=frozenset(ids))
    rows = await reading.found(door, wanted=wanted, before=_before(cursor), limit=limit + 1)
    return _page(rows, limit)


def _page(rows: list[OrderView], limit: int) -> Page[OrderView]:
    items, next_cursor = cut(rows, limit, lambda one: (one.placed_at, str(one.id)))
    return Page(items, next_cursor)


def _before(cursor: str | None) -> Key:
    if cursor is None:
        return FIRST
    at, order_id = decode_cursor(cursor, (datetime, uuid.UUID))
    return at, order_id


async def open_counts(door: Door, *, shop_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
    """How many orders are open in each shop, by state. One statement."""
    counts: dict[uuid.UUID, dict[str, int]] = {shop_id: {} for shop_id in shop_ids}
    for shop_id, state, count in await reading.open_counts(door, shop_ids=shop_ids):
        counts[shop_id][state] = count
    return counts
