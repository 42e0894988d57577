"""Alipay trades: precreate, wap.pay, page.pay, query, close.

No trade exists until somebody scanned the code or reached the cashier.
"""

import re

from yundian.platform.core import clock
from yundian.sandbox import trades
from yundian.sandbox.alipay.amounts import fen, yuan
from yundian.sandbox.alipay.gateway import Asked, Refused
from yundian.sandbox.alipay.notices import tell_state
from yundian.sandbox.clock import from_readable, readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.seeds import digits
from yundian.sandbox.trades import CLOSED, FINISHED, OFFERED, PAID, NewTrade, Trade

WAP, PAGE = "alipay.trade.wap.pay", "alipay.trade.page.pay"
_PRODUCT_CODES = {WAP: "QUICK_WAP_WAY", PAGE: "FAST_INSTANT_TRADE_PAY"}
_LIFE_S = 2 * 3600.0
_OUT_NO = re.compile(r"[0-9A-Za-z_]{1,64}")
_UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def precreate(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """A code to scan."""
    trade = offer(sandbox, asked, product="precreate")
    return {"out_trade_no": trade.out_no, "qr_code": sandbox.config.url(f"/cashier/alipay/{trade.token}")}


def offer(sandbox: Sandbox, asked: Asked, *, product: str) -> Trade:
    """What a person may pay; the same again for the same order. Raises ``Refused``."""
    out_no, amount = asked.need("out_trade_no"), fen(asked.need("total_amount"))
    subject = asked.need("subject")
    if not _OUT_NO.fullmatch(out_no):
        raise Refused("ACQ.INVALID_PARAMETER", "out_trade_no格式错误")
    expected = _PRODUCT_CODES.get(asked.method)
    if expected and asked.text("product_code") != expected:
        raise Refused("ACQ.INVALID_PARAMETER", "product_code有误")
    known = trades.find(sandbox, provider="alipay", merchant=asked.app.app_id, out_no=out_no)
    if known is not None:
        return _same(sandbox, known, amount)
    return trades.open_trade(
        sandbox,
        NewTrade(
            provider="alipay",
            merchant=asked.app.app_id,
            app_id=asked.app.app_id,
            out_no=out_no,
            product=product,
            amount=amount,
            currency="CNY",
            subject=subject,
            attach=asked.text("passback_params"),
            notify_url=asked.params.get("notify_url", ""),
            return_url=asked.params.get("return_url", ""),
            sign_type="RSA2",
            payer="",
            state=OFFERED,
            lives_s=_life_s(asked),
        ),
    )


def _same(sandbox: Sandbox, known: Trade, amount: int) -> Trade:
    if known.state in {PAID, FINISHED}:
        raise Refused("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    if known.state == CLOSED or trades.is_expired(sandbox, known):
        raise Refused("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if known.amount != amount:
        raise Refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
    return known


def _life_s(asked: Asked) -> float:
    try:
        if asked.text("time_expire"):
            life = from_readable(asked.text("time_expire")) - clock.now().timestamp()
        else:
            text = asked.text("timeout_express") or asked.text("qr_code_timeout_express")
            life = float(text[:-1]) * _UNITS_S[text[-1]] if text else _LIFE_S
    except (ValueError, KeyError):
        raise Refused("ACQ.INVALID_PARAMETER", "过期时间格式错误") from None
    if life <= 0:
        raise Refused("ACQ.INVALID_PARAMETER", "过期时间已过")
    return life


def query(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """What became of a trade."""
    trade = existing(sandbox, asked)
    fields: dict[str, object] = {
        "trade_no": trade.number,
        "out_trade_no": trade.out_no,
        "trade_status": trade_status(sandbox, trade),
        "total_amount": yuan(trade.amount),
        "buyer_logon_id": "199****0001",
        "buyer_user_id": trade.payer,
    }
    if trade.paid_at is not None:
        fields["send_pay_date"] = readable(trade.paid_at)
        paid = yuan(trade.amount)
        fields |= dict.fromkeys(("receipt_amount", "buyer_pay_amount", "invoice_amount"), paid)
        fields["fund_bill_list"] = [{"amount": paid, "fund_channel": "ALIPAYACCOUNT"}]
    return fields


def trade_status(sandbox: Sandbox, trade: Trade) -> str:
    if trade.state == PAID:
        return "TRADE_CLOSED" if trades.returned(sandbox, trade) == trade.amount else "TRADE_SUCCESS"
    if trade.state == FINISHED:
        return "TRADE_FINISHED"
    return "TRADE_CLOSED" if trade.state == CLOSED or trades.is_expired(sandbox, trade) else "WAIT_BUYER_PAY"


def close(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """Close an unpaid trade. A code nobody scanned cannot be closed and stays payable."""
    trade = existing(sandbox, asked)
    if trade.state in {PAID, FINISHED} or trade_status(sandbox, trade) == "TRADE_CLOSED":
        raise Refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    closed = trades.mark_closed(sandbox, trade)
    tell_state(sandbox, closed, "TRADE_CLOSED")
    return {"trade_no": trade.number, "out_trade_no": trade.out_no}


def existing(sandbox: Sandbox, asked: Asked) -> Trade:
    """The trade a request names. Raises ``Refused``."""
    number = asked.text("trade_no")
    out_no = number or asked.need("out_trade_no")
    trade = trades.find(sandbox, provider="alipay", merchant=asked.app.app_id, out_no=out_no, number=number)
    if trade is None or trade.state == OFFERED:
        raise Refused("ACQ.TRADE_NOT_EXIST", "交易不存在")
    return trade


def buyer(sandbox: Sandbox, user_id: int) -> str:
    """A test user's Alipay number."""
    return "2088" + digits(12, sandbox.seed, "buyer", user_id)
