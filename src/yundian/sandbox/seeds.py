"""Numbers and ids that look random and are the same for the same seed."""

import base64
import hashlib


def derived(*parts: object) -> bytes:
    """32 bytes that depend on all parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()


def digits(length: int, *parts: object) -> str:
    """A decimal number with exactly this many places."""
    return str(int.from_bytes(derived(*parts)) % 10**length).zfill(length)


def hexadecimal(length: int, *parts: object) -> str:
    return derived(*parts).hex()[:length]


def letters(length: int, *parts: object) -> str:
    """URL-safe letters, digits, ``-`` and ``_``, of any length."""
    text = ""
    while len(text) < length:
        text += base64.urlsafe_b64encode(derived(len(text), *parts)).decode().rstrip("=")
    return text[:length]
