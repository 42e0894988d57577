"""What can be done with a brand."""

import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import repository
from yundian.brands.errors import BrandCodeTaken
from yundian.brands.models import Brand, BrandPolicy
from yundian.brands.types import BrandView


async def create_brand(session: AsyncSession, *, brand_id: uuid.UUID, code: str, name: str) -> BrandView:
    """Make a tenant with its default policy. Runs as the operator, in a transaction of the new brand."""
    brand = Brand(id=brand_id, code=code, name=name)
    if not await repository.add_brand(session, brand=brand):
        raise BrandCodeTaken(code=code)
    session.add(BrandPolicy(brand_id=brand_id, id=brand_id, display_name=name))
    await session.flush()
    return msgspec.convert(brand, BrandView, from_attributes=True)
