"""RSA keys of an Alipay account, loaded once, and SHA-256 signatures with them. Nothing weaker is accepted."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from yundian.payments.errors import BadCredentials

_SHORTEST_KEY_BITS = 2048


def load_private_key(text: str) -> RSAPrivateKey:
    """PKCS#1 or PKCS#8, PEM or bare base64. Raises ``BadCredentials``."""
    try:
        key = (
            load_pem_private_key(text.strip().encode(), password=None)
            if "-----BEGIN" in text
            else load_der_private_key(_body(text), password=None)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadCredentials(field="private_key") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < _SHORTEST_KEY_BITS:
        raise BadCredentials(field="private_key")
    return key


def load_public_key(text: str) -> RSAPublicKey:
    """PEM or bare base64. Raises ``BadCredentials``."""
    try:
        key = (
            load_pem_public_key(text.strip().encode())
            if "-----BEGIN" in text
            else load_der_public_key(_body(text))
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadCredentials(field="alipay_public_key") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_KEY_BITS:
        raise BadCredentials(field="alipay_public_key")
    return key


def sign(key: RSAPrivateKey, content: bytes) -> str:
    """About a millisecond of CPU; releases the interpreter lock."""
    return base64.b64encode(key.sign(content, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, content: bytes, signature: str) -> bool:
    """Whether the signature over exactly this content is the key's, with SHA-256."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _body(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
