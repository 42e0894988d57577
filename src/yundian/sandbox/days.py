"""One merchant's day in Beijing, as bills cut it: payments by their time, refunds by when they were asked for."""

import datetime as dt
from dataclasses import dataclass

from yundian.sandbox.clock import BEIJING, beijing_now
from yundian.sandbox.context import Sandbox
from yundian.sandbox.trades import Refund, Trade, get

_PAID = "SELECT * FROM trade WHERE provider = ? AND merchant = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at"
_REFUNDED = (
    "SELECT refund.* FROM refund JOIN trade ON trade.id = refund.trade_id WHERE provider = ? AND merchant = ?"
    " AND refund.created_at >= ? AND refund.created_at < ? ORDER BY refund.created_at"
)


@dataclass(frozen=True)
class Day:
    """What happened; a refund comes with its order."""

    date: dt.date
    payments: list[Trade]
    refunds: list[tuple[Refund, Trade]]

    @property
    def paid(self) -> int:
        return sum(each.amount for each in self.payments)

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund, _ in self.refunds)


def day_of(sandbox: Sandbox, *, provider: str, merchant: str, date: dt.date) -> Day:
    """The day's payments and refunds."""
    start = dt.datetime.combine(date, dt.time(), BEIJING).timestamp()
    span = (provider, merchant, start, start + 86400)
    refunds = sandbox.store.all(Refund, _REFUNDED, *span)
    return Day(
        date=date,
        payments=sandbox.store.all(Trade, _PAID, *span),
        refunds=[(each, get(sandbox, each.trade_id)) for each in refunds],
    )


def has_bill(sandbox: Sandbox, date: dt.date) -> bool:
    """Whether the day is over, or counts as over here."""
    today = beijing_now().date()
    return date < today or (date == today and sandbox.config.bills_same_day)


def fee(amount: int) -> int:
    """0.6 %, in thousandths of a fen."""
    return amount * 6
