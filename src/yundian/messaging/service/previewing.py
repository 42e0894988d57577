"""How a template reads, with values that could be."""

from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.messaging.rules import rendering
from yundian.messaging.rules.samples import sample_values
from yundian.messaging.rules.templates import LOCALES, house_template
from yundian.messaging.types import TemplateView
from yundian.platform.core import clock
from yundian.platform.core.settings import Settings
from yundian.platform.outbox.door import brand_of

_PATH = "/m/{brand}/orders/261122-7K3M9QXA"


@dataclass(frozen=True, slots=True)
class Preview:
    """One language: the short message, and the fields of both messages at WeChat."""

    locale: str
    sms: str
    official: dict[str, str]
    mini: dict[str, str]


async def preview(session: AsyncSession, *, template: TemplateView, settings: Settings) -> list[Preview]:
    """In every language, as it stands."""
    brand_id = brand_of(session)
    policy = await brands.get_policy(session, brand_id=brand_id)
    path = _PATH.replace("{brand}", await brands.code_of(session))
    values = {
        **sample_values(house_template(template.code), now=clock.now()),
        "brand": policy.display_name,
        "link": f"{settings.base_url.rstrip('/')}{path}",
    }
    found = []
    for locale in LOCALES:
        text, zone = template.texts[locale], policy.time_zone
        words = rendering.words(values, locale=locale, zone=zone)
        sign = settings.sms_sign or policy.display_name
        maps = [
            rendering.wechat_data(fields, values, locale=locale, zone=zone)
            for fields in (text.official, text.mini)
        ]
        shown = [{name: field["value"] for name, field in data.items()} for data in maps]
        found.append(Preview(locale, f"【{sign}】{rendering.sms_text(text, words)}", shown[0], shown[1]))
    return found
