"""The JSON of HQ's messages, and of what members want to hear."""

import datetime as dt
import uuid
from typing import Annotated, Literal

import msgspec

from yundian.messaging.schemas.forms import (
    LanguageForm,
    PhoneForm,
    PolicyForm,
    TestForm,
    TimeOfDay,
    WeChatId,
    Words,
)
from yundian.messaging.types import (
    AttemptView,
    Choice,
    MessageView,
    Outcome,
    PolicyView,
    Summary,
    TemplateFields,
    TemplateText,
    TemplateView,
)

WeChatFields = dict[Annotated[str, msgspec.Meta(max_length=40)], Annotated[str, msgspec.Meta(max_length=200)]]


class TextWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words in one language, with ``{name}`` for values; fields of WeChat's by their names, as ``thing1``."""

    sms: Words
    sms_template: WeChatId = ""
    official: WeChatFields = {}
    mini: WeChatFields = {}

    def text(self) -> TemplateText:
        return TemplateText(**msgspec.structs.asdict(self))


class TemplateWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What HQ decides about a template; a language that is left out stays the house's."""

    is_enabled: bool
    is_urgent: bool
    texts: dict[Literal["zh_CN", "en"], TextWrite]
    official_template_id: WeChatId = ""
    mini_template_id: WeChatId = ""
    mini_page: Annotated[str, msgspec.Meta(max_length=200)] = ""

    def fields(self) -> TemplateFields:
        return TemplateFields(
            is_enabled=self.is_enabled,
            is_urgent=self.is_urgent,
            official_template_id=self.official_template_id,
            mini_template_id=self.mini_template_id,
            mini_page=self.mini_page,
            texts={locale: words.text() for locale, words in self.texts.items()},
        )


class TemplateUpdate(TemplateWrite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class TemplateRead(TemplateView, frozen=True, kw_only=True):
    """``why_no_sms``: what is missing for short messages, in the reader's language; empty when nothing is."""

    why_no_sms: str

    @classmethod
    def of(cls, template: TemplateView, *, why_no_sms: str) -> "TemplateRead":
        return cls(**msgspec.structs.asdict(template), why_no_sms=why_no_sms)


class TestWish(TestForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``channel`` of null: as the message would go."""


class SettingsWrite(PolicyForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Equal quiet times: no quiet hours. At most so many offers a day; words are kept for so many days."""

    is_sms_on: bool
    version: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class SettingsRead(msgspec.Struct, frozen=True, kw_only=True):
    """Times of day as 21:00, in the zone of a message's shop, else the brand's. ``version`` is 0 while nothing was
    saved."""

    quiet_from: TimeOfDay
    quiet_until: TimeOfDay
    marketing_per_day: int
    retention_days: int
    is_sms_on: bool
    version: int

    @classmethod
    def of(cls, policy: PolicyView) -> "SettingsRead":
        said = msgspec.structs.asdict(policy)
        times = {name: f"{said[name]:%H:%M}" for name in ("quiet_from", "quiet_until")}
        return cls(**{**said, **times})


class MessageRead(msgspec.Struct, frozen=True, kw_only=True):
    """A message with each try, and whether a person may have it sent once more."""

    message: MessageView
    attempts: list[AttemptView]
    may_send_again: bool


class WhosePhone(PhoneForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sent in a body, never in an address, which others write down."""


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    member_id: uuid.UUID


class SentAgain(msgspec.Struct, frozen=True, kw_only=True):
    """So many messages are on their way."""

    count: int


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """So many messages of a template did not go for this reason."""

    template: str
    reason: str
    count: int


class SummaryRead(msgspec.Struct, frozen=True, kw_only=True):
    """What became of messages asked for from ``since`` until before ``before``; ``channels``: how many went which
    way; ``reasons``: why others did not, the most frequent first."""

    since: dt.datetime
    before: dt.datetime
    outcomes: list[Outcome]
    total: Outcome
    reasons: list[ReasonCount]
    channels: dict[str, int]

    @classmethod
    def of(cls, summary: Summary, *, since: dt.datetime, before: dt.datetime) -> "SummaryRead":
        return cls(
            since=since,
            before=before,
            outcomes=summary.outcomes,
            total=summary.total,
            reasons=[
                ReasonCount(template=template, reason=reason, count=count)
                for template, reason, count in summary.reasons
            ],
            channels=summary.channels,
        )


class MemberMessaging(msgspec.Struct, frozen=True, kw_only=True):
    """What a member wants to hear, how many consents are left of which template of the house, her newest
    messages."""

    choices: list[Choice]
    consents: dict[str, int]
    messages: list[MessageView]


class ChoiceWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    is_allowed: bool


class LanguageWrite(LanguageForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The language of messages."""


class ChoicesRead(msgspec.Struct, frozen=True, kw_only=True):
    """Each class of messages; ``is_free`` ones may be stopped. ``locale``: the language they are in."""

    choices: list[Choice]
    locale: str
