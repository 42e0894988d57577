"""What other rooms ask about the brand."""

import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import repository
from yundian.brands.errors import BrandNotNamed, BrandUnknown
from yundian.brands.types import BrandView, PolicyView
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door

# SQL of the days a link counts (brand_id, link_window_days), as a part of an upper room's statement.
LINK_WINDOW = repository.LINK_WINDOW


async def get_policy(session: AsyncSession, *, brand_id: uuid.UUID) -> PolicyView:
    """The brand's policy as it stands. Not cached: a change holds for the next request. One statement."""
    return msgspec.convert(await repository.policy(session, brand_id=brand_id), PolicyView, from_attributes=True)


async def find_brand(session: AsyncSession, *, code: str) -> BrandView:
    """The tenant with this code; ``BrandUnknown`` when there is none. Works without a brand."""
    brand = await repository.brand_by_code(session, code=code)
    if brand is None:
        raise BrandUnknown(code=code)
    return msgspec.convert(brand, BrandView, from_attributes=True)


async def brand_in_address(database: Database, brand_code: str) -> BrandView:
    """The brand whose customers' page this is, in a transaction of its own; else ``BrandUnknown``."""
    async with database.unit_of_work(None) as session:
        return await find_brand(session, code=brand_code)


async def choose_brand(session: AsyncSession, *, code: str | None) -> BrandView:
    """The tenant a command works for: the named one, else the only one there is. Works without a brand."""
    if code is not None:
        return await find_brand(session, code=code)
    found = await repository.brands(session)
    if len(found) != 1:
        raise BrandNotNamed(brands=[brand.code for brand in found])
    return msgspec.convert(found[0], BrandView, from_attributes=True)


async def choose_brand_id(session: AsyncSession, code: str | None) -> uuid.UUID:
    """``choose_brand`` for commands that need the id alone."""
    return (await choose_brand(session, code=code)).id


async def uncollected_days(door: Door) -> int:
    """After how many days what nobody collects is paid back by itself; 0: never."""
    return await repository.uncollected_days(door)


async def after_sale_days(door: Door) -> int:
    """How many days after its hand-over an order may come back."""
    return await repository.after_sale_days(door)


async def zone_of(door: Door) -> str:
    """The brand's own IANA zone: the days of what belongs to no shop."""
    return await repository.zone_of(door)


async def code_of(door: Door) -> str:
    """The brand's own code, with which the addresses of its customers' pages begin. One statement."""
    return await repository.code_of(door)
