"""WeChat is the sandbox, Redis is a real Valkey; each test has an app of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.conftest import Servers
from tests.sandbox.receiver import Merchant, open_merchant
from tests.sandbox.running import RunningSandbox
from yundian.platform.core.crypto import Keyring
from yundian.platform.wechat.client import WeChatAppClient, WeChatApps
from yundian.platform.wechat.types import WeChatApp

KEYRING = Keyring(bytes(range(32)))
_serial = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Account:
    """An app at the sandbox, and what people do in it."""

    sandbox: RunningSandbox
    app: WeChatApp
    client: WeChatAppClient

    def code(self, purpose: str = "oauth", *, user_id: int = 1, scope: str = "snsapi_base") -> tuple[str, str]:
        """A fresh login code and whose it is."""
        wanted = {"appid": self.app.app_id, "purpose": purpose, "user_id": user_id, "scope": scope}
        made = self.sandbox.post("wechat/code", wanted)
        return made["code"], made["openid"]

    def break_it(self, fault: str, operation: str, **more: Any) -> None:
        self.sandbox.break_it(fault, provider="wechat", operation=operation, **more)

    def calls(self, operation: str) -> list[dict[str, Any]]:
        """What this app asked."""
        asked = self.sandbox.get("calls", operation=operation)
        return [each for each in asked if each["key"] in ("", self.app.app_id)]


@pytest.fixture
async def redis(servers: Servers) -> AsyncIterator[Redis]:
    redis = Redis.from_url(servers.redis_url)
    yield redis
    await redis.aclose()


@pytest.fixture
async def apps(redis: Redis) -> AsyncIterator[WeChatApps]:
    apps = WeChatApps(redis, KEYRING)
    yield apps
    await apps.aclose()


@pytest.fixture
async def colleague(redis: Redis) -> AsyncIterator[WeChatApps]:
    """Another worker: nothing in common but Redis."""
    apps = WeChatApps(redis, KEYRING)
    yield apps
    await apps.aclose()


def _account(sandbox: RunningSandbox, apps: WeChatApps, kind: str) -> Account:
    made = sandbox.account(kind, f"P{next(_serial):05d}")
    app = WeChatApp(
        app_id=made["appid"],
        secret=made["secret"],
        token=made["token"],
        aes_key=made["aes_key"],
        api_url=sandbox.base_url,
        pages_url=sandbox.base_url,
    )
    return Account(sandbox=sandbox, app=app, client=apps.of(app))


@pytest.fixture
def official(sandbox: RunningSandbox, apps: WeChatApps) -> Account:
    return _account(sandbox, apps, "official")


@pytest.fixture
def mini(sandbox: RunningSandbox, apps: WeChatApps) -> Account:
    return _account(sandbox, apps, "mini")


@pytest.fixture
def our_server() -> Iterator[Merchant]:
    """Where pushes arrive."""
    with open_merchant() as opened:
        yield opened
