"""What the house asks of WeChat for one app: who is this, may this page use the JS-SDK, a code, a message."""

import contextlib
import datetime as dt
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import anyio
import structlog
from redis.asyncio import Redis

from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.wechat.errors import WeChatRefused, WeChatUnavailable
from yundian.platform.wechat.single_flight import Fetched, SharedSecret
from yundian.platform.wechat.types import (
    THREADS,
    UNREACHED,
    JsConfig,
    MiniSession,
    QrCode,
    Scope,
    WebIdentity,
    WebProfile,
    WeChatApp,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.wechat")
T = TypeVar("T")

# What goes without any token; the SDK leaves a parameter of None out.
_NO_TOKEN: Mapping[str, None] = {"access_token": None}
_QR_IMAGE = "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket="
_LONGEST_SCENE, _LONGEST_MINI_SCENE = 64, 32
_BAD_TOKEN = frozenset({40001, 40014, 42001})


class WeChatAppClient:
    """One app. Every method raises ``WeChatRefused`` or ``WeChatUnavailable``."""

    def __init__(self, app: WeChatApp, redis: Redis, keyring: Keyring, threads: anyio.CapacityLimiter) -> None:
        self.app = app
        # Not at the top: wechatpy weighs about 10 MiB, and a process whose brands have no app does not load it.
        from yundian.platform.wechat.sdk import Sdk  # noqa: PLC0415

        self._sdk = Sdk(app, threads)
        self._token = SharedSecret(redis, keyring, f"token:{app.app_id}", self._fetch_token)
        self._ticket = SharedSecret(redis, keyring, f"ticket:{app.app_id}", self._fetch_ticket)

    # Who is this?

    def authorize_url(self, *, redirect_uri: str, scope: Scope, state: str) -> str:
        """WeChat's page to send a browser to; ``state`` comes back and must be the caller's one-time value."""
        return str(self._sdk.oauth(redirect_uri, scope.value, state).authorize_url)

    async def identify(self, code: str) -> WebIdentity:
        """Who came back with this code. Raises ``LoginCodeRejected`` for a used or foreign one."""
        found = await self._sdk.login(lambda oauth: _mapping(oauth.fetch_access_token(code)))
        return WebIdentity(
            openid=_need(found, "openid"),
            unionid=str(found.get("unionid") or ""),
            scope=str(found.get("scope") or ""),
            access_token=_need(found, "access_token"),
        )

    async def profile(self, identity: WebIdentity) -> WebProfile:
        """Nickname and picture, with consent."""
        found = await self._sdk.login(
            lambda oauth: _mapping(oauth.get_user_info(identity.openid, identity.access_token))
        )
        return WebProfile(
            openid=_need(found, "openid"),
            unionid=str(found.get("unionid") or ""),
            nickname=str(found.get("nickname") or ""),
            picture_url=str(found.get("headimgurl") or ""),
        )

    async def code_to_session(self, code: str) -> MiniSession:
        """Who logged in to the mini program. Raises ``LoginCodeRejected``."""
        found = await self._sdk.call(lambda client: _mapping(client.wxa.code_to_session(code)))
        return MiniSession(
            openid=_need(found, "openid"),
            unionid=str(found.get("unionid") or ""),
            session_key=_need(found, "session_key"),
        )

    async def phone_number(self, code: str) -> str:
        """The verified phone, without country code, that a person agreed to hand over in the mini program."""
        url = "https://api.weixin.qq.com/wxa/business/getuserphonenumber"
        found = await self._with_token(lambda client: _mapping(client.post(url, data={"code": code})))
        return _need(_mapping(found.get("phone_info")), "purePhoneNumber")

    # Pages and codes

    async def js_config(self, url: str) -> JsConfig:
        """A page's leave to use the JS-SDK; ``url`` exactly as the browser shows it."""
        ticket, nonce = await self._ticket.get(), secrets.token_hex(8)
        timestamp, page = str(int(clock.now().timestamp())), url.partition("#")[0]
        signature = await self._sdk.call(
            lambda client: str(client.jsapi.get_jsapi_signature(nonce, ticket, timestamp, page))
        )
        return JsConfig(app_id=self.app.app_id, timestamp=timestamp, nonce=nonce, signature=signature)

    async def create_qr(self, scene: str, *, life: dt.timedelta | None) -> QrCode:
        """A code of the official account; without ``life`` it is for ever, and WeChat gives 100,000 of those."""
        if not 0 < len(scene) <= _LONGEST_SCENE:
            raise ValueError("a scene has 1 to 64 characters")
        wanted: dict[str, Any] = {
            "action_name": "QR_LIMIT_STR_SCENE" if life is None else "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": scene}},
        }
        if life is not None:
            wanted["expire_seconds"] = int(life.total_seconds())
        found = await self._with_token(lambda client: _mapping(client.qrcode.create(wanted)))
        ticket = _need(found, "ticket")
        seconds = found.get("expire_seconds")
        expires_at = clock.now() + dt.timedelta(seconds=seconds) if isinstance(seconds, int) else None
        base = f"{self.app.api_url.rstrip('/')}/cgi-bin/showqrcode?ticket=" if self.app.api_url else _QR_IMAGE
        return QrCode(ticket=ticket, url=_need(found, "url"), image_url=base + ticket, expires_at=expires_at)

    async def mini_program_code(self, scene: str, *, page: str) -> bytes:
        """The picture of a code of the mini program."""
        if not 0 < len(scene) <= _LONGEST_MINI_SCENE:
            raise ValueError("a scene has 1 to 32 characters")
        return await self._with_token(lambda client: _image(client.wxa.get_wxa_code_unlimited(scene, page=page)))

    # Messages

    async def be_ready(self) -> None:
        """Have a token. What fails here was never sent; what fails while sending may have been."""
        await self._token.get()

    async def send_template(
        self, *, openid: str, template_id: str, data: Mapping[str, object], url: str = "", once: str = ""
    ) -> str:
        """To a follower of the official account; the message's number. 43004: she follows no more.

        The same ``once`` (up to 32 characters) to the same person within ten minutes is sent once.
        """
        message = {"touser": openid, "template_id": template_id, "data": dict(data)}
        more = {"url": url, "client_msg_id": once}
        message.update({name: value for name, value in more.items() if value})
        # The SDK's own method does not know ``client_msg_id``.
        found = await self._with_token(lambda client: _mapping(client.post("message/template/send", data=message)))
        return str(found.get("msgid", ""))

    async def send_subscription(
        self, *, openid: str, template_id: str, data: Mapping[str, object], page: str = ""
    ) -> str:
        """One consent, one message, in the mini program; its number. 43101: no consent left."""
        found = await self._with_token(
            lambda client: _mapping(
                client.wxa.send_subscribe_message(openid, template_id, dict(data), page=page or None)
            )
        )
        return str(found.get("msgid", ""))

    async def close(self) -> None:
        self._sdk.close()

    async def _with_token(self, act: Callable[[Any], T]) -> T:
        """A token called invalid is renewed and the call made once more: once.

        Where there is no token to be had, nothing was asked: ``UNREACHED``.
        """
        with _unreached():
            token = await self._token.get()
        try:
            return await self._sdk.call(act, token=token)
        except WeChatRefused as refused:
            if refused.errcode not in _BAD_TOKEN:
                raise
            log.warning("wechat.token_refused", app_id=self.app.app_id, errcode=refused.errcode)
        with _unreached():
            token = await self._token.renew(token)
        return await self._sdk.call(act, token=token)

    async def _fetch_token(self, force: bool) -> Fetched:
        wanted = {
            "grant_type": "client_credential",
            "appid": self.app.app_id,
            "secret": self.app.secret,
            "force_refresh": force,
        }
        found = await self._sdk.call(
            lambda client: _mapping(client.post("stable_token", params=dict(_NO_TOKEN), data=wanted))
        )
        log.info("wechat.token_fetched", app_id=self.app.app_id, forced=force)
        return Fetched(_need(found, "access_token"), int(found["expires_in"]))

    async def _fetch_ticket(self, force: bool) -> Fetched:
        found = await self._with_token(lambda client: _mapping(client.jsapi.get_ticket()))
        return Fetched(_need(found, "ticket"), int(found["expires_in"]))


