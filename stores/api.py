"""What other rooms ask of stores. Each function works in the caller's transaction.

Stock functions take either door (a session or a ``Tx``); their lock comes last, after the caller's own.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.errors import ShopUnknown
from stores.repository import past, stock_parts
from stores.repository import shops as repository
from stores.rules import places, sketch
from stores.rules import shops as shop_rules
from stores.service import imports, nearest, stock
from stores.service import shops as service
from stores.states import ShopStatus
from stores.types import (
    Interval,
    NearShop,
    PastOpening,
    Place,
    ShopFields,
    ShopFilter,
    ShopOpening,
    ShopPlace,
    ShopView,
    ShopWithHours,
    Sketch,
    StockLine,
    StockView,
    Way,
)
from yundian.platform.core.principal import Principal
from yundian.platform.db.cte import Cte
from yundian.platform.outbox.door import Door, brand_of

SHOP_IMPORT = imports.SHOPS
MAPPINGS = imports.MAPPINGS
# SQL of the closed shops (brand_id, id), as a part of an upper room's statement.
CLOSED_SHOPS = repository.CLOSED_SHOPS


def opening_json(shop: str) -> str:
    """SQL of a JSON array: a shop's zone, whether it is in business, its hours as ``[week day, opens, closes]``.

    A value of an upper room's statement, whose ``$1`` is the brand; ``shop`` is the SQL of its id. No shop: NULL.
    """
    return repository.OPENING_JSON.format(shop=shop)


def time_zones() -> tuple[str, ...]:
    """The IANA zones that a shop can be in."""
    return shop_rules.time_zones()


async def get_shops(session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, ShopView]:
    """The shops of this brand with these ids; unknown ids are left out."""
    rows = await repository.by_ids(session, brand_id=brand_of(session), shop_ids=list(ids)) if ids else []
    return {row.id: msgspec.convert(row, ShopView, from_attributes=True) for row in rows}


async def shops_of_staff(session: AsyncSession, principal: Principal) -> list[ShopView]:
    """The shops that the caller works in, by their codes."""
    found = await get_shops(session, ids=set(principal.own_shops))
    return sorted(found.values(), key=lambda shop: shop.code)


async def places_of(door: Door, *, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, ShopPlace]:
    """Zone and province of these shops, for whoever books what happened there; unknown ids are left out."""
    return await repository.places_of(door, shop_ids=ids) if ids else {}


async def find_shops(session: AsyncSession, *, codes: set[str]) -> dict[str, ShopView]:
    """The shops of this brand with these codes; unknown codes are left out."""
    rows = await repository.by_codes(session, brand_id=brand_of(session), codes=list(codes)) if codes else []
    return {row.code: msgspec.convert(row, ShopView, from_attributes=True) for row in rows}


async def ids_of(door: Door, *, codes: Collection[str]) -> dict[str, uuid.UUID]:
    """The shops with these codes, closed ones too; unknown codes are left out. One statement."""
    return await repository.ids_of(door, codes=codes)


async def get_shop(session: AsyncSession, *, shop_id: uuid.UUID) -> ShopWithHours:
    """A shop with its hours and whether it is open now; ``ShopUnknown`` where there is none."""
    return await service.get_shop(session, brand_id=brand_of(session), shop_id=shop_id, visible=None)


async def get_opening(door: Door, *, shop_id: uuid.UUID) -> ShopOpening:
    """A shop's zone, whether it is in business, and its weekly hours, in one statement; else ``ShopUnknown``."""
    found = await repository.opening(door, brand_id=brand_of(door), shop_id=shop_id)
    if found is None:
        raise ShopUnknown
    return found


async def past_openings(
    door: Door, *, ids: Collection[uuid.UUID], since: dt.datetime
) -> dict[uuid.UUID, tuple[PastOpening, ...]]:
    """What the hours of these shops were until each change since then, the earliest first. One statement."""
    return await past.read(door, shop_ids=ids, since=since)


async def list_shops(session: AsyncSession, *, limit: int = 200) -> list[ShopView]:
    """The brand's shops by code, for a choice among them. Two statements."""
    found = await service.list_shops(session, brand_id=brand_of(session), wanted=ShopFilter(), limit=limit)
    return [one.shop for one in found.items]


async def create_shop(session: AsyncSession, *, fields: ShopFields) -> ShopWithHours:
    """A new shop, announced but not open. Records ``ShopAdded``."""
    return await service.create_shop(session, brand_id=brand_of(session), fields=fields)


async def put_hours(session: AsyncSession, *, shop_id: uuid.UUID, version: int, hours: Sequence[Interval]) -> None:
    """The weekly hours of a shop anew. ``VersionConflict``; ``InvalidInput`` where they overlap."""
    await service.put_hours(session, brand_id=brand_of(session), shop_id=shop_id, version=version, hours=hours)


