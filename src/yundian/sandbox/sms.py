"""The SMS provider: a door that takes messages; they end on the inbox page. Tells which arrived."""

import hmac
import json
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from yundian.platform.core import clock
from yundian.sandbox import notices
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import OF_SETTLING, Fault, Plan
from yundian.sandbox.notices import Notice, Outgoing
from yundian.sandbox.replies import Call, Reply, exchange

PROVIDER = "sms"


class Sms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``reference`` is the sender's own number: the same one again is not sent twice."""

    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9]{6,15}$")]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    template: str = ""
    reference: str = ""


class Callback(msgspec.Struct, forbid_unknown_fields=True):
    """Where reports and replies go: to ``…/reports`` and ``…/replies``, with the bearer key."""

    url: str


class PersonsReply(msgspec.Struct, forbid_unknown_fields=True):
    phone: str
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


@post("/callback", status_code=200)
async def set_callback(data: JSONBody[Callback], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    sandbox.store.run(
        "INSERT INTO callback VALUES (?, ?) ON CONFLICT (appid) DO UPDATE SET url = excluded.url",
        PROVIDER,
        data.url.rstrip("/"),
    )
    return {"url": data.url}


@post("/reply", status_code=200)
async def reply(data: JSONBody[PersonsReply], sandbox: NamedDependency[Sandbox]) -> dict[str, bool]:
    """A person answers the last message she got."""
    with sandbox.store.transaction():
        said = {"phone": data.phone, "text": data.text}
        return {"told": _tell(sandbox, "replies", data.phone, said) is not None}


class SmsSender:
    """A list of reports or replies with the bearer key; anything but 200 is tried again."""

    retries_s = (60.0, 300.0, 600.0)

    def render(self, sandbox: Sandbox, notice: Notice, plan: Plan) -> Outgoing:
        key = "another key" if plan.has(Fault.WEAK) else sandbox.accounts.sms_key
        return Outgoing(
            url=notice.url,
            body=json.dumps([notice.fields], ensure_ascii=False).encode(),
            content_type="application/json",
            authorization="" if plan.has(Fault.UNSIGNED) else f"Bearer {key}",
        )

    def accepts(self, sandbox: Sandbox, notice: Notice, *, status: int, answer: bytes) -> bool:
        return status == 200


@post("/sms/send", status_code=200)
async def send_sms(
    data: JSONBody[Sms], request: Request[Any, Any, Any], sandbox: NamedDependency[Sandbox]
) -> Response[Any]:
    """Bearer key; answers ``{"code": "OK", "message_id": …}`` or another code."""
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    known = hmac.compare_digest(key.encode(), sandbox.accounts.sms_key.encode())
    call = Call(PROVIDER, "send", data.phone)
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
    number = sandbox.store.insert("message", values)
    plan = sandbox.faults.take(PROVIDER, "report", sms.phone, only=OF_SETTLING)
    code = plan.text(Fault.SETTLE_AS, "state", "DELIVERED")
    status = "delivered" if code == "DELIVERED" else "failed"
    said = {"message_id": str(number), "reference": sms.reference, "status": status, "code": code}
    _tell(sandbox, "reports", sms.phone, said)
    return number


def _tell(sandbox: Sandbox, what: str, phone: str, said: dict[str, str]) -> int | None:
    base = str(sandbox.store.value("SELECT url FROM callback WHERE appid = ?", PROVIDER) or "")
    return notices.post(
        sandbox,
        provider=PROVIDER,
        operation=what,
        merchant=PROVIDER,
        key=phone,
        url=f"{base}/{what}" if base else "",
        fields=said,
    )


def _said(code: str, **more: str) -> Reply:
    return Reply(msgspec.json.encode({"code": code, **more}), "application/json", outcome=code)


router = Router(path="/sandbox/api/sms", route_handlers=[set_callback, reply])
