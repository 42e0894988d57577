"""Deposits are paid at a real sandbox."""

import itertools
from collections.abc import AsyncIterator

import pytest

from tests.payments.kit import Till, open_till
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.providers import ProviderPool
from yundian.platform.db.services import Services

_serial = itertools.count(1)


@pytest.fixture
async def till(services: Services, brand: BrandView, sandbox: RunningSandbox) -> AsyncIterator[Till]:
    """The brand takes payments."""
    providers = ProviderPool(Limits(failures_to_open=50, open_s=0.2))
    yield await open_till(services, sandbox, providers, brand.id, f"deposit{next(_serial)}")
    await providers.aclose()
