"""The text of session tokens and API keys. The brand in them is a hint where to look, never a right."""

import base64
import binascii
import re
import uuid
from dataclasses import dataclass

KEY_PREFIX = "yk_"
CUSTOMER_PREFIX = "yc_"

_MAX_LENGTH = 200
_SAFE = re.compile(r"[A-Za-z0-9_\-]+")
_BRAND_BYTES = 16


@dataclass(frozen=True, slots=True, repr=False)
class SessionToken:
    """``<brand>.<secret>``; has no repr, so that it cannot slip into a log."""

    brand_id: uuid.UUID
    secret: str


@dataclass(frozen=True, slots=True, repr=False)
class KeyToken:
    """``yk_<key id>.<secret>``; a signed request tells the id only."""

    key_id: str
    secret: str


def session_token(text: str | None) -> SessionToken | None:
    """The parts of a session token, or ``None`` if it cannot be one."""
    if not text or len(text) > _MAX_LENGTH:
        return None
    brand, _, secret = text.partition(".")
    raw = decoded(brand)
    if raw is None or len(raw) != _BRAND_BYTES or not _SAFE.fullmatch(secret):
        return None
    return SessionToken(uuid.UUID(bytes=raw), secret)


def customer_token(text: str | None) -> SessionToken | None:
    """The parts of a customer's token (``yc_<brand>.<secret>``), or ``None`` if it cannot be one."""
    if not text or not text.startswith(CUSTOMER_PREFIX):
        return None
    return session_token(text.removeprefix(CUSTOMER_PREFIX))


def key_token(text: str) -> KeyToken | None:
    """The parts of an API key, or ``None`` if it cannot be one."""
    if len(text) > _MAX_LENGTH or not text.startswith(KEY_PREFIX):
        return None
    key_id, _, secret = text.removeprefix(KEY_PREFIX).partition(".")
    if not _SAFE.fullmatch(key_id) or not _SAFE.fullmatch(secret):
        return None
    return KeyToken(key_id, secret)


def key_id_of(text: str) -> str | None:
    """The id of ``yk_<key id>``, or ``None`` if there is a secret in it, or no id."""
    key_id = text.removeprefix(KEY_PREFIX)
    return key_id if text.startswith(KEY_PREFIX) and len(text) <= _MAX_LENGTH and _SAFE.fullmatch(key_id) else None


def encoded(value: bytes | uuid.UUID) -> str:
    """URL-safe base64 without padding."""
    raw = value.bytes if isinstance(value, uuid.UUID) else value
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes | None:
    """The bytes again, or ``None`` if the text is not base64."""
    if not _SAFE.fullmatch(text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
