"""What stands in quarantine names people: it is sealed, and known by a keyed hash."""

import re
from collections.abc import Mapping
from typing import Any, overload

import msgspec

from yundian.platform.core.crypto import Keyring, mask_phone

PURPOSE = "intake.quarantine"
COLUMNS = ("raw", "source", "raw_sealed", "source_sealed")

# A reason quotes the value that is wrong: a phone number in the wrong column, say.
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")


@overload
def seal(keyring: Keyring, text: str) -> bytes: ...
@overload
def seal(keyring: Keyring, text: str | None) -> bytes | None: ...
def seal(keyring: Keyring, text: str | None) -> bytes | None:
    """A text for the database; none stays none."""
    return None if text is None else keyring.seal(PURPOSE, text)


def opened(keyring: Keyring, row: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """The record's text and its columns. The release before wrote them open (``COLUMNS``)."""
    raw, source = row["raw"], row["source"]
    if row["raw_sealed"] is not None:
        raw = keyring.unseal(PURPOSE, row["raw_sealed"])
    if row["source_sealed"] is not None:
        source = keyring.unseal(PURPOSE, row["source_sealed"])
    return raw, msgspec.json.decode(source) if isinstance(source, str) else source


def known_by(keyring: Keyring, content_hash: bytes) -> bytes:
    """What a content is known by in the database: nobody guesses a short record from it without the key."""
    return keyring.blind_index(PURPOSE, content_hash.hex())


def file_known_by(keyring: Keyring, sha256: str) -> str:
    """The same for a file, of 64 signs: a short one may be a single record."""
    return keyring.blind_index("intake.file", sha256).hex()


def told(reason: str) -> str:
    """A reason as it is kept: without the phone numbers it quotes."""
    return _PHONE.sub(lambda found: mask_phone(found[0]), reason)
