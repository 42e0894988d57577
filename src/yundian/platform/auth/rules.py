"""Decisions without a database: what a login is, what a password must be, where a sign-in may lead."""

import datetime as dt
import re
import unicodedata
from urllib.parse import urlsplit

from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Role

SESSION_IDLE = dt.timedelta(days=7)
SESSION_LIFE = dt.timedelta(days=30)
# A session in use slides forward at most once in this time, so that reading costs no write.
SESSION_SLIDE_EVERY = dt.timedelta(hours=1)

# Customers come back by links over months, and what they may do is their own.
CUSTOMER_IDLE = dt.timedelta(days=60)
CUSTOMER_LIFE = dt.timedelta(days=180)

MAX_TRIES = 10
LOCK = dt.timedelta(minutes=15)
TICKET_LIFE = dt.timedelta(minutes=5)

MIN_PASSWORD = 10
MAX_PASSWORD = 128
RECOVERY_CODES = 10

_LOGIN = re.compile(r"[\w.@+\-]{3,120}")
_CHINESE_PHONE = re.compile(r"(?:\+?86)?(1\d{10})")
_MAX_PATH = 500


def has_to_slide(expires_at: dt.datetime, *, ends_at: dt.datetime, idle: dt.timedelta, now: dt.datetime) -> bool:
    """Whether a session that is used now has to live on longer than it would."""
    return expires_at < min(now + idle - SESSION_SLIDE_EVERY, ends_at)


def normalised_login(login: str) -> str:
    """One spelling per login: width, case, spaces, and the ways to write a Chinese mobile number."""
    text = re.sub(r"\s", "", unicodedata.normalize("NFKC", login)).casefold()
    phone = _CHINESE_PHONE.fullmatch(text.replace("-", ""))
    return phone.group(1) if phone else text


def checked_login(login: str) -> str:
    """The normalised login of a new account: an e-mail address, a phone number or a plain name."""
    text = normalised_login(login)
    if not _LOGIN.fullmatch(text):
        raise InvalidInput("login", "3 to 120 letters, digits or . @ + - _")
    return text


def check_password(password: str, *, login: str) -> None:
    """Length is what makes a password strong; it must not be the login."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInput(
            "new_password", "%(least)s to %(most)s characters", least=MIN_PASSWORD, most=MAX_PASSWORD
        )
    if normalised_login(password) == login or len(set(password)) < 4:
        raise InvalidInput("new_password", "too easy to guess")


def checked_name(name: str) -> str:
    """A display name as a person writes it, without what cannot be printed."""
    text = name.strip()
    if not text or len(text) > 80 or not text.isprintable():
        raise InvalidInput("display_name", "1 to 80 characters")
    return text


def is_grantable(role: Role, *, has_shop: bool) -> bool:
    """HQ roles cover the brand, shop roles one shop each."""
    return role.is_hq is not has_shop


def safe_return_path(path: str | None, *, default: str = "/") -> str:
    """Where to go after signing in: a path of this site, never another site's address."""
    if not path or len(path) > _MAX_PATH or not path.isprintable():
        return default
    # Browsers read a backslash as a slash, and "//host" as another site.
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return default
    parts = urlsplit(path)
    return default if parts.scheme or parts.netloc else path


def shown_user_agent(text: str) -> str:
    """What a person recognises her device by, bounded and printable."""
    return "".join(character for character in text if character.isprintable())[:120]
