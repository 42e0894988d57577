"""What WeChat pushes to us, in safe mode only: signed, sealed, for this app, of now, and once."""

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from xml.parsers.expat import ExpatError

import xmltodict
from redis.asyncio import Redis
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatException
from wechatpy.parser import parse_message
from wechatpy.utils import WeChatSigner

from yundian.platform.core import clock
from yundian.platform.wechat.errors import BadPush, ReplayedPush
from yundian.platform.wechat.types import Push, PushKind, WeChatApp

_FRESH_S = 300
_GARBLED = (ExpatError, ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError)
_KINDS = {
    "subscribe": PushKind.SUBSCRIBE,
    "subscribe_scan": PushKind.SUBSCRIBE,
    "unsubscribe": PushKind.UNSUBSCRIBE,
    "scan": PushKind.SCAN,
}


def echo(app: WeChatApp, query: Mapping[str, str]) -> str:
    """The answer to WeChat's handshake. Raises ``BadPush``."""
    timestamp, nonce = _fresh(query)
    if not _is_signature(query.get("signature", ""), app.token, timestamp, nonce):
        raise BadPush
    return query.get("echostr", "")


async def receive(redis: Redis, app: WeChatApp, query: Mapping[str, str], body: bytes) -> Push:
    """What WeChat says. Raises ``BadPush``, and ``ReplayedPush`` for a delivery that was taken before.

    Store it by its ``ref`` before answering ``ACCEPTED``: until then WeChat tells the same in new deliveries.
    """
    timestamp, nonce = _fresh(query)
    signature = query.get("msg_signature", "")
    try:
        sealed = str(xmltodict.parse(body)["xml"]["Encrypt"])
        if not _is_signature(signature, app.token, timestamp, nonce, sealed):
            raise BadPush
        crypto = WeChatCrypto(app.token, app.aes_key, app.app_id)
        plain = crypto.decrypt_message({"Encrypt": sealed}, signature, timestamp, nonce)
        push = _push(app, plain)
    except (WeChatException, *_GARBLED) as error:
        raise BadPush from error
    delivery = hashlib.sha256(f"{timestamp} {nonce} {signature}".encode()).hexdigest()
    if not await redis.set(f"wechat:push:{app.app_id}:{delivery}", 1, nx=True, ex=2 * _FRESH_S):
        raise ReplayedPush
    return push


def _fresh(query: Mapping[str, str]) -> tuple[str, str]:
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > 12 or not nonce:
        raise BadPush
    if abs(clock.now().timestamp() - int(timestamp)) > _FRESH_S:
        raise BadPush
    return timestamp, nonce


def _is_signature(claimed: str, *parts: str) -> bool:
    """wechatpy compares with ``==``; an app without a token signs nothing."""
    if not all(parts):
        return False
    signer = WeChatSigner()
    signer.add_data(*parts)
    return hmac.compare_digest(claimed.encode(), str(signer.signature).encode())


def _push(app: WeChatApp, plain: str) -> Push:
    raw: dict[str, Any] = dict(xmltodict.parse(plain)["xml"])
    message = parse_message(plain)
    kind_of_message, event = str(raw["MsgType"]).lower(), str(raw.get("Event") or "").lower()
    openid, created = str(raw["FromUserName"]), int(raw["CreateTime"])
    is_event = kind_of_message == "event"
    kind = _KINDS.get(str(message.event), PushKind.OTHER) if is_event and hasattr(message, "event") else None
    if kind is None:
        kind = PushKind.OTHER if is_event or message.type == "unknown" else PushKind.MESSAGE
    number = raw.get("MsgId")
    return Push(
        app_id=app.app_id,
        kind=kind,
        event=event or kind_of_message,
        ref=str(number) if number else f"{openid}:{created}:{event}",
        created_at=dt.datetime.fromtimestamp(created, dt.UTC),
        openid=openid,
        scene=str(getattr(message, "scene_id", None) or "") if is_event else "",
        ticket=str(raw.get("Ticket") or ""),
        text=str(raw.get("Content") or "") if not is_event else "",
        raw=raw,
    )
