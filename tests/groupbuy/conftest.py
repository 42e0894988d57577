"""One fair a test; the relay's pool is shared."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.groupbuy.kit import Fair, open_fair
from yundian.brands.types import BrandView
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services


@pytest.fixture(scope="session")
async def relay_pool(services: Services) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    pool = await open_pool(services.settings, role=RELAY_ROLE, size=2)
    yield pool
    await pool.close()


@pytest.fixture
async def fair(services: Services, brand: BrandView, relay_pool: "asyncpg.Pool[asyncpg.Record]") -> Fair:
    return await open_fair(services, brand, relay_pool)
