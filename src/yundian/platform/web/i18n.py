"""Translations: msgids are English, Simplified Chinese is the default, one catalogue per language.

Write ``from yundian.platform.web.i18n import gettext as _`` in pages and ``{{ _("...") }}`` in templates. The
language is that of the request in hand.
"""

from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from babel.core import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from yundian.platform.core import words
from yundian.platform.web.context import DEFAULT_LOCALE, current

LOCALES = ("zh_CN", "en")
COOKIE = "locale"
FOLDER = Path(__file__).parent / "locale"
DOMAIN = "yundian"

T = TypeVar("T")


def gettext(message: str, **values: object) -> str:
    """The message in the language of the request, with ``%(name)s`` filled from the keywords."""
    text = translations(current().locale).gettext(message)
    return text % values if values else text


def ngettext(singular: str, plural: str, number: int, **values: object) -> str:
    """The same for a counted thing; ``%(num)s`` is the number."""
    text = translations(current().locale).ngettext(singular, plural, number)
    return text % {"num": number, **values}


@lru_cache(maxsize=len(LOCALES))
def translations(locale: str) -> NullTranslations:
    """The catalogue of a language, compiled in memory from the .po: it can never be older than its source."""
    source = FOLDER / locale / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as file:
        catalogue = read_po(file, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


@lru_cache(maxsize=len(LOCALES))
def babel_locale(locale: str) -> Locale:
    return Locale.parse(locale)


def told(thing: T) -> T:
    """The same with what the brand calls its own in the language of the request; ``page`` does it by itself."""
    return words.told(thing, current().locale)


def choose(*, asked: str | None, cookie: str | None, accept_language: str) -> str:
    """The language of a request: asked for by ``?lang=``, else remembered, else what the browser prefers."""
    for wanted in (asked, cookie):
        if wanted in LOCALES:
            return str(wanted)
    preferred = [part.split(";")[0].strip() for part in accept_language.split(",")[:10]]
    found = negotiate_locale([p.replace("-", "_") for p in preferred if p], ["zh_CN", "zh", "en"])
    return "en" if found == "en" else DEFAULT_LOCALE


def html_language() -> str:
    """The value of ``<html lang>``."""
    return {"zh_CN": "zh-CN"}.get(current().locale, current().locale)
