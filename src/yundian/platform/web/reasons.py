"""Why a record of a file was not taken in, in the reader's language.

What is kept is a sentence of the code (a msgid), and what stands in it where it quotes something. Rows of releases
before, and what a library said, are shown as they are where nothing is known about them.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

from yundian.platform.web.i18n import gettext as _


class Told(Protocol):
    """A quarantined record: its sentence, and the words of it."""

    reason: str
    told: dict[str, Any] | None


class Found(Protocol):
    """A problem that was met a moment ago."""

    @property
    def reason(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, str | int]: ...


def reason_of(one: Told | Found) -> str:
    """The sentence in the language of the request."""
    told = getattr(one, "told", None) or {}
    text, facts = told.get("text") or getattr(one, "text", ""), told.get("facts") or getattr(one, "facts", {})
    if not text:
        return said(one.reason)
    if isinstance(facts.get("message"), str):
        facts = {**facts, "message": said(facts["message"])}
    try:
        return _(text) % facts
    except (KeyError, TypeError, ValueError):  # a translation that fits another release's words
        return one.reason


def said(message: str) -> str:
    """A sentence without blanks: one of ours, or one that quotes something, or the validator's, in known words."""
    if not message:
        return ""
    translated = _(message)
    if translated != message:
        return translated
    for known in _KNOWN:
        found = known.pattern.fullmatch(message)
        if found is not None:
            return _(known.text) % found.groupdict()
    return message


class Said:
    """A sentence that was put together elsewhere: how it reads, and its msgid with the same names."""

    def __init__(self, pattern: str, text: str) -> None:
        self.pattern, self.text = re.compile(pattern, re.DOTALL), text


# What msgspec says of a value, whose words are part of its own tests; then what is wrong with a mapping.
_KNOWN = (
    Said(r"Object missing required field `(?P<name>.+)`", "the field %(name)s is missing"),
    Said(r"Object contains unknown field `(?P<name>.+)`", "there is no field %(name)s"),
    Said(r"Invalid enum value (?P<value>.+)", "%(value)s is none of the allowed words"),
    Said(r"Expected `(?:str|array)` of length <= (?P<number>\d+)", "at most %(number)s long"),
    Said(r"Expected `(?:str|array)` of length >= (?P<number>\d+)", "at least %(number)s long"),
    Said(r"Expected `(?:int|float)` <= (?P<number>-?[\d.]+)", "at most %(number)s"),
    Said(r"Expected `(?:int|float)` >= (?P<number>-?[\d.]+)", "at least %(number)s"),
    Said(r"Expected `str` matching regex (?P<pattern>.+)", "must look like %(pattern)s"),
    Said(r"Expected `.+`, got `null`", "a value is required"),
    Said(r"Expected `(?P<wanted>.+)`, got `(?P<got>.+)`", "is %(got)s where %(wanted)s is needed"),
    Said(r"Invalid RFC3339 encoded datetime", "is no time (2026-11-22T10:00:00+08:00)"),
    Said(r"Invalid RFC3339 encoded date", "is no date (2026-11-22)"),
    Said(r"Expected `datetime` with a timezone component", "a time needs its offset (+08:00)"),
    Said(r"(?P<kind>\S+) has no such field", "%(kind)s has no such field"),
    Said(r"(?P<kind>\S+) needs this field", "%(kind)s needs this field"),
    Said(r"larger than (?P<bytes>\d+) bytes", "longer than %(bytes)s bytes"),
    Said(r"not TOML: (?P<error>.+)", "not TOML: %(error)s"),
    Said(r"no table lookups\.(?P<name>.+)", "there is no table lookups.%(name)s"),
    Said(r"is an (?P<type>\S+): it has no source of its own", "is an %(type)s: it has no source of its own"),
    Said(r"go with type (?P<types>.+), and only with it", "go with type %(types)s, and only with it"),
    Said(r"not a regular expression: (?P<error>.+)", "not a regular expression: %(error)s"),
    Said(r"(?P<value>.+) is not supported", "%(value)s is not supported"),
    Said(r"(?P<value>.+) is not an IANA zone", "%(value)s is not an IANA zone"),
    Said(r"(?P<format>.+) is no format of a date", "%(format)s is no format of a date"),
    Said(r"cannot be read: (?P<error>.+)", "cannot be read: %(error)s"),
    Said(r"(?P<text>.+) is not a formula of this language", "%(text)s is not a formula of this language"),
    Said(r"there is no value (?P<name>.+)", "there is no value %(name)s"),
    Said(r"(?P<text>.+) uses an unknown operator", "%(text)s uses an unknown operator"),
    Said(r"(?P<text>.+) is not a function", "%(text)s is not a function"),
    Said(r"(?P<name>\w+) takes one value", "%(name)s takes one value"),
)
