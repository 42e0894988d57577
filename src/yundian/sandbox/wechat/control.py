"""What a test does in the place of a person in WeChat: log in, scan, follow, write, agree."""

from typing import Annotated, Any

import msgspec
from litestar import Router, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import JSONBody

from yundian.sandbox.accounts import WeChatApp
from yundian.sandbox.context import Sandbox
from yundian.sandbox.wechat import codes, identity, messages, push, qr, tokens


class Login(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``purpose``: oauth (with its scope), mini or phone."""

    appid: str
    user_id: int = 1
    purpose: str = codes.OAUTH
    scope: str = "snsapi_base"


class Callback(msgspec.Struct, forbid_unknown_fields=True):
    appid: str
    url: str


class Scan(msgspec.Struct, forbid_unknown_fields=True):
    ticket: str
    user_id: int = 1


class Act(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``act``: subscribe, unsubscribe or say (with its text)."""

    appid: str
    act: str
    user_id: int = 1
    text: str = ""


class Consent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    appid: str
    template_id: str
    user_id: int = 1
    times: Annotated[int, msgspec.Meta(ge=0)] = 1


class Page(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a page passes to ``wx.config``, and its own address without the fragment."""

    appid: str
    nonce: str
    timestamp: str
    url: str
    signature: str


@post("/code", status_code=200)
async def new_code(data: JSONBody[Login], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """A login code, and whose it is."""
    _app(sandbox, data.appid)
    _person(sandbox, data.user_id)
    code = codes.new_code(sandbox, purpose=data.purpose, appid=data.appid, user_id=data.user_id, scope=data.scope)
    return {"code": code, "openid": identity.openid(sandbox, data.appid, data.user_id)}


@post("/callback", status_code=200)
async def set_callback(data: JSONBody[Callback], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """Point the app's pushes at an address; 400 if the handshake fails."""
    try:
        await push.set_callback(sandbox, _app(sandbox, data.appid), data.url)
    except push.HandshakeFailed as failure:
        raise ClientException(f"handshake failed: {failure}") from failure
    return {"url": data.url}


@post("/scan", status_code=200)
async def scan(data: JSONBody[Scan], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """A person scans the account's code."""
    row = qr.living_scene(sandbox, data.ticket)
    if row is None:
        raise NotFoundException
    _person(sandbox, data.user_id)
    app = _app(sandbox, row["appid"])
    with sandbox.store.transaction():
        event = push.scan(sandbox, app, user_id=data.user_id, scene=row["scene"], ticket=data.ticket)
    return {"event": event, "openid": identity.openid(sandbox, app.appid, data.user_id)}


@post("/act", status_code=200)
async def act(data: JSONBody[Act], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """A person follows, leaves or writes."""
    app, user_id = _app(sandbox, data.appid), data.user_id
    _person(sandbox, user_id)
    with sandbox.store.transaction():
        if data.act == "subscribe":
            push.subscribe(sandbox, app, user_id=user_id)
        elif data.act == "unsubscribe":
            push.unsubscribe(sandbox, app, user_id=user_id)
        elif data.act == "say":
            push.say(sandbox, app, user_id=user_id, text=data.text)
        else:
            raise ClientException("act must be subscribe, unsubscribe or say")
    return {"openid": identity.openid(sandbox, app.appid, user_id)}


@post("/consent", status_code=200)
async def consent(data: JSONBody[Consent], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """A person allows so many subscription messages more; 0: she takes back all she allowed."""
    app = _app(sandbox, data.appid)
    _person(sandbox, data.user_id)
    with sandbox.store.transaction():
        if data.times:
            messages.consent(
                sandbox, appid=app.appid, user_id=data.user_id, template_id=data.template_id, times=data.times
            )
        else:
            messages.refuse(sandbox, app, user_id=data.user_id, template_id=data.template_id)
    return {"openid": identity.openid(sandbox, data.appid, data.user_id)}


@post("/js-config", status_code=200)
async def check_js_config(data: JSONBody[Page], sandbox: NamedDependency[Sandbox]) -> dict[str, Any]:
    """What WeChat's own script asks: is the page's signature good?"""
    good = tokens.is_js_signature(
        sandbox,
        appid=data.appid,
        nonce=data.nonce,
        timestamp=data.timestamp,
        url=data.url,
        signature=data.signature,
    )
    return {"errMsg": "config:ok" if good else "config:invalid signature"}


def _app(sandbox: Sandbox, appid: str) -> WeChatApp:
    app = sandbox.accounts.wechat_apps.get(appid)
    if app is None:
        raise NotFoundException
    return app


def _person(sandbox: Sandbox, user_id: int) -> None:
    if identity.user(sandbox, user_id) is None:
        raise ClientException("no such user")


router = Router(
    path="/sandbox/api/wechat", route_handlers=[new_code, set_callback, scan, act, consent, check_js_config]
)
