"""The adapters against the sandbox on loopback: real SDKs, real signatures. Each test has accounts of its own."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.payments.adapters.shops import Shop, alipay_shop, wechat_shop
from tests.sandbox.receiver import Merchant, open_merchant
from tests.sandbox.running import RunningSandbox
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.providers import ProviderPool

_serial = itertools.count(1)


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    """The shop's own server, where notices arrive."""
    with open_merchant() as opened:
        yield opened


@pytest.fixture
async def pool() -> AsyncIterator[ProviderPool]:
    pool = ProviderPool(Limits(failures_to_open=3, open_s=1))
    yield pool
    await pool.aclose()


@pytest.fixture
def number() -> str:
    return f"A{next(_serial):05d}"


@pytest.fixture
def wechat(sandbox: RunningSandbox, merchant: Merchant, pool: ProviderPool, number: str) -> Shop:
    return wechat_shop(sandbox, merchant, pool, number)


@pytest.fixture
def alipay(sandbox: RunningSandbox, merchant: Merchant, pool: ProviderPool, number: str) -> Shop:
    return alipay_shop(sandbox, merchant, pool, number)


@pytest.fixture(params=["wechat", "alipay"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """A shop at either provider."""
    found: Shop = request.getfixturevalue(request.param)
    return found
