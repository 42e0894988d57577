"""The world of the authorisation matrix, without limits that would hide what lies behind them."""

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from tests import factories
from tests.architecture.matrix.cells import World
from tests.architecture.matrix.world import make_world
from yundian.platform.auth import passwords
from yundian.platform.db.services import Services
from yundian.platform.web import limits


@pytest.fixture(scope="module")
async def world(services: Services) -> World:
    brand, other = [await factories.make_brand(services.settings) for _ in range(2)]
    return await make_world(services, brand, other)


@pytest.fixture(scope="module", autouse=True)
def no_limits() -> Iterator[None]:
    """Thousands of requests a minute come from one address; none of the passwords needs to withstand a thief."""

    async def hit(_self: limits.Limiter, _rate: str, *_key: str) -> None:
        return

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patch.setattr(limits.Limiter, "hit", hit)
        yield
