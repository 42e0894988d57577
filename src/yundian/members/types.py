"""What members takes and returns. Phones and people's ids at WeChat stay out of ``repr``."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class IdentityKind(StrEnum):
    """What a member is recognised by. An openid is one app's (its scope), the others are the brand's."""

    PHONE = "phone"
    UNIONID = "unionid"
    OPENID = "openid"


class JoinedVia(StrEnum):
    """How a member first signed in."""

    WECHAT = "wechat"
    MINI_PROGRAM = "mini_program"
    PHONE = "phone"


class TimelineKind(StrEnum):
    """What may happen with a member."""

    JOINED = "joined"
    PHONE_BOUND = "phone_bound"
    PLACED = "placed"
    PAID = "paid"
    RELEASED = "released"
    COLLECTED = "collected"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    CLOSED = "closed"


class AppKind(StrEnum):
    """A brand has one of each at WeChat."""

    OFFICIAL = "official"
    MINI = "mini"


@dataclass(frozen=True, slots=True)
class Known:
    """An identity that somebody proved just now."""

    kind: IdentityKind
    value: str = field(repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a member can be written to: her phone, and her openid in each app."""

    is_active: bool
    phone: str | None = field(default=None, repr=False)
    openids: Mapping[str, str] = field(default_factory=dict, repr=False)


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member as she sees herself; ``phone`` is masked, null when none is bound.

    ``has_agreed``: to the terms of today.
    """

    id: uuid.UUID
    nickname: str
    picture_url: str
    phone: str | None
    has_wechat: bool
    has_agreed: bool
    joined_via: JoinedVia
    created_at: dt.datetime


class WeChatAppView(msgspec.Struct, frozen=True, kw_only=True):
    """A brand's app at WeChat as HQ sees it: of the secrets only whether they are there."""

    kind: AppKind
    app_id: str
    has_secret: bool
    has_token: bool
    has_aes_key: bool
    version: int
    updated_at: dt.datetime


class WeChatAppFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ enters. A secret that is left out stays as it is."""

    app_id: str
    secret: str | None = None
    token: str | None = None
    aes_key: str | None = None
