"""The books both providers keep: orders for payment and their refunds, to the fen.

The provider's own words for states and errors are in its folder; here is what is true of both.
"""

import msgspec

from yundian.platform.core import clock
from yundian.sandbox.clock import beijing_now
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import OF_SETTLING, Fault
from yundian.sandbox.seeds import digits, letters

OFFERED, WAITING, PAID, CLOSED, FINISHED = "offered", "waiting", "paid", "closed", "finished"


class Trade(msgspec.Struct, kw_only=True):
    """One order for payment. ``offered``: a code nobody scanned yet, which for Alipay is no trade at all."""

    id: int
    provider: str
    merchant: str
    app_id: str
    out_no: str
    number: str
    token: str
    prepay_id: str
    product: str
    amount: int
    currency: str
    subject: str
    attach: str
    notify_url: str
    return_url: str
    sign_type: str
    payer: str
    user_id: int | None
    state: str
    refunded: int
    created_at: float
    expires: float
    paid_at: float | None
    closed_at: float | None


class Refund(msgspec.Struct, kw_only=True):
    """One refund; ``ends_as`` is what it becomes when it settles."""

    id: int
    trade_id: int
    out_no: str
    number: str
    amount: int
    reason: str
    notify_url: str
    state: str
    ends_as: str
    created_at: float
    settle_due: float
    settled_at: float | None


class NewTrade(msgspec.Struct, kw_only=True, frozen=True):
    """What the merchant asks for; ``lives_s`` counts from now."""

    provider: str
    merchant: str
    app_id: str
    out_no: str
    product: str
    amount: int
    currency: str
    subject: str
    attach: str
    notify_url: str
    return_url: str
    sign_type: str
    payer: str
    state: str
    lives_s: float


class NotPayable(Exception):
    """The order is paid, closed or over."""


def open_trade(sandbox: Sandbox, new: NewTrade) -> Trade:
    """Write a new order into the books."""
    origin = (sandbox.seed, new.provider, new.merchant, new.out_no)
    day = beijing_now().strftime("%Y%m%d")
    number = f"4200{day}{digits(16, *origin)}" if new.provider == "wechat" else f"{day}22001{digits(15, *origin)}"
    values = msgspec.structs.asdict(new)
    values["expires"] = sandbox.clock.tick() + values.pop("lives_s")
    values["number"] = number
    values["token"] = letters(22, "cashier", *origin)
    values["prepay_id"] = f"wx{day}{letters(26, 'prepay', *origin)}"
    values["created_at"] = clock.now().timestamp()
    number_in_books = sandbox.store.insert("trade", values)
    return get(sandbox, number_in_books)


def get(sandbox: Sandbox, trade_id: int) -> Trade:
    trade = sandbox.store.one(Trade, "SELECT * FROM trade WHERE id = ?", trade_id)
    if trade is None:
        raise LookupError(trade_id)
    return trade


def find(sandbox: Sandbox, *, provider: str, merchant: str, out_no: str = "", number: str = "") -> Trade | None:
    """The merchant's order by the provider's number (which wins) or her own."""
    base = "SELECT * FROM trade WHERE provider = ? AND merchant = ? AND "
    if number:
        return sandbox.store.one(Trade, base + "number = ?", provider, merchant, number)
    return sandbox.store.one(Trade, base + "out_no = ?", provider, merchant, out_no)


def payable(sandbox: Sandbox, limit: int) -> list[Trade]:
    """What nobody paid yet, newest first."""
    sql = "SELECT * FROM trade WHERE state IN (?, ?) ORDER BY id DESC LIMIT ?"
    return sandbox.store.all(Trade, sql, OFFERED, WAITING, limit)


def by_token(sandbox: Sandbox, token: str) -> Trade | None:
    return sandbox.store.one(Trade, "SELECT * FROM trade WHERE token = ?", token)


def by_prepay_id(sandbox: Sandbox, prepay_id: str) -> Trade | None:
    return sandbox.store.one(Trade, "SELECT * FROM trade WHERE prepay_id = ?", prepay_id)


def is_expired(sandbox: Sandbox, trade: Trade) -> bool:
    return trade.state in {OFFERED, WAITING} and trade.expires <= sandbox.clock.tick()


def arrive(sandbox: Sandbox, trade: Trade) -> Trade:
    """Somebody scanned the code or reached the cashier: for Alipay the trade begins to exist."""
    if not is_expired(sandbox, trade):
        sandbox.store.run("UPDATE trade SET state = 'waiting' WHERE id = ? AND state = 'offered'", trade.id)
    return get(sandbox, trade.id)


