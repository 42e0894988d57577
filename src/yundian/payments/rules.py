"""What a provider's word does to a payment or a refund: decided here, without a database."""

import base64
import binascii
import datetime as dt
import hmac
import uuid
from enum import StrEnum

import msgspec

from yundian.payments.states import LIVE_ATTEMPTS, REFUND, AttemptState, PaymentState, RefundState
from yundian.payments.types import (
    AttemptView,
    PayKind,
    PaymentStanding,
    PaymentView,
    Provider,
    RefundStanding,
    RefundView,
)
from yundian.platform.core.crypto import Keyring
from yundian.platform.wechat.agents import is_wechat_browser

# So often a refund is refused for now (no money in the account) before a person has to look.
UNSENT_TRIES = 8
_MAC_BYTES = 12
_KINDS = {
    (Provider.WECHAT, "wechat"): PayKind.JSAPI,
    (Provider.WECHAT, "phone"): PayKind.WAP,
    (Provider.WECHAT, "desktop"): PayKind.NATIVE,
    (Provider.ALIPAY, "wechat"): PayKind.PRECREATE,
    (Provider.ALIPAY, "phone"): PayKind.WAP,
    (Provider.ALIPAY, "desktop"): PayKind.PRECREATE,
}


class PaymentFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider says of one number, by a notice or when asked."""

    account_id: uuid.UUID
    provider: Provider
    out_trade_no: str
    standing: PaymentStanding
    merchant_id: str
    app_id: str
    provider_ref: str = ""
    amount_minor: int | None = None
    currency: str | None = None
    paid_at: dt.datetime | None = None


class RefundFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider answered about one refund. ``failure`` is its word for a refusal."""

    out_refund_no: str
    standing: RefundStanding
    provider_ref: str = ""
    amount_minor: int | None = None
    refunded_at: dt.datetime | None = None
    failure: str = ""
    # Refused before anything was sent.
    is_unsent: bool = False


class Verdict(StrEnum):
    NOTHING = "nothing"
    CAPTURED = "captured"
    LATE = "late"
    DUPLICATE = "duplicate"
    MISMATCH = "mismatch"
    UNKNOWN = "unknown"
    NOTED = "noted"  # the attempt moved, the payment did not


def differences(fact: PaymentFact, *, payment: PaymentView, merchant_id: str, app_id: str) -> list[str]:
    """What is not as it was asked for, for a person to read."""
    pairs = (
        ("amount", fact.amount_minor, payment.amount_minor),
        ("currency", fact.currency, payment.currency),
        ("merchant", fact.merchant_id, merchant_id),
        ("app", fact.app_id, app_id),
    )
    return [f"{name} {got} <> {wanted}" for name, got, wanted in pairs if got != wanted]


def judge(fact: PaymentFact, *, attempt: AttemptView, payment: PaymentView, is_matching: bool) -> Verdict:
    """What the fact means, given where attempt and payment stand."""
    if fact.standing is PaymentStanding.PAID:
        return _judge_money(attempt, payment, is_matching=is_matching)
    if attempt.state not in LIVE_ATTEMPTS:
        return Verdict.NOTHING
    if fact.standing is PaymentStanding.WAITING and attempt.state is AttemptState.PENDING:
        return Verdict.NOTHING
    return Verdict.NOTHING if fact.standing is PaymentStanding.ABSENT else Verdict.NOTED


def _judge_money(attempt: AttemptView, payment: PaymentView, *, is_matching: bool) -> Verdict:
    if not is_matching:
        return Verdict.MISMATCH
    if attempt.state is AttemptState.SUCCEEDED:
        return Verdict.NOTHING
    match payment.state:
        case PaymentState.PENDING | PaymentState.CLOSING:
            return Verdict.CAPTURED
        case PaymentState.SUCCEEDED:
            return Verdict.DUPLICATE
        case PaymentState.CLOSED:
            return Verdict.LATE


