"""The second factor: six digits of an authenticator app (RFC 6238), or a recovery code."""

import datetime as dt
import hmac

import pyotp

from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import readable_code

PURPOSE = "auth.totp"
_PERIOD_S = 30
# Phones run a little fast or slow: the step before and the step after count as well.
_STEPS = (0, -1, 1)


def new_secret() -> str:
    return pyotp.random_base32()


def provisioning_uri(secret: str, *, login: str, issuer: str) -> str:
    """What the authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def matching_step(secret: str, code: str, now: dt.datetime) -> int | None:
    """The 30-second step the code belongs to, or ``None``; compares in constant time."""
    totp = pyotp.TOTP(secret, interval=_PERIOD_S)
    current = int(now.timestamp()) // _PERIOD_S
    found = None
    for offset in _STEPS:
        right = totp.generate_otp(current + offset)
        if hmac.compare_digest(right.encode(), code.strip().encode()):
            found = current + offset
    return found


def new_recovery_code() -> str:
    """About 49 bits, in two groups."""
    return f"{readable_code(5)}-{readable_code(5)}"


def recovery_hash(keyring: Keyring, code: str) -> bytes:
    """Keyed, since a code is short enough to try them all."""
    return keyring.blind_index("auth.recovery", code.upper().replace("-", "").replace(" ", ""))
