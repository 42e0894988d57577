"""Deposits are paid at a real sandbox."""

import itertools
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.appointments.hq import Hq
from tests.appointments.makers import make_salon, service_fields
from tests.payments.kit import Till, open_till
from tests.people import sign_in_as
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.providers import ProviderPool
from yundian.platform.core.principal import Role
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services

_serial = itertools.count(1)


@pytest.fixture
async def till(services: Services, brand: BrandView, sandbox: RunningSandbox) -> AsyncIterator[Till]:
    """The brand takes payments."""
    providers = ProviderPool(Limits(failures_to_open=50, open_s=0.2))
    yield await open_till(services, sandbox, providers, brand.id, f"deposit{next(_serial)}")
    await providers.aclose()


@pytest.fixture
async def pool(services: Services) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """The courier's connections."""
    opened = await open_pool(services.settings, role=RELAY_ROLE, size=2)
    yield opened
    await opened.close()


@pytest.fixture
async def hq(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Hq:
    """An administrator's browser, before a shop with three people and one chair."""
    salon = await make_salon(services, brand, people=3, chairs=1, fields=service_fields(code="TRIAL"))
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    client.headers.update(person.headers)
    [shop] = await salon.rows("SELECT code FROM stores_shop WHERE brand_id = $1")
    return Hq(client, salon, str(shop["code"]))
