"""The real SDKs, pointed at a sandbox on loopback the way production code points them."""

import datetime as dt
import http.client
import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from requests.adapters import HTTPAdapter
from wechatpy import WeChatClient
from wechatpy.oauth import WeChatOAuth
from wechatpy.pay import WeChatPay
from wechatpy.pay.utils import calculate_signature, calculate_signature_hmac

TIMEOUT_S = 5


class Reroute(HTTPAdapter):
    """Every host of WeChat is the sandbox."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base = urlsplit(base_url)

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        asked = urlsplit(request.url)
        request.headers["Host"] = asked.netloc
        request.url = urlunsplit(asked._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        options["timeout"] = options.get("timeout") or TIMEOUT_S
        return super().send(request, **options)


def _rerouted(session: requests.Session, base_url: str) -> None:
    session.trust_env = False
    session.mount("https://", Reroute(base_url))


def pay_client(base_url: str, *, appid: str, merchant: dict[str, str]) -> Any:
    client = WeChatPay(appid, merchant["api_key"], merchant["mch_id"], timeout=TIMEOUT_S)
    _rerouted(client._http, base_url)
    return client


def app_client(base_url: str, app: dict[str, str]) -> Any:
    client = WeChatClient(app["appid"], app["secret"], timeout=TIMEOUT_S, auto_retry=False)
    _rerouted(client._http, base_url)
    return client


def oauth_client(base_url: str, app: dict[str, str], *, scope: str = "snsapi_base") -> Any:
    client = WeChatOAuth(app["appid"], app["secret"], "http://shop.test/back?x=1", scope=scope, state="s1")
    _rerouted(client._http, base_url)
    return client


def is_signed(fields: dict[str, Any], api_key: str, *, sign_type: str) -> bool:
    """The check that wechatpy does not make."""
    unsigned = {name: value for name, value in fields.items() if name != "sign"}
    sign = calculate_signature_hmac if sign_type == "HMAC-SHA256" else calculate_signature
    return bool(fields.get("sign") == sign(unsigned, api_key))


class _Beijing(dt.datetime):
    """The SDK stamps with the naive local time; the gateway wants Beijing's."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> Any:
        return dt.datetime.now(tz or dt.timezone(dt.timedelta(hours=8))).replace(tzinfo=None)


class BeijingClock:
    """Stands where the SDK has its ``datetime`` module."""

    datetime = _Beijing


class Connections:
    """The SDK's own cannot speak to a port, and leak when a reply breaks off. The request line is absolute."""

    def __init__(self) -> None:
        self._opened: list[http.client.HTTPConnection] = []

    def open(self, url: str, query_string: str, timeout: float) -> tuple[str, http.client.HTTPConnection]:
        parts = urlsplit(url)
        self._opened.append(http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=timeout))
        return f"{url}?{query_string}", self._opened[-1]

    def close(self) -> None:
        for connection in self._opened:
            connection.close()


def alipay_client(base_url: str, app: dict[str, str]) -> Any:
    config = AlipayClientConfig()
    config.server_url = f"{base_url}/gateway.do"
    config.app_id = app["app_id"]
    config.app_private_key = app["app_private_key"]
    config.alipay_public_key = app["alipay_public_key"]
    config.timeout = TIMEOUT_S
    return DefaultAlipayClient(alipay_client_config=config)


_REQUESTS = {
    "data.dataservice.bill.downloadurl.query": "AlipayDataDataserviceBillDownloadurlQuery",
    "trade.precreate": "AlipayTradePrecreate",
    "trade.query": "AlipayTradeQuery",
    "trade.close": "AlipayTradeClose",
    "trade.refund": "AlipayTradeRefund",
    "trade.fastpay.refund.query": "AlipayTradeFastpayRefundQuery",
    "trade.wap.pay": "AlipayTradeWapPay",
    "trade.page.pay": "AlipayTradePagePay",
}


def alipay_request(name: str, biz: Mapping[str, object], *, notify_url: str = "", return_url: str = "") -> Any:
    """The SDK's request of a method, filled through the SDK's model."""
    stem = _REQUESTS[name]
    model_class = getattr(import_module(f"alipay.aop.api.domain.{stem}Model"), f"{stem}Model")
    request_class = getattr(import_module(f"alipay.aop.api.request.{stem}Request"), f"{stem}Request")
    request = request_class(biz_model=model_class.from_alipay_dict(dict(biz)))
    if notify_url:
        request.notify_url = notify_url
    if return_url:
        request.return_url = return_url
    return request


def alipay_call(client: Any, name: str, biz: Mapping[str, object], *, notify_url: str = "") -> dict[str, Any]:
    """The reply, whose signature the SDK has verified."""
    answer: dict[str, Any] = json.loads(client.execute(alipay_request(name, biz, notify_url=notify_url)))
    return answer
