"""The door of Alipay: read the parameters, check who signed them, answer signed. Always status 200."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request, Response

from yundian.platform.core import clock
from yundian.sandbox.accounts import AlipayApp
from yundian.sandbox.alipay.signing import envelope, is_signed_by_app, sign_content
from yundian.sandbox.clock import from_readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.replies import Call, Reply, exchange

PROVIDER = "alipay"
OK = "10000"
_MEDIA_TYPE = "text/html"
_CLOCK_TEXT = "%Y-%m-%d %H:%M:%S"


class Refused(Exception):
    """The method's own no: 40004 with a sub-code, signed."""

    def __init__(self, sub_code: str, sub_msg: str) -> None:
        super().__init__(sub_code)
        self.sub_code = sub_code
        self.sub_msg = sub_msg


class Rejected(Exception):
    """The gateway's no, before any method ran; signed if the app is known."""

    def __init__(self, code: str, sub_code: str, sub_msg: str, app: AlipayApp | None = None) -> None:
        super().__init__(sub_code)
        self.code = code
        self.sub_code = sub_code
        self.sub_msg = sub_msg
        self.app = app


@dataclass(frozen=True)
class Asked:
    """A request whose signature held. ``biz`` is its business content."""

    app: AlipayApp
    method: str
    params: Mapping[str, str]
    biz: Mapping[str, object] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.biz.get(name)
        return "" if value is None else str(value)

    def need(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refused("ACQ.INVALID_PARAMETER", f"参数有误，缺少{name}")
        return value


Act = Callable[[Sandbox, Asked], dict[str, object]]


async def read_params(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Query and form together; blanks are kept."""
    body = (await request.body()).decode(errors="replace")
    query = request.scope["query_string"].decode("ascii", errors="replace")
    return dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True))


async def serve(sandbox: Sandbox, params: dict[str, str], acts: Mapping[str, Act]) -> Response[Any]:
    """One call of the API."""
    biz = _read_biz(params)
    method = params.get("method", "")
    key = str(biz.get("out_request_no") or biz.get("out_trade_no") or biz.get("trade_no") or "")
    call = Call(PROVIDER, method.removeprefix("alipay."), key)
    return await exchange(sandbox, call, lambda plan: _answer(sandbox, params, plan, acts))


def _answer(sandbox: Sandbox, params: dict[str, str], plan: Plan, acts: Mapping[str, Act]) -> Reply:
    try:
        asked = believe(sandbox, params)
        act = acts.get(asked.method)
        if act is None:
            raise Rejected("40006", "isv.insufficient-isv-permissions", "ISV权限不足", asked.app)
    except Rejected as no:
        said = {"code": no.code, "msg": "Invalid Arguments", "sub_code": no.sub_code, "sub_msg": no.sub_msg}
        return Reply(envelope(no.app, "error_response", said, plan), _MEDIA_TYPE, outcome=no.sub_code)
    result = _outcome(sandbox, asked, plan, act)
    _falsify(result, plan)
    node = asked.method.replace(".", "_") + "_response"
    outcome = str(result.get("sub_code", result["code"]))
    return Reply(envelope(asked.app, node, result, plan), _MEDIA_TYPE, outcome=outcome)


def _outcome(sandbox: Sandbox, asked: Asked, plan: Plan, act: Act) -> dict[str, object]:
    commits = not plan.has(Fault.ERROR) or plan.is_set(Fault.ERROR, "commit")
    try:
        result = act(sandbox, asked) if commits else {}
    except Refused as refusal:
        return {
            "code": "40004",
            "msg": "Business Failed",
            "sub_code": refusal.sub_code,
            "sub_msg": refusal.sub_msg,
        }
    if plan.has(Fault.ERROR):
        sub_code = plan.text(Fault.ERROR, "sub_code", "isp.unknow-error")
        return {
            **result,
            "code": plan.text(Fault.ERROR, "code", "20000"),
            "msg": plan.text(Fault.ERROR, "message", "Service Currently Unavailable"),
            **({"sub_code": sub_code} if sub_code else {}),
        }
    return {"code": OK, "msg": "Success", **result}


def believe(sandbox: Sandbox, params: dict[str, str]) -> Asked:
    """The request, if its app signed it and its clock is right. Raises ``Rejected``."""
    for name in ("app_id", "method", "sign", "sign_type", "timestamp", "version"):
        if not params.get(name):
            raise Rejected("40001", f"isv.missing-{name.replace('_', '-')}", f"缺少{name}参数")
    app = sandbox.accounts.alipay_apps.get(params["app_id"])
    if app is None:
        raise Rejected("40002", "isv.invalid-app-id", "无效的AppID参数")
    if params["sign_type"] != "RSA2" or params.get("charset", "").lower() != "utf-8":
        raise Rejected("40002", "isv.invalid-signature-type", "无效的签名类型或字符集", app)
    if not is_signed_by_app(app, sign_content(params), params["sign"]):
        raise Rejected("40002", "isv.invalid-signature", "无效签名", app)
    if not _is_timely(sandbox, params["timestamp"]):
        raise Rejected("40002", "isv.invalid-timestamp", "非法的时间戳参数", app)
    return Asked(app=app, method=params["method"], params=params, biz=_read_biz(params))


def _is_timely(sandbox: Sandbox, text: str) -> bool:
    try:
        return abs(from_readable(text) - clock.now().timestamp()) <= sandbox.config.timestamp_window_s
    except ValueError:
        return False


def _read_biz(params: Mapping[str, str]) -> dict[str, object]:
    try:
        biz = json.loads(params.get("biz_content") or "{}")
    except ValueError:
        return {}
    return biz if isinstance(biz, dict) else {}


def _falsify(result: dict[str, object], plan: Plan) -> None:
    if plan.has(Fault.WRONG_AMOUNT):
        for name in ("total_amount", "refund_fee", "refund_amount"):
            if name in result:
                result[name] = plan.text(Fault.WRONG_AMOUNT, "yuan", "0.01")
    if plan.has(Fault.WRONG_NUMBER) and "out_trade_no" in result:
        result["out_trade_no"] = plan.text(Fault.WRONG_NUMBER, "value", "N0TH1NG")
