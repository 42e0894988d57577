"""The official SDK, with its organs replaced: signer, verifier, clock, connection.

The SDK assembles requests and takes replies apart. Its own signer takes 40 ms of pure Python with the interpreter
locked, its verifier accepts MD5, its clock is the machine's local one, and its connection knows neither ports nor
deadlines. The replaced functions live in private copies of two of its methods: the SDK's modules stay as they are.
"""

import datetime as dt
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import alipay.aop.api.DefaultAlipayClient
from alipay.aop.api.AlipayClientConfig import AlipayClientConfig
from alipay.aop.api.constant.CommonConstants import PATTERN_RESPONSE_BEGIN
from alipay.aop.api.exception.Exception import ResponseException
from alipay.aop.api.util.SignatureUtils import get_sign_content
from alipay.aop.api.util.WebUtils import url_encode
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from yundian.payments.adapters.alipay import keys
from yundian.payments.adapters.amounts import BEIJING
from yundian.payments.types import AlipayAccount
from yundian.platform.core import clock

_module = alipay.aop.api.DefaultAlipayClient
_Sdk: Any = _module.DefaultAlipayClient
CHARSET = "utf-8"
_ERROR_NODE = "error_response"


class Untrusted(Exception):
    """A reply that is not Alipay's, not whole, or not to this question."""


class _BeijingClock:
    """Stands where the SDK has its ``datetime`` module; stamps are naive there, in Alipay's zone."""

    class datetime:  # noqa: N801  (the library looks for this name)
        @staticmethod
        def now() -> dt.datetime:
            return clock.now().astimezone(BEIJING).replace(tzinfo=None)


def _sign(key: RSAPrivateKey, content: str, charset: str) -> str:
    return keys.sign(key, content.encode(charset))


def _verify(key: RSAPublicKey, content: bytes, signature: str) -> bool:
    return keys.is_signed(key, content, signature)


_ORGANS = {
    "sign_with_rsa2": _sign,
    "verify_with_rsa": _verify,
    "datetime": _BeijingClock,
    # The SDK keeps a call's id and logger per thread, and its logger writes whole requests. We keep neither.
    "THREAD_LOCAL": types.SimpleNamespace(uuid="", logger=None),
}


def _with_organs(method: types.FunctionType) -> types.FunctionType:
    """The same code in a world of its own, where it finds our functions under the SDK's names."""
    return types.FunctionType(method.__code__, {**vars(_module), **_ORGANS}, method.__name__, method.__defaults__)


class _Client(_Sdk):  # type: ignore[misc]  # untyped library
    """Never executes: only prepares and parses. The names are the SDK's private ones, mangled."""

    _DefaultAlipayClient__prepare_request_params = _with_organs(_Sdk._DefaultAlipayClient__prepare_request_params)
    _DefaultAlipayClient__parse_response = _with_organs(_Sdk._DefaultAlipayClient__parse_response)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signed request, encoded."""

    url: str
    body: bytes


class AlipaySdk:
    """The SDK with one account's keys. Raises ``BadCredentials``."""

    def __init__(self, account: AlipayAccount) -> None:
        config = AlipayClientConfig()
        config.server_url = account.gateway_url
        config.app_id = account.app_id
        # Loaded keys instead of texts: only our functions ever see them.
        config.app_private_key = keys.load_private_key(account.private_key)
        config.alipay_public_key = self.public_key = keys.load_public_key(account.alipay_public_key)
        self._url = account.gateway_url
        self._client = _Client(config)

    def prepare(self, request: Any) -> Prepared:
        """A request of the SDK as it goes over the wire. Signs: call it in a thread."""
        query, params = self._client._DefaultAlipayClient__prepare_request(request)
        return Prepared(f"{self._url}?{query}", url_encode(params, CHARSET).encode())

    def page_url(self, request: Any) -> str:
        """Where to send a browser. Signs. The SDK's form would break the signature of a text with ``&amp;``."""
        return str(self._client.page_execute(request, "GET"))

    def read(self, body: bytes, *, method: str) -> str:
        """The verified JSON object of a reply to this method. Raises ``Untrusted``."""
        try:
            content = str(self._client._DefaultAlipayClient__parse_response(body))
            node = PATTERN_RESPONSE_BEGIN.search(body.decode(CHARSET))
        except (ResponseException, ValueError) as error:
            # The SDK's message quotes the reply.
            raise Untrusted("signature") from error
        wanted = f"{method.replace('.', '_')}_response"
        name = str(node[0]).partition(":")[0].strip().strip('"') if node else ""
        if name not in (wanted, _ERROR_NODE):
            raise Untrusted("shape")
        return content

    def is_notice_signed(self, fields: Mapping[str, str]) -> bool:
        """Whether Alipay signed the fields of a notice; empty ones count."""
        signed = {name: value for name, value in fields.items() if name not in ("sign", "sign_type")}
        content = get_sign_content(signed).encode(CHARSET)
        return keys.is_signed(self.public_key, content, fields.get("sign", ""))
