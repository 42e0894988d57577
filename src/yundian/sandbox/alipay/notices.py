"""What Alipay tells the merchant, on which products, and what a good answer is."""

from urllib.parse import urlencode

from yundian.sandbox import notices, trades
from yundian.sandbox.alipay.amounts import yuan
from yundian.sandbox.alipay.gateway import PROVIDER
from yundian.sandbox.alipay.signing import notice_content, sign
from yundian.sandbox.clock import beijing_now, readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.notices import Notice, Outgoing
from yundian.sandbox.seeds import digits, hexadecimal
from yundian.sandbox.trades import Refund, Trade

_TOLD = {
    "precreate": frozenset({"TRADE_SUCCESS"}),
    "page": frozenset({"TRADE_SUCCESS"}),
    "wap": frozenset({"TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"}),
}
_MINUTE, _HOUR = 60.0, 3600.0


def tell_state(sandbox: Sandbox, trade: Trade, status: str) -> None:
    """A change of state, if the product speaks of this one."""
    _post(sandbox, trade, status, operation="notify.pay", key=trade.out_no, extra={})


def tell_refund(sandbox: Sandbox, trade: Trade, refund: Refund, status: str) -> None:
    """A refund, to the order's own address; ``refund_fee`` is the sum so far."""
    extra = {
        "out_biz_no": refund.out_no,
        "refund_fee": yuan(trades.returned(sandbox, trade)),
        "gmt_refund": readable(refund.settled_at or 0) + ".000",
    }
    _post(sandbox, trade, status, operation="notify.refund", key=refund.out_no, extra=extra)


def _post(sandbox: Sandbox, trade: Trade, status: str, *, operation: str, key: str, extra: dict[str, str]) -> None:
    if status not in _TOLD[trade.product]:
        return
    fields = _fields(sandbox, trade, status) | extra
    notices.post(
        sandbox,
        provider=PROVIDER,
        operation=operation,
        merchant=trade.merchant,
        key=key,
        url=trade.notify_url,
        fields=fields,
    )


def _fields(sandbox: Sandbox, trade: Trade, status: str) -> dict[str, str]:
    app = sandbox.accounts.alipay_apps[trade.app_id]
    serial = sandbox.store.serial("notice")
    fields = {
        "notify_time": f"{beijing_now():%Y-%m-%d %H:%M:%S}",
        "notify_type": "trade_status_sync",
        "notify_id": f"{beijing_now():%Y%m%d}00222{hexadecimal(21, sandbox.seed, 'notify', serial)}",
        "app_id": app.app_id,
        "auth_app_id": app.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": trade.number,
        "out_trade_no": trade.out_no,
        "seller_id": app.seller_id,
        "buyer_id": trade.payer,
        "buyer_logon_id": "199****0001",
        "trade_status": status,
        "total_amount": yuan(trade.amount),
        "subject": trade.subject,
        "body": "",
        "gmt_create": readable(trade.created_at),
    }
    if trade.paid_at is not None:
        fields |= dict.fromkeys(("receipt_amount", "buyer_pay_amount", "invoice_amount"), yuan(trade.amount))
        fields |= {
            "point_amount": "0.00",
            "gmt_payment": readable(trade.paid_at),
            "fund_bill_list": f'[{{"amount":"{yuan(trade.amount)}","fundChannel":"ALIPAYACCOUNT"}}]',
        }
    if trade.closed_at is not None:
        fields["gmt_close"] = readable(trade.closed_at)
    if trade.attach:
        fields["passback_params"] = trade.attach
    return fields


class AlipaySender:
    """A good answer is exactly ``success`` with status 200."""

    retries_s = (4 * _MINUTE, 10 * _MINUTE, 10 * _MINUTE, 1 * _HOUR, 2 * _HOUR, 6 * _HOUR, 15 * _HOUR)

    def render(self, sandbox: Sandbox, notice: Notice, plan: Plan) -> Outgoing:
        fields = {name: str(value) for name, value in notice.fields.items()}
        _falsify(fields, plan)
        app = sandbox.accounts.alipay_apps[notice.merchant]
        fields["sign"] = sign(app, notice_content(fields), plan)
        if plan.has(Fault.TAMPERED):
            fields["out_trade_no"] += "0"
        if plan.has(Fault.UNSIGNED):
            del fields["sign"]
        content_type = "application/x-www-form-urlencoded; charset=utf-8"
        return Outgoing(url=notice.url, body=urlencode(fields).encode(), content_type=content_type)

    def accepts(self, sandbox: Sandbox, notice: Notice, *, status: int, answer: bytes) -> bool:
        return status == 200 and answer == b"success"


def _falsify(fields: dict[str, str], plan: Plan) -> None:
    if plan.has(Fault.WRONG_AMOUNT):
        fields["total_amount"] = plan.text(Fault.WRONG_AMOUNT, "yuan", "0.01")
    if plan.has(Fault.WRONG_CURRENCY):
        fields["trans_currency"] = plan.text(Fault.WRONG_CURRENCY, "currency", "USD")
    if plan.has(Fault.WRONG_APP):
        fields["app_id"] = plan.text(Fault.WRONG_APP, "value", "2021" + digits(12, "another app"))
    if plan.has(Fault.WRONG_MERCHANT):
        fields["seller_id"] = plan.text(Fault.WRONG_MERCHANT, "value", "2088" + digits(12, "another seller"))
    if plan.has(Fault.WRONG_NUMBER):
        fields["out_trade_no"] = plan.text(Fault.WRONG_NUMBER, "value", "N0TH1NG")
