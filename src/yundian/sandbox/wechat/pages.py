"""What a person sees of WeChat: the login page, codes she scans, and the pay sheet of the JS-SDK."""

from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from yundian.sandbox import trades
from yundian.sandbox.context import Sandbox
from yundian.sandbox.trades import Trade
from yundian.sandbox.views import chosen, form, message, page, person, remember
from yundian.sandbox.wechat import codes, identity, oauth, push, qr, tokens
from yundian.sandbox.wechat.signing import HMAC_SHA256, MD5, is_pay_signature

AnyRequest = Request[Any, Any, Any]
_ASSETS = Path(__file__).parent.parent / "assets"
_SHEET_FIELDS = ("appId", "timeStamp", "nonceStr", "package", "signType", "paySign")
_CONFIG_FIELDS = ("appid", "nonce", "timestamp", "url", "signature")


@get(["/connect/oauth2/authorize", "/connect/qrconnect"])
async def authorize(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Silent for a known phone and ``snsapi_base``; else the person chooses who she is and agrees."""
    wanted = {name: request.query_params.get(name, "") for name in ("appid", "redirect_uri", "scope", "state")}
    problem = _problem(sandbox, wanted)
    if problem:
        return message("微信无法打开此页", problem, status=400)
    holder = person(sandbox, request)
    if holder is not None and wanted["scope"] == oauth.BASE:
        return _with_code(sandbox, wanted, int(str(holder["id"])))
    app = sandbox.accounts.wechat_apps[wanted["appid"]]
    return page("authorize.html", app=app, wanted=wanted, holder=holder, users=identity.users(sandbox))


@post("/connect/decide", status_code=303)
async def decide(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Agree or refuse; a refusal goes back without a code."""
    wanted = await form(request)
    problem = _problem(sandbox, wanted)
    if problem:
        return message("微信无法打开此页", problem, status=400)
    if wanted.get("decision") != "allow":
        return Redirect(_extended(wanted["redirect_uri"], {"state": wanted.get("state", "")}), status_code=303)
    user_id = chosen(sandbox, wanted)
    if user_id is None:
        return message("请选择一个测试用户", "Choose a test user", status=400)
    answer = _with_code(sandbox, wanted, user_id, status=303)
    answer.set_cookie(remember(user_id))
    return answer


def _problem(sandbox: Sandbox, wanted: dict[str, str]) -> str:
    if wanted.get("appid", "") not in sandbox.accounts.wechat_apps:
        return "AppID 参数错误 · unknown appid"
    if wanted.get("scope") not in oauth.SCOPES:
        return "Scope 参数错误或没有 Scope 权限 · bad scope"
    address = urlsplit(wanted.get("redirect_uri", ""))
    if address.scheme not in {"http", "https"} or not address.netloc:
        return "redirect_uri 参数错误 · bad redirect_uri"
    return ""


def _with_code(
    sandbox: Sandbox, wanted: dict[str, str], user_id: int, *, status: Literal[302, 303] = 302
) -> Response[Any]:
    code = codes.new_code(
        sandbox, purpose=codes.OAUTH, appid=wanted["appid"], user_id=user_id, scope=wanted["scope"]
    )
    address = _extended(wanted["redirect_uri"], {"code": code, "state": wanted.get("state", "")})
    return Redirect(address, status_code=status)


def _extended(address: str, query: dict[str, str]) -> str:
    parts = urlsplit(address)
    joined = "&".join(filter(None, (parts.query, urlencode(query))))
    return parts._replace(query=joined).geturl()


@get("/wechat/scan/{ticket:str}")
async def scan_page(
    request: AnyRequest, ticket: FromPath[str], sandbox: NamedDependency[Sandbox]
) -> Response[Any]:
    """What opens when a phone scans the account's code: who are you, and do you follow?"""
    row = qr.living_scene(sandbox, ticket)
    if row is None:
        return message("二维码已失效", "This code has ended", status=404)
    app = sandbox.accounts.wechat_apps[row["appid"]]
    users = identity.users(sandbox)
    return page("scan.html", app=app, scene=row["scene"], users=users, holder=person(sandbox, request))


@post("/wechat/scan/{ticket:str}", status_code=200)
async def scan(request: AnyRequest, ticket: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The person follows (or is recognised); the account is told the scene."""
    row, user_id = qr.living_scene(sandbox, ticket), chosen(sandbox, await form(request))
    if row is None or user_id is None:
        return message("二维码已失效，或没有选择用户", "Code ended, or nobody chosen", status=400)
    with sandbox.store.transaction():
        app = sandbox.accounts.wechat_apps[row["appid"]]
        event = push.scan(sandbox, app, user_id=user_id, scene=row["scene"], ticket=ticket)
    answer = message("已关注" if event == "subscribe" else "已扫码", f"Event {event} is on its way to the account")
    answer.set_cookie(remember(user_id))
    return answer


@get("/wechat/mini/{appid:str}")
async def mini_program(
    request: AnyRequest, appid: FromPath[str], sandbox: NamedDependency[Sandbox]
) -> Response[Any]:
    """What a mini program would get when its code is scanned: scene, page, and a login code."""
    app = sandbox.accounts.wechat_apps.get(appid)
    if app is None:
        return message("没有这个小程序", "No such mini program", status=404)
    holder = person(sandbox, request) or identity.users(sandbox)[0]
    code = codes.new_code(sandbox, purpose=codes.MINI, appid=appid, user_id=int(str(holder["id"])))
    query = request.query_params
    return page(
        "mini.html", app=app, scene=query.get("scene", ""), page=query.get("page", ""), code=code, holder=holder
    )


@get("/cashier/wechat/jsapi")
async def pay_sheet(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The sheet that ``chooseWXPay`` opens, if the page signed its parameters."""
    asked = {name: str(request.query_params.get(name, "")) for name in _SHEET_FIELDS}
    trade = trades.by_prepay_id(sandbox, asked["package"].removeprefix("prepay_id="))
    if trade is None or trade.provider != "wechat" or not _is_page_signed(sandbox, trade, asked):
        return message("支付验证签名失败", "The page's pay signature is wrong", status=400)
    payer = identity.openid_user(sandbox, trade.app_id, trade.payer)
    users = [each for each in identity.users(sandbox) if payer in {None, each["id"]}]
    return page(
        "cashier.html",
        trade=trade,
        users=users,
        holder=None,
        sheet=True,
        way_back="",
        svg="",
        open=_open(sandbox, trade),
    )


def _open(sandbox: Sandbox, trade: Trade) -> bool:
    return trade.state in {trades.OFFERED, trades.WAITING} and not trades.is_expired(sandbox, trade)


def _is_page_signed(sandbox: Sandbox, trade: Trade, asked: dict[str, str]) -> bool:
    """The algorithm must be the order's own."""
    if asked["appId"] != trade.app_id or asked["signType"] not in {MD5, HMAC_SHA256}:
        return False
    fields = {name: value for name, value in asked.items() if name != "paySign"} | {"sign": asked["paySign"]}
    key = sandbox.accounts.wechat_merchants[trade.merchant].api_key
    return asked["signType"] == trade.sign_type and is_pay_signature(fields, key, trade.sign_type)


@get("/res/{name:str}")
async def js_sdk(name: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """A stand-in for WeChat's script, in any browser: ``/res/jweixin-1.6.0.js``."""
    if not name.startswith("jweixin-"):
        return Response("", status_code=404)
    text = (_ASSETS / "jweixin.js").read_text().replace("__SANDBOX__", sandbox.config.base_url.rstrip("/"))
    return Response(text, media_type="text/javascript")


@get("/res/config.js")
async def check_js_config(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """What ``wx.config`` asks from the shop's page: a script, so that no other origin may read our API."""
    asked = {name: str(request.query_params.get(name, "")) for name in _CONFIG_FIELDS}
    said = "config:ok" if tokens.is_js_signature(sandbox, **asked) else "config:invalid signature"
    return Response(f'wx.sandboxConfigured("{said}");', media_type="text/javascript")


@get("/assets/face/{user_id:int}")
async def face(user_id: FromPath[int]) -> Response[Any]:
    """A test user's picture: a colour of her own."""
    hue = user_id * 67 % 360
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="132" height="132">'
        f'<rect width="64" height="64" fill="hsl({hue} 45% 60%)"/>'
        '<g fill="#fff"><circle cx="32" cy="25" r="12"/><path d="M10 64a22 22 0 0 1 44 0z"/></g></svg>'
    )
    return Response(svg, media_type="image/svg+xml")


router = Router(
    path="/",
    route_handlers=[authorize, decide, scan_page, scan, mini_program, pay_sheet, js_sdk, check_js_config, face],
)