def attempt_after(fact: PaymentFact, attempt: AttemptView, verdict: Verdict) -> AttemptView:
    """The attempt as it stands after the verdict."""
    if verdict in (Verdict.CAPTURED, Verdict.LATE, Verdict.DUPLICATE):
        return msgspec.structs.replace(
            attempt, state=AttemptState.SUCCEEDED, provider_ref=fact.provider_ref, paid_at=fact.paid_at
        )
    if verdict is Verdict.MISMATCH:
        # Not payable rightly any more, and nothing to wait for when the payment is closed.
        is_live = attempt.state in LIVE_ATTEMPTS
        return (
            msgspec.structs.replace(attempt, state=AttemptState.FAILED, failure="mismatch") if is_live else attempt
        )
    targets = {
        PaymentStanding.WAITING: AttemptState.PENDING,
        PaymentStanding.CLOSED: AttemptState.CLOSED,
        PaymentStanding.FAILED: AttemptState.FAILED,
    }
    return msgspec.structs.replace(attempt, state=targets[fact.standing])


_REFUND_STATES = {
    RefundStanding.PROCESSING: RefundState.PROCESSING,
    RefundStanding.SUCCEEDED: RefundState.SUCCEEDED,
    RefundStanding.CLOSED: RefundState.CLOSED,
    RefundStanding.ABNORMAL: RefundState.ABNORMAL,
}


def refund_after(fact: RefundFact, refund: RefundView) -> RefundView:
    """The refund as it stands after the fact; unchanged when the fact cannot follow."""
    if fact.is_unsent and refund.polls < UNSENT_TRIES:
        target, failure = RefundState.APPROVED, fact.failure
    elif fact.is_unsent:
        target, failure = RefundState.ABNORMAL, fact.failure
    elif fact.standing is RefundStanding.SUCCEEDED and fact.amount_minor not in (None, refund.amount_minor):
        target, failure = RefundState.ABNORMAL, "amount_mismatch"
    else:
        target, failure = _REFUND_STATES.get(fact.standing, refund.state), fact.failure
    if target is refund.state or target not in REFUND.transitions[refund.state]:
        return refund
    return msgspec.structs.replace(
        refund,
        state=target,
        failure=failure[:64],
        provider_ref=fact.provider_ref or refund.provider_ref,
        refunded_at=fact.refunded_at if target is RefundState.SUCCEEDED else None,
    )


def kind_for(
    provider: Provider,
    *,
    user_agent: str,
    has_payer: bool,
    is_page_wanted: bool = False,
    is_wechat_everywhere: bool = False,
) -> PayKind:
    """The way to pay that fits the browser: inside WeChat, on a phone, at a desk.

    ``is_wechat_everywhere``: a sandbox lets any browser open WeChat's sheet, for a payer whom it knows.
    """
    if is_wechat_everywhere and provider is Provider.WECHAT and has_payer:
        return PayKind.JSAPI
    if is_wechat_browser(user_agent):
        place = "wechat" if has_payer or provider is Provider.ALIPAY else "desktop"
    else:
        place = "phone" if "Mobile" in user_agent or "Android" in user_agent else "desktop"
    kind = _KINDS[(provider, place)]
    return PayKind.PAGE if is_page_wanted and place == "desktop" and provider is Provider.ALIPAY else kind


def page_token(keyring: Keyring, *, brand_id: uuid.UUID, payment_id: uuid.UUID) -> str:
    """Where the payer pays: names the payment, and nobody can make one for another."""
    raw = brand_id.bytes + payment_id.bytes
    return base64.urlsafe_b64encode(raw + _mac(keyring, raw)).decode().rstrip("=")


def read_page_token(keyring: Keyring, token: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Brand and payment, or ``None`` for what we never gave out."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    named, mac = raw[:32], raw[32:]
    if len(named) != 32 or not hmac.compare_digest(mac, _mac(keyring, named)):
        return None
    return uuid.UUID(bytes=named[:16]), uuid.UUID(bytes=named[16:])


def _mac(keyring: Keyring, raw: bytes) -> bytes:
    return keyring.blind_index("payments.page", raw.hex())[:_MAC_BYTES]
