"""What a person does at the cashier of any provider: pay. And what happens by itself: expiry, settlement."""

from yundian.platform.core.steps import step
from yundian.sandbox import trades
from yundian.sandbox.alipay import notices as alipay_notices
from yundian.sandbox.alipay.orders import buyer
from yundian.sandbox.context import Sandbox
from yundian.sandbox.trades import Trade
from yundian.sandbox.wechat import pay_notices
from yundian.sandbox.wechat.identity import openid, openid_user


def pay(sandbox: Sandbox, trade: Trade, *, user_id: int) -> Trade:
    """The person pays; the merchant is told. Raises ``trades.NotPayable``."""
    with sandbox.store.transaction():
        if trade.provider == "alipay":
            arrived = trades.arrive(sandbox, trade)
            paid = trades.mark_paid(sandbox, arrived, user_id=user_id, payer=buyer(sandbox, user_id))
            alipay_notices.tell_state(sandbox, paid, "TRADE_SUCCESS")
        else:
            # Inside WeChat only the person the order was made for can pay it.
            who = openid_user(sandbox, trade.app_id, trade.payer) or user_id
            payer = openid(sandbox, trade.app_id, who)
            paid = trades.mark_paid(sandbox, trade, user_id=who, payer=payer)
            pay_notices.tell_paid(sandbox, paid)
        step("sandbox.paying")
    return paid


def finish(sandbox: Sandbox, trade: Trade) -> bool:
    """The time for refunds is over (Alipay): no refund is possible from now on."""
    with sandbox.store.transaction():
        sql = "UPDATE trade SET state = 'finished' WHERE id = ? AND provider = 'alipay' AND state = 'paid'"
        changed = sandbox.store.run(sql, trade.id)
        if changed:
            alipay_notices.tell_state(sandbox, trades.get(sandbox, trade.id), "TRADE_FINISHED")
    return changed > 0


def housekeeping(sandbox: Sandbox) -> None:
    """Close what nobody paid in time, settle the refunds that are due, tell the merchants."""
    for trade in trades.expired(sandbox):
        with sandbox.store.transaction():
            closed = trades.mark_closed(sandbox, trade)
            if trade.provider == "alipay":
                alipay_notices.tell_state(sandbox, closed, "TRADE_CLOSED")
    for refund in trades.refunds_due(sandbox):
        with sandbox.store.transaction():
            settled = trades.settle(sandbox, refund)
            pay_notices.tell_refunded(sandbox, settled)
