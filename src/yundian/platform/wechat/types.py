"""An app at WeChat, and what WeChat tells of people. Secrets and people's ids stay out of ``repr``."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Threads for calls to WeChat in one process, and connections of one app.
THREADS = 16
# The reason of ``WeChatUnavailable`` when nothing can have happened there.
UNREACHED = "unreached"
# The answer to a push that was kept.
ACCEPTED = b"success"


@dataclass(frozen=True, slots=True)
class WeChatApp:
    """An official account or a mini program. ``api_url`` stands for every host of the API, if given."""

    app_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    aes_key: str = field(default="", repr=False)
    api_url: str = ""
    pages_url: str = "https://open.weixin.qq.com"


class Scope(StrEnum):
    SILENT = "snsapi_base"  # nobody is asked: the openid only
    CONSENT = "snsapi_userinfo"  # the person is asked: nickname, picture, unionid


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """Who came back from WeChat's page. ``access_token`` is hers alone and reads her profile, with consent."""

    openid: str = field(repr=False)
    unionid: str = field(default="", repr=False)
    scope: str
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebProfile:
    openid: str = field(repr=False)
    unionid: str = field(default="", repr=False)
    nickname: str = field(default="", repr=False)
    picture_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MiniSession:
    """Who logged in to the mini program. The session key never leaves the server."""

    openid: str = field(repr=False)
    unionid: str = field(default="", repr=False)
    session_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsConfig:
    """What a page passes to ``wx.config``."""

    app_id: str
    timestamp: str
    nonce: str
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A code with a scene. ``image_url`` is the picture at WeChat, ``url`` what it says."""

    ticket: str
    url: str
    image_url: str
    expires_at: dt.datetime | None


class PushKind(StrEnum):
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    SCAN = "scan"
    MESSAGE = "message"
    OTHER = "other"  # an event this code does not know yet: kept, with all it said


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What WeChat told us. ``ref`` is equal when it tells the same again; ``scene`` is text without prefix."""

    app_id: str
    kind: PushKind
    event: str
    ref: str
    created_at: dt.datetime
    openid: str = field(repr=False)
    scene: str = ""
    ticket: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)