def mark_paid(sandbox: Sandbox, trade: Trade, *, user_id: int, payer: str) -> Trade:
    """Take the money, once. Raises ``NotPayable``."""
    changed = 0
    if not is_expired(sandbox, trade):
        changed = sandbox.store.run(
            "UPDATE trade SET state = 'paid', paid_at = ?, user_id = ?, payer = ?"
            " WHERE id = ? AND state IN ('offered', 'waiting')",
            clock.now().timestamp(),
            user_id,
            payer,
            trade.id,
        )
    if not changed:
        raise NotPayable(trade.state)
    return get(sandbox, trade.id)


def mark_closed(sandbox: Sandbox, trade: Trade) -> Trade:
    """Close an unpaid trade; anything else stays as it is."""
    sandbox.store.run(
        "UPDATE trade SET state = 'closed', closed_at = ? WHERE id = ? AND state IN ('offered', 'waiting')",
        clock.now().timestamp(),
        trade.id,
    )
    return get(sandbox, trade.id)


def expired(sandbox: Sandbox) -> list[Trade]:
    """Trades whose time is up. An unscanned code just stops working: there is no trade to close."""
    sql = "SELECT * FROM trade WHERE state = 'waiting' AND expires <= ?"
    return sandbox.store.all(Trade, sql, sandbox.clock.tick())


def open_refund(
    sandbox: Sandbox,
    trade: Trade,
    *,
    out_no: str,
    amount: int,
    reason: str,
    notify_url: str,
    settles_after_s: float,
) -> Refund:
    """Write a refund into the books; its amount is bound at once, the money is back when it settles."""
    operation = "pay.refund.settle" if trade.provider == "wechat" else "trade.refund.settle"
    plan = sandbox.faults.take(_provider(trade), operation, out_no, only=OF_SETTLING)
    origin = (sandbox.seed, "refund", trade.provider, trade.merchant, trade.out_no, out_no)
    values = {
        "trade_id": trade.id,
        "out_no": out_no,
        "number": f"5030{beijing_now():%Y%m%d}{digits(16, *origin)}",
        "amount": amount,
        "reason": reason,
        "notify_url": notify_url,
        "state": "processing",
        "ends_as": plan.text(Fault.SETTLE_AS, "state", "success"),
        "created_at": clock.now().timestamp(),
        "settle_due": sandbox.clock.tick() + settles_after_s,
    }
    sandbox.store.insert("refund", values)
    sandbox.store.run("UPDATE trade SET refunded = refunded + ? WHERE id = ?", amount, trade.id)
    found = find_refund(sandbox, trade, out_no)
    if found is None:
        raise LookupError(out_no)
    return found


def settle(sandbox: Sandbox, refund: Refund) -> Refund:
    """End a refund the way it was meant to end; a closed one gives its amount free again."""
    changed = sandbox.store.run(
        "UPDATE refund SET state = ends_as, settled_at = ? WHERE id = ? AND state = 'processing'",
        clock.now().timestamp(),
        refund.id,
    )
    if changed and refund.ends_as == "closed":
        sandbox.store.run("UPDATE trade SET refunded = refunded - ? WHERE id = ?", refund.amount, refund.trade_id)
    return sandbox.store.all(Refund, "SELECT * FROM refund WHERE id = ?", refund.id)[0]


def try_again(sandbox: Sandbox, refund: Refund) -> Refund:
    """A refund that ended badly is on its way once more, and will end well."""
    if refund.state == "closed":
        sandbox.store.run("UPDATE trade SET refunded = refunded + ? WHERE id = ?", refund.amount, refund.trade_id)
    sandbox.store.run("UPDATE refund SET state = 'processing', ends_as = 'success' WHERE id = ?", refund.id)
    return sandbox.store.all(Refund, "SELECT * FROM refund WHERE id = ?", refund.id)[0]


def refunds_due(sandbox: Sandbox) -> list[Refund]:
    sql = "SELECT * FROM refund WHERE state = 'processing' AND settle_due <= ?"
    return sandbox.store.all(Refund, sql, sandbox.clock.tick())


def refunds_of(sandbox: Sandbox, trade: Trade) -> list[Refund]:
    return sandbox.store.all(Refund, "SELECT * FROM refund WHERE trade_id = ? ORDER BY id", trade.id)


def returned(sandbox: Sandbox, trade: Trade) -> int:
    """What has really gone back of a trade, all refunds together."""
    return sum(each.amount for each in refunds_of(sandbox, trade) if each.state == "success")


def find_refund(sandbox: Sandbox, trade: Trade, out_no: str) -> Refund | None:
    sql = "SELECT * FROM refund WHERE trade_id = ? AND out_no = ?"
    return sandbox.store.one(Refund, sql, trade.id, out_no)


def _provider(trade: Trade) -> str:
    return "wechat_pay" if trade.provider == "wechat" else "alipay"
