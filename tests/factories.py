"""Makes the things tests need, through the rooms' own services."""

from yundian.brands import service as brands
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import operator_unit_of_work


async def make_brand(settings: Settings) -> BrandView:
    """A brand with a code of its own, committed."""
    brand_id = new_id()
    async with operator_unit_of_work(settings, brand_id) as session:
        return await brands.create_brand(
            session, brand_id=brand_id, code=f"t-{readable_code(10).lower()}", name="Test brand"
        )
