"""Pure rules of the catalog: what a shade, a barcode and a price may look like, and what a search finds."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from babel.numbers import get_currency_precision, is_currency
from stdnum import ean
from stdnum.exceptions import ValidationError

from yundian.platform.core.errors import InvalidInput

TERM_LENGTH = 24
MAX_SEARCH_WORDS = 8
# Behind every text that starts so, since terms and codes hold nothing as high.
LAST = "\U0010ffff"
# Ten billion yuan: beyond every price tag, far below 64 bits.
MAX_PRICE_MINOR = 10**12
MAX_PICTURE_BYTES = 10 * 1024 * 1024

_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE)
_LONG_HEX = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
_TAG_SEPARATOR = re.compile(r"[,，、;；|]")
_AMOUNT = re.compile(r"(\d{1,3}(,\d{3})+|\d+)(\.\d+)?", re.ASCII)
_RUN = re.compile(
    r"(?P<ideographs>[\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+)|(?P<word>[^\W_\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+)"
)


def shade_hex(text: str, *, field: str = "shade_hex") -> str | None:
    """``#rrggbb`` in small letters; ``None`` for an empty text."""
    text = text.strip()
    if not text:
        return None
    match = _HEX.fullmatch(text)
    if match is None:
        raise InvalidInput(field, "Not a colour like #C04050")
    digits = match[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def barcode(text: str, *, field: str = "barcode") -> str | None:
    """A GTIN of 8, 12, 13 or 14 digits with a right check digit, without blanks; ``None`` for an empty text."""
    compact = ean.compact(text)
    if not compact:
        return None
    try:
        return str(ean.validate(compact))
    except ValidationError as error:
        raise InvalidInput(field, "Not a barcode: 8, 12, 13 or 14 digits with a right check digit") from error


def price_minor(text: str, currency: str, *, field: str = "price") -> int:
    """A price as people type it (``1,299.00``, ``￥88``) in minor units; refused rather than rounded."""
    cleaned = unicodedata.normalize("NFKC", text).strip().lstrip("¥").strip()
    if _AMOUNT.fullmatch(cleaned) is None:
        raise InvalidInput(field, "Not an amount")
    try:
        minor = Decimal(cleaned.replace(",", "")).scaleb(get_currency_precision(currency))
    except InvalidOperation as error:
        raise InvalidInput(field, "Not an amount") from error
    if minor != minor.to_integral_value():
        raise InvalidInput(field, "More decimals than the currency has")
    return checked_price(int(minor), field=field)


def checked_price(minor: int, *, field: str = "price_minor") -> int:
    """The price if something can be sold for it."""
    if minor <= 0:
        raise InvalidInput(field, "Must be more than zero")
    if minor > MAX_PRICE_MINOR:
        raise InvalidInput(field, "Too large")
    return minor


def currency(text: str, *, field: str = "currency") -> str:
    """An ISO 4217 code."""
    code = text.strip().upper()
    if not is_currency(code):
        raise InvalidInput(field, "Not a currency code like CNY")
    return code


def tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Trimmed, without empty ones and repeats, in alphabetical order."""
    return tuple(sorted({text.strip() for text in texts} - {""}))


def split_tags(text: str) -> list[str]:
    """The tags of a text that separates them by commas, semicolons or bars."""
    return [tag for part in _TAG_SEPARATOR.split(text) if (tag := part.strip())]


def tidy(text: str | None) -> str:
    """One line, single blanks."""
    return " ".join((text or "").split())


def first_colour(text: str | None) -> str | None:
    """The first ``#rrggbb`` in a foreign text (palettes list several); ``None`` when there is none."""
    match = _LONG_HEX.search(text or "")
    return match[0].lower() if match else None


def shade_sku_code(product_code: str, *, name: str, colour: str) -> str:
    """The code of a foreign shade that has none: the same shade of the same product, the same code."""
    digest = hashlib.sha256(f"{colour.lower()}|{name}".encode()).hexdigest()[:8].upper()
    return f"{product_code[:55]}-{digest}"


def search_terms(texts: Iterable[str]) -> frozenset[str]:
    """Everything a search may begin with: each word, and each place inside a run of Chinese.

    A search is then a prefix of one of these: the middle of a Chinese name is found, the middle of an English
    word is not.
    """
    found: set[str] = set()
    for text in texts:
        for match in _RUN.finditer(_folded(text)):
            run = match[0]
            places = range(len(run)) if match["ideographs"] else (0,)
            found.update(run[place : place + TERM_LENGTH] for place in places)
    return frozenset(found)


def search_words(query: str) -> tuple[str, ...]:
    """The prefixes that must all be found; empty when the query has neither letter nor digit."""
    words = dict.fromkeys(match[0][:TERM_LENGTH] for match in _RUN.finditer(_folded(query)))
    return tuple(words)[:MAX_SEARCH_WORDS]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
