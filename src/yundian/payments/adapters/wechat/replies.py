"""What the replies and notices of WeChat Pay v2 mean."""

from collections.abc import Mapping

from yundian.payments.adapters.amounts import CURRENCY, from_compact, from_fen, from_readable
from yundian.payments.adapters.guard import InDoubt
from yundian.payments.types import (
    OutcomeUnknown,
    PaymentStanding,
    ProviderPayment,
    ProviderRefund,
    RefundStanding,
    Refused,
    WeChatPayAccount,
)

ORDER_PAID, ORDER_CLOSED = "ORDERPAID", "ORDERCLOSED"
NO_ORDER, NO_REFUND = "ORDERNOTEXIST", "REFUNDNOTEXIST"
NOT_ENOUGH = "NOTENOUGH"

# The effect may have happened: ask, or send the same number again.
_DOUBTFUL = frozenset({"SYSTEMERROR", "BANKERROR", "USERPAYING", "BIZERR_NEED_RETRY"})
_RETRYABLE = frozenset({"FREQUENCY_LIMITED", "FREQUENCY_LIMIT", NOT_ENOUGH})
_STANDINGS = {
    "NOTPAY": PaymentStanding.WAITING,
    "USERPAYING": PaymentStanding.WAITING,
    "ACCEPT": PaymentStanding.WAITING,
    "SUCCESS": PaymentStanding.PAID,
    "REFUND": PaymentStanding.PAID,
    "CLOSED": PaymentStanding.CLOSED,
    "REVOKED": PaymentStanding.CLOSED,
    "PAYERROR": PaymentStanding.FAILED,
}
_REFUND_STANDINGS = {
    "SUCCESS": RefundStanding.SUCCEEDED,
    "PROCESSING": RefundStanding.PROCESSING,
    "REFUNDCLOSE": RefundStanding.CLOSED,
    "CHANGE": RefundStanding.ABNORMAL,
}

Fields = Mapping[str, str]


def verdict(fields: Fields) -> Refused | OutcomeUnknown | None:
    """Nothing if the operation did what it was asked; of verified fields."""
    if fields.get("result_code") == "SUCCESS":
        return None
    code = fields.get("err_code", "")
    if not code or code in _DOUBTFUL:
        return OutcomeUnknown(reason=code or "no_code")
    return Refused(code=code, message=fields.get("err_code_des", ""), retryable=code in _RETRYABLE)


def same(fields: Fields, name: str, wanted: str) -> None:
    """A reply about something else is no answer. Raises ``InDoubt``."""
    if fields.get(name) != wanted:
        raise InDoubt(f"another_{name}")


def payment(fields: Fields, *, state: str) -> ProviderPayment:
    """The facts of a query or a notice. Raises ``KeyError`` or ``ValueError``."""
    standing = _STANDINGS[state]
    is_paid = standing is PaymentStanding.PAID
    return ProviderPayment(
        standing=standing,
        out_trade_no=_need(fields, "out_trade_no"),
        merchant_id=fields["mch_id"],
        app_id=fields["appid"],
        provider_ref=_need(fields, "transaction_id") if is_paid else fields.get("transaction_id", ""),
        amount=from_fen(fields["total_fee"], fields.get("fee_type") or CURRENCY) if is_paid else None,
        paid_at=from_compact(fields["time_end"]) if is_paid else None,
        payer=fields.get("openid", ""),
        has_refunds=state == "REFUND",
    )


def absent_payment(account: WeChatPayAccount, out_trade_no: str) -> ProviderPayment:
    return ProviderPayment(
        standing=PaymentStanding.ABSENT,
        out_trade_no=out_trade_no,
        merchant_id=account.merchant_id,
        app_id=account.app_id,
    )


def accepted_refund(fields: Fields) -> ProviderRefund:
    """SUCCESS means only that it was accepted. Raises ``KeyError`` or ``ValueError``."""
    return ProviderRefund(
        standing=RefundStanding.PROCESSING,
        out_trade_no=_need(fields, "out_trade_no"),
        out_refund_no=_need(fields, "out_refund_no"),
        provider_ref=_need(fields, "refund_id"),
        amount=from_fen(fields["refund_fee"], fields.get("fee_type") or CURRENCY),
    )


def queried_refund(fields: Fields, out_refund_no: str) -> ProviderRefund:
    """The one refund among those of the reply. Raises ``KeyError`` or ``ValueError``."""
    numbers = (name.removeprefix("out_refund_no_") for name in fields if fields[name] == out_refund_no)
    index = next((number for number in numbers if number.isdecimal()), None)
    if index is None:
        raise ValueError("another refund")
    success_time = fields.get(f"refund_success_time_{index}", "")
    return ProviderRefund(
        standing=_REFUND_STANDINGS[fields[f"refund_status_{index}"]],
        out_trade_no=fields["out_trade_no"],
        out_refund_no=out_refund_no,
        provider_ref=fields[f"refund_id_{index}"],
        amount=from_fen(fields[f"refund_fee_{index}"], fields.get("fee_type") or CURRENCY),
        refunded_at=from_readable(success_time) if success_time else None,
    )


def told_refund(fields: Fields) -> ProviderRefund:
    """The refund of an opened notice. Raises ``KeyError`` or ``ValueError``."""
    success_time = fields.get("success_time", "")
    return ProviderRefund(
        standing=_REFUND_STANDINGS[fields["refund_status"]],
        out_trade_no=_need(fields, "out_trade_no"),
        out_refund_no=_need(fields, "out_refund_no"),
        provider_ref=_need(fields, "refund_id"),
        amount=from_fen(fields["refund_fee"]),
        refunded_at=from_readable(success_time) if success_time else None,
    )


def absent_refund(out_trade_no: str, out_refund_no: str) -> ProviderRefund:
    return ProviderRefund(standing=RefundStanding.ABSENT, out_trade_no=out_trade_no, out_refund_no=out_refund_no)


def _need(fields: Fields, name: str) -> str:
    value = fields[name]
    if not value:
        raise ValueError(f"{name} is empty")
    return value
