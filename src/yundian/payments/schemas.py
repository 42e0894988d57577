"""What the API takes, what the pages' forms send, and what states are called on screens."""

import uuid
from typing import Annotated, Literal

import msgspec

from yundian.payments.states import (
    AttemptState,
    BillState,
    GapKind,
    OrphanReason,
    OrphanStanding,
    PaymentState,
    RefundState,
)
from yundian.payments.types import AlipayAccount, PayKind, Provider, ProviderAccount, WeChatPayAccount
from yundian.platform.web.i18n import gettext as _

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Key = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=8000)]


class PayChoice(msgspec.Struct, frozen=True, kw_only=True):
    """``way``: ``page`` for the provider's own page where a code is usual."""

    provider: Provider
    way: Literal["", "page"] = ""


class RefundForm(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` is in yuan, as people type it."""

    amount: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$")]
    reason: Reason


class OrphanRefundForm(msgspec.Struct, frozen=True, kw_only=True):
    reason: Reason


class OrphanText(msgspec.Struct, frozen=True, kw_only=True):
    text: Text


class OrphanLink(msgspec.Struct, frozen=True, kw_only=True):
    payment_id: uuid.UUID


class RefundRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``amount_minor`` in minor units (fen), at most what is left of the payment."""

    amount_minor: Annotated[int, msgspec.Meta(gt=0, le=10**12, examples=[400])]
    reason: Reason


class OrphanRefund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Reason


class OrphanTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    payment_id: uuid.UUID


class OrphanNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    text: Text


class AccountForm(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of the provider that is not chosen stay empty."""

    provider: Provider
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    app_id: Key
    merchant_id: Key
    secret: Secret
    alipay_public_key: str = ""
    certificate: str = ""
    certificate_key: str = ""
    gateway_url: Annotated[str, msgspec.Meta(max_length=200)] = ""

    def account(self) -> ProviderAccount:
        more = {"gateway_url": self.gateway_url} if self.gateway_url else {}
        if self.provider is Provider.WECHAT:
            return WeChatPayAccount(
                app_id=self.app_id,
                merchant_id=self.merchant_id,
                api_key=self.secret,
                certificate=self.certificate,
                certificate_key=self.certificate_key,
                **more,
            )
        return AlipayAccount(
            app_id=self.app_id,
            merchant_id=self.merchant_id,
            private_key=self.secret,
            alipay_public_key=self.alipay_public_key,
            **more,
        )


def payment_label(state: PaymentState) -> str:
    return {
        PaymentState.PENDING: _("Waiting for payment"),
        PaymentState.CLOSING: _("Being closed"),
        PaymentState.SUCCEEDED: _("Paid"),
        PaymentState.CLOSED: _("Closed"),
    }[state]


def attempt_label(state: AttemptState) -> str:
    return {
        AttemptState.INIT: _("Begun"),
        AttemptState.PENDING: _("Waiting for payment"),
        AttemptState.UNKNOWN: _("Being asked about"),
        AttemptState.SUCCEEDED: _("Paid"),
        AttemptState.CLOSED: _("Closed"),
        AttemptState.FAILED: _("Refused"),
    }[state]


def kind_label(kind: PayKind) -> str:
    return {
        PayKind.JSAPI: _("inside WeChat"),
        PayKind.NATIVE: _("code on a screen"),
        PayKind.WAP: _("on a phone"),
        PayKind.PRECREATE: _("code on a screen"),
        PayKind.PAGE: _("the provider's page"),
    }[kind]


def notice_label(kind: str) -> str:
    """What a notice was about; anything that could not be believed is just that."""
    return {"payment": _("Payment"), "refund": _("Refund")}.get(kind, _("Not readable"))


def outcome_label(outcome: str) -> str:
    """What came of a notice: empty until it was handled."""
    known = {
        "": _("waits"),
        "captured": _("Payment captured"),
        "late": _("Paid after closing"),
        "duplicate": _("Paid twice"),
        "mismatch": _("Does not match"),
        "unknown": _("Unknown number"),
        "unknown_refund": _("Unknown refund"),
        "refund_noted": _("Refund asked about"),
        "noted": _("Noted"),
        "nothing": _("Known already"),
        "rejected": _("Not believed"),
    }
    return known.get(outcome, outcome)


def refund_label(state: RefundState) -> str:
    return {
        RefundState.REQUESTED: _("Requested"),
        RefundState.APPROVED: _("Approved"),
        RefundState.SUBMITTED: _("Sent"),
        RefundState.PROCESSING: _("On its way"),
        RefundState.SUCCEEDED: _("Refunded"),
        RefundState.CLOSED: _("Given up"),
        RefundState.ABNORMAL: _("Needs a person"),
    }[state]


def orphan_label(reason: OrphanReason) -> str:
    return {
        OrphanReason.LATE: _("Paid after closing"),
        OrphanReason.DUPLICATE: _("Paid twice"),
        OrphanReason.MISMATCH: _("Does not match"),
        OrphanReason.UNKNOWN: _("Unknown number"),
        OrphanReason.UNKNOWN_REFUND: _("Unknown refund"),
    }[reason]


def bill_label(state: BillState) -> str:
    return {
        BillState.WAITING: _("Not there yet"),
        BillState.AGREED: _("Agrees"),
        BillState.DIFFERS: _("Differs"),
        BillState.MISSING: _("Missing"),
    }[state]


def bill_failure(failure: str) -> str:
    """Why it is not there; words of providers and networks stay as they are."""
    if failure.startswith("bad_bill"):
        return _("The file could not be read, or its sums do not fit its lines.")
    if failure == "absent":
        return _("The provider says there is no bill, but money moved here that day.")
    return _("The provider could not be asked: %(why)s", why=failure)


def gap_label(kind: GapKind) -> str:
    return {
        GapKind.AMOUNT: _("Another amount"),
        GapKind.OURS_ONLY: _("Only in our books"),
        GapKind.THEIRS_ONLY: _("Only in the bill"),
    }[kind]


def standing_label(standing: OrphanStanding) -> str:
    return {
        OrphanStanding.OPEN: _("To be handled"),
        OrphanStanding.RETURNING: _("Being sent back"),
        OrphanStanding.RETURNED: _("Sent back whole"),
        OrphanStanding.RESOLVED: _("Resolved"),
        OrphanStanding.ADOPTED: _("Became a payment"),
    }[standing]


STANDING_TONES = {
    OrphanStanding.OPEN: "warn",
    OrphanStanding.RETURNING: "info",
    OrphanStanding.RETURNED: "good",
    OrphanStanding.RESOLVED: "good",
    OrphanStanding.ADOPTED: "good",
}


def action_label(action: str) -> str:
    return {
        "refund": _("Sent back"),
        "note": _("Note"),
        "link": _("Linked to a payment"),
        "resolve": _("Resolved"),
        "adopt": _("Became a payment"),
    }.get(action, action)


def provider_label(provider: Provider) -> str:
    return {Provider.WECHAT: _("WeChat Pay"), Provider.ALIPAY: _("Alipay")}[provider]


TONES = {
    "pending": "info",
    "closing": "info",
    "succeeded": "good",
    "closed": "neutral",
    "requested": "info",
    "approved": "info",
    "submitted": "info",
    "processing": "info",
    "abnormal": "bad",
}
BILL_TONES = {"waiting": "info", "agreed": "good", "differs": "bad", "missing": "bad"}
