"""WeChat Pay v2 refunds: accepted at once, settled a little later, idempotent by their number."""

from yundian.sandbox import trades
from yundian.sandbox.clock import readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.trades import PAID, Refund, Trade
from yundian.sandbox.wechat.pay_gateway import Asked, Refused

MOST_REFUNDS = 50
STATES = {"processing": "PROCESSING", "success": "SUCCESS", "closed": "REFUNDCLOSE", "abnormal": "CHANGE"}


def refund(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """Accept a refund, or answer the same for the same number. SUCCESS means accepted, not paid back."""
    total, amount = asked.amount("total_fee"), asked.amount("refund_fee")
    out_no, trade = asked.need("out_refund_no"), _paid_trade(sandbox, asked)
    known = _by_number(sandbox, trade.merchant, out_no)
    if known is not None and (known.trade_id, known.amount) != (trade.id, amount):
        raise Refused("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试")
    if total != trade.amount:
        raise Refused("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试")
    if known is None:
        _check_room(sandbox, trade, amount)
        known = trades.open_refund(
            sandbox,
            trade,
            out_no=out_no,
            amount=amount,
            reason=asked.fields.get("refund_desc", ""),
            notify_url=asked.fields.get("notify_url", ""),
            settles_after_s=sandbox.config.refund_settles_after_s / sandbox.config.time_scale,
        )
    return {
        "transaction_id": trade.number,
        "out_trade_no": trade.out_no,
        "out_refund_no": known.out_no,
        "refund_id": known.number,
        "refund_fee": known.amount,
        "total_fee": trade.amount,
        "fee_type": trade.currency,
        "cash_fee": trade.amount,
        "cash_refund_fee": known.amount,
    }


def _check_room(sandbox: Sandbox, trade: Trade, amount: int) -> None:
    if trade.refunded + amount > trade.amount:
        raise Refused("INVALID_REQUEST", "累计退款金额大于支付金额")
    if len(trades.refunds_of(sandbox, trade)) >= MOST_REFUNDS:
        raise Refused("INVALID_REQUEST", "部分退款次数超限")


def refund_query(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """One refund by its number, or all refunds of an order."""
    merchant = asked.merchant.mch_id
    out_no, number = asked.fields.get("out_refund_no", ""), asked.fields.get("refund_id", "")
    if out_no or number:
        one = _by_number(sandbox, merchant, out_no, number=number)
        if one is None:
            raise Refused("REFUNDNOTEXIST", "退款订单查询失败")
        return _described(trades.get(sandbox, one.trade_id), [one])
    trade = _paid_trade(sandbox, asked)
    found = trades.refunds_of(sandbox, trade)
    if not found:
        raise Refused("REFUNDNOTEXIST", "退款订单查询失败")
    return _described(trade, found)


def _described(trade: Trade, refunds: list[Refund]) -> dict[str, object]:
    fields: dict[str, object] = {
        "transaction_id": trade.number,
        "out_trade_no": trade.out_no,
        "total_fee": trade.amount,
        "fee_type": trade.currency,
        "cash_fee": trade.amount,
        "refund_count": len(refunds),
        "refund_fee": sum(each.amount for each in refunds),
    }
    for index, each in enumerate(refunds):
        fields[f"out_refund_no_{index}"] = each.out_no
        fields[f"refund_id_{index}"] = each.number
        fields[f"refund_channel_{index}"] = "ORIGINAL"
        fields[f"refund_fee_{index}"] = each.amount
        fields[f"refund_status_{index}"] = STATES[each.state]
        fields[f"refund_account_{index}"] = "REFUND_SOURCE_UNSETTLED_FUNDS"
        fields[f"refund_recv_accout_{index}"] = "支付用户零钱"
        if each.state == "success":
            fields[f"refund_success_time_{index}"] = readable(each.settled_at or 0)
    return fields


def _paid_trade(sandbox: Sandbox, asked: Asked) -> Trade:
    number = asked.fields.get("transaction_id", "")
    out_no = number or asked.need("out_trade_no")
    trade = trades.find(sandbox, provider="wechat", merchant=asked.merchant.mch_id, out_no=out_no, number=number)
    if trade is None:
        raise Refused("ORDERNOTEXIST", "订单不存在")
    if trade.state != PAID:
        raise Refused("TRADE_STATE_ERROR", "订单状态错误")
    return trade


def _by_number(sandbox: Sandbox, merchant: str, out_no: str, *, number: str = "") -> Refund | None:
    sql = (
        "SELECT refund.* FROM refund JOIN trade ON trade.id = refund.trade_id"
        " WHERE trade.provider = 'wechat' AND trade.merchant = ? AND (refund.out_no = ? OR refund.number = ?)"
    )
    return sandbox.store.one(Refund, sql, merchant, out_no, number)
