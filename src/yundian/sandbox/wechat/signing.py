"""Signatures of WeChat Pay v2 and of message pushes, and the ciphers of both."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.padding import PKCS7

MD5, HMAC_SHA256 = "MD5", "HMAC-SHA256"
_PUSH_BLOCK_BITS = 256  # WeChat pads to 32 bytes, not to AES's 16
_RANDOM_BYTES = 16
_LENGTH_BYTES = 4


class Undecipherable(ValueError):
    """The text was not encrypted with this key for this app."""


def pay_signature(fields: Mapping[str, object], api_key: str, sign_type: str) -> str:
    """Of all fields that are not empty, except ``sign``."""
    pairs = (f"{name}={fields[name]}" for name in sorted(fields) if name != "sign" and fields[name] != "")
    text = "&".join([*pairs, f"key={api_key}"]).encode()
    if sign_type == HMAC_SHA256:
        return hmac.new(api_key.encode(), text, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(text).hexdigest().upper()  # noqa: S324  (the protocol's own)


def is_pay_signature(fields: Mapping[str, str], api_key: str, sign_type: str) -> bool:
    return hmac.compare_digest(pay_signature(fields, api_key, sign_type).encode(), fields.get("sign", "").encode())


def seal_refund_info(plain: bytes, api_key: str) -> str:
    """``req_info`` of a refund notice: AES-256-ECB under the hexadecimal MD5 of the key."""
    key = hashlib.md5(api_key.encode()).hexdigest().encode()  # noqa: S324
    padder = PKCS7(AES.block_size).padder()
    padded = padder.update(plain) + padder.finalize()
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def push_signature(*parts: str) -> str:
    """SHA-1 over the sorted parts: token, timestamp, nonce and, in safe mode, the cipher text."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324


def seal_push(plain: bytes, *, aes_key: str, appid: str) -> str:
    """A message in safe mode: random, length, text, app id; AES-256-CBC."""
    framed = secrets.token_bytes(_RANDOM_BYTES) + len(plain).to_bytes(_LENGTH_BYTES) + plain + appid.encode()
    padder = PKCS7(_PUSH_BLOCK_BITS).padder()
    padded = padder.update(framed) + padder.finalize()
    encryptor = _push_cipher(aes_key).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def open_push(sealed: str, *, aes_key: str, appid: str) -> bytes:
    """The text of a message in safe mode. Raises ``Undecipherable``."""
    try:
        decryptor = _push_cipher(aes_key).decryptor()
        padded = decryptor.update(base64.b64decode(sealed)) + decryptor.finalize()
        unpadder = PKCS7(_PUSH_BLOCK_BITS).unpadder()
        framed = unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise Undecipherable(str(error)) from error
    start = _RANDOM_BYTES + _LENGTH_BYTES
    end = start + int.from_bytes(framed[_RANDOM_BYTES:start])
    if framed[end:] != appid.encode():
        raise Undecipherable("for another app")
    return framed[start:end]


def _push_cipher(aes_key: str) -> Cipher[CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(AES(key), CBC(key[:16]))
