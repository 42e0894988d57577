"""What WeChat Pay tells the merchant: a payment (signed), a refund (encrypted)."""

from yundian.sandbox import notices, trades
from yundian.sandbox.clock import readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.notices import Notice, Outgoing
from yundian.sandbox.seeds import hexadecimal
from yundian.sandbox.trades import Refund, Trade
from yundian.sandbox.wechat import xml
from yundian.sandbox.wechat.pay_gateway import PROVIDER, sign_badly
from yundian.sandbox.wechat.pay_orders import payment_fields
from yundian.sandbox.wechat.pay_refunds import STATES
from yundian.sandbox.wechat.signing import seal_refund_info

_MINUTE, _HOUR = 60.0, 3600.0


def tell_paid(sandbox: Sandbox, trade: Trade) -> None:
    """The pay notice. It follows the order's signature algorithm and, as the real one, does not name it."""
    fields: dict[str, object] = {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "appid": trade.app_id,
        "mch_id": trade.merchant,
        "nonce_str": hexadecimal(32, sandbox.seed, "notice", sandbox.store.serial("notice")),
        "out_trade_no": trade.out_no,
        **payment_fields(trade),
    }
    if trade.attach:
        fields["attach"] = trade.attach
    _post(sandbox, trade, operation="notify.pay", key=trade.out_no, url=trade.notify_url, fields=fields)


def tell_refunded(sandbox: Sandbox, refund: Refund) -> None:
    """The refund notice; only for refunds that asked for one."""
    trade = trades.get(sandbox, refund.trade_id)
    fields: dict[str, object] = {
        "transaction_id": trade.number,
        "out_trade_no": trade.out_no,
        "refund_id": refund.number,
        "out_refund_no": refund.out_no,
        "total_fee": trade.amount,
        "settlement_total_fee": trade.amount,
        "refund_fee": refund.amount,
        "settlement_refund_fee": refund.amount,
        "refund_status": STATES[refund.state],
        "success_time": readable(refund.settled_at or 0) if refund.state == "success" else "",
        "refund_recv_accout": "支付用户零钱",
        "refund_account": "REFUND_SOURCE_UNSETTLED_FUNDS",
        "refund_request_source": "API",
    }
    _post(sandbox, trade, operation="notify.refund", key=refund.out_no, url=refund.notify_url, fields=fields)


def _post(
    sandbox: Sandbox, trade: Trade, *, operation: str, key: str, url: str, fields: dict[str, object]
) -> None:
    envelope = {"app_id": trade.app_id, "sign_type": trade.sign_type, "says": fields}
    notices.post(
        sandbox, provider=PROVIDER, operation=operation, merchant=trade.merchant, key=key, url=url, fields=envelope
    )


class PaySender:
    """Delivers both kinds; a good answer is XML with return_code SUCCESS."""

    retries_s = (
        15.0,
        15.0,
        30.0,
        3 * _MINUTE,
        10 * _MINUTE,
        20 * _MINUTE,
        *(30 * _MINUTE,) * 3,
        60 * _MINUTE,
        *(3 * _HOUR,) * 3,
        *(6 * _HOUR,) * 2,
    )

    def render(self, sandbox: Sandbox, notice: Notice, plan: Plan) -> Outgoing:
        api_key = sandbox.accounts.wechat_merchants[notice.merchant].api_key
        says = dict(notice.fields["says"])
        if notice.operation == "notify.pay":
            body = xml.dump(sign_badly(says, api_key, notice.fields["sign_type"], plan))
        else:
            body = _refund_body(notice, says, api_key, plan)
        return Outgoing(url=notice.url, body=body, content_type="text/xml")

    def accepts(self, sandbox: Sandbox, notice: Notice, *, status: int, answer: bytes) -> bool:
        try:
            return status == 200 and xml.parse(answer).get("return_code") == "SUCCESS"
        except xml.NotXml:
            return False


def _refund_body(notice: Notice, says: dict[str, object], api_key: str, plan: Plan) -> bytes:
    """There is no signature here: a forged notice is one sealed with another key."""
    if plan.has(Fault.WRONG_AMOUNT):
        says["refund_fee"] = int(str(says["refund_fee"])) + int(plan.number(Fault.WRONG_AMOUNT, "minor", 1))
    if plan.has(Fault.WRONG_NUMBER):
        says["out_refund_no"] = plan.text(Fault.WRONG_NUMBER, "value", "N0TH1NG")
    forged = any(plan.has(each) for each in (Fault.TAMPERED, Fault.WEAK, Fault.UNSIGNED))
    envelope = {
        "return_code": "SUCCESS",
        "appid": plan.text(Fault.WRONG_APP, "value", "wx0")
        if plan.has(Fault.WRONG_APP)
        else notice.fields["app_id"],
        "mch_id": plan.text(Fault.WRONG_MERCHANT, "value", "16")
        if plan.has(Fault.WRONG_MERCHANT)
        else notice.merchant,
        "nonce_str": hexadecimal(32, notice.id, notice.attempts),
        "req_info": seal_refund_info(xml.dump(says, root="root"), "another key" if forged else api_key),
    }
    return xml.dump(envelope)