async def open_shop(session: AsyncSession, *, shop_id: uuid.UUID) -> None:
    """A shop that was announced serves customers from now on. Records ``ShopOpened``; an open one stays open."""
    shop = await service.see_shop(session, brand_id=brand_of(session), shop_id=shop_id, visible=None)
    await service.change_status(
        session, brand_id=brand_of(session), shop_id=shop_id, version=shop.version, status=ShopStatus.OPEN
    )


async def remove_unopened(session: AsyncSession, *, shop_id: uuid.UUID) -> bool:
    """Take a shop out that never opened; whether it was there. Refused by the keys of whatever names it."""
    return await repository.remove_unopened(session, brand_id=brand_of(session), shop_id=shop_id)


async def open_shops(session: AsyncSession, *, limit: int = 200) -> list[ShopView]:
    """The shops that serve customers, by their codes."""
    wanted = ShopFilter(status=ShopStatus.OPEN)
    rows = await repository.page(session, brand_id=brand_of(session), wanted=wanted, after_code=None, limit=limit)
    return [msgspec.convert(row, ShopView, from_attributes=True) for row in rows]


async def nearest_shops(
    session: AsyncSession, *, place: Place, limit: int = 10, only_open: bool = True
) -> list[NearShop]:
    """The shops nearest to a WGS-84 point, the nearest first."""
    return await nearest.nearest_shops(
        session, brand_id=brand_of(session), place=place, limit=limit, only_open=only_open
    )


async def stock_of(
    session: AsyncSession, *, shop_id: uuid.UUID, sku_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, StockView]:
    """Stock of some SKUs in a shop; a SKU it never had is left out."""
    return await stock.stock_of(session, shop_id=shop_id, sku_ids=sku_ids)


async def reserve_stock(
    door: Door, *, shop_id: uuid.UUID, lines: Sequence[StockLine], reference: str, now: dt.datetime
) -> None:
    """Set pieces aside for ``reference``, all lines or none (``OutOfStock``). Repeating changes nothing."""
    await stock.reserve(door, shop_id=shop_id, lines=lines, reference=reference, now=now)


def reserve_parts(
    cte: Cte,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reference: str,
    now: dt.datetime,
    given: str,
    name: str = "stock",
) -> None:
    """Set pieces aside inside the caller's one statement, if the part ``given`` has a row and the shop is open.

    The part ``name`` has a row for each line that was set aside: with fewer rows than lines the caller rolls
    back. The SKUs differ from each other; the reference is new.
    """
    stock_parts.reserve_parts(
        cte, brand_id=brand_id, shop_id=shop_id, lines=lines, reference=reference, now=now, given=given, name=name
    )


async def release_stock(door: Door, *, shop_id: uuid.UUID, reference: str, now: dt.datetime) -> int:
    """Give back what ``reference`` still holds; the number of lines. Repeating changes nothing."""
    return await stock.release(door, shop_id=shop_id, reference=reference, now=now)


async def release_stock_of(door: Door, *, references: Sequence[tuple[uuid.UUID, str]], now: dt.datetime) -> int:
    """``release_stock`` for many (shop, reference) in two statements; the number of SKUs that got pieces back."""
    return await stock.release_many(door, references=references, now=now)


async def commit_stock(door: Door, *, shop_id: uuid.UUID, reference: str, now: dt.datetime) -> int:
    """What ``reference`` still holds leaves the shop; the number of lines. Repeating changes nothing."""
    return await stock.commit(door, shop_id=shop_id, reference=reference, now=now)


async def receive_stock(
    door: Door,
    *,
    shop_id: uuid.UUID,
    lines: Sequence[StockLine],
    reference: str | None = None,
    reason: str = "",
    actor_id: uuid.UUID | None = None,
) -> None:
    """Pieces arrive; a ``reference`` is received once."""
    await stock.receive(door, shop_id=shop_id, lines=lines, reference=reference, reason=reason, actor_id=actor_id)


def sketch_of(here: Place, shops: Sequence[ShopView]) -> Sketch:
    """A small map of the shops around somebody, numbered as they are listed, the nearest first."""
    return sketch.sketch(here, [_place(shop) for shop in shops])


def way_to(shop: ShopView) -> Way | None:
    """How a phone is told to lead there; ``None`` for a shop whose place is not known."""
    place = _place(shop)
    return None if place is None else places.way_to(place, name=shop.name, country=shop.country)


def _place(shop: ShopView) -> Place | None:
    return None if shop.latitude is None or shop.longitude is None else Place(shop.latitude, shop.longitude)
