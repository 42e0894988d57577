"""Ids and the codes people see: ids are time-ordered, codes are unguessable."""

import datetime as dt
import hashlib
import secrets
import uuid

from uuid_utils.compat import uuid7

# No 0/O, 1/I/L: these are read aloud and typed on phones.
_READABLE = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_EVEN = 256 - 256 % len(_READABLE)


def new_id() -> uuid.UUID:
    """A UUIDv7: unique, and ordered by time so that index pages stay warm."""
    return uuid7()


def first_id_at(moment: dt.datetime) -> uuid.UUID:
    """The bound between ids made before and after a moment, as makers' clocks have it; none was before 1970."""
    return uuid.UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def readable_code(length: int) -> str:
    """An unguessable code of capital letters and digits without look-alikes (about 4.95 bits a place)."""
    places: list[str] = []
    while len(places) < length:
        # Bytes beyond the last whole multiple would favour the first letters.
        places += [_READABLE[byte % len(_READABLE)] for byte in secrets.token_bytes(2 * length) if byte < _EVEN]
    return "".join(places[:length])


def secret_token() -> str:
    """256 bits of randomness, URL-safe; stored only as its hash."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored of a secret token. A plain hash is enough: the token has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()