class WeChatApps:
    """The clients that one process keeps, with threads of their own: a slow WeChat blocks nothing else."""

    def __init__(self, redis: Redis, keyring: Keyring) -> None:
        self._redis = redis
        self._keyring = keyring
        self._threads = anyio.CapacityLimiter(THREADS)
        self._clients: dict[WeChatApp, WeChatAppClient] = {}

    def of(self, app: WeChatApp) -> WeChatAppClient:
        """The client of an app."""
        found = self._clients.get(app)
        if found is None:
            found = self._clients[app] = WeChatAppClient(app, self._redis, self._keyring, self._threads)
        return found

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()


@contextlib.contextmanager
def _unreached() -> Iterator[None]:
    try:
        yield
    except WeChatUnavailable as error:
        raise WeChatUnavailable(reason=UNREACHED) from error


def _mapping(value: object) -> dict[str, Any]:
    """A reply that is not JSON comes back from the SDK as it is."""
    if not isinstance(value, dict):
        raise WeChatUnavailable(reason="shape")
    return value


def _need(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value:
        raise WeChatUnavailable(reason="shape")
    return value


def _image(value: Any) -> bytes:
    content_type = str(getattr(value, "headers", {}).get("Content-Type", ""))
    if not content_type.startswith("image/"):
        raise WeChatUnavailable(reason="shape")
    return bytes(value.content)
