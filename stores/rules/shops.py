"""What a shop's fields must be."""

import re
from functools import cache
from zoneinfo import available_timezones

from stores.types import ShopFields
from yundian.platform.core.errors import InvalidInput

_PHONE = re.compile(r"[0-9+()\-–/.,; 转extEXT]*")
_COUNTRY = re.compile("[A-Z]{2}")


@cache
def time_zones() -> tuple[str, ...]:
    """The IANA zones named after a place, in alphabetical order."""
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))


@cache
def _zone_set() -> frozenset[str]:
    return frozenset(time_zones())


def problem_of(fields: ShopFields) -> tuple[str, str] | None:
    """The first field that is wrong, with the reason."""
    checks = (
        ("code", fields.code == fields.code.strip() != "", "must not be empty or padded"),
        ("name", fields.name.strip() != "", "must not be empty"),
        ("time_zone", fields.time_zone in _zone_set(), "not a time zone like Asia/Shanghai"),
        ("country", _COUNTRY.fullmatch(fields.country) is not None, "not a country code like CN"),
        ("phone", _PHONE.fullmatch(fields.phone) is not None, "not a phone number"),
        ("longitude", (fields.latitude is None) == (fields.longitude is None), "give both coordinates or none"),
    )
    return next(((field, message) for field, is_right, message in checks if not is_right), None)


def checked(fields: ShopFields) -> ShopFields:
    """The fields if all are possible, else ``InvalidInput`` naming the first that is not."""
    problem = problem_of(fields)
    if problem is not None:
        raise InvalidInput(*problem)
    return fields
