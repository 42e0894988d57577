"""What payments says of money at a provider: accounts, orders, refunds, and the facts a provider vouches for."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from yundian.payments.states import (
    AccountStatus,
    AttemptState,
    OrphanReason,
    OrphanStanding,
    OrphanStatus,
    PaymentState,
    RefundState,
)
from yundian.platform.core.money import Money


class Provider(StrEnum):
    WECHAT = "wechat"
    ALIPAY = "alipay"


class PayKind(StrEnum):
    """How a person pays. ``NATIVE`` and ``PRECREATE`` give a code to show, ``WAP`` and ``PAGE`` an address."""

    JSAPI = "jsapi"  # WeChat, inside WeChat
    NATIVE = "native"  # WeChat, a code on a screen
    WAP = "wap"  # both, a phone's browser
    PRECREATE = "precreate"  # Alipay, a code on a screen
    PAGE = "page"  # Alipay, a desktop's browser


class PaymentStanding(StrEnum):
    """Where a payment stands at the provider."""

    ABSENT = "absent"  # it knows no such payment: never asked for, or its code not scanned yet; may still be paid
    WAITING = "waiting"
    PAID = "paid"  # was paid, whatever was refunded since
    CLOSED = "closed"  # was never paid and cannot be any more
    FAILED = "failed"


class RefundStanding(StrEnum):
    """Where a refund stands at the provider."""

    ABSENT = "absent"  # not received, or not believed for long enough: ask again before trusting it
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # never happens any more: a new one needs a new number
    ABNORMAL = "abnormal"  # the payer's account is gone: somebody must act


class NoticeKind(StrEnum):
    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class WeChatPayAccount:
    """A merchant of WeChat Pay v2; on the real host, refunds need the certificate and its key (PEM)."""

    app_id: str
    merchant_id: str
    api_key: str = field(repr=False)
    certificate: str = field(default="", repr=False)
    certificate_key: str = field(default="", repr=False)
    gateway_url: str = "https://api.mch.weixin.qq.com"

    @property
    def provider(self) -> Provider:
        return Provider.WECHAT


@dataclass(frozen=True, slots=True)
class AlipayAccount:
    """An app of Alipay and its seller. Keys are PEM or bare base64; the private one PKCS#1 or PKCS#8."""

    app_id: str
    merchant_id: str
    private_key: str = field(repr=False)
    alipay_public_key: str = field(repr=False)
    gateway_url: str = "https://openapi.alipay.com/gateway.do"

    @property
    def provider(self) -> Provider:
        return Provider.ALIPAY


