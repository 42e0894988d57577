"""Values to show a template with."""

import datetime as dt
from zoneinfo import ZoneInfo

from yundian.messaging.rules.templates import HouseTemplate
from yundian.messaging.types import Value
from yundian.platform.core.money import Money
from yundian.platform.core.words import Words

_WORDS: dict[str, Value] = {
    "product": Words("丝绒唇釉 #402", "Velvet Lip #402"),
    "group": "K7QM2X9P",
    "shop": Words("上海静安店", "Shanghai Jing'an"),
    "order": "261122-7K3M9QXA",
    "service": Words("专业妆容 60 分钟", "Make-up, 60 minutes"),
    "staff": "Lily",
    "reason": Words("门店临时停业。", "The shop is closed that day."),
}


# What a phone says around a message, and what WeChat's own templates are likely to call a value.
PHONE_WORDS = {
    "zh_CN": {"mini": "服务通知", "open": "查看详情", "now": "现在"},
    "en": {"mini": "Service notice", "open": "View details", "now": "now"},
}
_LABELS = {
    "zh_CN": {
        "product": "商品名称",
        "group": "团号",
        "shop": "门店",
        "order": "订单编号",
        "service": "服务项目",
        "staff": "服务人员",
        "reason": "原因",
        "amount": "金额",
        "starts_at": "预约时间",
        "until": "截止时间",
    },
    "en": {
        "product": "Product",
        "group": "Group",
        "shop": "Shop",
        "order": "Order",
        "service": "Service",
        "staff": "With",
        "reason": "Reason",
        "amount": "Amount",
        "starts_at": "Time",
        "until": "Until",
    },
}
_STATUS = {"zh_CN": "状态", "en": "Status"}


def label_of(expression: str, *, locale: str) -> str:
    """What stands before a field on a phone: the value's name, where it is one value."""
    name = expression.strip().removeprefix("{").removesuffix("}")
    return _LABELS[locale].get(name, _STATUS[locale])


def sample_values(template: HouseTemplate, *, now: dt.datetime, zone: str = "Asia/Shanghai") -> dict[str, Value]:
    """What each name of the template could be; times are those of tomorrow afternoon in ``zone``."""
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + dt.timedelta(days=1)
    afternoon = dt.datetime.combine(tomorrow, dt.time(14), ZoneInfo(zone)).astimezone(dt.UTC)
    return {name: _sample(name, afternoon) for name in template.names}


def _sample(name: str, at: dt.datetime) -> Value:
    if name == "amount":
        return Money(19900, "CNY")
    if name in ("starts_at", "until"):
        return at
    return _WORDS.get(name, name)
