"""Statements about shops and their hours."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from string import capwords

import sqlalchemy as sa
from sqlmodel import col, delete, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.models import OpeningHours, Shop
from stores.states import ShopStatus
from stores.types import Interval, Place, ShopFilter, ShopOpening, ShopPlace
from yundian.platform.db.paging import after
from yundian.platform.outbox.door import Door, brand_of, fetch

# For statements of upper rooms that must know it in the same moment.
CLOSED_SHOPS = "SELECT brand_id, id FROM stores_shop WHERE status = 'closed'"

# A value of an upper room's statement, whose $1 is the brand.
OPENING_JSON = """(SELECT json_build_array(s.time_zone, s.status = 'open', coalesce((SELECT to_json(array_agg(
    ARRAY[h.weekday, h.opens, h.closes] ORDER BY h.weekday, h.opens)) FROM stores_opening_hours h
    WHERE h.brand_id = $1 AND h.shop_id = s.id), '[]'))
    FROM stores_shop s WHERE s.brand_id = $1 AND s.id = {shop})"""

OPENING = """
SELECT s.time_zone, s.status, h.weekday, h.opens, h.closes FROM stores_shop s
LEFT JOIN stores_opening_hours h ON h.brand_id = s.brand_id AND h.shop_id = s.id
WHERE s.brand_id = $1 AND s.id = $2 ORDER BY h.weekday, h.opens
"""


async def opening(door: Door, *, brand_id: uuid.UUID, shop_id: uuid.UUID) -> ShopOpening | None:
    """Zone, status and hours in one statement."""
    rows = [tuple(row) for row in await fetch(door, OPENING, brand_id, shop_id)]
    if not rows:
        return None
    zone, status = rows[0][:2]
    hours = tuple(Interval(*row[2:]) for row in rows if row[2] is not None)
    return ShopOpening(zone, ShopStatus(status) is ShopStatus.OPEN, hours)


async def get(session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID) -> Shop | None:
    return await session.get(Shop, (brand_id, shop_id))


async def by_codes(session: AsyncSession, *, brand_id: uuid.UUID, codes: Sequence[str]) -> list[Shop]:
    statement = select(Shop).where(col(Shop.brand_id) == brand_id, col(Shop.code).in_(codes))
    return list((await session.exec(statement)).all())


async def by_ids(session: AsyncSession, *, brand_id: uuid.UUID, shop_ids: Sequence[uuid.UUID]) -> list[Shop]:
    statement = select(Shop).where(col(Shop.brand_id) == brand_id, col(Shop.id).in_(shop_ids))
    return list((await session.exec(statement)).all())


async def places_of(door: Door, *, shop_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, ShopPlace]:
    query = "SELECT id, time_zone, country, province FROM stores_shop WHERE brand_id = $1 AND id = ANY($2::uuid[])"
    rows = await fetch(door, query, brand_of(door), list(shop_ids))
    return {row[0]: ShopPlace(time_zone=row[1], country=row[2], province=row[3]) for row in rows}


async def ids_of(door: Door, *, codes: Collection[str]) -> dict[str, uuid.UUID]:
    query = "SELECT code, id FROM stores_shop WHERE brand_id = $1 AND code = ANY($2::varchar[])"
    return {row[0]: row[1] for row in await fetch(door, query, brand_of(door), list(codes))}


async def page(
    session: AsyncSession, *, brand_id: uuid.UUID, wanted: ShopFilter, after_code: str | None, limit: int
) -> list[Shop]:
    """Shops in the order of their codes."""
    statement = select(Shop).where(*_conditions(brand_id, wanted))
    if after_code is not None:
        statement = statement.where(after([col(Shop.code)], [after_code]))
    return list((await session.exec(statement.order_by(col(Shop.code)).limit(limit))).all())


async def counts(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_ids: frozenset[uuid.UUID] | None
) -> Mapping[ShopStatus, int]:
    """How many shops there are in each status."""
    wanted = _conditions(brand_id, ShopFilter(shop_ids=shop_ids))
    statement = select(Shop.status, func.count()).where(*wanted).group_by(col(Shop.status))
    return {ShopStatus(status): count for status, count in (await session.exec(statement)).all()}


async def provinces(session: AsyncSession, *, brand_id: uuid.UUID) -> list[str]:
    """The provinces the brand is in, for a filter."""
    statement = select(Shop.province).where(col(Shop.brand_id) == brand_id).distinct()
    return [name for name in (await session.exec(statement.order_by(col(Shop.province)))).all() if name]


async def points(session: AsyncSession, *, brand_id: uuid.UUID, wanted: ShopFilter, limit: int) -> list[Place]:
    """The coordinates of the wanted shops that have any."""
    statement = select(Shop.latitude, Shop.longitude).where(
        *_conditions(brand_id, wanted), col(Shop.latitude).is_not(None)
    )
    rows = (await session.exec(statement.limit(limit))).all()
    return [Place(lat, lon) for lat, lon in rows if lat is not None and lon is not None]


async def hours_of(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[Interval, ...]]:
    """The weekly hours of each shop, in order; shops without any are left out."""
    statement = (
        select(OpeningHours)
        .where(col(OpeningHours.brand_id) == brand_id, col(OpeningHours.shop_id).in_(shop_ids))
        .order_by(col(OpeningHours.shop_id), col(OpeningHours.weekday), col(OpeningHours.opens))
    )
    found: dict[uuid.UUID, tuple[Interval, ...]] = {}
    for row in (await session.exec(statement)).all():
        one = Interval(weekday=row.weekday, opens=row.opens, closes=row.closes)
        found[row.shop_id] = (*found.get(row.shop_id, ()), one)
    return found


async def replace_hours(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, hours: Sequence[Interval]
) -> None:
    await session.exec(
        delete(OpeningHours).where(col(OpeningHours.brand_id) == brand_id, col(OpeningHours.shop_id) == shop_id)
    )
    session.add_all(
        OpeningHours(brand_id=brand_id, shop_id=shop_id, weekday=h.weekday, opens=h.opens, closes=h.closes)
        for h in hours
    )
    await session.flush()


def _conditions(brand_id: uuid.UUID, wanted: ShopFilter) -> list[sa.ColumnElement[bool]]:
    conditions = [col(Shop.brand_id) == brand_id]
    if wanted.shop_ids is not None:
        conditions.append(col(Shop.id).in_(wanted.shop_ids))
    if wanted.status is not None:
        conditions.append(col(Shop.status) == wanted.status)
    if wanted.province:
        conditions.append(col(Shop.province) == wanted.province)
    if wanted.city:
        conditions.append(col(Shop.city) == wanted.city)
    if wanted.search:
        # LIKE is not leakproof and loses its index under row-level security; ^@ keeps it.
        prefixes: list[sa.ColumnElement[bool]] = [
            column.op("^@")(wanted.search) for column in (col(Shop.code), col(Shop.name), col(Shop.city))
        ]
        # English as it is typed and as names are written; folding a column loses its index as well.
        spellings = sorted({wanted.search, capwords(wanted.search)})
        has_english = col(Shop.name_en) != sa.literal_column("''")
        prefixes += [sa.and_(has_english, col(Shop.name_en).op("^@")(spelling)) for spelling in spellings]
        conditions.append(sa.or_(*prefixes))
    return conditions


async def remove_unopened(session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID) -> bool:
    """Delete a shop that was announced and never opened, with its hours."""
    statement = delete(Shop).where(
        col(Shop.brand_id) == brand_id, col(Shop.id) == shop_id, col(Shop.status) == ShopStatus.OPENING
    )
    return bool((await session.exec(statement.returning(col(Shop.id)))).first())
