"""What the lines of an order look like and are called, where the catalogue knows what was sold."""

import uuid
from collections.abc import Sequence

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog import api as catalog
from yundian.catalog.types import PictureView
from yundian.orders.types import LineView, OrderView
from yundian.platform.core.words import ENGLISH
from yundian.platform.db.paging import Page
from yundian.platform.outbox.door import Door
from yundian.platform.web.context import current


async def pictures_of(door: Door, *orders: OrderView) -> dict[uuid.UUID, PictureView]:
    """By SKU, of all these orders. One statement; none where no SKU is known."""
    sku_ids = {line.sku_id for order in orders for line in order.lines if line.sku_id}
    found = await catalog.pictures_of(door, sku_ids=sku_ids)
    return {sku_id: views[0] for sku_id, views in found.items()}


async def told_lines(session: AsyncSession, orders: Sequence[OrderView]) -> list[OrderView]:
    """The orders, with what was sold as the reader calls it."""
    if current().locale != ENGLISH:
        return list(orders)
    said = await catalog.english_of(session, kept=[line for order in orders for line in order.lines])
    return [msgspec.structs.replace(order, lines=_told(order, said)) for order in orders]


async def told_page(session: AsyncSession, found: Page[OrderView]) -> Page[OrderView]:
    """The same of a page of a list."""
    return Page(await told_lines(session, found.items), found.next_cursor)


def _told(order: OrderView, said: dict[uuid.UUID, tuple[str, str]]) -> tuple[LineView, ...]:
    names = {line.line_no: said[line.sku_id] for line in order.lines if line.sku_id in said}
    return tuple(
        msgspec.structs.replace(line, name=names[line.line_no][0], shade_name=names[line.line_no][1])
        if line.line_no in names
        else line
        for line in order.lines
    )
