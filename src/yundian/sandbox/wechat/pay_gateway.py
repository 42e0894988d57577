"""The door of WeChat Pay v2: read the XML, check who signed it, answer signed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request, Response

from yundian.sandbox.accounts import WeChatApp, WeChatMerchant
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.replies import Call, Reply, exchange
from yundian.sandbox.seeds import digits, hexadecimal
from yundian.sandbox.wechat import xml
from yundian.sandbox.wechat.signing import HMAC_SHA256, MD5, is_pay_signature, pay_signature

PROVIDER = "wechat_pay"
_SIGN_TYPES = frozenset({MD5, HMAC_SHA256})


class Refused(Exception):
    """A signed FAIL with an error code."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


class Rejected(Exception):
    """An unsigned FAIL: the gateway does not know or does not believe who is asking."""


@dataclass(frozen=True)
class Asked:
    """A request whose signature held."""

    merchant: WeChatMerchant
    app: WeChatApp
    fields: Mapping[str, str]
    sign_type: str

    def need(self, name: str) -> str:
        value = self.fields.get(name, "")
        if not value:
            raise Refused("PARAM_ERROR", f"缺少参数{name}")
        return value

    def amount(self, name: str) -> int:
        value = self.need(name)
        if not value.isascii() or not value.isdecimal() or int(value) <= 0:
            raise Refused("PARAM_ERROR", f"参数{name}格式错误")
        return int(value)


Act = Callable[[Sandbox, Asked], dict[str, object]]


async def serve(sandbox: Sandbox, request: Request[Any, Any, Any], operation: str, act: Act) -> Response[Any]:
    """One call of the API. The protocol says everything with status 200."""
    body = await request.body()
    try:
        fields = xml.parse(body)
    except xml.NotXml:
        fields = {}
    key = fields.get("out_refund_no") or fields.get("out_trade_no") or fields.get("transaction_id") or ""
    return await exchange(
        sandbox, Call(PROVIDER, operation, key), lambda plan: _answer(sandbox, fields, plan, act)
    )


def _answer(sandbox: Sandbox, fields: dict[str, str], plan: Plan, act: Act) -> Reply:
    try:
        asked = believe(sandbox, fields)
    except Rejected as rejection:
        said = {"return_code": "FAIL", "return_msg": str(rejection)}
        return Reply(xml.dump(said), "text/plain", outcome="FAIL")
    result = _outcome(sandbox, asked, plan, act)
    return Reply(
        _signed(sandbox, asked, result, plan), "text/plain", outcome=str(result.get("err_code", "SUCCESS"))
    )


def _outcome(sandbox: Sandbox, asked: Asked, plan: Plan, act: Act) -> dict[str, object]:
    commits = not plan.has(Fault.ERROR) or plan.is_set(Fault.ERROR, "commit")
    try:
        result = act(sandbox, asked) if commits else {}
    except Refused as refusal:
        return _failure(refusal.code, refusal.description)
    if plan.has(Fault.ERROR):
        code = plan.text(Fault.ERROR, "code", "SYSTEMERROR")
        return _failure(code, plan.text(Fault.ERROR, "message", "系统超时"))
    return {"result_code": "SUCCESS", **result}


def _failure(code: str, description: str) -> dict[str, object]:
    return {"result_code": "FAIL", "err_code": code, "err_code_des": description}


def believe(sandbox: Sandbox, fields: dict[str, str]) -> Asked:
    """The request, if a known merchant signed it. Raises ``Rejected``."""
    if not fields:
        raise Rejected("XML格式错误")
    merchant = sandbox.accounts.wechat_merchants.get(fields.get("mch_id", ""))
    if merchant is None:
        raise Rejected("mch_id参数格式错误")
    app = sandbox.accounts.wechat_apps.get(fields.get("appid", ""))
    if app is None:
        raise Rejected("appid不存在")
    sign_type = fields.get("sign_type") or MD5
    if sign_type not in _SIGN_TYPES or not is_pay_signature(fields, merchant.api_key, sign_type):
        raise Rejected("签名错误，请检查后再试")
    if not fields.get("nonce_str"):
        raise Rejected("缺少参数nonce_str")
    return Asked(merchant=merchant, app=app, fields=fields, sign_type=sign_type)


def _signed(sandbox: Sandbox, asked: Asked, result: dict[str, object], plan: Plan) -> bytes:
    nonce = hexadecimal(32, sandbox.seed, "nonce", sandbox.store.serial("nonce"))
    fields = {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "appid": asked.app.appid,
        "mch_id": asked.merchant.mch_id,
        "nonce_str": nonce,
        **{name: value for name, value in result.items() if value != ""},
    }
    return xml.dump(sign_badly(fields, asked.merchant.api_key, asked.sign_type, plan))


def sign_badly(fields: dict[str, object], api_key: str, sign_type: str, plan: Plan) -> dict[str, object]:
    """The fields with their signature, or with what the plan makes of it."""
    _falsify(fields, plan)
    fields["sign"] = pay_signature(fields, api_key, MD5 if plan.has(Fault.WEAK) else sign_type)
    if plan.has(Fault.TAMPERED):
        victim = next(name for name in ("out_trade_no", "prepay_id", "nonce_str") if name in fields)
        fields[victim] = f"{fields[victim]}0"
    if plan.has(Fault.UNSIGNED):
        del fields["sign"]
    return fields


def _falsify(fields: dict[str, object], plan: Plan) -> None:
    if plan.has(Fault.WRONG_AMOUNT):
        for name in ("total_fee", "cash_fee", "refund_fee"):
            if name in fields:
                fields[name] = int(str(fields[name])) + int(plan.number(Fault.WRONG_AMOUNT, "minor", 1))
    if plan.has(Fault.WRONG_CURRENCY):
        fields["fee_type"] = plan.text(Fault.WRONG_CURRENCY, "currency", "USD")
    for fault, name, default in (
        (Fault.WRONG_APP, "appid", "wx" + hexadecimal(16, "another app")),
        (Fault.WRONG_MERCHANT, "mch_id", "16" + digits(8, "another merchant")),
        (Fault.WRONG_NUMBER, "out_trade_no", "N0TH1NG"),
    ):
        if plan.has(fault) and name in fields:
            fields[name] = plan.text(fault, "value", default)
