"""Decisions without a database: what a phone is, what a code is, how often one may ask."""

import datetime as dt
import re
import secrets
import unicodedata

from yundian.members.types import IdentityKind, Known
from yundian.platform.core.crypto import mask_phone
from yundian.platform.core.errors import InvalidInput

CODE_DIGITS = 6
CODE_LIFE = dt.timedelta(minutes=5)
CODE_TRIES = 5
# Whoever taps twice sends a form twice, and her browser shows the second answer only: so soon it is the same act.
SAME_TAP = dt.timedelta(seconds=15)

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

MAX_NUMBER = 120

# What says more about a person comes first, for everybody: it decides, and nobody waits in a circle.
STRENGTH = (
    IdentityKind.UNIONID,
    IdentityKind.OPENID,
    IdentityKind.PHONE,
    IdentityKind.CARD,
    IdentityKind.MEMBER_NO,
    IdentityKind.MARKETPLACE,
)
_SHORT_NUMBER, _LONG_NUMBER = 3, 10
# Nobody's system but the brand's own: their scope says nothing.
_OWN_SCOPE = frozenset({IdentityKind.UNIONID, IdentityKind.PHONE})

_CHINESE_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})")
_APP_ID = re.compile(r"wx[0-9a-f]{16}")
_WECHAT_ID = re.compile(r"[A-Za-z0-9_-]{6,64}")
# base64 of 32 bytes, without its last sign.
_AES_KEY = re.compile(r"[A-Za-z0-9+/]{43}")


def checked_phone(text: str) -> str:
    """The eleven digits of a Chinese mobile number, however it was written."""
    plain = re.sub(r"[\s\-()]", "", unicodedata.normalize("NFKC", text))
    found = _CHINESE_MOBILE.fullmatch(plain)
    if not found:
        raise InvalidInput("phone", "Enter a mobile number of 11 digits")
    return found[1]


def known_as(kind: IdentityKind, value: str, *, scope: str = "") -> Known | None:
    """An identity as another system writes it; ``None`` when it cannot be one: empty, masked, not of its form."""
    plain = unicodedata.normalize("NFKC", value).strip()
    if kind is IdentityKind.PHONE:
        try:
            plain = checked_phone(plain)
        except InvalidInput:
            return None
    elif kind in (IdentityKind.UNIONID, IdentityKind.OPENID):
        if not _WECHAT_ID.fullmatch(plain):
            return None
    elif not plain or "*" in plain or len(plain) > MAX_NUMBER or not plain.isprintable():
        return None
    return Known(kind, plain, "" if kind in _OWN_SCOPE else scope)


def is_phone(text: str) -> bool:
    return known_as(IdentityKind.PHONE, text) is not None


def masked(kind: IdentityKind, value: str) -> str:
    """Enough to compare with what a person shows, too little to use."""
    if kind is IdentityKind.PHONE:
        return mask_phone(value)
    shown = 4 if len(value) >= _LONG_NUMBER else 2 if len(value) > _SHORT_NUMBER else 1
    return "****" + value[-shown:]


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