ProviderAccount = WeChatPayAccount | AlipayAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOrder:
    """What a person is to pay. ``out_trade_no``: at most 32 of ``A-Za-z0-9_``, never used twice, even when closed.

    ``payer`` is the openid (JSAPI only). ``client_ip`` is the payer's own address. ``return_url`` is where the
    browser goes afterwards (WAP, PAGE): for the screen only, never a proof.
    """

    kind: PayKind
    out_trade_no: str
    amount: Money
    subject: str
    notify_url: str
    expires_at: dt.datetime
    client_ip: str
    payer: str = field(default="", repr=False)
    return_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """What is to be paid back. The same ``out_refund_no`` is the same refund, however often it is sent."""

    out_trade_no: str
    out_refund_no: str
    amount: Money
    total: Money
    reason: str
    notify_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Somebody can pay now. One of the three is filled, by kind; the client's parameters are short-lived."""

    client_parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    qr_code: str = field(default="", repr=False)
    redirect_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPayment:
    """A payment as its provider tells it, verified. Compare amount, merchant and app with what was asked.

    ``amount`` is missing where nothing was paid. ``paid_at`` is the provider's time. ``refunded``: what went back
    so far, where it says so; ``has_refunds`` also where it says only that there are some.
    """

    standing: PaymentStanding
    out_trade_no: str
    merchant_id: str
    app_id: str
    provider_ref: str = ""
    amount: Money | None = None
    paid_at: dt.datetime | None = None
    payer: str = field(default="", repr=False)
    has_refunds: bool = False
    refunded: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRefund:
    """A refund as its provider tells it, verified; without ``amount`` where it tells only a sum of several."""

    standing: RefundStanding
    out_trade_no: str
    out_refund_no: str
    provider_ref: str = ""
    amount: Money | None = None
    refunded_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentClosed:
    """Nobody can pay any more; unless not ``is_final``: a code that nobody scanned is payable until it expires."""

    is_final: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AlreadyPaid:
    """Paying was faster than closing: query for the facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A definite no: nothing happened. ``retryable``: the same call may succeed later."""

    code: str
    message: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeUnknown:
    """It may have happened or not: ask again with the same number, never with a new one."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedNotice:
    """A notice whose signature held (WeChat's refund notices: whose seal opened; confirm those by a query).

    ``ref`` is equal for the same notice sent again. ``refund`` is filled for refunds; ``payment`` for payments,
    and for refunds where the provider tells of both.
    """

    provider: Provider
    kind: NoticeKind
    ref: str
    merchant_id: str
    app_id: str
    payment: ProviderPayment | None = None
    refund: ProviderRefund | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What the notice route answers, with status 200 always."""

    body: bytes
    media_type: str


StartResult = Started | AlreadyPaid | Refused | OutcomeUnknown
QueryResult = ProviderPayment | Refused | OutcomeUnknown
CloseResult = PaymentClosed | AlreadyPaid | Refused | OutcomeUnknown
RefundResult = ProviderRefund | Refused | OutcomeUnknown


class PaymentView(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. ``reserved_minor``: what refunds took or are about to take of ``captured_minor``."""

    id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    description: str
    amount_minor: int
    currency: str
    state: PaymentState
    captured_minor: int
    reserved_minor: int
    refunded_minor: int
    expires_at: dt.datetime
    paid_at: dt.datetime | None
    ended_at: dt.datetime | None
    created_at: dt.datetime
    return_path: str

    @property
    def refundable_minor(self) -> int:
        return self.captured_minor - self.reserved_minor


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One number under which a payment was asked of a provider."""

    id: uuid.UUID
    payment_id: uuid.UUID
    account_id: uuid.UUID
    provider: Provider
    kind: PayKind
    out_trade_no: str
    state: AttemptState
    failure: str
    provider_ref: str
    paid_at: dt.datetime | None
    expires_at: dt.datetime
    polls: int
    created_at: dt.datetime


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """One refund; of a payment, or of an orphan's money."""

    id: uuid.UUID
    payment_id: uuid.UUID | None
    orphan_id: uuid.UUID | None
    account_id: uuid.UUID
    out_trade_no: str
    out_refund_no: str
    amount_minor: int
    total_minor: int
    currency: str
    reason: str
    state: RefundState
    failure: str
    provider_ref: str
    polls: int
    refunded_at: dt.datetime | None
    created_at: dt.datetime


class RefundWish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to go back of a payment: all that is left, unless an amount is named."""

    payment_id: uuid.UUID
    reason: str
    amount_minor: int | None = None


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as it was stored; ``outcome`` says what came of it, empty until it was handled."""

    id: uuid.UUID
    provider: Provider
    kind: str
    out_trade_no: str
    signature_ok: bool
    amount_minor: int | None
    currency: str | None
    outcome: str
    handled_at: dt.datetime | None
    created_at: dt.datetime


class UnclaimedView(msgspec.Struct, frozen=True, kw_only=True):
    """A notice for an address of no account of ours. ``path`` is where it was sent, ``brand/account``."""

    id: uuid.UUID
    created_at: dt.datetime
    provider: Provider
    path: str


class OrphanView(msgspec.Struct, frozen=True, kw_only=True):
    """Money that fits nothing. ``detail`` names what did not match; ``standing`` knows what went back as well."""

    id: uuid.UUID
    reason: OrphanReason
    status: OrphanStatus
    standing: OrphanStanding = OrphanStanding.OPEN
    provider: Provider
    account_id: uuid.UUID
    out_trade_no: str
    provider_ref: str
    amount_minor: int
    currency: str
    detail: str
    payment_id: uuid.UUID | None
    linked_payment_id: uuid.UUID | None
    reserved_minor: int
    refunded_minor: int
    paid_at: dt.datetime | None
    created_at: dt.datetime


class OrphanActionView(msgspec.Struct, frozen=True, kw_only=True):
    orphan_id: uuid.UUID
    action: str
    text: str
    actor_id: uuid.UUID | None
    created_at: dt.datetime


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """A merchant's account without its secrets."""

    id: uuid.UUID
    provider: Provider
    label: str
    app_id: str
    merchant_id: str
    status: AccountStatus
    created_at: dt.datetime


class PaymentFilter(msgspec.Struct, frozen=True, kw_only=True):
    """``search`` is a number of ours or of the provider, or an id of the payment or its subject, whole."""

    state: PaymentState | None = None
    provider: Provider | None = None
    search: str = ""


class PaymentLife(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that happened to one payment, oldest first."""

    payment: PaymentView
    attempts: list[AttemptView]
    notices: list[NoticeView]
    refunds: list[RefundView]
    orphans: list[OrphanView]


class DayBooks(msgspec.Struct, frozen=True, kw_only=True):
    """Money of one day of a zone in one currency: captured by the provider's time, and what went back."""

    day: dt.date
    currency: str
    captured_minor: int
    refunded_minor: int


class OrphanLife(msgspec.Struct, frozen=True, kw_only=True):
    """Money that fits nothing, what was done about it, and what went back, oldest first."""

    orphan: OrphanView
    actions: list[OrphanActionView]
    refunds: list[RefundView]
