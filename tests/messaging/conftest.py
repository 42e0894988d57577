"""A house whose WeChat and SMS provider are the sandbox."""

import json
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from tests.messaging.kit import Post, open_post
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.messaging.adapters.carrier import ProviderCarrier
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services, open_services
from yundian.platform.sms.gateways import SmsAtFirstUse
from yundian.platform.wechat.client import WeChatApps


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = RunningSandbox(tmp_path_factory.mktemp("messaging"), time_scale=60)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sandbox(gateway: RunningSandbox) -> Iterator[RunningSandbox]:
    yield gateway
    gateway.http.delete("/sandbox/api/faults")


@pytest.fixture(scope="session")
def outside(migrated: Settings, gateway: RunningSandbox) -> Settings:
    """The same house with the sandbox around it."""
    sms = json.loads((gateway.var_dir / "sandbox/credentials.json").read_text())["sms"]
    changes = {"wechat_url": gateway.base_url, "sms_url": sms["send_url"], "sms_key": SecretStr(sms["key"])}
    return migrated.model_copy(update=changes)


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
