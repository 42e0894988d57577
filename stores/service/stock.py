"""Stock of a shop: reserve, release, commit for orders; receive and adjust for people.

Lock order everywhere: what competes for the stock (a group, an order) first, stock last.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from itertools import groupby

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.errors import OutOfStock, SkuNotInCatalog, StockBelowReserved
from stores.events import StockReplenished
from stores.models import Stock
from stores.repository import stock, stock_batches
from stores.states import MovementKind
from stores.types import MovementView, StockLine, StockView
from yundian.catalog import api as catalog
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door, brand_of

MAX_LINES = 200
MAX_QUANTITY = 1_000_000


async def reserve(
    door: Door, *, shop_id: uuid.UUID, lines: Sequence[StockLine], reference: str, now: dt.datetime
) -> None:
    """Set pieces aside for ``reference``, all lines or none. Repeating a reference changes nothing.

    Raises ``OutOfStock`` with the shortages; then nothing was set aside.
    """
    _check_lines(lines, is_signed=False)
    rows = await stock.reserve(
        door, brand_id=brand_of(door), shop_id=shop_id, lines=lines, reference=reference, now=now
    )
    if rows[0].is_repeat or rows[0].fits:
        return
    raise OutOfStock(
        shortages=[
            {"sku_id": str(row.sku_id), "wanted": row.quantity, "available": row.available}
            for row in rows
            if row.available < row.quantity
        ]
    )


async def release(door: Door, *, shop_id: uuid.UUID, reference: str, now: dt.datetime) -> int:
    """Give back what ``reference`` holds; the number of lines it still held. Records ``StockReplenished``."""
    brand_id = brand_of(door)
    moved = await stock.settle(
        door, brand_id=brand_id, shop_id=shop_id, reference=reference, kind=MovementKind.RELEASE, now=now
    )
    await _tell_replenished(door, shop_id, moved)
    return len(moved)


async def release_many(door: Door, *, references: Sequence[tuple[uuid.UUID, str]], now: dt.datetime) -> int:
    """The same for many (shop, reference): two statements; the number of SKUs in shops that got pieces back."""
    returned = await stock_batches.release(door, references=references, now=now) if references else []
    for shop_id, moved in groupby(returned, key=lambda one: one.shop_id):
        rows = [stock.Moved(one.sku_id, one.quantity, one.available) for one in moved]
        await _tell_replenished(door, shop_id, rows)
    return len(returned)


async def commit(door: Door, *, shop_id: uuid.UUID, reference: str, now: dt.datetime) -> int:
    """What ``reference`` holds leaves the shop; the number of lines it still held."""
    moved = await stock.settle(
        door,
        brand_id=brand_of(door),
        shop_id=shop_id,
        reference=reference,
        kind=MovementKind.COMMIT,
        now=now,
    )
    return len(moved)


async def receive(
    door: Door,
    *,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reference: str | None = None,
    reason: str = "",
    actor_id: uuid.UUID | None = None,
) -> None:
    """Pieces arrive. A ``reference`` (delivery note) is received once. Records ``StockReplenished``."""
    _check_lines(lines, is_signed=False)
    await _move(
        door,
        shop_id=shop_id,
        lines=lines,
        kind=MovementKind.RECEIVE,
        reference=reference,
        reason=reason,
        actor_id=actor_id,
    )


async def adjust(
    door: Door,
    *,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reason: str,
    actor_id: uuid.UUID | None,
    reference: str | None = None,
) -> None:
    """Correct what is on hand by signed pieces: counted, broken, found. Records ``StockReplenished``.

    Raises ``StockBelowReserved`` when customers' reservations would not be covered any more.
    """
    _check_lines(lines, is_signed=True)
    if not reason.strip():
        raise InvalidInput("reason", "say why")
    await _move(
        door,
        shop_id=shop_id,
        lines=lines,
        kind=MovementKind.ADJUST,
        reference=reference,
        reason=reason.strip(),
        actor_id=actor_id,
    )


async def check_skus(session: AsyncSession, *, sku_ids: set[uuid.UUID]) -> None:
    """Refuse SKUs the catalogue does not have, before a foreign key does."""
    known = await catalog.get_skus(session, ids=sku_ids)
    missing = sku_ids - set(known)
    if missing:
        raise SkuNotInCatalog(sku_ids=sorted(map(str, missing)))


async def set_low_at(door: Door, *, shop_id: uuid.UUID, sku_id: uuid.UUID, low_at: int) -> None:
    """From how many free pieces on the SKU counts as low."""
    if not 0 <= low_at <= MAX_QUANTITY:
        raise InvalidInput("low_at", "must be 0 to 1,000,000")
    found = await stock.set_low_at(door, brand_id=brand_of(door), shop_id=shop_id, sku_id=sku_id, low_at=low_at)
    if not found:
        raise SkuNotInCatalog(sku_ids=[str(sku_id)])


async def list_stock(
    session: AsyncSession, *, shop_id: uuid.UUID, cursor: str | None = None, limit: int = 50
) -> Page[StockView]:
    """One page of a shop's stock. Two statements."""
    brand_id = brand_of(session)
    after_sku: uuid.UUID | None = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await stock.of_shop(session, brand_id=brand_id, shop_id=shop_id, after_sku=after_sku, limit=limit + 1)
    found, next_cursor = cut(rows, limit, lambda row: (row.sku_id,))
    return Page(await _views(session, found), next_cursor)


