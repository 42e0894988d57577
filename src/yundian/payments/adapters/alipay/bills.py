"""Alipay's trade bill: an archive of two files in GBK, whose names do not say so."""

import io
import re
import zipfile

from yundian.payments.adapters.amounts import from_readable
from yundian.payments.adapters.bills import LONGEST, Bill, BillRow, agree, columns, millis, minor
from yundian.payments.errors import BadBill

_COLUMNS = {
    "provider_ref": ["支付宝交易号"],
    "out_trade_no": ["商户订单号"],
    "kind": ["业务类型"],
    "subject": ["商品名称"],
    "began": ["创建时间"],
    "ended": ["完成时间"],
    "amount": ["订单金额(元)"],
    "received": ["商家实收(元)"],
    "out_refund_no": ["退款批次号/请求号", "退款批次号"],
    "fee": ["服务费(元)"],
}
_PAID, _BACK = "交易", "退款"
_SUM = {
    _PAID: re.compile(r"#交易合计：(\d+)笔，商家实收共(-?[\d.]+)元"),
    _BACK: re.compile(r"#退款合计：(\d+)笔，商家实收退款共(-?[\d.]+)元"),
}


def read(raw: bytes) -> Bill:
    """A day of one app. Raises ``BadBill``."""
    lines = _details(raw).splitlines()
    table = [(number, line) for number, line in enumerate(lines, start=1) if line and not line.startswith("#")]
    if not table:
        raise BadBill(line=0, column="header")
    header = [name.strip() for name in table[0][1].split(",")]
    place = columns(header, _COLUMNS)
    found = [(number, _fields(line, len(header), place["subject"], number)) for number, line in table[1:]]
    for kind, pattern in _SUM.items():
        told = next((match for line in lines if (match := pattern.match(line))), None)
        if told is None:
            raise BadBill(line=len(lines), column="sums")
        own = [(number, fields) for number, fields in found if fields[place["kind"]] == kind]
        agree(f"{kind} count", int(told[1]), len(own))
        received = sum(minor(fields[place["received"]], line=number) for number, fields in own)
        agree(f"{kind} received", minor(told[2], line=0), received)
    return Bill(rows=[_row(fields, place, number) for number, fields in found])


def _details(raw: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(raw), metadata_encoding="gbk") as archive:
            names = [one for one in archive.infolist() if "汇总" not in one.filename]
            if len(names) != 1 or names[0].file_size > LONGEST:
                raise BadBill(line=0, column="files")
            return archive.read(names[0]).decode("gb18030")
    except (zipfile.BadZipFile, UnicodeDecodeError):
        raise BadBill(line=0, column="archive") from None


def _fields(line: str, count: int, subject: int, number: int) -> list[str]:
    """Nothing is quoted: what there is too much of belongs to the name of the goods."""
    found = line.split(",")
    more = len(found) - count
    if more < 0:
        raise BadBill(line=number, column="fields")
    name = ",".join(found[subject : subject + more + 1])
    return [field.strip() for field in [*found[:subject], name, *found[subject + more + 1 :]]]


def _row(fields: list[str], place: dict[str, int], number: int) -> BillRow:
    kind = fields[place["kind"]]
    if kind not in _SUM:
        raise BadBill(line=number, column="kind")
    is_refund = kind == _BACK
    amount = minor(fields[place["amount"]], line=number)
    try:
        return BillRow(
            out_trade_no=fields[place["out_trade_no"]],
            # Without a number of its own a whole refund goes by that of the payment.
            out_refund_no=(fields[place["out_refund_no"]] or fields[place["out_trade_no"]]) if is_refund else "",
            provider_ref=fields[place["provider_ref"]],
            amount_minor=-amount if is_refund else amount,
            at=from_readable(fields[place["began" if is_refund else "ended"]]),
            fee_millis=-millis(fields[place["fee"]], line=number),
        )
    except ValueError:
        raise BadBill(line=number, column="at") from None
