"""What the pages' forms and the mini program send, and what things are called on screens."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from yundian.messaging.rules.templates import LOCALES
from yundian.messaging.states import AttemptState, MessageState, SkipReason
from yundian.messaging.types import (
    Channel,
    ConsentAnswer,
    MessageClass,
    PolicyFields,
    TemplateFields,
    TemplateText,
    TemplateView,
)
from yundian.platform.core.errors import InvalidInput
from yundian.platform.web.i18n import gettext as _

Words = Annotated[str, msgspec.Meta(max_length=300)]
WeChatId = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")]
FieldMap = Annotated[str, msgspec.Meta(max_length=1000)]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class ConsentReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``wx.requestSubscribeMessage`` answered, by template id. ``reference`` is the page's own, one for each
    dialogue: told again it counts once."""

    reference: uuid.UUID
    results: Annotated[dict[WeChatId, ConsentAnswer], msgspec.Meta(max_length=20)]


class TemplateForm(msgspec.Struct, frozen=True, kw_only=True):
    """Names end in the language, as ``LOCALES`` writes it. Field maps have one field a line."""

    version: int
    is_enabled: bool = False
    is_urgent: bool = False
    official_template_id: WeChatId = ""
    mini_template_id: WeChatId = ""
    mini_page: Annotated[str, msgspec.Meta(max_length=200)] = ""
    sms_zh_CN: Words = ""  # noqa: N815  the language's own name
    sms_en: Words = ""
    sms_template_zh_CN: WeChatId = ""  # noqa: N815
    sms_template_en: WeChatId = ""
    official_zh_CN: FieldMap = ""  # noqa: N815
    official_en: FieldMap = ""
    mini_zh_CN: FieldMap = ""  # noqa: N815
    mini_en: FieldMap = ""

    def fields(self) -> TemplateFields:
        return TemplateFields(
            is_enabled=self.is_enabled,
            is_urgent=self.is_urgent,
            official_template_id=self.official_template_id,
            mini_template_id=self.mini_template_id,
            mini_page=self.mini_page,
            texts={locale: self._text(locale) for locale in LOCALES},
        )

    def _text(self, locale: str) -> TemplateText:
        return TemplateText(
            sms=getattr(self, f"sms_{locale}"),
            sms_template=getattr(self, f"sms_template_{locale}"),
            official=_map(f"official_{locale}", getattr(self, f"official_{locale}")),
            mini=_map(f"mini_{locale}", getattr(self, f"mini_{locale}")),
        )


class TestForm(msgspec.Struct, frozen=True, kw_only=True):
    """``channel``: one way only; without it as the message would go."""

    phone: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    channel: Channel | None = None


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    quiet_from: TimeOfDay
    quiet_until: TimeOfDay
    marketing_per_day: Annotated[int, msgspec.Meta(ge=0, le=20)]
    retention_days: Annotated[int, msgspec.Meta(ge=1, le=1095)]
    is_sms_on: bool = False

    def fields(self) -> PolicyFields:
        return PolicyFields(
            quiet_from=dt.time.fromisoformat(self.quiet_from),
            quiet_until=dt.time.fromisoformat(self.quiet_until),
            marketing_per_day=self.marketing_per_day,
            retention_days=self.retention_days,
            is_sms_on=self.is_sms_on,
        )


class ChoiceForm(msgspec.Struct, frozen=True, kw_only=True):
    message_class: MessageClass
    is_allowed: bool = False


def form_values(template: TemplateView) -> dict[str, object]:
    """A template as its form shows it."""
    values: dict[str, object] = {
        name: getattr(template, name)
        for name in ("version", "is_enabled", "is_urgent", "official_template_id", "mini_template_id", "mini_page")
    }
    for locale in LOCALES:
        text = template.texts[locale]
        values[f"sms_{locale}"] = text.sms
        values[f"sms_template_{locale}"] = text.sms_template
        values[f"official_{locale}"] = _lines(text.official)
        values[f"mini_{locale}"] = _lines(text.mini)
    return values


def _lines(fields: dict[str, str]) -> str:
    return "\n".join(f"{name}: {expression}" for name, expression in fields.items())


def _map(where: str, text: str) -> dict[str, str]:
    fields = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, colon, expression = line.partition(":")
        if not colon or not expression.strip():
            raise InvalidInput(where, "One field of WeChat's a line, like thing1: {product}")
        fields[name.strip()] = expression.strip()
    return fields


