"""The brands room's statements."""

import uuid
from collections.abc import Sequence

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands.models import Brand, BrandPolicy
from yundian.platform.outbox.door import Door, brand_of, fetch

# For statements of upper rooms that must know it in the same moment.
LINK_WINDOW = "SELECT brand_id, link_window_days FROM brand_policy"


async def add_brand(session: AsyncSession, *, brand: Brand) -> bool:
    """Whether the code was free."""
    statement = (
        insert(Brand).values(**brand.model_dump()).on_conflict_do_nothing(index_elements=["code"])
    ).returning(col(Brand.id))
    return (await session.exec(statement)).one_or_none() is not None


async def brand_by_code(session: AsyncSession, *, code: str) -> Brand | None:
    return (await session.exec(select(Brand).where(col(Brand.code) == code))).one_or_none()


async def brands(session: AsyncSession) -> Sequence[Brand]:
    """In the order of their codes."""
    return (await session.exec(select(Brand).order_by(col(Brand.code)))).all()


async def policy(session: AsyncSession, *, brand_id: uuid.UUID) -> BrandPolicy:
    return (await session.exec(select(BrandPolicy).where(col(BrandPolicy.brand_id) == brand_id))).one()


async def uncollected_days(door: Door) -> int:
    query = "SELECT uncollected_days FROM brand_policy WHERE brand_id = $1"
    rows = await fetch(door, query, brand_of(door))
    return int(rows[0][0])


async def after_sale_days(door: Door) -> int:
    query = "SELECT after_sale_days FROM brand_policy WHERE brand_id = $1"
    rows = await fetch(door, query, brand_of(door))
    return int(rows[0][0])


async def zone_of(door: Door) -> str:
    query = "SELECT time_zone FROM brand_policy WHERE brand_id = $1"
    rows = await fetch(door, query, brand_of(door))
    return str(rows[0][0])


async def code_of(door: Door) -> str:
    query = "SELECT code FROM brand WHERE id = $1"
    rows = await fetch(door, query, brand_of(door))
    return str(rows[0][0])
