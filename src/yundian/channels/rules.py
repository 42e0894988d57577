"""Decisions without a database: which documents can be taken, which version is the newest, what a sale is."""

import base64
import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from babel.numbers import is_currency

from yundian.channels.types import DocumentKind, DocumentState, OrderDocument, Outcome, Ready, Received
from yundian.platform.intake.types import Problem

# A hundred billion yuan a document: sums over millions of them stay far below 64 bits.
MAX_MINOR = 10**13
FIRST_YEAR, LAST_YEAR = 1990, 2100
# Names of the house's own channels.
RESERVED_CODES = frozenset({"groupbuy", "shop", "house", "wishlist"})
CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")

_NO_CURRENCY = Problem("channels.unknown_currency", "no such currency", "currency")
_TOO_LARGE = Problem("channels.amount_out_of_bounds", "more than a hundred billion", "total_minor")
_OUT_OF_TIME = Problem("channels.date_out_of_bounds", "a date before 1990 or after 2100", "placed_at")
_NEGATIVE = Problem("channels.negative_refund", "a refund gives back: its total is positive", "total_minor")
_NO_OWN_NUMBER = Problem(
    "channels.refund_needs_own_number", "a refund has another number than the sale it refunds", "external_id"
)
_REFUND_OF_REFUND = Problem("channels.refund_of_refund", "only a sale tells of its refunds", "refunds")
_TWICE = Problem("channels.refund_twice", "two refunds have the same id", "refunds")

_MAX_NUMBER = 32
_PLAIN = re.compile(r"[A-Za-z0-9_.\-]+")

Key = tuple[str, str, str]  # channel, shop, external id
VersionKey = tuple[int, dt.datetime]
Identity = tuple[str, str, bytes]  # kind, scope, keyed hash
# What says most about a person first.
_STRENGTH = ("unionid", "openid", "phone", "card", "member_no", "marketplace")
_NO_TIME = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
_encoder = msgspec.json.Encoder()


class UnreadableText(ValueError):
    """Text that no database keeps: a NUL, or half a character."""


def content_of(document: OrderDocument) -> bytes:
    """What two documents with the same content have in common, their version included."""
    try:
        encoded = _encoder.encode(document)
    except UnicodeEncodeError as error:
        raise UnreadableText from error
    # A NUL is written like this; so is the harmless text of a backslash and what follows.
    if b"\\u0000" in encoded and "\x00" in "".join(_texts(msgspec.to_builtins(document))):
        raise UnreadableText
    return hashlib.blake2b(encoded, digest_size=16).digest()


def keyed(content_hash: bytes, key: bytes) -> bytes:
    """What a content is known by in the database: nobody guesses it from there without the key."""
    return hashlib.blake2b(content_hash, digest_size=16, key=key).digest()


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, Sequence):
        for one in value:
            yield from _texts(one)


def kept_text(raw: str) -> str:
    """What was received, as far as a database can keep it."""
    return raw.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def version_of(document: OrderDocument) -> VersionKey:
    """What orders the versions of a document. One that tells neither is older than all that do."""
    return version_key(document.version, document.updated_at)


def version_key(version: int | None, updated_at: dt.datetime | None) -> VersionKey:
    return -1 if version is None else version, updated_at or _NO_TIME


def problem_of(document: OrderDocument) -> Problem | None:
    """Why a document cannot be taken, whatever is known beside it."""
    for is_wrong, problem in (
        (not is_currency(document.currency), _NO_CURRENCY),
        (_is_too_large(document), _TOO_LARGE),
        (_is_out_of_time(document), _OUT_OF_TIME),
        *_refund_problems(document),
    ):
        if is_wrong:
            return problem
    return None


def _refund_problems(document: OrderDocument) -> Iterable[tuple[bool, Problem]]:
    if document.kind is DocumentKind.REFUND:
        yield document.total_minor < 0, _NEGATIVE
        yield document.refund_of == document.external_id, _NO_OWN_NUMBER
    if document.refunds:
        yield document.kind is DocumentKind.REFUND, _REFUND_OF_REFUND
        ids = {refund.refund_id for refund in document.refunds}
        yield len(ids) < len(document.refunds), _TWICE


def _is_too_large(document: OrderDocument) -> bool:
    amounts = [document.total_minor, document.discount_minor, document.shipping_minor, document.paid_minor or 0]
    amounts += [refund.amount_minor for refund in document.refunds]
    amounts += [sum(abs(line.total_minor) + abs(line.discount_minor) for line in document.lines)]
    return any(abs(amount) > MAX_MINOR for amount in amounts)


