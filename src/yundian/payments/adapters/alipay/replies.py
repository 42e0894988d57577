"""What Alipay's replies mean. The SDK calls everything without a sub-code a success; the code decides here."""

from typing import Any

from yarl import URL

from yundian.payments.adapters.amounts import CURRENCY, from_readable, from_yuan
from yundian.payments.adapters.guard import InDoubt
from yundian.payments.types import (
    AlipayAccount,
    OutcomeUnknown,
    PaymentStanding,
    ProviderPayment,
    ProviderRefund,
    RefundStanding,
    Refused,
)
from yundian.platform.core.money import Money

NOT_EXIST = "ACQ.TRADE_NOT_EXIST"
HAS_SUCCESS = "ACQ.TRADE_HAS_SUCCESS"
NO_BILL = "isp.bill_not_exist"
STATUS_ERROR = "ACQ.TRADE_STATUS_ERROR"

_OWN_HOSTS = (".alipay.com", ".alipayobjects.com")
_GOOD = "10000"
# Refused before or by the method itself. 20000 (unknown) and 10003 (the buyer is at it) are not among them.
_REFUSALS = frozenset({"20001", "40001", "40002", "40003", "40004", "40006"})
_RETRYABLE = frozenset({"ACQ.SELLER_BALANCE_NOT_ENOUGH", "isv.app-call-limited", "isv.method-call-limited"})
_PAID = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})
_REFUND_STANDINGS = {
    "REFUND_SUCCESS": RefundStanding.SUCCEEDED,
    "REFUND_PROCESSING": RefundStanding.PROCESSING,
    "REFUND_FAIL": RefundStanding.CLOSED,
}


def verdict(reply: Any) -> Refused | OutcomeUnknown | None:
    """Nothing if the method did what it was asked."""
    code, sub_code = _text(reply.code), _text(reply.sub_code)
    if code == _GOOD and not sub_code:
        return None
    is_doubtful = sub_code.endswith("SYSTEM_ERROR") or (sub_code.startswith("isp.") and sub_code != NO_BILL)
    if code not in _REFUSALS or is_doubtful:
        return OutcomeUnknown(reason=sub_code or code or "no_code")
    return Refused(code=sub_code or code, message=_text(reply.sub_msg), retryable=sub_code in _RETRYABLE)


def same_number(reply: Any, out_trade_no: str) -> None:
    """A reply about another order is no answer. Raises ``InDoubt``."""
    if reply.out_trade_no != out_trade_no:
        raise InDoubt("another_number")


def standing(status: str, *, was_paid: bool) -> PaymentStanding:
    """``TRADE_CLOSED`` says both *never paid* and *all paid back*. Raises ``ValueError``."""
    if status in _PAID or (status == "TRADE_CLOSED" and was_paid):
        return PaymentStanding.PAID
    if status == "TRADE_CLOSED":
        return PaymentStanding.CLOSED
    if status == "WAIT_BUYER_PAY":
        return PaymentStanding.WAITING
    raise ValueError("unknown trade status")


def payment(reply: Any, account: AlipayAccount) -> ProviderPayment:
    """The facts of a query. Raises ``ValueError``."""
    status, paid_at = _text(reply.trade_status), _text(reply.send_pay_date)
    found = standing(status, was_paid=bool(paid_at))
    is_paid = found is PaymentStanding.PAID
    return ProviderPayment(
        standing=found,
        out_trade_no=reply.out_trade_no,
        merchant_id=account.merchant_id,
        app_id=account.app_id,
        provider_ref=_text(reply.trade_no),
        amount=from_yuan(_text(reply.total_amount), _text(reply.trans_currency) or CURRENCY) if is_paid else None,
        paid_at=from_readable(paid_at) if is_paid else None,
        payer=_text(reply.buyer_open_id) or _text(reply.buyer_user_id),
        has_refunds=is_paid and status == "TRADE_CLOSED",
    )


def absent_payment(account: AlipayAccount, out_trade_no: str) -> ProviderPayment:
    """Nobody scanned the code or reached the cashier so far."""
    return ProviderPayment(
        standing=PaymentStanding.ABSENT,
        out_trade_no=out_trade_no,
        merchant_id=account.merchant_id,
        app_id=account.app_id,
    )


def done_refund(reply: Any, out_refund_no: str, amount: Money) -> ProviderRefund:
    """A refund that moved money now. Its reply tells only the sum so far. Raises ``ValueError``."""
    if from_yuan(_text(reply.refund_fee)).minor < amount.minor:
        raise ValueError("less was paid back than asked")
    return ProviderRefund(
        standing=RefundStanding.SUCCEEDED,
        out_trade_no=reply.out_trade_no,
        out_refund_no=out_refund_no,
        amount=amount,
        refunded_at=_time(reply.gmt_refund_pay),
    )


def bill_address(reply: Any, gateway_url: str) -> str:
    """Where the file lies: at Alipay, or beside the gateway. Only encrypted, unless the gateway itself is not.

    Raises ``InDoubt``: what a reply names is never fetched from anywhere else.
    """
    try:
        address, gateway = URL(_text(reply.bill_download_url), encoded=True), URL(gateway_url)
        is_beside = address.origin() == gateway.origin()
    except ValueError:
        raise InDoubt("address") from None
    if is_beside:
        return str(address)
    if not (address.host or "").endswith(_OWN_HOSTS) or not address.is_default_port():
        raise InDoubt("address")
    # The documents write http; the service speaks both.
    return str(address.with_scheme("https"))


def refund(reply: Any, out_trade_no: str, out_refund_no: str) -> ProviderRefund:
    """The facts of a refund query. 10000 says only that it ran. Raises ``ValueError`` or ``InDoubt``."""
    if not reply.out_request_no:
        return absent_refund(out_trade_no, out_refund_no)
    same_number(reply, out_trade_no)
    if reply.out_request_no != out_refund_no:
        raise InDoubt("another_number")
    status = _text(reply.refund_status)
    return ProviderRefund(
        standing=_REFUND_STANDINGS[status] if status else RefundStanding.ABSENT,
        out_trade_no=out_trade_no,
        out_refund_no=out_refund_no,
        amount=from_yuan(_text(reply.refund_amount)),
        refunded_at=_time(reply.gmt_refund_pay),
    )


def absent_refund(out_trade_no: str, out_refund_no: str) -> ProviderRefund:
    return ProviderRefund(standing=RefundStanding.ABSENT, out_trade_no=out_trade_no, out_refund_no=out_refund_no)


def _time(value: object) -> Any:
    text = _text(value)
    return from_readable(text) if text else None


def _text(value: object) -> str:
    """Replies are JSON: anything but a text where a text belongs counts as missing."""
    return value if isinstance(value, str) else ""
