"""wechatpy in threads of its own: bounded in number and in time, with a token that comes from outside."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar

import anyio
import requests
from urllib3.exceptions import NewConnectionError
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException, WeChatException
from wechatpy.oauth import WeChatOAuth

from yundian.platform.wechat.errors import LoginCodeRejected, WeChatRefused, WeChatUnavailable
from yundian.platform.wechat.reroute import open_session
from yundian.platform.wechat.types import THREADS, UNREACHED, WeChatApp

T = TypeVar("T")

_BAD_CODE = frozenset({40029, 40163, 41008, 42003})
_BUSY = frozenset({-1, 45009, 45011})

# Of the call that is being made; a thread inherits it. Nothing is remembered in the client, which all calls share.
_token: ContextVar[str | None] = ContextVar("wechat_access_token", default=None)


class _Client(WeChatClient):  # type: ignore[misc]  # untyped library
    """Its own way to a token is never taken: it forgets timeouts, and each worker would end the other's token."""

    @property
    def access_token(self) -> str | None:
        return _token.get()


class Sdk:
    """wechatpy for one app."""

    def __init__(self, app: WeChatApp, threads: anyio.CapacityLimiter) -> None:
        self._app = app
        self._threads = threads
        self._http = open_session(app.api_url, connections=THREADS)
        # Its own retry of a bad token never ends.
        self._client = _Client(app.app_id, app.secret, auto_retry=False)
        self._client._http.close()
        self._client._http = self._http

    async def call(self, act: Callable[[Any], T], *, token: str | None = None) -> T:
        """``act`` on the ``WeChatClient``, in a thread. Raises ``WeChatRefused`` or ``WeChatUnavailable``."""
        return await self._run(lambda: act(self._client), token)

    async def login(self, act: Callable[[Any], T]) -> T:
        """``act`` on a ``WeChatOAuth`` of this call alone: it remembers tokens. Raises as ``call``."""
        return await self._run(lambda: act(self.oauth()), None)

    def oauth(self, redirect_uri: str = "", scope: str = "", state: str = "") -> Any:
        oauth = WeChatOAuth(self._app.app_id, self._app.secret, redirect_uri, scope=scope, state=state)
        oauth._http.close()
        oauth._http = self._http
        oauth.OAUTH_BASE_URL = f"{self._app.pages_url.rstrip('/')}/connect/"
        return oauth

    async def _run(self, act: Callable[[], T], token: str | None) -> T:
        reset = _token.set(token)
        try:
            # Not abandoned when the caller goes: the limit would count a thread that still runs as free.
            return await anyio.to_thread.run_sync(act, limiter=self._threads)
        # Nothing is chained: these messages quote addresses, and addresses hold secrets.
        except WeChatClientException as error:
            raise _refusal(error.errcode) from None
        except (requests.RequestException, WeChatException, ValueError, KeyError, TypeError, OSError) as error:
            raise WeChatUnavailable(reason=UNREACHED if _is_unreached(error) else type(error).__name__) from None
        finally:
            _token.reset(reset)

    def close(self) -> None:
        self._http.close()


def _is_unreached(error: Exception) -> bool:
    """No connection came about, so nothing was said."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    inner = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
    return isinstance(getattr(inner, "reason", None), NewConnectionError)


def _refusal(errcode: object) -> WeChatRefused | WeChatUnavailable:
    if not isinstance(errcode, int):
        return WeChatUnavailable(reason="status")
    if errcode in _BAD_CODE:
        return LoginCodeRejected(errcode)
    return WeChatRefused(errcode, retryable=errcode in _BUSY)