def _is_out_of_time(document: OrderDocument) -> bool:
    times = [document.placed_at, document.paid_at, document.updated_at, *(one.at for one in document.refunds)]
    return any(not FIRST_YEAR <= at.year <= LAST_YEAR for at in times if at is not None)


def number_of(channel: str, shop: str, external_id: str) -> str:
    """What people call the order: ``POS:SH-01:10023``, ``TMALL:4711``. No two orders share one.

    What is not plain, or too long, gets a digest of all three behind a tilde instead. The house's own numbers have
    neither sign.
    """
    name = channel.upper()
    number = f"{name}:{shop}:{external_id}" if shop else f"{name}:{external_id}"
    if len(number) <= _MAX_NUMBER and _PLAIN.fullmatch(external_id) and (not shop or _PLAIN.fullmatch(shop)):
        return number
    digest = hashlib.blake2b("\0".join((channel, shop, external_id)).encode(), digest_size=13).digest()
    return f"{name[:11]}~{base64.b32encode(digest).decode()[:20]}"


def paid_minor(document: OrderDocument) -> int:
    """What was paid, as far as the source says: all of what is paid or completed."""
    if document.paid_minor is not None:
        return document.paid_minor
    is_paid = document.state in (DocumentState.PAID, DocumentState.COMPLETED) or (
        document.state is DocumentState.CANCELLED and (document.paid_at is not None or bool(document.refunds))
    )
    return document.total_minor if is_paid else 0


def sold_at(document: OrderDocument) -> dt.datetime | None:
    """When it counts as a sale; unpaid and closed ones do not. What was cancelled after it was paid does: its
    refund counts too."""
    is_sold = document.state in (DocumentState.PAID, DocumentState.COMPLETED) or (
        document.state is DocumentState.CANCELLED and paid_minor(document) > 0
    )
    return (document.paid_at or document.placed_at) if is_sold else None


class Claimed(NamedTuple):
    """A credited claim."""

    key: Key
    identity: Identity
    member_id: uuid.UUID


@dataclass(slots=True)
class Entry:
    """A document on its way through a batch."""

    index: int
    received: Received
    key: Key
    content_hash: bytes
    version: VersionKey
    id: uuid.UUID
    ready: Ready
    outcome: Outcome = Outcome.REFUSED
    shop_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    subject_id: uuid.UUID | None = None

    @property
    def document(self) -> OrderDocument:
        return self.received.document


@dataclass(frozen=True, slots=True)
class Head:
    """The version that an order or return says now."""

    document_id: uuid.UUID
    version: VersionKey
    kind: DocumentKind
    subject_id: uuid.UUID | None


@dataclass(slots=True)
class History:
    """What was received under one key before, and what a batch adds to it."""

    head: Head | None = None
    hashes: set[bytes] = field(default_factory=set)
    named_at: VersionKey | None = None
    named: uuid.UUID | None = None
    winner: Entry | None = None
    claimed: list[Claimed] = field(default_factory=list)

    def name(self, version: VersionKey, member_id: uuid.UUID | None) -> None:
        """The newest version that names anybody decides, also one that came too late for the rest."""
        if member_id is not None and (self.named_at is None or version >= self.named_at):
            self.named_at, self.named = version, member_id

    def subject_of(self, kind: DocumentKind) -> uuid.UUID | None:
        """The order (of a sale) or return (of a refund) that there is before the batch."""
        return self.head.subject_id if self.head is not None and self.head.kind is kind else None

    @property
    def member_id(self) -> uuid.UUID | None:
        """Whose it is: whom the newest version names, else who proved the strongest identity that was claimed."""
        if self.named is not None or not self.claimed:
            return self.named
        strongest = min(self.claimed, key=lambda one: (_STRENGTH.index(one.identity[0]), one.identity[1:]))
        return strongest.member_id


def decide(entries: Iterable[Entry], histories: Mapping[Key, History]) -> None:
    """What becomes of each document: the same content again changes nothing, an older one is kept and merged
    nowhere. Of equal versions with other content the later received one wins."""
    for entry in entries:
        history = histories[entry.key]
        if not history.hashes.isdisjoint((entry.content_hash, entry.ready.plain_hash)):
            entry.outcome = Outcome.UNCHANGED
            continue
        history.hashes.add(entry.content_hash)
        newest = history.winner.version if history.winner else history.head.version if history.head else None
        if newest is not None and entry.version < newest:
            entry.outcome = Outcome.STALE
            continue
        entry.outcome = Outcome.APPLIED
        history.winner = entry
