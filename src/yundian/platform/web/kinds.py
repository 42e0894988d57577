"""What a validator says of a value, by kind: a stable code, and a sentence of ours in the reader's language.

msgspec gives a text and no kind. Its texts are a closed list of forms, each of which is known here; what a text
quotes of the caller's input is left out, what it says of the rule (a length, a bound, a pattern) is kept.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

INVALID = "invalid"
REQUIRED = "required"
UNKNOWN_FIELD = "unknown_field"
WRONG_TYPE = "wrong_type"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is wrong: a code that never changes, a msgid, and what stands in the sentence."""

    code: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)


class _Known:
    def __init__(self, pattern: str, text: str, code: str) -> None:
        self.pattern, self.text, self.code = re.compile(pattern, re.DOTALL), text, code


_ANYTHING = _Known(".*", "This is not a valid value", INVALID)
_OF_A_FORM = _Known(".*", "Enter a number", WRONG_TYPE)

_KNOWN = (
    _Known(r"Object missing required field .+", "Required", REQUIRED),
    _Known(r"Missing required \w+ parameter .+", "Required", REQUIRED),
    _Known(r"Object contains unknown field .+", "Unknown field", UNKNOWN_FIELD),
    _Known(
        r"Expected `(?:str|bytes)` of length >= (?P<number>\d+)", "At least %(number)s characters", "too_short"
    ),
    _Known(r"Expected `str` of length <= (?P<number>\d+)", "At most %(number)s characters", "too_long"),
    _Known(r"Expected `(?:array|object)` of length >= (?P<number>\d+)", "At least %(number)s entries", "too_few"),
    _Known(r"Expected `(?:array|object)` of length <= (?P<number>\d+)", "At most %(number)s entries", "too_many"),
    _Known(
        r"Expected `array` of (?:at least |at most )?length .+", "Not the right number of entries", "wrong_length"
    ),
    _Known(r"Expected `\w+` >= (?P<number>\S+)", "Not less than %(number)s", "too_small"),
    _Known(r"Expected `\w+` > (?P<number>\S+)", "More than %(number)s", "too_small"),
    _Known(r"Expected `\w+` <= (?P<number>\S+)", "Not more than %(number)s", "too_large"),
    _Known(r"Expected `\w+` < (?P<number>\S+)", "Less than %(number)s", "too_large"),
    _Known(r"Expected `\w+` that's a multiple of (?P<number>\S+)", "A multiple of %(number)s", "not_a_multiple"),
    _Known(r"Expected `str` matching regex '(?P<pattern>.+)'", "Must look like %(pattern)s", "wrong_form"),
    _Known(r"Expected `\w+` with a timezone component", "The time needs its offset, like +08:00", "no_offset"),
    _Known(r"Expected `\w+` with no timezone component", "The time must have no offset", "has_offset"),
    _Known(r"Invalid enum value .+|Invalid value .+", "None of the allowed values", "not_allowed"),
    _Known(r"Invalid RFC3339 encoded datetime", "A time, like 2026-11-22T10:00:00+08:00", WRONG_TYPE),
    _Known(r"Invalid RFC3339 encoded date", "A day, like 2026-11-22", WRONG_TYPE),
    _Known(r"Invalid RFC3339 encoded time", "A time of day, like 10:00:00", WRONG_TYPE),
    _Known(r"Invalid ISO8601 duration", "A duration, like PT1H30M", WRONG_TYPE),
    _Known(r"Invalid UUID.*|badly formed hexadecimal UUID string", "An id (UUID)", WRONG_TYPE),
    _Known(r"Invalid decimal string", "A number", WRONG_TYPE),
    _Known(r"Expected `.+`, got `null`", "A value is needed here", "null"),
    _Known(r"Expected `int\b.*", "A whole number", WRONG_TYPE),
    _Known(r"Expected `(?:float|decimal)\b.*", "A number", WRONG_TYPE),
    _Known(r"Expected `bool\b.*", "true or false", WRONG_TYPE),
    _Known(r"Expected `str\b.*", "A text", WRONG_TYPE),
    _Known(r"Expected `uuid\b.*", "An id (UUID)", WRONG_TYPE),
    _Known(r"Expected `datetime\b.*", "A time, like 2026-11-22T10:00:00+08:00", WRONG_TYPE),
    _Known(r"Expected `date\b.*", "A day, like 2026-11-22", WRONG_TYPE),
    _Known(r"Expected `time\b.*", "A time of day, like 10:00:00", WRONG_TYPE),
    _Known(r"Expected `array\b.*", "A list", WRONG_TYPE),
    _Known(r"Expected `object\b.*", "An object", WRONG_TYPE),
)

_NUMBERS = frozenset({"A whole number", "A number"})


def kind_of(text: str) -> Kind:
    """The kind that a validator's text stands for; one that is not known is just not valid."""
    for known in _KNOWN:
        found = known.pattern.fullmatch(text)
        if found is not None:
            return Kind(known.code, known.text, found.groupdict())
    return Kind(_ANYTHING.code, _ANYTHING.text)


def for_a_form(kind: Kind) -> Kind:
    """The same for somebody who fills in a field: it knows by itself whether it takes a day or a list."""
    if kind.text in _NUMBERS:
        return Kind(kind.code, _OF_A_FORM.text)
    if kind.code in (WRONG_TYPE, "not_allowed", "wrong_form", "no_offset", "has_offset"):
        return Kind(kind.code, _ANYTHING.text)
    return kind
