"""WeChat Pay v2 orders: unifiedorder, orderquery, closeorder."""

from yundian.platform.core import clock
from yundian.sandbox import trades
from yundian.sandbox.clock import compact, from_compact
from yundian.sandbox.context import Sandbox
from yundian.sandbox.trades import CLOSED, PAID, NewTrade, Trade
from yundian.sandbox.wechat.identity import openid_user
from yundian.sandbox.wechat.pay_gateway import Asked, Refused

_LIFE_S = 2 * 3600.0
_SHORTEST_LIFE_S = 60.0
_PRODUCTS = frozenset({"JSAPI", "NATIVE", "MWEB"})
_OUT_NO_LENGTH = 32


def unified_order(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """Open an order, or give the same answer again for the same order."""
    new = _wanted(sandbox, asked)
    trade = trades.find(sandbox, provider="wechat", merchant=new.merchant, out_no=new.out_no)
    if trade is None:
        trade = trades.open_trade(sandbox, new)
    elif trade.state == PAID:
        raise Refused("ORDERPAID", "该订单已支付")
    elif trade.state == CLOSED or trades.is_expired(sandbox, trade):
        raise Refused("ORDERCLOSED", "该订单已关闭")
    elif (trade.amount, trade.product, trade.app_id) != (new.amount, new.product, new.app_id):
        raise Refused("OUT_TRADE_NO_USED", "商户订单号重复")
    return {"trade_type": trade.product, "prepay_id": trade.prepay_id, **_addresses(sandbox, trade)}


def _addresses(sandbox: Sandbox, trade: Trade) -> dict[str, object]:
    address = sandbox.config.url(f"/cashier/wechat/{trade.token}")
    name = {"NATIVE": "code_url", "MWEB": "mweb_url"}.get(trade.product)
    return {name: address} if name else {}


def _wanted(sandbox: Sandbox, asked: Asked) -> NewTrade:
    product, payer = asked.need("trade_type"), asked.fields.get("openid", "")
    out_no, notify_url = asked.need("out_trade_no"), asked.need("notify_url")
    asked.need("spbill_create_ip")
    if product not in _PRODUCTS:
        raise Refused("PARAM_ERROR", "参数trade_type无效")
    if product == "JSAPI" and openid_user(sandbox, asked.app.appid, payer) is None:
        raise Refused("PARAM_ERROR", "appid和openid不匹配" if payer else "JSAPI支付必须传openid")
    if product == "NATIVE":
        asked.need("product_id")
    if len(out_no) > _OUT_NO_LENGTH or not out_no.isascii():
        raise Refused("PARAM_ERROR", "参数out_trade_no格式错误")
    if "?" in notify_url or not notify_url.startswith(("http://", "https://")):
        raise Refused("PARAM_ERROR", "notify_url不能带参数")
    currency = asked.fields.get("fee_type") or "CNY"
    if currency != "CNY":
        raise Refused("PARAM_ERROR", "参数fee_type无效")
    return NewTrade(
        provider="wechat",
        merchant=asked.merchant.mch_id,
        app_id=asked.app.appid,
        out_no=out_no,
        product=product,
        amount=asked.amount("total_fee"),
        currency=currency,
        subject=asked.need("body"),
        attach=asked.fields.get("attach", ""),
        notify_url=notify_url,
        return_url="",
        sign_type=asked.sign_type,
        payer=payer,
        state=trades.WAITING,
        lives_s=_life_s(asked),
    )


def _life_s(asked: Asked) -> float:
    text = asked.fields.get("time_expire", "")
    if not text:
        return _LIFE_S
    try:
        life = from_compact(text) - clock.now().timestamp()
    except ValueError:
        raise Refused("PARAM_ERROR", "参数time_expire格式错误") from None
    if life < _SHORTEST_LIFE_S - 1:
        raise Refused("INVALID_REQUEST", "time_expire时间过短，刷卡至少1分钟，其他5分钟")
    return life


def order_query(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """What became of an order."""
    trade = _existing(sandbox, asked)
    state = trade_state(sandbox, trade)
    common: dict[str, object] = {
        "out_trade_no": trade.out_no,
        "attach": trade.attach,
        "trade_state": state,
        "trade_state_desc": _WORDS[state],
        "device_info": asked.fields.get("device_info", ""),
    }
    if trade.paid_at is None:
        return common
    return {**common, **payment_fields(trade)}


_WORDS = {"NOTPAY": "订单未支付", "SUCCESS": "支付成功", "REFUND": "转入退款", "CLOSED": "订单已关闭"}


def trade_state(sandbox: Sandbox, trade: Trade) -> str:
    if trade.state == PAID:
        return "REFUND" if trades.refunds_of(sandbox, trade) else "SUCCESS"
    return "CLOSED" if trade.state == CLOSED or trades.is_expired(sandbox, trade) else "NOTPAY"


def payment_fields(trade: Trade) -> dict[str, object]:
    """What a query and a notice say of a payment."""
    return {
        "openid": trade.payer,
        "is_subscribe": "Y",
        "trade_type": trade.product,
        "bank_type": "OTHERS",
        "total_fee": trade.amount,
        "fee_type": trade.currency,
        "cash_fee": trade.amount,
        "cash_fee_type": trade.currency,
        "transaction_id": trade.number,
        "time_end": compact(trade.paid_at or 0),
    }


def close_order(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """Close an order that nobody paid; closing twice is fine. A payment that was faster wins."""
    trade = _existing(sandbox, asked)
    if trade.state == PAID:
        raise Refused("ORDERPAID", "订单已支付，不能发起关单")
    trades.mark_closed(sandbox, trade)
    return {}


def _existing(sandbox: Sandbox, asked: Asked) -> Trade:
    number = asked.fields.get("transaction_id", "")
    out_no = number or asked.need("out_trade_no")
    trade = trades.find(sandbox, provider="wechat", merchant=asked.merchant.mch_id, out_no=out_no, number=number)
    if trade is None:
        raise Refused("ORDERNOTEXIST", "订单不存在")
    return trade
