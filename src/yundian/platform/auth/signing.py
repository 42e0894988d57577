"""Requests that another system signs with its key, by the scheme of Standard Webhooks (standardwebhooks.com).

``Authorization: Bearer yk_<id>`` says whose key it is; its secret never travels. ``webhook-signature`` holds
``v1,<base64>`` of HMAC-SHA256, keyed with the secret's bytes, over ``<webhook-id>.<webhook-timestamp>.<body>``.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from yundian.platform.auth import repository
from yundian.platform.auth.errors import RequestReplayed, SignatureExpired
from yundian.platform.core import clock
from yundian.platform.db.database import Tx

# As the scheme's own libraries have it: a clock may be wrong by so much, and a signature is good for so long.
TOLERANCE = dt.timedelta(minutes=5)

# The ``opt`` of routes that signed requests may call; whether an unsigned one may is the handler's business.
SIGNABLE = {"is_signable": True}

_ID = re.compile(r"[\x21-\x7e]{1,256}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request's headers say about its signature. ``mac`` is the one that was right, once it was checked."""

    id: str
    timestamp: str
    signatures: tuple[bytes, ...]
    mac: bytes = b""

    @property
    def signed_at(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(int(self.timestamp), dt.UTC)


def read(headers: Mapping[str, str]) -> Signed | None:
    """The signature of a request; none when a header is missing or no signature at all."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        return None
    # While a key changes, a sender may sign with the old one and the new one.
    found = [_mac(part) for part in headers.get("webhook-signature", "").split(" ")[:4]]
    signatures = tuple(mac for mac in found if mac is not None)
    return Signed(message_id, timestamp, signatures) if signatures else None


def mac_of(*, secret: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    """HMAC-SHA256 over what the scheme signs."""
    return hmac.new(secret.encode(), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()


def checked(signed: Signed, *, secret: str, body: bytes) -> Signed | None:
    """The same with its ``mac`` when it is right, none when it is wrong.

    Raises:
        SignatureExpired: right, but made too long ago or in the future. Only who holds the secret is told.
    """
    mac = mac_of(secret=secret, message_id=signed.id, timestamp=signed.timestamp, body=body)
    if not any([hmac.compare_digest(mac, one) for one in signed.signatures]):  # noqa: C419  all, whichever is right
        return None
    now = clock.now()
    if abs(now.timestamp() - int(signed.timestamp)) > TOLERANCE.total_seconds():
        raise SignatureExpired(server_time=now.isoformat(timespec="seconds"), tolerance_s=TOLERANCE.seconds)
    return Signed(signed.id, signed.timestamp, signed.signatures, mac)


async def use_once(tx: Tx, signed: Signed) -> None:
    """Spend the signature in the transaction of what it asks for: undone with it, and good for nothing after it.

    Raises:
        RequestReplayed: it was spent before, or is being spent this moment by a request that went through.
    """
    if not await repository.spend_signature(tx, mac=signed.mac, signed_at=signed.signed_at, keep=2 * TOLERANCE):
        raise RequestReplayed(webhook_id=signed.id)


def _mac(part: str) -> bytes | None:
    version, _, text = part.partition(",")
    if version != _VERSION:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
