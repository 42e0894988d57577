"""The world of the authorisation matrix, without limits that would hide what lies behind them."""

from collections.abc import Iterator

import pytest

from tests import factories
from tests.architecture.matrix.cells import World
from tests.architecture.matrix.world import make_world
from yundian.platform.db.services import Services
from yundian.platform.web import limits


@pytest.fixture(scope="module")
async def world(services: Services) -> World:
    brand, other = [await factories.make_brand(services.settings) for _ in range(2)]
    return await make_world(services, brand, other)


@pytest.fixture(scope="module", autouse=True)
def no_limits() -> Iterator[None]:
    """Thousands of requests a minute come from one address."""

    async def hit(_self: limits.Limiter, _rate: str, *_key: str) -> None:
        return

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits.Limiter, "hit", hit)
        yield