async def low_stock(session: AsyncSession, *, shop_id: uuid.UUID, limit: int = 10) -> list[StockView]:
    """What runs out first."""
    rows = await stock.low_of_shop(session, brand_id=brand_of(session), shop_id=shop_id, limit=limit)
    return await _views(session, rows)


async def stock_of(
    session: AsyncSession, *, shop_id: uuid.UUID, sku_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, StockView]:
    """Stock of some SKUs in a shop; a SKU it never had is left out."""
    rows = await stock.rows_of(session, brand_id=brand_of(session), shop_id=shop_id, sku_ids=sku_ids)
    return {view.sku_id: view for view in await _views(session, rows)}


async def stock_row(session: AsyncSession, *, shop_id: uuid.UUID, sku_id: uuid.UUID) -> StockView:
    """Stock of one SKU, with no pieces where the shop never had it; ``SkuNotInCatalog`` for none of ours."""
    found = await stock_of(session, shop_id=shop_id, sku_ids=[sku_id])
    if sku_id in found:
        return found[sku_id]
    await check_skus(session, sku_ids={sku_id})
    row = Stock(brand_id=brand_of(session), shop_id=shop_id, sku_id=sku_id)
    return (await _views(session, [row]))[0]


async def list_movements(
    session: AsyncSession, *, shop_id: uuid.UUID, sku_id: uuid.UUID, cursor: str | None = None, limit: int = 50
) -> Page[MovementView]:
    """The ledger of one SKU, the newest entry first."""
    after_id: uuid.UUID | None = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await stock.movements(
        session,
        brand_id=brand_of(session),
        shop_id=shop_id,
        sku_id=sku_id,
        after_id=after_id,
        limit=limit + 1,
    )
    found, next_cursor = cut(rows, limit, lambda row: (row.id,))
    return Page([msgspec.convert(row, MovementView, from_attributes=True) for row in found], next_cursor)


async def _move(
    door: Door,
    *,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    kind: MovementKind,
    reference: str | None,
    reason: str,
    actor_id: uuid.UUID | None,
) -> None:
    moved = await stock.move(
        door,
        brand_id=brand_of(door),
        shop_id=shop_id,
        lines=lines,
        kind=kind,
        reference=reference,
        reason=reason,
        actor_id=actor_id,
        now=clock.now(),
    )
    refused = [str(row.sku_id) for row in moved if row.available is None]
    if refused:
        raise StockBelowReserved(sku_ids=refused)
    await _tell_replenished(door, shop_id, moved)


async def _tell_replenished(door: Door, shop_id: uuid.UUID, moved: Sequence[stock.Moved]) -> None:
    """For each SKU that had no free piece before."""
    events = [
        StockReplenished(shop_id=shop_id, sku_id=row.sku_id, available=row.available)
        for row in moved
        if row.available is not None and row.available > 0 >= row.available - row.quantity
    ]
    await outbox.record(door, *events)


async def _views(session: AsyncSession, rows: Sequence[Stock]) -> list[StockView]:
    skus = await catalog.get_skus(session, ids={row.sku_id for row in rows}) if rows else {}
    return [
        StockView(
            sku_id=row.sku_id,
            sku_code=skus[row.sku_id].code,
            product_name=skus[row.sku_id].product_name,
            product_name_en=skus[row.sku_id].product_name_en,
            shade_name=skus[row.sku_id].shade_name,
            shade_name_en=skus[row.sku_id].shade_name_en,
            shade_hex=skus[row.sku_id].shade_hex,
            on_hand=row.on_hand,
            reserved=row.reserved,
            available=row.on_hand - row.reserved,
            low_at=row.low_at,
            is_low=row.on_hand - row.reserved <= row.low_at,
        )
        for row in rows
    ]


def _check_lines(lines: Sequence[StockLine], *, is_signed: bool) -> None:
    if not 0 < len(lines) <= MAX_LINES:
        raise InvalidInput("lines", "1 to 200 lines at once")
    if len({line.sku_id for line in lines}) != len(lines):
        raise InvalidInput("lines", "a SKU stands on two lines")
    lowest = -MAX_QUANTITY if is_signed else 1
    if any(line.quantity == 0 or not lowest <= line.quantity <= MAX_QUANTITY for line in lines):
        raise InvalidInput("quantity", "must be a number of pieces")
