"""How a template reads, with values that could be."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.messaging.rules import rendering
from yundian.messaging.rules.samples import label_of, sample_values
from yundian.messaging.rules.templates import LOCALES, house_template
from yundian.messaging.types import MessageClass, TemplateView, Value
from yundian.platform.core import clock
from yundian.platform.core.settings import Settings
from yundian.platform.core.words import Words
from yundian.platform.outbox.door import brand_of

_PATHS = {
    MessageClass.ORDER: "/m/{brand}/orders/261122-7K3M9QXA",
    MessageClass.APPOINTMENT: "/m/{brand}/appointments/7K3M9QXAZZ",
    MessageClass.MARKETING: "/m/{brand}/appointments/7K3M9QXAZZ",
}
# A short message has 70 characters; a longer one is sent, and billed, in parts of 67.
_ONE, _PART = 70, 67


@dataclass(frozen=True, slots=True)
class Line:
    """A field of WeChat's as a phone shows it: its own name, a label that is likely, the value."""

    field: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Preview:
    """One language: the short message, how many it is billed as, and both messages at WeChat."""

    locale: str
    sms: str
    parts: int
    official: list[Line]
    mini: list[Line]


async def preview(session: AsyncSession, *, template: TemplateView, settings: Settings) -> list[Preview]:
    """In every language, as it stands."""
    brand_id = brand_of(session)
    policy = await brands.get_policy(session, brand_id=brand_id)
    path = _PATHS[template.message_class].replace("{brand}", await brands.code_of(session))
    values: dict[str, Value] = {
        **sample_values(house_template(template.code), now=clock.now(), zone=policy.time_zone),
        "brand": Words(policy.display_name, policy.display_name_en),
        "link": f"{settings.base_url.rstrip('/')}{path}",
    }
    sign, zone = settings.sms_sign or policy.display_name, policy.time_zone
    found = []
    for locale in LOCALES:
        text = template.texts[locale]
        sms = f"【{sign}】{rendering.sms_text(text, rendering.words(values, locale=locale, zone=zone))}"
        parts = 1 if len(sms) <= _ONE else math.ceil(len(sms) / _PART)
        shown = [_lines(fields, values, locale, zone) for fields in (text.official, text.mini)]
        found.append(Preview(locale, sms, parts, shown[0], shown[1]))
    return found


def _lines(fields: Mapping[str, str], values: Mapping[str, Value], locale: str, zone: str) -> list[Line]:
    data = rendering.wechat_data(fields, values, locale=locale, zone=zone)
    return [
        Line(name, label_of(expression, locale=locale), data[name]["value"]) for name, expression in fields.items()
    ]
