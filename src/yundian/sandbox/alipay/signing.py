"""RSA2 over sorted parameters and over the raw text of a reply."""

import base64
import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from yundian.sandbox.accounts import AlipayApp
from yundian.sandbox.faults import Fault, Plan


def sign_content(params: Mapping[str, str], *, without: frozenset[str] = frozenset({"sign"})) -> bytes:
    """``k=v&k=v``, sorted, raw values, without empty ones."""
    pairs = (f"{name}={params[name]}" for name in sorted(params) if name not in without and params[name] != "")
    return "&".join(pairs).encode()


def notice_content(params: Mapping[str, str]) -> bytes:
    """A notice (and a return address) leaves ``sign_type`` out as well, but keeps empty values."""
    pairs = (f"{name}={params[name]}" for name in sorted(params) if name not in {"sign", "sign_type"})
    return "&".join(pairs).encode()


def sign(app: AlipayApp, content: bytes, plan: Plan) -> str:
    """The gateway's signature; a weak one where the plan says so."""
    strength = hashes.SHA1() if plan.has(Fault.WEAK) else hashes.SHA256()  # noqa: S303  (a forged signature)
    return base64.b64encode(_key(app.gateway_private_key).sign(content, PKCS1v15(), strength)).decode()


def is_signed_by_app(app: AlipayApp, content: bytes, signature: str) -> bool:
    """SHA-256 only."""
    try:
        public = _key(app.app_private_key_pkcs8).public_key()
        public.verify(base64.b64decode(signature), content, PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def envelope(app: AlipayApp | None, node: str, content: Mapping[str, object], plan: Plan) -> bytes:
    """The reply: serialised once, signed as that text, never serialised again. Slashes are escaped, as there."""
    raw = json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    signature = "" if app is None or plan.has(Fault.UNSIGNED) else sign(app, raw.encode(), plan)
    if plan.has(Fault.TAMPERED):
        raw = raw.replace('"msg":"', '"msg":"~', 1)
    tail = f',"sign":"{signature}"' if signature else ""
    return f'{{"{node}":{raw}{tail}}}'.encode()


@lru_cache(maxsize=512)
def _key(pem: str) -> RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("an RSA key is needed")
    return key
