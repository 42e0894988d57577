"""The two doors: one transaction each, committed at the edge, bound to one brand."""

import pytest

from yundian.brands.types import BrandView
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def test_each_door_sees_its_own_brand_only(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    async with services.database.connection(brand.id) as tx:
        seen = await tx.fetch("SELECT brand_id FROM brand_policy")

    assert [row["brand_id"] for row in seen] == [brand.id]
    assert other_brand.id != brand.id
