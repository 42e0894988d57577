"""What messaging takes and returns. Words, phones and openids stay out of ``repr``."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from yundian.messaging.states import AttemptState, MessageState
from yundian.platform.core.money import Money

Value = str | int | dt.datetime | Money


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
    """A message as HQ sees it: never its words. ``recipient`` is masked; ``reason`` says why it stands so."""

    id: uuid.UUID
    created_at: dt.datetime
    member_id: uuid.UUID
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
    next_at: dt.datetime | None
    sent_at: dt.datetime | None
    delivered_at: dt.datetime | None
    ended_at: dt.datetime | None


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
    """Nothing in a field: all."""

    state: MessageState | None = None
    template: str = ""
    message_class: MessageClass | None = None
    channel: Channel | None = None
    member_id: uuid.UUID | None = None
    since: dt.datetime | None = None
    before: dt.datetime | None = None


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A WeChat template that a page may ask consent for, and how many consents are left."""

    app_id: str
    template_id: str
    code: str
    credits: int


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a member wants a class of messages; ``is_free`` ones she may stop."""

    message_class: MessageClass
    is_allowed: bool
    is_free: bool
    decided_at: dt.datetime | None
