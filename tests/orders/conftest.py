"""One desk a test: a shop, a customer, money that moves as the test says."""

import pytest

from tests.orders.makers import Desk, open_desk
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services


@pytest.fixture
async def desk(services: Services, brand: BrandView) -> Desk:
    return await open_desk(services, brand)
