"""WeChat Pay's trade bill: text with a BOM, a backtick before every field, sums at the end."""

import gzip
import io

from yundian.payments.adapters.amounts import from_readable
from yundian.payments.adapters.bills import LONGEST, Bill, BillRow, agree, columns, millis, minor
from yundian.payments.errors import BadBill

NO_BILL = "20002"
_REFUND = "REFUND"
# Older merchants get older names.
_COLUMNS = {
    "at": ["交易时间"],
    "provider_ref": ["微信订单号"],
    "out_trade_no": ["商户订单号"],
    "state": ["交易状态"],
    "currency": ["货币种类"],
    "settled": ["应结订单金额", "总金额"],
    "amount": ["订单金额", "应结订单金额", "总金额"],
    "fee": ["手续费"],
}
_OF_REFUNDS = {"refund_ref": ["微信退款单号"], "out_refund_no": ["商户退款单号"], "refunded": ["退款金额"]}
_SUMS = {"count": ["总交易单数"], "settled": ["应结订单总金额", "总交易额"], "fee": ["手续费总金额"]}
_SUM_OF_REFUNDS = {"refunded": ["退款总金额", "总退款金额"]}


def read(raw: bytes) -> Bill:
    """A day of one merchant; empty when there was nothing. Raises ``BadBill``."""
    text = _text(raw)
    if text.startswith("<"):
        return _no_bill(raw)
    lines = [line for line in text.splitlines() if line]
    ends = next((n for n, line in enumerate(lines) if n > 0 and not line.startswith("`")), None)
    if ends is None or ends + 2 != len(lines):
        raise BadBill(line=len(lines), column="sums")
    header = lines[0].split(",")
    details = [_fields(line, len(header), number) for number, line in enumerate(lines[1:ends], start=2)]
    names = lines[ends].split(",")
    sums = _fields(lines[ends + 1], len(names), ends + 2)
    return _checked(header, details, names, sums)


def _text(raw: bytes) -> str:
    if raw.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            raw = packed.read(LONGEST + 1)
    if len(raw) > LONGEST:
        raise BadBill(line=0, column="size")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadBill(line=0, column="encoding") from None


def _no_bill(raw: bytes) -> Bill:
    from yundian.payments.adapters.wechat import messages  # noqa: PLC0415  wechatpy is loaded when it is needed

    try:
        said = messages.load(raw)
    except messages.NotFlat:
        raise BadBill(line=0, column="xml") from None
    if said.get("error_code") != NO_BILL:
        raise BadBill(line=0, column=said.get("error_code", "xml"))
    return Bill(rows=[])


def _fields(line: str, count: int, number: int) -> list[str]:
    """A field may hold a comma: only a comma before a backtick parts two."""
    found = line.removeprefix("`").split(",`")
    if not line.startswith("`") or len(found) != count:
        raise BadBill(line=number, column="fields")
    return found


def _checked(header: list[str], details: list[list[str]], names: list[str], sums: list[str]) -> Bill:
    place = columns(header, _COLUMNS)
    has_refunds = "商户退款单号" in header
    if has_refunds:
        place |= columns(header, _OF_REFUNDS)
    rows = [_row(fields, place, number) for number, fields in enumerate(details, start=2)]
    total = columns(names, _SUMS)
    agree("count", int(sums[total["count"]]), len(rows))
    settled = sum(minor(fields[place["settled"]], line=0) for fields in details)
    agree("settled", minor(sums[total["settled"]], line=0), settled)
    agree("fee", millis(sums[total["fee"]], line=0), sum(row.fee_millis for row in rows))
    if has_refunds:
        told = sums[columns(names, _SUM_OF_REFUNDS)["refunded"]]
        agree("refunded", minor(told, line=0), sum(row.amount_minor for row in rows if row.out_refund_no))
    return Bill(rows=rows)


def _row(fields: list[str], place: dict[str, int], number: int) -> BillRow:
    is_refund = fields[place["state"]] == _REFUND
    try:
        return BillRow(
            out_trade_no=fields[place["out_trade_no"]],
            out_refund_no=fields[place["out_refund_no"]] if is_refund else "",
            provider_ref=fields[place["refund_ref" if is_refund else "provider_ref"]],
            amount_minor=minor(fields[place["refunded" if is_refund else "amount"]], line=number),
            currency=fields[place["currency"]] or "CNY",
            at=from_readable(fields[place["at"]]),
            fee_millis=millis(fields[place["fee"]], line=number),
        )
    except ValueError:
        raise BadBill(line=number, column="at") from None
