"""WeChat Pay's trade bill: text with BOM, a backtick before every field, sums at the end."""

import datetime as dt
import gzip
from decimal import Decimal
from typing import Any

from litestar import Request, Response

from yundian.sandbox.clock import readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.days import Day, day_of, fee, has_bill
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.replies import Call, Reply, exchange
from yundian.sandbox.trades import Refund, Trade
from yundian.sandbox.wechat import xml
from yundian.sandbox.wechat.pay_gateway import PROVIDER, Rejected, believe
from yundian.sandbox.wechat.pay_refunds import STATES

_HEAD = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额"  # noqa: E501
_REFUND = "微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态"
_TAIL = "商品名称,商户数据包,手续费,费率,订单金额"
_COLUMNS = {
    "ALL": f"{_HEAD},{_REFUND},{_TAIL},申请退款金额,费率备注",
    "SUCCESS": f"{_HEAD},{_TAIL},费率备注",
    "REFUND": f"{_HEAD},退款申请时间,退款成功时间,{_REFUND},{_TAIL},申请退款金额,费率备注",
}
_SUMS = {
    "ALL": "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额",
    "SUCCESS": "总交易单数,应结订单总金额,手续费总金额,订单总金额",
}


async def serve(sandbox: Sandbox, request: Request[Any, Any, Any]) -> Response[Any]:
    """The file itself; only errors are XML, and neither is signed."""
    try:
        fields = xml.parse(await request.body())
    except xml.NotXml:
        fields = {}
    call = Call(PROVIDER, "pay.downloadbill", fields.get("bill_date", ""))
    return await exchange(sandbox, call, lambda plan: _answer(sandbox, fields, plan))


def _answer(sandbox: Sandbox, fields: dict[str, str], plan: Plan) -> Reply:
    try:
        merchant = believe(sandbox, fields).merchant.mch_id
    except Rejected as rejection:
        return _error(str(rejection), "20001")
    kind = fields.get("bill_type") or "ALL"
    try:
        date = dt.datetime.strptime(fields.get("bill_date", ""), "%Y%m%d").date()  # noqa: DTZ007  (a calendar day)
    except ValueError:
        return _error("invalid bill_date", "20001")
    if kind not in _COLUMNS:
        return _error("invalid bill_type", "20001")
    day = day_of(sandbox, provider="wechat", merchant=merchant, date=date)
    rows = _rows(day, kind)
    if not has_bill(sandbox, date) or not rows:
        return _error("No Bill Exist", "20002")
    body = _text(day, kind, rows, plan).encode()
    zipped = fields.get("tar_type") == "GZIP"
    return Reply(gzip.compress(body) if zipped else body, "text/plain", outcome="SUCCESS")


def _error(message: str, code: str) -> Reply:
    said = {"return_code": "FAIL", "return_msg": message, "error_code": code}
    return Reply(xml.dump(said), "text/plain", outcome=code)


def _text(day: Day, kind: str, rows: list[dict[str, str]], plan: Plan) -> str:
    columns = _COLUMNS[kind].split(",")
    lines = [_COLUMNS[kind], *(_line([row[name] for name in columns]) for row in rows)]
    sums = _SUMS.get(kind, _SUMS["ALL"])
    total = len(rows) + (1 if plan.has(Fault.TAMPERED) else 0)
    said = _sums(day, kind, total)
    return "\ufeff" + "\r\n".join([*lines, sums, _line([said[name] for name in sums.split(",")])]) + "\r\n"


def _line(values: list[str]) -> str:
    return ",".join("`" + value.replace("`", "").replace("\n", " ") for value in values)


def _sums(day: Day, kind: str, total: int) -> dict[str, str]:
    paid = 0 if kind == "REFUND" else day.paid
    refunded = 0 if kind == "SUCCESS" else day.refunded
    return {
        "总交易单数": str(total),
        "应结订单总金额": _yuan(paid),
        "退款总金额": _yuan(refunded),
        "充值券退款总金额": "0.00",
        "手续费总金额": _fee(paid - refunded),
        "订单总金额": _yuan(paid),
        "申请退款总金额": _yuan(refunded),
    }


def _rows(day: Day, kind: str) -> list[dict[str, str]]:
    payments = [] if kind == "REFUND" else [_payment(each) for each in day.payments]
    refunds = [] if kind == "SUCCESS" else [_refund(refund, trade) for refund, trade in day.refunds]
    return sorted(payments + refunds, key=lambda row: row["交易时间"])


def _payment(trade: Trade) -> dict[str, str]:
    amount = _yuan(trade.amount)
    return {
        "交易时间": readable(trade.paid_at or 0),
        "公众账号ID": trade.app_id,
        "商户号": trade.merchant,
        "特约商户号": "0",
        "设备号": "",
        "微信订单号": trade.number,
        "商户订单号": trade.out_no,
        "用户标识": trade.payer,
        "交易类型": trade.product,
        "交易状态": "SUCCESS",
        "付款银行": "OTHERS",
        "货币种类": trade.currency,
        "应结订单金额": amount,
        "代金券金额": "0.00",
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "充值券退款金额": "0.00",
        "退款类型": "",
        "退款状态": "",
        "商品名称": trade.subject,
        "商户数据包": trade.attach,
        "手续费": _fee(trade.amount),
        "费率": "0.60%",
        "订单金额": amount,
        "申请退款金额": "0.00",
        "费率备注": "",
    }


def _refund(refund: Refund, trade: Trade) -> dict[str, str]:
    settled = readable(refund.settled_at) if refund.settled_at and refund.state == "success" else ""
    return {
        **_payment(trade),
        "交易时间": readable(refund.created_at),
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "订单金额": "0.00",
        "退款申请时间": readable(refund.created_at),
        "退款成功时间": settled,
        "微信退款单号": refund.number,
        "商户退款单号": refund.out_no,
        "退款金额": _yuan(refund.amount),
        "退款类型": "ORIGINAL",
        "退款状态": STATES[refund.state],
        "手续费": _fee(-refund.amount),
        "申请退款金额": _yuan(refund.amount),
    }


def _yuan(amount: int) -> str:
    return f"{Decimal(amount) / 100:.2f}"


def _fee(amount: int) -> str:
    return f"{Decimal(fee(amount)) / 100_000:.5f}"
