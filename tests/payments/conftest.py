"""One sandbox for the room's tests; every test has a brand and merchants of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.payments.kit import Till, open_till
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.providers import ProviderPool
from yundian.platform.db.services import Services

_serial = itertools.count(1)


@pytest.fixture(scope="session")
def till_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = RunningSandbox(tmp_path_factory.mktemp("till"), time_scale=60)
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def till(services: Services, brand: BrandView, till_sandbox: RunningSandbox) -> AsyncIterator[Till]:
    """A brand with an account at each provider; nobody takes its notices unless the test does."""
    providers = ProviderPool(Limits(failures_to_open=50, open_s=0.2))
    yield await open_till(services, till_sandbox, providers, brand.id, f"till{next(_serial)}")
    till_sandbox.http.delete("/sandbox/api/faults")
    await providers.aclose()
