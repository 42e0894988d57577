"""Alipay's trade bill: an address that lives half a minute, and behind it a ZIP of two files in GBK."""

import datetime as dt
import io
import zipfile
from decimal import Decimal

from yundian.sandbox.alipay.amounts import yuan
from yundian.sandbox.alipay.gateway import Asked, Refused
from yundian.sandbox.clock import readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.days import Day, day_of, fee, has_bill
from yundian.sandbox.seeds import letters
from yundian.sandbox.trades import Refund, Trade

_LIFE_S = 30.0
_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_SHOPS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)


class _GbkName(zipfile.ZipInfo):
    """The real archives name their files in GBK and do not say so."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  (zipfile's own hook)
        return self.filename.encode("gbk"), self.flag_bits


def download_address(sandbox: Sandbox, asked: Asked) -> dict[str, object]:
    """Where the day's bill can be fetched for half a minute."""
    if asked.need("bill_type") != "trade":
        raise Refused("isv.invalid-parameter", "账单类型未签约")
    date = _date(asked.need("bill_date"))
    if not has_bill(sandbox, date):
        raise Refused("isv.invalid-parameter", "入参账单日期不合法")
    day = day_of(sandbox, provider="alipay", merchant=asked.app.app_id, date=date)
    if not day.payments and not day.refunds:
        raise Refused("isp.bill_not_exist", "账单不存在")
    token = letters(40, sandbox.seed, "bill", sandbox.store.serial("bill"))
    values = {"token": token, "purpose": "bill", "appid": asked.app.app_id, "scope": date.isoformat()}
    now = sandbox.clock.tick()
    sandbox.store.insert("token", {**values, "issued": now, "expires": now + _LIFE_S})
    return {"bill_download_url": sandbox.config.url(f"/bills/alipay/{token}")}


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Refused("isv.invalid-parameter", "入参账单日期不合法") from None


def file_of(sandbox: Sandbox, token: str) -> bytes | None:
    """The archive behind an address that still lives."""
    row = sandbox.store.row("SELECT * FROM token WHERE token = ? AND purpose = 'bill'", token)
    if row is None or row["expires"] <= sandbox.clock.tick():
        return None
    app = sandbox.accounts.alipay_apps[row["appid"]]
    day = day_of(sandbox, provider="alipay", merchant=app.app_id, date=dt.date.fromisoformat(row["scope"]))
    stem = f"{app.seller_id}0156_{day.date:%Y%m%d}_业务明细"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_GbkName(f"{stem}.csv"), _details(day, app.seller_id).encode("gb18030"))
        archive.writestr(_GbkName(f"{stem}(汇总).csv"), _summary(day, app.seller_id).encode("gb18030"))
    return file.getvalue()


def _details(day: Day, account: str) -> str:
    rows = [_payment(each) for each in day.payments] + [_refund(refund, trade) for refund, trade in _settled(day)]
    paid, back = yuan(day.paid), yuan(_refunded(day))
    lines = [
        *_preamble("#支付宝业务明细查询", day, account),
        "#-----------------------------------------业务明细列表----------------------------------------",
        _COLUMNS,
        *(",".join(f"{value}\t" for value in row) for row in rows),
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{len(day.payments)}笔，商家实收共{paid}元，商家优惠共0.00元",
        f"#退款合计：{len(_settled(day))}笔，商家实收退款共-{back}元，商家优惠退款共0.00元",
        f"#导出时间：[{day.date:%Y年%m月%d日} 23:59:59]",
    ]
    return "\r\n".join(lines) + "\r\n"


def _summary(day: Day, account: str) -> str:
    net = _yuan(day.paid - _refunded(day))
    costs = _fee(-day.paid)
    sums = [str(len(day.payments)), str(len(_settled(day))), net, net, "0.00", "0.00", "0.00", costs, "0.00"]
    left = f"{Decimal(net) + Decimal(costs):.2f}"
    lines = [
        *_preamble("#支付宝业务汇总查询", day, account),
        "#-----------------------------------------业务汇总列表----------------------------------------",
        _SHOPS,
        ",".join(f"{value}\t" for value in ["合计", "", *sums, left]),
        "#-----------------------------------------业务汇总列表结束------------------------------------",
        f"#导出时间：[{day.date:%Y年%m月%d日} 23:59:59]",
    ]
    return "\r\n".join(lines) + "\r\n"


def _preamble(title: str, day: Day, account: str) -> list[str]:
    span = f"#起始日期：[{day.date:%Y年%m月%d日} 00:00:00]   终止日期：[{day.date:%Y年%m月%d日} 23:59:59]"
    return [title, f"#账号：[{account}0156]", span]


def _settled(day: Day) -> list[tuple[Refund, Trade]]:
    return [(refund, trade) for refund, trade in day.refunds if refund.state == "success"]


def _refunded(day: Day) -> int:
    return sum(refund.amount for refund, _ in _settled(day))


def _payment(trade: Trade) -> list[str]:
    return _row(trade, "交易", trade.created_at, trade.paid_at or 0, trade.amount, "", _fee(-trade.amount))


def _refund(refund: Refund, trade: Trade) -> list[str]:
    """A refund is negative and names its request."""
    done = refund.settled_at or 0
    return _row(trade, "退款", refund.created_at, done, -refund.amount, refund.out_no, "0.00")


def _row(trade: Trade, kind: str, began: float, ended: float, amount: int, request: str, costs: str) -> list[str]:
    money = _yuan(amount)
    subject = trade.subject.replace(",", " ").replace("\n", " ")
    head = [trade.number, trade.out_no, kind, subject, readable(began), readable(ended), "", "", "", ""]
    return [*head, "*云(199****0001)", money, money, *["0.00"] * 5, "", "0.00", "0.00", request, costs, "0.00", ""]


def _yuan(amount: int) -> str:
    return f"{Decimal(amount) / 100:.2f}"


def _fee(amount: int) -> str:
    """To the fen, as Alipay charges it."""
    return f"{Decimal(fee(amount)) / 100_000:.2f}"