def state_label(state: MessageState) -> str:
    return {
        MessageState.QUEUED: _("Queued"),
        MessageState.WAITING_QUIET: _("Waits for the morning"),
        MessageState.CHECKING: _("Being checked"),
        MessageState.SENDING: _("Being sent"),
        MessageState.SENT: _("Sent out"),
        MessageState.DELIVERED: _("Delivered"),
        MessageState.UNKNOWN: _("Perhaps sent"),
        MessageState.FAILED: _("Failed"),
        MessageState.SKIPPED: _("Left out"),
        MessageState.PARKED: _("Needs a person"),
    }[state]


def attempt_label(state: AttemptState) -> str:
    return {
        AttemptState.STARTED: _("Begun"),
        AttemptState.ACCEPTED: _("Taken"),
        AttemptState.REFUSED: _("Refused"),
        AttemptState.UNKNOWN: _("Unknown"),
    }[state]


def class_label(message_class: MessageClass) -> str:
    return {
        MessageClass.ORDER: _("Orders and groups"),
        MessageClass.APPOINTMENT: _("Appointments"),
        MessageClass.MARKETING: _("Offers and tips"),
    }[message_class]


def channel_label(channel: str) -> str:
    return {
        Channel.MINI.value: _("Mini program"),
        Channel.OFFICIAL.value: _("Official account"),
        Channel.SMS.value: _("SMS"),
    }.get(channel, "–")


def template_label(code: str) -> str:
    return {
        "group.filled": _("Group complete"),
        "group.expired": _("Group not filled, refund"),
        "order.ready": _("Ready for pick-up"),
        "order.refunded": _("Refund arrived"),
        "appointment.confirmed": _("Appointment confirmed"),
        "appointment.changed": _("Appointment changed"),
        "appointment.cancelled": _("Appointment cancelled"),
        "appointment.reminder_24h": _("Reminder, a day before"),
        "appointment.reminder_2h": _("Reminder, two hours before"),
        "appointment.waitlist_offer": _("A place has become free"),
        "appointment.follow_up": _("After the appointment"),
    }.get(code, code)


def reason_label(reason: str) -> str:
    """Why a message stands where it stands; a provider's own word is shown as it is, explained if we know it."""
    if reason in set(SkipReason):
        return _skip_label(SkipReason(reason))
    kind, colon, code = reason.partition(":")
    if colon and kind in ("busy", "refused", "unclear"):
        return _outcome_label(kind, code)
    return {
        "quiet_hours": _("Quiet hours"),
        "asked": _("Waiting to hear whether it is still true"),
        "no_answer_of_owner": _("Nobody could say whether it is still true"),
        "unreadable": _("Its values cannot be read"),
    }.get(kind, reason)


def _skip_label(reason: SkipReason) -> str:
    return {
        SkipReason.NO_CHANNEL: _("No way to reach the member"),
        SkipReason.NO_CREDIT: _("No consent left in the mini program, and no other way"),
        SkipReason.OPTED_OUT: _("The member does not want these"),
        SkipReason.NO_CONSENT: _("The member has not agreed to these"),
        SkipReason.FREQUENCY_CAP: _("The member got enough of these that day"),
        SkipReason.TOO_LATE: _("Too late to be of use"),
        SkipReason.OUTDATED: _("Not true any more"),
        SkipReason.WITHDRAWN: _("Taken back"),
        SkipReason.DISABLED: _("The template is switched off"),
        SkipReason.MEMBER_CLOSED: _("The membership is closed"),
        SkipReason.ERASED: _("Erased"),
    }[reason]


def _outcome_label(kind: str, code: str) -> str:
    known = code_label(code)
    shown = f"{known} ({code})" if known else code
    if kind == "busy":
        return _("The provider was busy: %(code)s", code=shown)
    if kind == "unclear":
        return _("The provider's answer was lost: %(code)s", code=shown)
    return _("Refused: %(code)s", code=shown)


def code_label(code: str) -> str:
    """What a provider's code means, for those that HQ can do something about; else empty."""
    return {
        "43101": _("WeChat knows of no consent"),
        "43004": _("does not follow the account"),
        "40003": _("no openid of this app"),
        "40037": _("WeChat does not know the template id"),
        "47003": _("the fields do not fit the template"),
        "48001": _("the account may not send these"),
        "no_provider": _("no SMS provider is set up"),
        "no_template": _("the provider needs a template number"),
        "lost": _("the worker died meanwhile"),
    }.get(code, "")


TONES = {
    "queued": "info",
    "waiting_quiet": "info",
    "checking": "info",
    "sending": "info",
    "sent": "good",
    "delivered": "good",
    "unknown": "warn",
    "failed": "bad",
    "skipped": "neutral",
    "parked": "bad",
    "started": "info",
    "accepted": "good",
    "refused": "bad",
}
