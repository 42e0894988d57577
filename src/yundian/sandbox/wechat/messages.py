"""Messages to people: template, subscription, customer service; all end in a visible outbox."""

import json
from typing import Any

from yundian.platform.core import clock
from yundian.sandbox.accounts import WeChatApp
from yundian.sandbox.context import Sandbox
from yundian.sandbox.wechat import push
from yundian.sandbox.wechat.api_gateway import ApiError
from yundian.sandbox.wechat.identity import openid_user

_SERVICE_WINDOW_S = 48 * 3600.0
_ONCE_S = 600.0


def send_template(sandbox: Sandbox, app: WeChatApp, body: dict[str, Any]) -> dict[str, object]:
    """To a follower; the app is told when it arrived."""
    user_id = _recipient(sandbox, app, body)
    if not _follows(sandbox, app, user_id):
        raise ApiError(43004, "require subscribe")
    template, once = _need(body, "template_id", 40037), _once(app, body)
    known = _sent_once(sandbox, once)
    if known is not None:
        return {"errcode": 0, "errmsg": "ok", "msgid": known}
    number = _keep(sandbox, app, channel="template", body=body, template=template, reference=once)
    push.tell_job_finished(sandbox, app, user_id=user_id, message_id=number)
    return {"errcode": 0, "errmsg": "ok", "msgid": number}


def send_subscription(sandbox: Sandbox, app: WeChatApp, body: dict[str, Any]) -> dict[str, object]:
    """One consent, one message."""
    user_id, template = _recipient(sandbox, app, body), _need(body, "template_id", 40037)
    used = sandbox.store.run(
        "UPDATE consent SET remaining = remaining - 1"
        " WHERE appid = ? AND user_id = ? AND template_id = ? AND remaining > 0",
        app.appid,
        user_id,
        template,
    )
    if not used:
        raise ApiError(43101, "user refuse to accept the msg")
    number = _keep(sandbox, app, channel="subscription", body=body, template=template)
    push.tell_subscription_sent(sandbox, app, user_id=user_id, message_id=number, template=template)
    return {"errcode": 0, "errmsg": "ok", "msgid": number}


def send_custom(sandbox: Sandbox, app: WeChatApp, body: dict[str, Any]) -> dict[str, object]:
    """Within 48 hours of the person's last step towards the account."""
    user_id = _recipient(sandbox, app, body)
    sql = "SELECT last_seen FROM follower WHERE appid = ? AND user_id = ? AND active = 1"
    seen = sandbox.store.value(sql, app.appid, user_id)
    if seen is None or sandbox.clock.tick() - seen > _SERVICE_WINDOW_S:
        raise ApiError(45015, "response out of time limit or subscription is canceled")
    _keep(sandbox, app, channel="customer_service", body=body, template=str(body.get("msgtype", "")))
    return {"errcode": 0, "errmsg": "ok"}


def consent(sandbox: Sandbox, *, appid: str, user_id: int, template_id: str, times: int) -> None:
    """A person ticked “allow” so many times more."""
    sandbox.store.run(
        "INSERT INTO consent VALUES (?, ?, ?, ?)"
        " ON CONFLICT (appid, user_id, template_id) DO UPDATE SET remaining = remaining + excluded.remaining",
        appid,
        user_id,
        template_id,
        times,
    )


def refuse(sandbox: Sandbox, app: WeChatApp, *, user_id: int, template_id: str) -> None:
    """A person takes back what she allowed; the app is told."""
    sql = "UPDATE consent SET remaining = 0 WHERE appid = ? AND user_id = ? AND template_id = ?"
    sandbox.store.run(sql, app.appid, user_id, template_id)
    push.tell_refused(sandbox, app, user_id=user_id, template=template_id)


def _recipient(sandbox: Sandbox, app: WeChatApp, body: dict[str, Any]) -> int:
    user_id = openid_user(sandbox, app.appid, str(body.get("touser") or ""))
    if user_id is None:
        raise ApiError(40003, "invalid openid")
    return user_id


def _need(body: dict[str, Any], name: str, code: int) -> str:
    value = str(body.get(name) or "")
    if not value:
        raise ApiError(code, f"invalid {name}")
    return value


def _follows(sandbox: Sandbox, app: WeChatApp, user_id: int) -> bool:
    sql = "SELECT active FROM follower WHERE appid = ? AND user_id = ?"
    return bool(sandbox.store.value(sql, app.appid, user_id))


def _once(app: WeChatApp, body: dict[str, Any]) -> str:
    number = str(body.get("client_msg_id") or "")
    return f"{app.appid}:{body['touser']}:{number}" if number else ""


def _sent_once(sandbox: Sandbox, reference: str) -> int | None:
    """The same ``client_msg_id`` to the same person within ten minutes is one message."""
    forget = "UPDATE message SET reference = '' WHERE channel = 'template' AND reference = ? AND at <= ?"
    sandbox.store.run(forget, reference, clock.now().timestamp() - _ONCE_S)
    sql = "SELECT id FROM message WHERE channel = 'template' AND reference = ? AND reference <> ''"
    known = sandbox.store.value(sql, reference)
    return None if known is None else int(known)


def _keep(
    sandbox: Sandbox, app: WeChatApp, *, channel: str, body: dict[str, Any], template: str, reference: str = ""
) -> int:
    values = {
        "at": clock.now().timestamp(),
        "channel": channel,
        "app": app.appid,
        "recipient": str(body["touser"]),
        "template": template,
        "body": json.dumps(body, ensure_ascii=False),
        "reference": reference,
    }
    return sandbox.store.insert("message", values)
