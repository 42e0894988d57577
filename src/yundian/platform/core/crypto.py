"""What one master key does: encrypt personal data at rest, and index it blindly.

Sub-keys are derived with HKDF per purpose, so no two uses share a key.
"""

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12


class Keyring:
    """Derives every key the house uses from the master key (32 bytes)."""

    def __init__(self, master: bytes) -> None:
        if len(master) < 32:
            raise ValueError("the master key must have at least 32 bytes")
        self._derive = lru_cache(maxsize=64)(lambda purpose: _hkdf(master, purpose))
        self._cipher = lru_cache(maxsize=64)(lambda purpose: AESGCM(self.key(f"encrypt:{purpose}")))

    def key(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        return self._derive(purpose)

    def blind_index(self, kind: str, value: str) -> bytes:
        """A keyed hash to look a secret value up by, without storing it."""
        return hmac.new(self.key(f"blind:{kind}"), value.encode(), hashlib.sha256).digest()

    def encrypt(self, purpose: str, text: str) -> bytes:
        """AES-256-GCM; the nonce is stored in front."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher(purpose).encrypt(nonce, text.encode(), purpose.encode())

    def decrypt(self, purpose: str, sealed: bytes) -> str:
        """The text again; raises ``cryptography.exceptions.InvalidTag`` if it was changed."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher(purpose).decrypt(nonce, body, purpose.encode()).decode()


def _hkdf(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"yundian:" + purpose.encode()).derive(master)


def mask_phone(phone: str) -> str:
    """``138****8000``: enough for a person to recognise her own number on a screen."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 8 else "****"
