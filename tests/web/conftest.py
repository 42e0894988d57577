"""The app with the rooms that every page needs and the probe."""

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client
from tests.people import Person, sign_in_as
from tests.web.probe import PROBE
from yundian.app.asgi import create_app
from yundian.brands.types import BrandView
from yundian.platform.auth.cookies import cookie_name
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services


@pytest.fixture(scope="session")
async def probe_app(migrated: Settings) -> AsyncIterator[Litestar]:
    app = create_app(migrated, rooms=(PROBE,))
    async with app.lifespan():
        yield app


@pytest.fixture
async def admin(services: Services, brand: BrandView) -> Person:
    return await sign_in_as(services, brand.id, Role.HQ_ADMIN)


@pytest.fixture
async def api(probe_app: Litestar, admin: Person) -> AsyncIterator[httpx.AsyncClient]:
    """A program signed in as HQ's admin."""
    async with make_client(probe_app, headers=admin.headers) as client:
        yield client


@pytest.fixture
async def browser(probe_app: Litestar, admin: Person, services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """A browser signed in as HQ's admin, in English."""
    cookies = {cookie_name(services.settings): admin.token, "locale": "en"}
    async with make_client(probe_app, cookies=cookies, headers={"Accept": "text/html"}) as client:
        yield client
