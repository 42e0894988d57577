"""A provider's bill of one day against our books, to the fen."""

import datetime as dt
from collections.abc import Callable, Sequence

import anyio.to_thread
import msgspec

from yundian.payments.adapters.alipay import bills as alipay
from yundian.payments.adapters.amounts import BEIJING
from yundian.payments.adapters.bills import Bill, BillRow
from yundian.payments.adapters.wechat import bills as wechat
from yundian.payments.errors import AccountUnknown
from yundian.payments.repository import accounts, bills
from yundian.payments.repository.bills import OwnRow
from yundian.payments.states import GapKind
from yundian.payments.types import Provider
from yundian.platform.outbox.door import Door

READERS: dict[Provider, Callable[[bytes], Bill]] = {Provider.WECHAT: wechat.read, Provider.ALIPAY: alipay.read}
# So far apart may two clocks put the same payment on two days.
EDGE = dt.timedelta(minutes=15)
_DAY = dt.timedelta(days=1)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    kind: GapKind
    out_trade_no: str
    out_refund_no: str
    ours_minor: int | None
    theirs_minor: int | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``near_midnight``: ours that may stand in the bill of the day before or after; look there."""

    payments: int
    refunds: int
    paid_minor: int
    refunded_minor: int
    fee_millis: int
    near_midnight: int
    differences: list[Difference]


async def compare_bill(
    door: Door, *, provider: Provider, merchant_id: str | None, day: dt.date, raw: bytes
) -> Comparison:
    """Hold a day (Beijing's) of one merchant against our books. Without ``merchant_id``: the only one.

    Raises:
        BadBill: the file is none, or contradicts itself. AccountUnknown: no such merchant, or several.
    """
    bill = await anyio.to_thread.run_sync(READERS[provider], raw)
    return await compare_rows(door, provider=provider, merchant_id=merchant_id, day=day, rows=bill.rows)


async def compare_rows(
    door: Door, *, provider: Provider, merchant_id: str | None, day: dt.date, rows: Sequence[BillRow]
) -> Comparison:
    """The same with a bill that was read. Raises ``AccountUnknown``."""
    known = [one for one in await accounts.accounts(door) if one.provider is provider]
    merchants = {one.merchant_id for one in known if merchant_id in (None, one.merchant_id)}
    if len(merchants) != 1:
        raise AccountUnknown
    start = dt.datetime.combine(day, dt.time(), BEIJING)
    ours = await bills.own_rows(
        door,
        account_ids=[one.id for one in known if one.merchant_id in merchants],
        since=start - _DAY,
        until=start + 2 * _DAY,
    )
    return compare(ours, rows, start=start)


def compare(ours: Sequence[OwnRow], theirs: Sequence[BillRow], *, start: dt.datetime) -> Comparison:
    """``ours`` reaches a day further on both sides: a payment around midnight stands on one of two days."""
    own = {(one.out_trade_no, one.out_refund_no): one for one in ours}
    told = {(one.out_trade_no, one.out_refund_no): one for one in theirs}
    found = [difference for key, row in told.items() if (difference := _difference(own.get(key), row)) is not None]
    missing = [row for key, row in own.items() if key not in told and row.is_certain]
    inside = [row for row in missing if start + EDGE <= row.at < start + _DAY - EDGE]
    around = [row for row in missing if start - EDGE <= row.at < start + _DAY + EDGE]
    found += [
        Difference(
            kind=GapKind.OURS_ONLY,
            out_trade_no=row.out_trade_no,
            out_refund_no=row.out_refund_no,
            ours_minor=row.amount_minor,
            theirs_minor=None,
        )
        for row in inside
    ]
    payments = [row for row in theirs if not row.out_refund_no]
    refunds = [row for row in theirs if row.out_refund_no]
    return Comparison(
        payments=len(payments),
        refunds=len(refunds),
        paid_minor=sum(row.amount_minor for row in payments),
        refunded_minor=sum(row.amount_minor for row in refunds),
        fee_millis=sum(row.fee_millis for row in theirs),
        near_midnight=len(around) - len(inside),
        differences=found,
    )


def _difference(own: OwnRow | None, row: BillRow) -> Difference | None:
    if own is not None and own.amount_minor == row.amount_minor:
        return None
    return Difference(
        kind=GapKind.THEIRS_ONLY if own is None else GapKind.AMOUNT,
        out_trade_no=row.out_trade_no,
        out_refund_no=row.out_refund_no,
        ours_minor=None if own is None else own.amount_minor,
        theirs_minor=row.amount_minor,
    )
