"""What the pages' forms and the mini program send."""

import datetime as dt
import uuid
from typing import Annotated, Literal

import msgspec

from yundian.messaging.rules.templates import LOCALES
from yundian.messaging.states import MessageState
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


class LogForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the log is narrowed to. Days are the brand's."""

    state: MessageState | None = None
    template: Annotated[str, msgspec.Meta(max_length=60)] = ""
    message_class: MessageClass | None = msgspec.field(default=None, name="class")
    channel: Channel | None = None
    reason: Annotated[str, msgspec.Meta(pattern=r"^[a-z_]*$")] = ""
    shop: uuid.UUID | None = None
    member: uuid.UUID | None = None
    since: dt.date | None = None
    until: dt.date | None = None


class PhoneForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whose messages: a number is sent in a form, never in an address, which others write down."""

    phone: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class ChoiceForm(msgspec.Struct, frozen=True, kw_only=True):
    message_class: MessageClass
    is_allowed: bool = False


class LanguageForm(msgspec.Struct, frozen=True, kw_only=True):
    locale: Literal["zh_CN", "en"]


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
