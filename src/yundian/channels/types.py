"""The canonical order document, and what the room takes and returns. Amounts: minor units; times: aware UTC."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import msgspec

from yundian.channels.states import ChannelKind
from yundian.platform.intake.types import Applied, Problem

Text = Annotated[str, msgspec.Meta(max_length=160)]
Key = Annotated[str, msgspec.Meta(max_length=120)]
Word = Annotated[str, msgspec.Meta(max_length=64)]
Minor = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]

MAX_LINES = 5_000


class DocumentKind(StrEnum):
    """What a document is. Only sales and refunds are numbers; the others are kept, counted and shown."""

    SALE = "sale"
    REFUND = "refund"
    ADJUSTMENT = "adjustment"
    IGNORED = "ignored"


class DocumentState(StrEnum):
    """Where a sale stands; the source's own word is kept beside it."""

    UNPAID = "unpaid"
    PAID = "paid"
    COMPLETED = "completed"
    CLOSED = "closed"  # never paid
    CANCELLED = "cancelled"  # paid, and over: refunded


class IdentityType(StrEnum):
    """By what a source knows its buyer. ``scope`` says whose number it is."""

    PHONE = "phone"
    UNIONID = "unionid"
    OPENID = "openid"
    MEMBER_NO = "member_no"
    CARD = "card"
    MARKETPLACE = "marketplace"


class DocumentIdentity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Only a verified one finds or makes a member; a masked value never does."""

    type: IdentityType
    value: Key
    scope: Word = ""
    verified: bool = False


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """A walk-in has no identities."""

    identities: Annotated[tuple[DocumentIdentity, ...], msgspec.Meta(max_length=10)] = ()


class DocumentLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """``total_minor`` is after the line's discount. Without ``line_id`` a line is known by its place."""

    sku: Word = ""
    name: Text = ""
    quantity: Annotated[int, msgspec.Meta(ge=-(10**9), le=10**9)]
    unit_minor: Minor
    total_minor: Minor
    discount_minor: Minor = 0
    line_id: Word = ""


class RefundLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a refund gives back of one line, named as the sale names it."""

    amount_minor: Annotated[int, msgspec.Meta(ge=0, le=10**15)]
    quantity: Annotated[int, msgspec.Meta(ge=0, le=10**9)] = 0
    line_id: Word = ""
    sku: Word = ""


class DocumentRefund(msgspec.Struct, frozen=True, kw_only=True):
    """``is_estimated``: the source does not say when; ``at`` is the best that is known."""

    refund_id: Key
    at: Time
    amount_minor: Annotated[int, msgspec.Meta(gt=0, le=10**15)]
    is_estimated: bool = False
    lines: Annotated[tuple[RefundLine, ...], msgspec.Meta(max_length=MAX_LINES)] = ()


class OrderDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What any till, ERP or marketplace connector turns its data into; its channel is told once for many.

    A ``REFUND`` document gives money back under a number of its own: its amount and lines are positive;
    ``refund_of`` names the sale, if the source does. ``backfill``: history that starts no journey.
    """

    external_id: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    placed_at: Time
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    total_minor: Minor
    kind: DocumentKind = DocumentKind.SALE
    state: DocumentState = DocumentState.COMPLETED
    source_state: Word = ""
    shop_code: Word = ""
    version: Annotated[int, msgspec.Meta(ge=0)] | None = None
    updated_at: Time | None = None
    paid_at: Time | None = None
    discount_minor: Minor = 0
    shipping_minor: Minor = 0
    paid_minor: Minor | None = None
    buyer: Buyer = Buyer()
    country: Annotated[str, msgspec.Meta(pattern="^([A-Z]{2})?$")] = ""
    province: Annotated[str, msgspec.Meta(max_length=60)] = ""
    lines: Annotated[tuple[DocumentLine, ...], msgspec.Meta(max_length=MAX_LINES)] = ()
    refunds: Annotated[tuple[DocumentRefund, ...], msgspec.Meta(max_length=500)] = ()
    refund_of: Key = ""
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """What can be said of a document without a database; ``problem``: why it cannot be taken.

    ``content_hash`` is keyed; ``plain_hash`` is how the release before knew the same content, and is not kept.
    ``discounts``, ``totals`` and ``pieces`` are sums of its lines.
    """

    sealed: bytes = field(repr=False)
    content_hash: bytes = b""
    plain_hash: bytes = b""
    problem: Problem | None = None
    discounts: int = 0
    totals: int = 0
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A document on its way in. ``raw`` is what was received, to the letter; ``line`` its place in a file."""

    document: OrderDocument
    raw: str = field(repr=False)
    run_id: uuid.UUID | None = None
    line: int = 0
    ready: Ready | None = None


class Outcome(StrEnum):
    """What became of one received document."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # this content was received before
    STALE = "stale"  # a newer version was received before: kept, merged nowhere
    REFUSED = "refused"  # for the quarantine


@dataclass(frozen=True, slots=True)
class TakenIn(Applied):
    """What became of a batch. ``outcomes`` by position; ``unchanged`` counts stale ones too."""

    outcomes: tuple[Outcome, ...] = ()


class ChannelView(msgspec.Struct, frozen=True, kw_only=True):
    """A sales channel. ``time_zone``: of its days where a document names no shop. ``version``: for a form."""

    id: uuid.UUID
    code: str
    name_zh: str
    name_en: str
    kind: ChannelKind
    time_zone: str
    currency: str
    is_active: bool
    version: int


class ChannelFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ enters; the code stays for ever."""

    name_zh: str
    name_en: str
    kind: ChannelKind
    time_zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    is_active: bool = True
