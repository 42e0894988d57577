"""Decisions without a database: what a phone is, what a code is, how often one may ask."""

import datetime as dt
import re
import secrets
import unicodedata

from yundian.platform.core.errors import InvalidInput

CODE_DIGITS = 6
CODE_LIFE = dt.timedelta(minutes=5)
CODE_TRIES = 5

# Ten codes a day with five tries each: fifty guesses a day among a million.
PHONE_GAP = dt.timedelta(seconds=60)
PHONE_PER_DAY = 10
# Whole towns sit behind one address of a mobile network.
ADDRESS_GAP = dt.timedelta(0)
ADDRESS_PER_DAY = 200
DAY = dt.timedelta(days=1)

# From our page to WeChat's and back.
WECHAT_TRIP = dt.timedelta(minutes=10)

# The text whose acceptance is recorded at sign-in; a new text has a new version.
TERMS = "terms"
TERMS_VERSION = "2026-01"

MAX_NICKNAME = 80
MAX_PICTURE_URL = 500

_CHINESE_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
_APP_ID = re.compile(r"wx[0-9a-f]{16}")
# base64 of 32 bytes, without its last sign.
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


def checked_phone(text: str) -> str:
    """The eleven digits of a Chinese mobile number, however it was written."""
    plain = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text))
    found = _CHINESE_MOBILE.fullmatch(plain)
    if not found:
        raise InvalidInput("phone", "Enter a mobile number of 11 digits")
    return found[1]


def new_code() -> str:
    """Six digits, unguessable."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


def checked_app_id(text: str) -> str:
    """An app's id as WeChat writes it."""
    if not _APP_ID.fullmatch(text):
        raise InvalidInput("app_id", "An app id is wx and 16 digits or letters a to f")
    return text


def check_aes_key(text: str) -> None:
    """The 43 characters of a key for pushes."""
    if not _AES_KEY.fullmatch(text):
        raise InvalidInput("aes_key", "The key for messages has 43 characters")


def shown_nickname(text: str) -> str:
    """What WeChat calls a person, bounded and printable."""
    return "".join(character for character in text if character.isprintable()).strip()[:MAX_NICKNAME]


def kept_picture(url: str) -> str:
    """The address of a picture, if it is one and fits."""
    is_address = url.startswith(("https://", "http://")) and len(url) <= MAX_PICTURE_URL
    return url if is_address else ""
