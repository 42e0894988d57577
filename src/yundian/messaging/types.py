"""What messaging takes and returns. Words, phones and openids stay out of ``repr``."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from yundian.messaging.states import AttemptState, MessageState
from yundian.platform.core.money import Money
from yundian.platform.core.words import Words

Value = str | int | dt.datetime | Money | Words


class MessageClass(StrEnum):
    """What a message is about, which decides who may stop it."""

    ORDER = "order"  # one's own orders and groups: part of the service
    APPOINTMENT = "appointment"  # may be stopped
    MARKETING = "marketing"  # only with consent, seldom, never at night


class Channel(StrEnum):
    MINI = "mini"  # subscription message of the mini program: one consent, one message
    OFFICIAL = "official"  # template message of the official account, to followers
    SMS = "sms"


class ConsentAnswer(StrEnum):
    """What WeChat's dialogue said about one template."""

    ACCEPT = "accept"
    REJECT = "reject"
    BAN = "ban"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWish:
    """One message that somebody should get, once per fact. Times are aware.

    ``values`` are what the template names; moments among them are shown in ``zone``. After ``useless_after`` it is
    not sent any more. ``recheck`` names whoever must say, when it is due, that the fact still holds.
    ``shop_id``: the shop that it is about, for HQ to find it by.
    """

    fact_key: str
    member_id: uuid.UUID
    template: str
    values: Mapping[str, Value] = field(repr=False)
    path: str = ""
    zone: str = ""
    locale: str = ""
    send_after: dt.datetime | None = None
    useless_after: dt.datetime | None = None
    recheck: str = ""
    shop_id: uuid.UUID | None = None


class TemplateText(msgspec.Struct, frozen=True, kw_only=True):
    """A template in one language, with ``{name}`` for values. ``sms_template`` is the provider's own number."""

    sms: str
    sms_template: str = ""
    official: dict[str, str] = {}
    mini: dict[str, str] = {}


class TemplateFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ decides about a template. WeChat's ids are of the brand's own accounts."""

    is_enabled: bool
    is_urgent: bool
    official_template_id: str
    mini_template_id: str
    mini_page: str
    texts: dict[str, TemplateText]


class TemplateView(TemplateFields, frozen=True, kw_only=True):
    """``version`` is 0 while the brand has not changed the house's own."""

    code: str
    message_class: MessageClass
    names: tuple[str, ...]
    version: int


class PolicyFields(msgspec.Struct, frozen=True, kw_only=True):
    """When and how often a brand writes. Equal quiet times: no quiet hours. Words are kept ``retention_days``."""

    quiet_from: dt.time
    quiet_until: dt.time
    marketing_per_day: int
    retention_days: int
    is_sms_on: bool


class PolicyView(PolicyFields, frozen=True, kw_only=True):
    """``version`` is 0 while nothing was saved."""

    version: int


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message as HQ sees it: never its words. ``recipient`` is masked; ``reason`` says why it stands so;
    ``is_erased``: its words and its recipient are kept no more."""

    id: uuid.UUID
    created_at: dt.datetime
    member_id: uuid.UUID
    shop_id: uuid.UUID | None
    fact_key: str
    template: str
    message_class: MessageClass
    is_test: bool
    state: MessageState
    reason: str
    channel: str
    recipient: str
    tries: int
    send_after: dt.datetime
    useless_after: dt.datetime | None
    next_at: dt.datetime | None
    sent_at: dt.datetime | None
    delivered_at: dt.datetime | None
    ended_at: dt.datetime | None
    is_erased: bool


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One try, with the provider's word for its outcome."""

    number: int
    created_at: dt.datetime
    ended_at: dt.datetime | None
    channel: Channel
    recipient: str
    state: AttemptState
    code: str
    provider_ref: str


class MessageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing in a field: all. ``reason`` is a whole one, or what stands before its colon."""

    state: MessageState | None = None
    template: str = ""
    message_class: MessageClass | None = None
    channel: Channel | None = None
    reason: str = ""
    member_id: uuid.UUID | None = None
    shop_id: uuid.UUID | None = None
    since: dt.datetime | None = None
    before: dt.datetime | None = None


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many messages of a template stand so, for that reason; ``channel`` is the last way that was tried."""

    template: str
    state: MessageState
    reason: str
    channel: str
    number: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the messages of one template, or of all. ``sent`` includes ``delivered``."""

    template: str
    asked: int = 0
    waiting: int = 0
    sent: int = 0
    delivered: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """``reasons``: why messages did not go, the most frequent first; ``channels``: how many went which way."""

    outcomes: list[Outcome]
    total: Outcome
    reasons: list[tuple[str, str, int]]
    channels: dict[str, int]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A WeChat template that a page may ask consent for, and how many consents are left."""

    app_id: str
    template_id: str
    code: str
    credits: int


class CreditView(msgspec.Struct, frozen=True, kw_only=True):
    """A member's consents for one template of WeChat's. ``used``: without what was given back; ``voided``: WeChat
    knew nothing of them, or she took them back."""

    app_id: str
    template_id: str
    remaining: int
    gained: int
    used: int
    voided: int


class CreditEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """Why a number of consents changed, and for which message. ``what``: gained, used, returned, voided or
    refused; ``remaining``: how many of the template were left then."""

    id: uuid.UUID
    created_at: dt.datetime
    app_id: str
    template_id: str
    what: str
    change: int
    remaining: int
    message_id: uuid.UUID | None
    message_template: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a member wants a class of messages; ``is_free`` ones she may stop."""

    message_class: MessageClass
    is_allowed: bool
    is_free: bool
    decided_at: dt.datetime | None
