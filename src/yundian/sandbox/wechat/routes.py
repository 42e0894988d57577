"""The addresses of WeChat: every host's paths side by side, because clients reroute the host only."""

import json
from collections.abc import Callable
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency

from yundian.sandbox.accounts import WeChatApp
from yundian.sandbox.context import Sandbox
from yundian.sandbox.wechat import bills, messages, mini, oauth, pay_orders, pay_refunds, qr, tokens
from yundian.sandbox.wechat.api_gateway import Answer, ApiError, serve
from yundian.sandbox.wechat.identity import openid_user, unionid
from yundian.sandbox.wechat.pay_gateway import serve as serve_pay

AnyRequest = Request[Any, Any, Any]
AnyResponse = Response[Any]


@post("/pay/unifiedorder", status_code=200)
async def unified_order(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await serve_pay(sandbox, request, "pay.unifiedorder", pay_orders.unified_order)


@post("/pay/orderquery", status_code=200)
async def order_query(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await serve_pay(sandbox, request, "pay.orderquery", pay_orders.order_query)


@post("/pay/closeorder", status_code=200)
async def close_order(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await serve_pay(sandbox, request, "pay.closeorder", pay_orders.close_order)


@post("/secapi/pay/refund", status_code=200)
async def refund(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    """Needs a client certificate on the real host; there is no TLS here to ask for one."""
    return await serve_pay(sandbox, request, "pay.refund", pay_refunds.refund)


@post("/pay/refundquery", status_code=200)
async def refund_query(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await serve_pay(sandbox, request, "pay.refundquery", pay_refunds.refund_query)


@post("/pay/downloadbill", status_code=200)
async def download_bill(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await bills.serve(sandbox, request)


@get("/cgi-bin/token")
async def classic_token(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    appid, secret = _query(request, "appid"), _query(request, "secret")

    def act() -> Answer:
        return tokens.classic_token(sandbox, tokens.app_of(sandbox, appid, secret).appid)

    return await serve(sandbox, "cgi-bin.token", act, key=appid)


@post("/cgi-bin/stable_token", status_code=200)
async def stable_token(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    body = await _json(request)
    appid, force = str(body.get("appid", "")), body.get("force_refresh") is True

    def act() -> Answer:
        app = tokens.app_of(sandbox, appid, str(body.get("secret", "")))
        return tokens.stable_token(sandbox, app.appid, force=force)

    return await serve(sandbox, "cgi-bin.stable_token", act, key=appid)


@get("/cgi-bin/ticket/getticket")
async def jsapi_ticket(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await _as_app(sandbox, request, "cgi-bin.ticket", lambda app: tokens.jsapi_ticket(sandbox, app.appid))


@get("/sns/oauth2/access_token")
async def oauth_access_token(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    appid, secret, code = (_query(request, name) for name in ("appid", "secret", "code"))
    return await serve(
        sandbox,
        "sns.access_token",
        lambda: oauth.access_token(sandbox, appid=appid, secret=secret, code=code),
        key=appid,
    )


@get("/sns/oauth2/refresh_token")
async def oauth_refresh_token(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    appid, token = _query(request, "appid"), _query(request, "refresh_token")
    return await serve(
        sandbox, "sns.refresh_token", lambda: oauth.refresh_token(sandbox, appid=appid, token=token), key=appid
    )


@get("/sns/userinfo")
async def oauth_userinfo(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    token, whom = _query(request, "access_token"), _query(request, "openid")
    return await serve(
        sandbox, "sns.userinfo", lambda: oauth.userinfo(sandbox, token=token, openid_=whom), key=whom
    )


@get("/sns/jscode2session")
async def code_to_session(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    appid, secret, code = (_query(request, name) for name in ("appid", "secret", "js_code"))
    return await serve(
        sandbox,
        "sns.jscode2session",
        lambda: mini.code_to_session(sandbox, appid=appid, secret=secret, code=code),
        key=appid,
    )


@post("/wxa/business/getuserphonenumber", status_code=200)
async def phone_number(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    code = str((await _json(request)).get("code", ""))
    return await _as_app(
        sandbox, request, "wxa.phone", lambda app: mini.phone_number(sandbox, appid=app.appid, code=code)
    )


@post("/cgi-bin/qrcode/create", status_code=200)
async def create_qr(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    wanted = await _json(request)
    return await _as_app(
        sandbox, request, "cgi-bin.qrcode", lambda app: qr.create(sandbox, appid=app.appid, wanted=wanted)
    )


@post("/wxa/getwxacodeunlimit", status_code=200)
async def mini_program_code(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    wanted = await _json(request)
    return await _as_app(
        sandbox, request, "wxa.code", lambda app: qr.mini_program_code(sandbox, appid=app.appid, wanted=wanted)
    )


@get("/cgi-bin/showqrcode")
async def show_qr(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    """The picture of a ticket; 404 when it ended."""
    ticket = _query(request, "ticket")
    if qr.living_scene(sandbox, ticket) is None:
        return Response(b"", status_code=404)
    return Response(qr.image(sandbox.config.url(f"/wechat/scan/{ticket}")), media_type="image/png")


@get("/cgi-bin/user/info")
async def follower(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    """Whether a person follows the account, and since which scene."""
    whom = _query(request, "openid")

    def act(app: WeChatApp) -> Answer:
        user_id = openid_user(sandbox, app.appid, whom)
        if user_id is None:
            raise ApiError(40003, "invalid openid")
        sql = "SELECT since, scene, active FROM follower WHERE appid = ? AND user_id = ?"
        row = sandbox.store.row(sql, app.appid, user_id)
        if row is None or not row["active"]:
            return {"subscribe": 0, "openid": whom, "unionid": unionid(sandbox, user_id)}
        return {
            "subscribe": 1,
            "openid": whom,
            "language": "zh_CN",
            "subscribe_time": int(row["since"]),
            "unionid": unionid(sandbox, user_id),
            "subscribe_scene": "ADD_SCENE_QR_CODE" if row["scene"] else "ADD_SCENE_SEARCH",
            "qr_scene_str": row["scene"],
        }

    return await _as_app(sandbox, request, "cgi-bin.user", act)


async def _send(
    sandbox: Sandbox,
    request: AnyRequest,
    operation: str,
    send: Callable[[Sandbox, WeChatApp, dict[str, Any]], dict[str, object]],
) -> AnyResponse:
    body = await _json(request)
    key = str(body.get("touser", ""))
    return await _as_app(sandbox, request, operation, lambda app: send(sandbox, app, body), key=key)


@post("/cgi-bin/message/template/send", status_code=200)
async def send_template(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await _send(sandbox, request, "message.template", messages.send_template)


@post(["/cgi-bin/message/subscribe/send", "/cgi-bin/message/subscribe/bizsend"], status_code=200)
async def send_subscription(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await _send(sandbox, request, "message.subscription", messages.send_subscription)


@post("/cgi-bin/message/custom/send", status_code=200)
async def send_custom(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> AnyResponse:
    return await _send(sandbox, request, "message.custom", messages.send_custom)


async def _as_app(
    sandbox: Sandbox, request: AnyRequest, operation: str, act: Callable[[WeChatApp], Answer], *, key: str = ""
) -> AnyResponse:
    token = _query(request, "access_token")
    return await serve(sandbox, operation, lambda: act(tokens.holder(sandbox, token)), key=key)


def _query(request: AnyRequest, name: str) -> str:
    return str(request.query_params.get(name, ""))


async def _json(request: AnyRequest) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


router = Router(
    path="/",
    route_handlers=[
        unified_order,
        order_query,
        close_order,
        refund,
        refund_query,
        download_bill,
        classic_token,
        stable_token,
        jsapi_ticket,
        oauth_access_token,
        oauth_refresh_token,
        oauth_userinfo,
        code_to_session,
        phone_number,
        create_qr,
        mini_program_code,
        show_qr,
        follower,
        send_template,
        send_subscription,
        send_custom,
    ],
)
