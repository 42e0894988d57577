"""One sandbox for all tests here; every test has apps and merchants of its own."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox import clients
from tests.sandbox.receiver import Merchant, open_merchant
from tests.sandbox.running import RunningSandbox

_serial = itertools.count(1)
TIME_SCALE = 60


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = RunningSandbox(tmp_path_factory.mktemp("sandbox"), time_scale=TIME_SCALE)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sandbox(shared_sandbox: RunningSandbox) -> Iterator[RunningSandbox]:
    """The sandbox with everything working; what a test breaks is whole again afterwards."""
    yield shared_sandbox
    shared_sandbox.http.delete("/sandbox/api/faults")
    shared_sandbox.http.delete("/sandbox/api/notices")


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[RunningSandbox]:
    """A sandbox that a test may kill; in real time."""
    running = RunningSandbox(tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    """The shop's own server."""
    with open_merchant() as opened:
        yield opened


@pytest.fixture
def number() -> str:
    """A number for names and orders that no other test uses."""
    return f"T{next(_serial):05d}"


@dataclass(frozen=True)
class WeChatShop:
    """A shop with an official account and a merchant of its own."""

    sandbox: RunningSandbox
    app: dict[str, str]
    account: dict[str, str]
    client: Any
    notify_url: str

    @property
    def mch_id(self) -> str:
        return self.account["mch_id"]

    def openid(self, user_id: int = 1) -> str:
        made = self.sandbox.post("wechat/code", {"appid": self.app["appid"], "user_id": user_id})
        return str(made["openid"])

    def call(self, endpoint: str, **fields: object) -> dict[str, Any]:
        """Any endpoint, under either algorithm: what the SDK's own methods do not offer."""
        data = {"appid": self.app["appid"], "sign_type": "HMAC-SHA256", **fields}
        answer: dict[str, Any] = self.client.post(endpoint, data=data)
        return answer

    def order(self, out_no: str, *, fen: int = 1250, product: str = "NATIVE", **more: object) -> dict[str, Any]:
        fields: dict[str, object] = {
            "body": "雾面唇釉 <No.7> & 礼盒",
            "out_trade_no": out_no,
            "total_fee": fen,
            "spbill_create_ip": "127.0.0.1",
            "notify_url": self.notify_url,
            "trade_type": product,
            "product_id": "sku-1",
        }
        return self.call("pay/unifiedorder", **{**fields, **more})

    def pay(self, out_no: str, *, user_id: int = 1) -> str:
        return self.sandbox.pay("wechat", self.mch_id, out_no, user_id=user_id)


@pytest.fixture
def wechat(sandbox: RunningSandbox, merchant: Merchant, number: str) -> Iterator[WeChatShop]:
    app, account = sandbox.account("official", number), sandbox.account("wechat_merchant", number)
    client = clients.pay_client(sandbox.base_url, appid=app["appid"], merchant=account)
    yield WeChatShop(sandbox, app, account, client, f"{merchant.url}/wechat/notify")
    client._http.close()


@pytest.fixture
def sdk_reaches_ports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The two repairs without which the Alipay SDK cannot speak to a port, or from another time zone."""
    connections = clients.Connections()
    monkeypatch.setattr("alipay.aop.api.util.WebUtils.get_http_connection", connections.open)
    monkeypatch.setattr("alipay.aop.api.DefaultAlipayClient.datetime", clients.BeijingClock)
    yield
    connections.close()


@dataclass(frozen=True)
class AlipayShop:
    """A shop with an Alipay app of its own."""

    sandbox: RunningSandbox
    app: dict[str, str]
    client: Any
    notify_url: str

    def call(self, name: str, *, notify_url: str = "", **biz: object) -> dict[str, Any]:
        """A method by its name (``trade.query``) through the SDK's own request class."""
        return clients.alipay_call(self.client, name, biz, notify_url=notify_url)

    def precreate(self, out_no: str, *, yuan: str = "12.50", **more: object) -> dict[str, Any]:
        fields = {"out_trade_no": out_no, "total_amount": yuan, "subject": "雾面唇釉 <No.7> & 礼盒", **more}
        return self.call("trade.precreate", notify_url=self.notify_url, **fields)

    def pay(self, out_no: str, *, user_id: int = 1) -> str:
        return self.sandbox.pay("alipay", self.app["app_id"], out_no, user_id=user_id)

    def order(self, out_no: str) -> dict[str, str]:
        return {"provider": "alipay", "merchant": self.app["app_id"], "out_no": out_no}


@pytest.fixture
def alipay(sandbox: RunningSandbox, merchant: Merchant, number: str, sdk_reaches_ports: None) -> AlipayShop:
    app = sandbox.account("alipay_app", number)
    return AlipayShop(sandbox, app, clients.alipay_client(sandbox.base_url, app), f"{merchant.url}/alipay/notify")
