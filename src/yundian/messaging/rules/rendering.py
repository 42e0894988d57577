"""From values to words: sealed as text, formatted for a language and a zone, cut to what a field takes."""

import datetime as dt
import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from yundian.messaging.errors import ValuesIncomplete
from yundian.messaging.rules.templates import COMMON_NAMES, HouseTemplate
from yundian.messaging.types import TemplateFields, TemplateText, Value
from yundian.platform.core.days import datetime_text
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.core.words import ENGLISH, Words

_NAME = re.compile(r"\{(\w+)\}")
_FIELD = re.compile(r"[a-z_]+[0-9]{1,2}")
MAX_SMS = 300
MAX_FIELDS = 10

# WeChat refuses a field that is too long (47003); the kind is in its name.
_LONGEST = {
    "thing": 20,
    "name": 10,
    "phrase": 5,
    "character_string": 32,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "amount": 12,
    "phone_number": 17,
    "car_number": 8,
    "const": 20,
    "time": 40,
    "date": 40,
}
_CUT = "…"
# What a provider of short messages takes for one value.
_LONGEST_VALUE = 80


def packed(values: Mapping[str, Value]) -> str:
    """The values as text, to be sealed. Naive times are a mistake."""
    return msgspec.json.encode({name: _pack(value) for name, value in values.items()}).decode()


def unpacked(text: str) -> dict[str, Value]:
    raw = msgspec.json.decode(text, type=dict[str, list[str | int]])
    return {name: _unpack(parts) for name, parts in raw.items()}


def check_values(template: HouseTemplate, values: Mapping[str, Value]) -> None:
    """``ValuesIncomplete`` names what the template lacks."""
    missing = sorted(set(template.names) - set(values))
    if missing:
        raise ValuesIncomplete(template=template.code, missing=missing)


def words(values: Mapping[str, Value], *, locale: str, zone: str) -> dict[str, str]:
    """The values as people read them."""
    return {name: _word(value, locale, zone) for name, value in values.items()}


def sms_text(text: TemplateText, found: Mapping[str, str]) -> str:
    """At most ``MAX_SMS`` characters: the longest value gives way, for half a link leads nowhere."""
    flat = _flat(text.sms, found)
    named = {name for name in _NAME.findall(text.sms) if name != "link" and found.get(name)}
    if len(flat) > MAX_SMS and named:
        longest = max(named, key=lambda name: len(found[name]))
        left = len(found[longest]) - (len(flat) - MAX_SMS) - len(_CUT)
        shorter = found[longest][:left] + _CUT if left > 0 else ""
        return sms_text(text, {**found, longest: shorter})
    return flat[:MAX_SMS]


def _flat(sms: str, found: Mapping[str, str]) -> str:
    return " ".join(_filled(sms, found).split()).replace("。 ", "。")


def sms_values(template: HouseTemplate, found: Mapping[str, str]) -> dict[str, str]:
    """For providers that fill their own template."""
    names = (*template.names, *COMMON_NAMES)
    # A provider refuses a link that is too long for it, and HQ reads why; half of one would just be sent.
    return {
        name: found[name] if name == "link" else found[name][:_LONGEST_VALUE] for name in names if name in found
    }


def wechat_data(
    fields: Mapping[str, str], values: Mapping[str, Value], *, locale: str, zone: str
) -> dict[str, dict[str, str]]:
    """The fields of a WeChat message, each as its kind wants it. None is empty: WeChat refuses those."""
    data = {}
    for field, expression in fields.items():
        kind = field.rstrip("0123456789")
        found = {name: _wechat_word(kind, value, locale, zone) for name, value in values.items()}
        data[field] = {"value": _fitted(kind, _filled(expression, found)) or "-"}
    return data


def checked_fields(template: HouseTemplate, fields: TemplateFields) -> TemplateFields:
    """The fields if every text of them can be rendered."""
    known = {*template.names, *COMMON_NAMES}
    _check_names("mini_page", fields.mini_page, {"path"})
    for locale, text in fields.texts.items():
        if not 0 < len(text.sms) <= MAX_SMS:
            raise InvalidInput(f"sms_{locale}", "1 to 300 characters")
        _check_names(f"sms_{locale}", text.sms, known)
        for place, shown in (("official", text.official), ("mini", text.mini)):
            _check_map(f"{place}_{locale}", shown, known)
    return fields


def _check_map(where: str, shown: Mapping[str, str], known: set[str]) -> None:
    if len(shown) > MAX_FIELDS or any(not _FIELD.fullmatch(name) for name in shown):
        raise InvalidInput(where, "One field of WeChat's a line, like thing1: {product}")
    for expression in shown.values():
        _check_names(where, expression, known)


def _check_names(where: str, text: str, known: set[str]) -> None:
    has_stray_brace = bool(set("{}") & set(_NAME.sub("", text)))
    if has_stray_brace or set(_NAME.findall(text)) - known:
        raise InvalidInput(where, "It names a value that this message does not have")


def _filled(expression: str, found: Mapping[str, str]) -> str:
    """Only names: a format string of a person's making would reach into objects."""
    return _NAME.sub(lambda match: found.get(match[1], ""), expression)


def _fitted(kind: str, text: str) -> str:
    flat = " ".join(text.split())
    longest = _LONGEST.get(kind, 20)
    return flat if len(flat) <= longest else flat[: longest - 1] + _CUT


def _word(value: Value, locale: str, zone: str) -> str:
    if isinstance(value, dt.datetime):
        return datetime_text(value, zone=zone, locale=locale)
    return value.text(locale) if isinstance(value, (Money, Words)) else str(value)


def _wechat_word(kind: str, value: Value, locale: str, zone: str) -> str:
    if kind in ("time", "date") and isinstance(value, dt.datetime):
        # WeChat takes no month by its name.
        is_english = locale == ENGLISH
        return f"{value.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if is_english else _word(value, locale, zone)
    word = _word(value, locale, zone)
    return word.replace(",", "") if kind == "amount" else word


def _pack(value: Value) -> list[str | int]:
    if isinstance(value, Money):
        return ["m", value.minor, value.currency]
    if isinstance(value, Words):
        return ["w", value.own, value.en]
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return ["t", value.isoformat()]
    return ["i", value] if isinstance(value, int) else ["s", value]


def _unpack(parts: list[str | int]) -> Value:
    kind, value = parts[0], parts[1]
    if kind == "m":
        return Money(int(value), str(parts[2]))
    if kind == "w":
        return Words(str(value), str(parts[2]))
    if kind == "t":
        return dt.datetime.fromisoformat(str(value))
    return value
