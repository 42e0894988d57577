"""The SMS provider: a door that takes messages; they end on the inbox page."""

import hmac
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from yundian.platform.core import clock
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.replies import Call, Reply, exchange


class Sms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``reference`` is the sender's own number: the same one again is not sent twice."""

    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{6,15}$")]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    template: str = ""
    reference: str = ""


@post("/sms/send", status_code=200)
async def send_sms(
    data: JSONBody[Sms], request: Request[Any, Any, Any], sandbox: NamedDependency[Sandbox]
) -> Response[Any]:
    """Bearer key; answers ``{"code": "OK", "message_id": …}`` or another code."""
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    known = hmac.compare_digest(key.encode(), sandbox.accounts.sms_key.encode())
    call = Call("sms", "send", data.phone)
    return await exchange(sandbox, call, lambda plan: _take(sandbox, data, plan, known=known))


def _take(sandbox: Sandbox, sms: Sms, plan: Plan, *, known: bool) -> Reply:
    if not known:
        return _said("AUTH_FAILED")
    if plan.has(Fault.ERROR) and not plan.is_set(Fault.ERROR, "commit"):
        return _said(plan.text(Fault.ERROR, "code", "BUSY"))
    message_id = _keep(sandbox, sms)
    if plan.has(Fault.ERROR):
        return _said(plan.text(Fault.ERROR, "code", "BUSY"))
    return _said("OK", message_id=str(message_id))


def _keep(sandbox: Sandbox, sms: Sms) -> int:
    sql = "SELECT id FROM message WHERE channel = 'sms' AND reference = ? AND reference <> ''"
    known = sandbox.store.value(sql, sms.reference)
    if known is not None:
        return int(known)
    values = {
        "at": clock.now().timestamp(),
        "channel": "sms",
        "app": "sms",
        "recipient": sms.phone,
        "template": sms.template,
        "body": sms.text,
        "reference": sms.reference,
    }
    return sandbox.store.insert("message", values)


def _said(code: str, **more: str) -> Reply:
    return Reply(msgspec.json.encode({"code": code, **more}), "application/json", outcome=code)
