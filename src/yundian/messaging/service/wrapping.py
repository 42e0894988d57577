"""A message in the shape its channel takes, addressed."""

import uuid
from dataclasses import dataclass, field
from urllib.parse import quote

from yundian.members.types import Reach
from yundian.messaging.ports import Parcel
from yundian.messaging.repository.messages import Due
from yundian.messaging.rules import rendering
from yundian.messaging.rules.templates import house_template
from yundian.messaging.service.queueing import PURPOSE
from yundian.messaging.types import Channel, TemplateText, TemplateView, Value
from yundian.platform.core.crypto import Keyring, mask_phone
from yundian.platform.core.settings import Settings
from yundian.platform.core.words import Words
from yundian.platform.wechat.types import WeChatApp

_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to wrap, for whom."""

    reference: str
    attempt_id: uuid.UUID
    message: Due
    channel: Channel
    template: TemplateView
    reach: Reach = field(repr=False)
    app: WeChatApp | None
    brand_name: str
    brand_name_en: str
    brand_code: str
    locale: str
    zone: str


def wrap(order: Order, *, keyring: Keyring, settings: Settings) -> Parcel:
    """Raises ``LookupError`` or ``ValueError`` when something is missing, ``InvalidTag`` for broken seals."""
    message = order.message
    if message.values_sealed is None:
        raise ValueError("its words are erased")
    values = {
        **rendering.unpacked(keyring.decrypt(PURPOSE, message.values_sealed)),
        "brand": Words(order.brand_name, order.brand_name_en),
        "link": f"{settings.base_url.rstrip('/')}{_path(order)}" if message.path else "",
    }
    text = order.template.texts[order.locale]
    if order.channel is Channel.SMS:
        return _sms(order, text, values, settings)
    return _wechat(order, text, values)


def masked(parcel: Parcel) -> str:
    """Enough of the recipient for HQ to recognise."""
    return (
        mask_phone(parcel.to) if parcel.channel is Channel.SMS else f"{parcel.to[:_SHOWN]}…{parcel.to[-_SHOWN:]}"
    )


def _path(order: Order) -> str:
    """Who asks knows the brand's id; in its place may stand ``{brand}``."""
    return order.message.path.replace("{brand}", order.brand_code)


def _sms(order: Order, text: TemplateText, values: dict[str, Value], settings: Settings) -> Parcel:
    if order.reach.phone is None:
        raise LookupError("no phone")
    found = rendering.words(values, locale=order.locale, zone=order.zone)
    return Parcel(
        attempt_id=order.attempt_id,
        message_id=order.message.id,
        channel=Channel.SMS,
        to=order.reach.phone,
        template_ref=text.sms_template,
        reference=order.reference,
        text=rendering.sms_text(text, found),
        sign=settings.sms_sign or order.brand_name,
        values=rendering.sms_values(house_template(order.template.code), found),
    )


def _wechat(order: Order, text: TemplateText, values: dict[str, Value]) -> Parcel:
    if order.app is None:
        raise LookupError("no app")
    is_mini = order.channel is Channel.MINI
    fields = text.mini if is_mini else text.official
    page = (
        order.template.mini_page.replace("{path}", quote(_path(order), safe=""))
        if is_mini
        else str(values["link"])
    )
    return Parcel(
        attempt_id=order.attempt_id,
        message_id=order.message.id,
        channel=order.channel,
        to=order.reach.openids[order.app.app_id],
        template_ref=order.template.mini_template_id if is_mini else order.template.official_template_id,
        app=order.app,
        data=rendering.wechat_data(fields, values, locale=order.locale, zone=order.zone),
        leads_to=page,
    )
