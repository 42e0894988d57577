"""Events pushed to the app's server, encrypted in safe mode: follow, scan, job finished. And its answers."""

import json
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx

from yundian.platform.core import clock
from yundian.sandbox import notices
from yundian.sandbox.accounts import WeChatApp
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import OF_SETTLING, Fault, Plan
from yundian.sandbox.notices import Notice, Outgoing
from yundian.sandbox.wechat import xml
from yundian.sandbox.wechat.api_gateway import PROVIDER
from yundian.sandbox.wechat.identity import openid
from yundian.sandbox.wechat.signing import Undecipherable, open_push, push_signature, seal_push


class HandshakeFailed(Exception):
    """The address does not answer the way an address for pushes must."""


async def set_callback(sandbox: Sandbox, app: WeChatApp, url: str) -> None:
    """Point an app's pushes at an address, after the handshake. Raises ``HandshakeFailed``."""
    stamp, nonce, echo = str(int(clock.now().timestamp())), secrets.token_hex(8), secrets.token_hex(10)
    signature = push_signature(app.token, stamp, nonce)
    query = {"signature": signature, "timestamp": stamp, "nonce": nonce, "echostr": echo}
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        try:
            answer = await client.get(_with_query(url, query))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise HandshakeFailed(type(error).__name__) from error
    if answer.status_code != httpx.codes.OK or answer.text != echo:
        raise HandshakeFailed(f"status {answer.status_code}, not the echo")
    sandbox.store.run(
        "INSERT INTO callback VALUES (?, ?) ON CONFLICT (appid) DO UPDATE SET url = excluded.url", app.appid, url
    )


def scan(sandbox: Sandbox, app: WeChatApp, *, user_id: int, scene: str, ticket: str) -> str:
    """A person scans a code with a scene: a new follower subscribes, an old one scans. The event's name."""
    fresh = follow(sandbox, app, user_id=user_id, scene=scene)
    event = "subscribe" if fresh else "SCAN"
    key = f"qrscene_{scene}" if fresh else scene
    _tell(sandbox, app, user_id, {"MsgType": "event", "Event": event, "EventKey": key, "Ticket": ticket})
    return event


def subscribe(sandbox: Sandbox, app: WeChatApp, *, user_id: int) -> None:
    """A person follows the account without a code."""
    if follow(sandbox, app, user_id=user_id, scene=""):
        _tell(sandbox, app, user_id, {"MsgType": "event", "Event": "subscribe", "EventKey": ""})


def unsubscribe(sandbox: Sandbox, app: WeChatApp, *, user_id: int) -> None:
    """A person leaves."""
    sql = "UPDATE follower SET active = 0 WHERE appid = ? AND user_id = ? AND active = 1"
    if sandbox.store.run(sql, app.appid, user_id):
        _tell(sandbox, app, user_id, {"MsgType": "event", "Event": "unsubscribe", "EventKey": ""})


def say(sandbox: Sandbox, app: WeChatApp, *, user_id: int, text: str) -> None:
    """A person writes to the account."""
    follow(sandbox, app, user_id=user_id, scene="")
    number = 10**17 + sandbox.store.serial("message id")
    _tell(sandbox, app, user_id, {"MsgType": "text", "Content": text, "MsgId": number})


def tell_job_finished(sandbox: Sandbox, app: WeChatApp, *, user_id: int, message_id: int) -> None:
    """A template message arrived."""
    event = {"MsgType": "event", "Event": "TEMPLATESENDJOBFINISH", "MsgID": message_id, "Status": "success"}
    _tell(sandbox, app, user_id, event)


def tell_subscription_sent(
    sandbox: Sandbox, app: WeChatApp, *, user_id: int, message_id: int, template: str
) -> None:
    """A subscription message arrived, or with the switch ``settle_as`` did not."""
    whom = openid(sandbox, app.appid, user_id)
    plan = sandbox.faults.take(PROVIDER, "push.subscribe_msg_sent_event", whom, only=OF_SETTLING)
    code = plan.text(Fault.SETTLE_AS, "state", "0")
    said = {
        "TemplateId": template,
        "MsgID": message_id,
        "ErrorCode": code,
        "ErrorStatus": "success" if code == "0" else "failed",
    }
    _tell_list(sandbox, app, user_id, "subscribe_msg_sent_event", "SubscribeMsgSentEvent", said)


def tell_refused(sandbox: Sandbox, app: WeChatApp, *, user_id: int, template: str) -> None:
    """A person switched a template off in the settings of the mini program."""
    said = {"TemplateId": template, "SubscribeStatusString": "reject"}
    _tell_list(sandbox, app, user_id, "subscribe_msg_change_event", "SubscribeMsgChangeEvent", said)


