"""The courier in the test's own process."""

from collections.abc import AsyncIterator

import pytest

from tests import courier_room
from tests.courier_kit import Courier, FakeQueue
from yundian.brands.types import BrandView
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services


@pytest.fixture
async def courier(services: Services, brand: BrandView) -> AsyncIterator[Courier]:
    await courier_room.make_tables(services.settings.database_owner_url)
    pool = await open_pool(services.settings, role=RELAY_ROLE, size=2)
    yield Courier(
        database=services.database,
        brand=brand.id,
        queue=FakeQueue(),
        pool=pool,
        registry=courier_room.registry(),
    )
    await pool.close()
