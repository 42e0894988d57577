"""Alipay's notices: a signed form, posted."""

from urllib.parse import parse_qsl

from yundian.payments.adapters.alipay.replies import standing
from yundian.payments.adapters.alipay.sdk import AlipaySdk
from yundian.payments.adapters.amounts import CURRENCY, from_readable, from_yuan
from yundian.payments.errors import BadSignature, MalformedNotice
from yundian.payments.types import (
    NoticeKind,
    PaymentStanding,
    Provider,
    ProviderPayment,
    ProviderRefund,
    RefundStanding,
    VerifiedNotice,
)

_MOST_FIELDS = 100
_NEEDED = ("notify_id", "out_trade_no", "trade_no", "app_id", "seller_id", "trade_status")


def verify(sdk: AlipaySdk, body: bytes) -> VerifiedNotice:
    """The facts of a notice. Raises ``BadSignature`` or ``MalformedNotice``."""
    fields = _read(body)
    if fields.get("sign_type") != "RSA2" or not sdk.is_notice_signed(fields):
        raise BadSignature
    try:
        if not all(fields[name] for name in _NEEDED):
            raise MalformedNotice
        return _facts(fields)
    except (KeyError, ValueError) as error:
        raise MalformedNotice from error


def _read(body: bytes) -> dict[str, str]:
    """Decoded once, blanks kept: they are signed too. A name given twice could mean two things to two readers."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise MalformedNotice from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedNotice
    return fields


def _facts(fields: dict[str, str]) -> VerifiedNotice:
    currency = fields.get("trans_currency") or CURRENCY
    refunded = from_yuan(fields["refund_fee"], currency) if fields.get("refund_fee") else None
    has_refunds = refunded is not None and refunded.minor > 0
    paid_at = fields.get("gmt_payment", "")
    found = standing(fields["trade_status"], was_paid=bool(paid_at) or has_refunds)
    payment = ProviderPayment(
        standing=found,
        out_trade_no=fields["out_trade_no"],
        merchant_id=fields["seller_id"],
        app_id=fields["app_id"],
        provider_ref=fields["trade_no"],
        amount=from_yuan(fields["total_amount"], currency),
        paid_at=from_readable(paid_at) if paid_at else None,
        payer=fields.get("buyer_open_id") or fields.get("buyer_id", ""),
        has_refunds=has_refunds and found is PaymentStanding.PAID,
        refunded=refunded,
    )
    refund_no = fields.get("out_biz_no", "") if has_refunds else ""
    return VerifiedNotice(
        provider=Provider.ALIPAY,
        kind=NoticeKind.REFUND if refund_no else NoticeKind.PAYMENT,
        ref=fields["notify_id"],
        merchant_id=fields["seller_id"],
        app_id=fields["app_id"],
        payment=payment,
        refund=_refund(fields, refund_no) if refund_no else None,
    )


def _refund(fields: dict[str, str], refund_no: str) -> ProviderRefund:
    """The notice tells the sum of all refunds, not the amount of this one."""
    refunded_at = fields.get("gmt_refund", "")
    return ProviderRefund(
        standing=RefundStanding.SUCCEEDED,
        out_trade_no=fields["out_trade_no"],
        out_refund_no=refund_no,
        refunded_at=from_readable(refunded_at) if refunded_at else None,
    )
