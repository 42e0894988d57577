"""Alipay refunds: paid back at once, idempotent by their number, amounts cumulative."""

from yundian.sandbox import trades
from yundian.sandbox.alipay.amounts import fen, yuan
from yundian.sandbox.alipay.gateway import Asked, Refused
from yundian.sandbox.alipay.notices import tell_refund
from yundian.sandbox.alipay.orders import existing, trade_status
from yundian.sandbox.clock import readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.trades import FINISHED, PAID, Refund, Trade


def refund(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """Pay back. The same number again changes nothing and says ``fund_change`` N, unless it had failed."""
    trade, amount = existing(sandbox, asked), fen(asked.need("refund_amount"))
    out_no = asked.text("out_request_no") or trade.out_no
    known = trades.find_refund(sandbox, trade, out_no)
    if known is not None:
        if known.amount != amount:
            raise Refused("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
        if known.state == "success":
            return _described(sandbox, trade, known, changed=False)
    bound = amount if known is not None and known.state != "closed" else 0
    _check(trade, amount, bound=bound, has_number=bool(asked.text("out_request_no")))
    settled = trades.settle(sandbox, _opened(sandbox, asked, trade, out_no, amount, known))
    after = trades.get(sandbox, trade.id)
    if settled.state == "success":
        tell_refund(sandbox, after, settled, trade_status(sandbox, after))
    return _described(sandbox, after, settled, changed=settled.state == "success")


def _opened(
    sandbox: Sandbox, asked: Asked, trade: Trade, out_no: str, amount: int, known: Refund | None
) -> Refund:
    """A new refund; or one that failed, tried again under its own number."""
    if known is not None:
        return trades.try_again(sandbox, known)
    return trades.open_refund(
        sandbox,
        trade,
        out_no=out_no,
        amount=amount,
        reason=asked.text("refund_reason"),
        notify_url="",
        settles_after_s=0,
    )


def _check(trade: Trade, amount: int, *, bound: int, has_number: bool) -> None:
    if trade.state == FINISHED:
        raise Refused("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if trade.state != PAID:
        raise Refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    if trade.refunded - bound + amount > trade.amount:
        raise Refused("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
    if amount < trade.amount and not has_number:
        raise Refused("ACQ.INVALID_PARAMETER", "部分退款必须传out_request_no")


def _described(sandbox: Sandbox, trade: Trade, one: Refund, *, changed: bool) -> dict[str, object]:
    return {
        "trade_no": trade.number,
        "out_trade_no": trade.out_no,
        "buyer_logon_id": "199****0001",
        "buyer_user_id": trade.payer,
        "fund_change": "Y" if changed else "N",
        "refund_fee": yuan(trades.returned(sandbox, trade)),
        "send_back_fee": yuan(one.amount if changed else 0),
        "gmt_refund_pay": readable(one.settled_at or one.created_at),
    }


def refund_query(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """10000 says only that the question was answered; an unknown refund has no ``refund_status``."""
    trade = existing(sandbox, asked)
    one = trades.find_refund(sandbox, trade, asked.need("out_request_no"))
    if one is None:
        return {}
    fields: dict[str, object] = {
        "trade_no": trade.number,
        "out_trade_no": trade.out_no,
        "out_request_no": one.out_no,
        "total_amount": yuan(trade.amount),
        "refund_amount": yuan(one.amount),
    }
    if one.state == "success":
        fields["refund_status"] = "REFUND_SUCCESS"
        if "gmt_refund_pay" in str(asked.biz.get("query_options", "")):
            fields["gmt_refund_pay"] = readable(one.settled_at or 0)
    return fields
