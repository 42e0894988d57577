"""What a browser carries for us between two requests: sealed, for one purpose, and not for long."""

import base64
import binascii
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag

from yundian.platform.core.crypto import Keyring

T = TypeVar("T")

_MAX_LENGTH = 4000


def seal(keyring: Keyring, purpose: str, value: msgspec.Struct) -> str:
    """The value as text that only we can read."""
    raw = keyring.encrypt(purpose, msgspec.json.encode(value).decode())
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unseal(keyring: Keyring, purpose: str, text: str, kind: type[T]) -> T | None:
    """The value again, or ``None`` if we did not seal it for this purpose."""
    if not text or len(text) > _MAX_LENGTH or not text.isascii():
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(keyring.decrypt(purpose, raw), type=kind)
    except (binascii.Error, InvalidTag, ValueError, msgspec.MsgspecError):
        return None
