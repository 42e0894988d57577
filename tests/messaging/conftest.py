"""A house whose WeChat and SMS provider are the sandbox."""

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client
from tests.messaging.kit import Post, open_post
from tests.people import sign_in_as
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.messaging.adapters.carrier import ProviderCarrier
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services, open_services
from yundian.platform.sms.gateways import SmsAtFirstUse
from yundian.platform.wechat.client import WeChatApps


@pytest.fixture(scope="session")
async def reaching_out(outside: Settings) -> AsyncIterator[Services]:
    async with open_services(outside) as services:
        yield services


@pytest.fixture(scope="session")
async def carrier(reaching_out: Services) -> AsyncIterator[ProviderCarrier]:
    wechat = WeChatApps(reaching_out.redis, reaching_out.keyring)
    sms = SmsAtFirstUse(reaching_out.settings)
    yield ProviderCarrier(wechat=wechat, sms=sms)
    await wechat.aclose()
    await sms.aclose()


@pytest.fixture
async def post(
    reaching_out: Services, brand: BrandView, sandbox: RunningSandbox, carrier: ProviderCarrier
) -> Post:
    """A brand that writes, its people awake."""
    return await open_post(reaching_out, brand, sandbox, carrier)


@pytest.fixture
async def other_post(
    reaching_out: Services, other_brand: BrandView, sandbox: RunningSandbox, carrier: ProviderCarrier
) -> Post:
    """Somebody else's."""
    return await open_post(reaching_out, other_brand, sandbox, carrier)


@pytest.fixture
async def hq(post: Post, app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """HQ's browser, in English."""
    admin = await sign_in_as(post.services, post.brand.id, Role.HQ_ADMIN)
    headers = admin.headers | {"Accept": "text/html"}
    async with make_client(app, headers=headers, cookies={"locale": "en"}) as browser:
        yield browser
