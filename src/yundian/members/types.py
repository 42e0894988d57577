"""What members takes and returns. Phones and people's ids at WeChat stay out of ``repr``."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class IdentityKind(StrEnum):
    """What a member is recognised by. A phone and a unionid are the brand's; an openid is one app's, and the
    numbers of other systems are one system's or marketplace's own: their scope."""

    PHONE = "phone"
    UNIONID = "unionid"
    OPENID = "openid"
    CARD = "card"
    MEMBER_NO = "member_no"
    MARKETPLACE = "marketplace"


class JoinedVia(StrEnum):
    """How a member became known: by signing in, or with an order of another system."""

    WECHAT = "wechat"
    MINI_PROGRAM = "mini_program"
    PHONE = "phone"
    IMPORT = "import"


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
    # Of appointments, as their room tells.
    APPOINTED = "appointed"
    APPOINTMENT_ENDED = "appointment_ended"  # cancelled, declined
    MISSED = "missed"
    ARRIVED = "arrived"
    SERVED = "served"
    TRIED = "tried"


class AppKind(StrEnum):
    """A brand has one of each at WeChat."""

    OFFICIAL = "official"
    MINI = "mini"


@dataclass(frozen=True, slots=True)
class Known:
    """An identity that somebody proved just now, or that another system vouches for."""

    kind: IdentityKind
    value: str = field(repr=False)
    scope: str = ""


# What one buyer is known by; a walk-in by nothing.
Buyer = tuple[Known, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a member can be written to: her phone, and her openid in each app; and in which language, if known."""

    is_active: bool
    locale: str = ""
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


class TermsView(msgspec.Struct, frozen=True, kw_only=True):
    """What members agree to: plain text, paragraphs after empty lines. Without words it is the house's text."""

    number: int
    text_version: str
    text_zh: str
    text_en: str


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


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened with a member, as her timeline keeps it. ``ref`` is what it happened to: with the
    kind it says which happening this is, so that it is kept once. ``amount_minor`` is in ``currency``.

    ``facts``: ``name`` (and ``name_en``, where whoever wrote it down knew it) and ``pieces`` of what was ordered,
    ``handed_by`` the room that does it, ``reason`` of an end, ``via`` of joining.
    """

    member_id: uuid.UUID
    kind: TimelineKind
    ref_type: str
    ref_id: uuid.UUID
    at: dt.datetime
    order_id: uuid.UUID | None = None
    number: str = ""
    channel: str = ""
    shop_id: uuid.UUID | None = None
    amount_minor: int = 0
    currency: str = "CNY"
    facts: dict[str, str | int] = {}


class TotalsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a member bought: ``orders`` were paid, ``sales`` of them released; ``net`` = ``paid`` - ``refunded``.

    Of one currency; of one ``channel``, or of all of them when it is empty.
    """

    currency: str
    channel: str = ""
    orders: int
    sales: int
    paid_minor: int
    refunds: int
    refunded_minor: int
    net_minor: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None

    @property
    def average_minor(self) -> int:
        """What an order brought before refunds, half a minor unit up; nothing without orders."""
        return (2 * self.paid_minor + self.orders) // (2 * self.orders) if self.orders else 0


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """A member in HQ's list; the phone is masked."""

    id: uuid.UUID
    nickname: str
    phone: str | None
    joined_via: JoinedVia
    created_at: dt.datetime
    orders: int
    last_at: dt.datetime | None


class IdentityView(msgspec.Struct, frozen=True, kw_only=True):
    """That a member is recognised by something, not by what: ``text`` is masked, or empty where people never see
    it. ``scope``: whose number it is."""

    kind: IdentityKind
    scope: str = ""
    text: str
    verified_at: dt.datetime


class MemberProfile(msgspec.Struct, frozen=True, kw_only=True):
    """A member as HQ sees her: identities masked, totals by currency, and each by channel."""

    id: uuid.UUID
    nickname: str
    picture_url: str
    is_active: bool
    joined_via: JoinedVia
    created_at: dt.datetime
    identities: list[IdentityView]
    totals: list[TotalsView]
    by_channel: list[TotalsView]


class TwinView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is perhaps the same person."""

    id: uuid.UUID
    nickname: str
    seen_at: dt.datetime
