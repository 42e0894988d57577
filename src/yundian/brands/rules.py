"""Pure rules about brands."""

import re
from functools import cache
from zoneinfo import available_timezones

from babel.numbers import is_currency

from yundian.brands.types import PolicyFields
from yundian.platform.core.errors import InvalidInput

LOCALES = ("zh_CN", "en")
MAX_NAME = 80
MAX_AFTER_SALE_DAYS = 29
MAX_LINK_WINDOW_DAYS = 365
# A week to come for it, the announcement in its middle.
MIN_UNCOLLECTED_DAYS, MAX_UNCOLLECTED_DAYS = 7, 365

_CODE = re.compile(r"[a-z][a-z0-9-]{1,31}")


def brand_code(text: str) -> str:
    """A code that is safe in addresses and files."""
    code = text.strip().lower()
    if _CODE.fullmatch(code) is None:
        raise InvalidInput("code", "2 to 32 small letters, digits and hyphens, beginning with a letter")
    return code


def brand_name(text: str) -> str:
    """A name to show: not empty, at most 80 characters."""
    name = text.strip()
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidInput("name", "1 to 80 characters")
    return name


@cache
def time_zones() -> tuple[str, ...]:
    """The IANA zones named after a place, in alphabetical order."""
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))


def checked_policy(fields: PolicyFields) -> PolicyFields:
    """The policy if every field of it is possible."""
    checks = (
        ("display_name", 0 < len(fields.display_name.strip()) <= MAX_NAME, "1 to 80 characters"),
        ("display_name_en", len(fields.display_name_en) <= MAX_NAME, "80 characters at most"),
        ("default_locale", fields.default_locale in LOCALES, "Not a language of this house"),
        ("time_zone", fields.time_zone in time_zones(), "Not a time zone like Asia/Shanghai"),
        ("currency", is_currency(fields.currency), "Not a currency code like CNY"),
        ("after_sale_days", 0 <= fields.after_sale_days <= MAX_AFTER_SALE_DAYS, "Must be 0 to 29"),
        (
            "uncollected_days",
            fields.uncollected_days == 0
            or MIN_UNCOLLECTED_DAYS <= fields.uncollected_days <= MAX_UNCOLLECTED_DAYS,
            "Must be 0, or 7 to 365",
        ),
        ("link_window_days", 1 <= fields.link_window_days <= MAX_LINK_WINDOW_DAYS, "Must be 1 to 365"),
    )
    for field, is_right, message in checks:
        if not is_right:
            raise InvalidInput(field, message)
    return fields
