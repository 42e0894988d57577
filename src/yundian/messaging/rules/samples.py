"""Values to show a template with."""

import datetime as dt

from yundian.messaging.rules.templates import HouseTemplate
from yundian.messaging.types import Value
from yundian.platform.core.money import Money

_WORDS = {
    "product": "丝绒唇釉 #402",
    "group": "K7QM2X9P",
    "shop": "上海静安店",
    "order": "261122-7K3M9QXA",
    "service": "专业妆容 60 分钟",
    "staff": "Lily",
    "reason": "门店临时停业，",
}


def sample_values(template: HouseTemplate, *, now: dt.datetime) -> dict[str, Value]:
    """What each name of the template could be."""
    return {name: _sample(name, now) for name in template.names}


def _sample(name: str, now: dt.datetime) -> Value:
    if name == "amount":
        return Money(19900, "CNY")
    if name in ("starts_at", "until"):
        return (now + dt.timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    return _WORDS.get(name, name)
