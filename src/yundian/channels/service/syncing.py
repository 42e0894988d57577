"""Documents over HTTP: each is read alone, and all of a batch are taken in by one transaction.

What cannot be taken in is kept in quarantine to the letter, in the same transaction.
"""

import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from yundian.channels.service import channels
from yundian.channels.service.taking import take_each
from yundian.channels.types import OrderDocument, Outcome, Received
from yundian.platform.auth.api import Signed, use_signature_once
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.intake.repository import records as intake
from yundian.platform.intake.types import Problem

MAX_DOCUMENTS = 100
MAX_BODY_BYTES = 4 * 1024 * 1024

# The kind of its quarantine, and the name of its runs (one a day and channel).
KIND = "channels.sync"
RUN_NAME = "POST /v1/orders/sync"

_UNSTORABLE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one document; ``problem`` says why it was quarantined."""

    external_id: str
    outcome: Outcome
    problem: Problem | None = None


@dataclass(slots=True)
class _Item:
    raw: bytes
    document: OrderDocument | None = None
    external_id: str = ""
    outcome: Outcome = Outcome.REFUSED
    problem: Problem | None = None


class _Named(msgspec.Struct, frozen=True):
    external_id: str = ""


_documents = msgspec.json.Decoder(OrderDocument)
_names = msgspec.json.Decoder(_Named)


async def sync(
    database: Database,
    *,
    brand: uuid.UUID,
    keyring: Keyring,
    channel: str,
    documents: Sequence[bytes],
    signed: Signed,
) -> list[Synced]:
    """Take in what can be taken in; the outcomes stand in the order of the documents, and are committed.

    Raises:
        ChannelUnknown, ChannelPaused: nothing is taken in.
        RequestReplayed: the very same request was here before.
    """
    items = [read(raw) for raw in documents]
    async with database.connection(brand) as tx:
        await use_signature_once(tx, signed)
        await channels.check_open(tx, code=channel)
        await _take_in(tx, keyring, channel, [item for item in items if item.document is not None])
        await _hold(tx, channel, [item for item in items if item.problem is not None])
        step("channels.batch_taken_in")
    step("channels.batch_committed")
    return [Synced(item.external_id, item.outcome, item.problem) for item in items]


def read(raw: bytes) -> _Item:
    """A document, or what is wrong with it and where."""
    try:
        document = _documents.decode(raw)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at ")
        place = path.strip("`").removeprefix("$").lstrip(".")
        return _Item(raw, external_id=_name(raw), problem=Problem("channels.invalid_value", reason, place))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not str(error):
            return _Item(raw, problem=Problem("channels.not_json", "nested too deeply"))
        return _Item(raw, problem=Problem("channels.not_json", str(error)))
    if _UNSTORABLE.search(raw):
        problem = Problem("channels.unstorable_text", "contains a NUL character")
        return _Item(raw, external_id=document.external_id.replace("\0", ""), problem=problem)
    return _Item(raw, document=document, external_id=document.external_id)


def text_of(raw: bytes) -> str:
    """The document as it was sent, as text that can be stored."""
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


async def _take_in(tx: Tx, keyring: Keyring, channel: str, items: list[_Item]) -> None:
    received = [Received(document=item.document, raw=text_of(item.raw)) for item in items if item.document]
    taken = await take_each(tx, keyring=keyring, channel=channel, received=received)
    for item, (outcome, problem) in zip(items, taken, strict=True):
        item.outcome, item.problem = outcome, problem


async def _hold(tx: Tx, channel: str, items: list[_Item]) -> None:
    if not items:
        return
    run_id = await intake.day_run(tx, kind=KIND, scope=channel, name=RUN_NAME)
    records = [
        intake.NewQuarantine(
            line=0,
            raw=text_of(item.raw),
            content_hash=content_hash(channel, item.raw),
            problem=item.problem,
            values={"external_id": item.external_id},
        )
        for item in items
        if item.problem is not None
    ]
    await intake.quarantine(tx, run_id=run_id, kind=KIND, records=records, max_raw=None)


def content_hash(channel: str, raw: bytes) -> bytes:
    return hashlib.sha256(channel.encode() + b"\0" + raw).digest()


def _name(raw: bytes) -> str:
    try:
        return _names.decode(raw).external_id[:120].replace("\0", "")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
