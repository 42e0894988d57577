"""What a brand calls its own things, in the reader's language (ADR 0029).

A name that HQ gave stands in ``name``, what it is called in English beside it in ``name_en``, empty where nobody
said it. Both travel together as far as the reader: only there is it known which language she reads.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

ENGLISH = "en"
_BESIDE = "_en"

T = TypeVar("T")


class Bilingual(msgspec.Struct, frozen=True):
    """A view of which some fields have English beside them; forms, which show both, are none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """One such text for what is read later, when the reader is known. ``en`` may be empty."""

    own: str
    en: str = ""

    def text(self, locale: str) -> str:
        """The English words to who reads English, where there are any."""
        return self.en if self.en and locale == ENGLISH else self.own


def told(thing: T, locale: str) -> T:
    """The same for a reader of ``locale``: each ``Bilingual`` in it, however deep, says what she understands.

    What holds nothing of the kind comes back itself.
    """
    return _in_english(thing) if locale == ENGLISH else thing


def _in_english(thing: Any) -> Any:
    if isinstance(thing, msgspec.Struct):
        changes = _changed({name: getattr(thing, name) for name in thing.__struct_fields__})
        if isinstance(thing, Bilingual):
            changes |= {name: said for name, beside in _pairs(type(thing)) if (said := getattr(thing, beside))}
        return msgspec.structs.replace(thing, **changes) if changes else thing
    if isinstance(thing, Mapping):
        changes = _changed(thing)
        return {**thing, **changes} if changes else thing
    if isinstance(thing, (list, tuple)):
        return _each(thing)
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        changes = _changed({each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)})
        return dataclasses.replace(thing, **changes) if changes else thing
    return thing


def _changed(fields: Mapping[Any, Any]) -> dict[Any, Any]:
    after = {name: _in_english(value) for name, value in fields.items()}
    return {name: value for name, value in after.items() if value is not fields[name]}


def _each(things: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    after = [_in_english(one) for one in things]
    if all(new is old for new, old in zip(after, things, strict=True)):
        return things
    if isinstance(things, list):
        return after
    return type(things)(*after) if hasattr(things, "_fields") else tuple(after)


@cache
def _pairs(kind: type[Bilingual]) -> tuple[tuple[str, str], ...]:
    names = kind.__struct_fields__
    return tuple((name, name + _BESIDE) for name in names if name + _BESIDE in names)
