"""What can be done with a brand."""

import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import repository
from yundian.brands.errors import BrandCodeTaken
from yundian.brands.models import Brand, BrandPolicy
from yundian.brands.rules import brand_code, brand_name, checked_policy
from yundian.brands.types import BrandView, PolicyFields, PolicyView
from yundian.platform.core.errors import VersionConflict


async def create_brand(
    session: AsyncSession, *, brand_id: uuid.UUID, code: str, name: str, name_en: str = ""
) -> BrandView:
    """Make a tenant with its default policy. Runs as the operator, in a transaction of the new brand."""
    english = brand_name(name_en) if name_en.strip() else ""
    brand = Brand(id=brand_id, code=brand_code(code), name=brand_name(name), name_en=english)
    if not await repository.add_brand(session, brand=brand):
        raise BrandCodeTaken(code=brand.code)
    session.add(
        BrandPolicy(brand_id=brand_id, id=brand_id, display_name=brand.name, display_name_en=brand.name_en)
    )
    await session.flush()
    return msgspec.convert(brand, BrandView, from_attributes=True)


async def list_brands(session: AsyncSession) -> list[BrandView]:
    """Every tenant, by code: for the operator."""
    found = await repository.brands(session)
    return [msgspec.convert(brand, BrandView, from_attributes=True) for brand in found]


async def save_policy(
    session: AsyncSession, *, brand_id: uuid.UUID, version: int, fields: PolicyFields
) -> PolicyView:
    """Change the brand's policy as of ``version``."""
    checked_policy(fields)
    policy = await repository.policy(session, brand_id=brand_id)
    if policy.version != version:
        raise VersionConflict(version=policy.version)
    policy.sqlmodel_update(msgspec.structs.asdict(fields))
    await session.flush()
    return msgspec.convert(policy, PolicyView, from_attributes=True)
