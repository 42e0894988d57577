"""What one master key does: encrypt personal data at rest, and index it blindly.

Sub-keys are derived with HKDF per purpose, so no two uses share a key.
"""

import hashlib
import hmac
import os
import zlib
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
# Shorter texts do not get smaller; the fast level gets most of what is to be had.
_SQUEEZED_FROM = 200
_LEVEL = 1
_PLAIN, _SQUEEZED = b"\0", b"\1"


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
        return self.encrypt_bytes(purpose, text.encode())

    def decrypt(self, purpose: str, sealed: bytes) -> str:
        """The text again; raises ``cryptography.exceptions.InvalidTag`` if it was changed."""
        return self.decrypt_bytes(purpose, sealed).decode()

    def encrypt_bytes(self, purpose: str, data: bytes) -> bytes:
        """The same for bytes."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher(purpose).encrypt(nonce, data, purpose.encode())

    def decrypt_bytes(self, purpose: str, sealed: bytes) -> bytes:
        """The bytes again; raises ``cryptography.exceptions.InvalidTag`` if they were changed."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher(purpose).decrypt(nonce, body, purpose.encode())

    def seal(self, purpose: str, text: str) -> bytes:
        """Encrypt a text of any length, squeezed first where that saves something: a database cannot afterwards.

        Halves of characters, which broken files have, are kept. Its length tells how well it could be squeezed:
        not for texts that mix a secret with what a stranger chooses and watches.
        """
        data = text.encode("utf-8", "surrogatepass")
        body = _PLAIN + data if len(data) < _SQUEEZED_FROM else _SQUEEZED + zlib.compress(data, _LEVEL)
        return self.encrypt_bytes(purpose, body)

    def unseal(self, purpose: str, sealed: bytes) -> str:
        """The text that ``seal`` was given; raises ``cryptography.exceptions.InvalidTag`` if it was changed."""
        body = self.decrypt_bytes(purpose, sealed)
        data = zlib.decompress(body[1:]) if body[:1] == _SQUEEZED else body[1:]
        return data.decode("utf-8", "surrogatepass")


def _hkdf(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"yundian:" + purpose.encode()).derive(master)


def mask_phone(phone: str) -> str:
    """``138****8000``: enough for a person to recognise her own number on a screen."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 8 else "****"