def _tell_list(
    sandbox: Sandbox, app: WeChatApp, user_id: int, event: str, name: str, said: dict[str, Any]
) -> None:
    _tell(sandbox, app, user_id, {"MsgType": "event", "Event": event, name: {"List": said}})


def follow(sandbox: Sandbox, app: WeChatApp, *, user_id: int, scene: str) -> bool:
    """Make the person a follower; False if she was one already."""
    sql = "SELECT active FROM follower WHERE appid = ? AND user_id = ?"
    was_active = bool(sandbox.store.value(sql, app.appid, user_id))
    now = clock.now().timestamp()
    sandbox.store.run(
        "INSERT INTO follower VALUES (?, ?, ?, ?, 1, ?) ON CONFLICT (appid, user_id)"
        " DO UPDATE SET active = 1, last_seen = excluded.last_seen",
        app.appid,
        user_id,
        now,
        scene,
        sandbox.clock.tick(),
    )
    return not was_active


def _tell(sandbox: Sandbox, app: WeChatApp, user_id: int, event: dict[str, Any]) -> None:
    whom = openid(sandbox, app.appid, user_id)
    url = str(sandbox.store.value("SELECT url FROM callback WHERE appid = ?", app.appid) or "")
    head = {
        "ToUserName": f"gh_{app.appid[2:14]}",
        "FromUserName": whom,
        "CreateTime": int(clock.now().timestamp()),
    }
    operation = f"push.{str(event.get('Event', event['MsgType'])).lower()}"
    notices.post(
        sandbox,
        provider=PROVIDER,
        operation=operation,
        merchant=app.appid,
        key=whom,
        url=url,
        fields={**head, **event},
    )


class PushSender:
    """Within five seconds the app must answer ``success``, nothing, or a message of its own."""

    retries_s = (5.0, 5.0, 5.0)

    def render(self, sandbox: Sandbox, notice: Notice, plan: Plan) -> Outgoing:
        app = sandbox.accounts.wechat_apps[notice.merchant]
        sealed = seal_push(xml.dump(notice.fields), aes_key=app.aes_key, appid=_addressee(app, plan))
        stamp, nonce = str(int(clock.now().timestamp())), secrets.token_hex(8)
        token = "another token" if plan.has(Fault.WEAK) else app.token
        query = {
            "signature": push_signature(token, stamp, nonce),
            "timestamp": stamp,
            "nonce": nonce,
            "openid": notice.key,
            "encrypt_type": "aes",
            "msg_signature": push_signature(token, stamp, nonce, sealed),
        }
        if plan.has(Fault.UNSIGNED):
            del query["signature"], query["msg_signature"]
        if plan.has(Fault.TAMPERED):
            sealed = sealed[:-8] + sealed[-8:].swapcase()
        body = xml.dump({"ToUserName": notice.fields["ToUserName"], "Encrypt": sealed})
        return Outgoing(url=_with_query(notice.url, query), body=body, content_type="text/xml")

    def accepts(self, sandbox: Sandbox, notice: Notice, *, status: int, answer: bytes) -> bool:
        if status != 200:
            return False
        if answer in {b"", b"success"}:
            return True
        return _keep_answer(sandbox, notice, answer)


def _addressee(app: WeChatApp, plan: Plan) -> str:
    return plan.text(Fault.WRONG_APP, "value", "wx0000000000000000") if plan.has(Fault.WRONG_APP) else app.appid


def _keep_answer(sandbox: Sandbox, notice: Notice, answer: bytes) -> bool:
    """A passive reply goes to the outbox, if it is sealed and signed as it must be."""
    app = sandbox.accounts.wechat_apps[notice.merchant]
    try:
        outer = xml.parse(answer)
        sealed = outer.get("Encrypt", "")
        expected = push_signature(app.token, outer.get("TimeStamp", ""), outer.get("Nonce", ""), sealed)
        if outer.get("MsgSignature") != expected:
            return False
        said = xml.parse(open_push(sealed, aes_key=app.aes_key, appid=app.appid))
    except (xml.NotXml, Undecipherable):
        return False
    values = {
        "at": clock.now().timestamp(),
        "channel": "passive_reply",
        "app": app.appid,
        "recipient": said.get("ToUserName", ""),
        "template": said.get("MsgType", ""),
        "body": json.dumps(said, ensure_ascii=False),
        "reference": f"passive {notice.id}",
    }
    if not sandbox.store.value("SELECT 1 FROM message WHERE channel = ? AND reference = ?", *_reference(values)):
        sandbox.store.insert("message", values)
    return True


def _reference(values: dict[str, Any]) -> tuple[str, str]:
    return values["channel"], values["reference"]


def _with_query(url: str, query: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
