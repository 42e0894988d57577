"""Which bills are to be fetched, what they said, and where they differ from our books."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.payments.states import BillState, GapKind
from yundian.payments.types import Provider
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run


class BillView(msgspec.Struct, frozen=True, kw_only=True):
    """What one merchant's bill of one day (Beijing's) said when it was last held against our books.

    ``next_at``: when it is fetched next; ``failure``: why it could not be, in a word. ``near_midnight``: payments
    and refunds of ours that may stand in the bill beside it. ``fee_millis``: thousandths of a fen.
    """

    id: uuid.UUID
    provider: Provider
    merchant_id: str
    account_id: uuid.UUID
    day: dt.date
    state: BillState
    tries: int
    next_at: dt.datetime | None
    failure: str
    compared_at: dt.datetime | None
    payments: int
    refunds: int
    currency: str
    paid_minor: int
    refunded_minor: int
    fee_millis: int
    near_midnight: int
    gaps: int


class GapView(msgspec.Struct, frozen=True, kw_only=True):
    """One payment, or one refund where it has an ``out_refund_no``, that is not the same on both sides."""

    kind: GapKind
    out_trade_no: str
    out_refund_no: str
    currency: str
    ours_minor: int | None
    theirs_minor: int | None
    payment_id: uuid.UUID | None = None


_BILL = (
    "b.id, b.provider, b.merchant_id, b.account_id, b.day, b.state, b.tries, b.next_at, b.failure, b.compared_at,"
    " b.payments, b.refunds, b.currency, b.paid_minor, b.refunded_minor, b.fee_millis, b.near_midnight, b.gaps"
)
# Of a merchant with several accounts any will do: one that still takes payments first. Retired ones are asked
# about days on which they still moved money.
_PLAN = """
INSERT INTO payments_bill (brand_id, id, created_at, provider, merchant_id, account_id, day, state, tries, next_at,
    failure, payments, refunds, currency, paid_minor, refunded_minor, fee_millis, near_midnight, gaps)
SELECT $1, gen_random_uuid(), $2, c.provider, c.merchant_id, c.id, d.day, 'waiting', 0, $2,
    '', 0, 0, 'CNY', 0, 0, 0, 0, 0
FROM (
    SELECT DISTINCT ON (provider, merchant_id) provider, merchant_id, id, status, created_at FROM payments_account
    WHERE brand_id = $1 ORDER BY provider, merchant_id, status = 'active' DESC, id DESC
) c
CROSS JOIN unnest($3::date[], $4::timestamptz[]) AS d (day, starts_at)
WHERE c.created_at < d.starts_at + interval '1 day' AND (c.status = 'active' OR EXISTS (
    SELECT FROM payments_attempt a WHERE a.brand_id = $1 AND a.account_id = c.id AND a.state = 'succeeded'
        AND a.paid_at >= d.starts_at AND a.paid_at < d.starts_at + interval '1 day'
    ) OR EXISTS (
    SELECT FROM payments_refund r WHERE r.brand_id = $1 AND r.account_id = c.id
        AND r.sent_at >= d.starts_at AND r.sent_at < d.starts_at + interval '1 day'
    ))
ON CONFLICT (brand_id, provider, merchant_id, day) DO NOTHING
"""
# The first time again after a quarter of an hour, then ever later, at most six hours.
_CLAIM = f"""
UPDATE payments_bill b SET tries = b.tries + 1,
    next_at = $2::timestamptz + least(interval '15 minutes' * 2 ^ least(b.tries, 10), interval '6 hours')
FROM (
    SELECT id FROM payments_bill WHERE brand_id = $1 AND next_at <= $2
    ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
) due
WHERE b.brand_id = $1 AND b.id = due.id RETURNING {_BILL}
"""  # noqa: S608
_WRITE = """
UPDATE payments_bill SET state = $3, next_at = CASE WHEN $4 THEN NULL ELSE next_at END, failure = '',
    compared_at = $5, payments = $6, refunds = $7, paid_minor = $8, refunded_minor = $9, fee_millis = $10,
    near_midnight = $11, gaps = $12
WHERE brand_id = $1 AND id = $2
"""
_ADD_GAPS = """
INSERT INTO payments_bill_gap (brand_id, id, created_at, bill_id, kind, out_trade_no, out_refund_no, currency,
    ours_minor, theirs_minor)
SELECT $1, n.id, $3, $2, n.kind, n.out_trade_no, n.out_refund_no, 'CNY', n.ours, n.theirs
FROM unnest($4::uuid[], $5::varchar[], $6::varchar[], $7::varchar[], $8::bigint[], $9::bigint[])
    AS n (id, kind, out_trade_no, out_refund_no, ours, theirs)
"""
_GAPS = """
SELECT g.kind, g.out_trade_no, g.out_refund_no, g.currency, g.ours_minor, g.theirs_minor, a.payment_id
FROM payments_bill_gap g
LEFT JOIN payments_attempt a ON a.brand_id = $1 AND a.out_trade_no = g.out_trade_no
WHERE g.brand_id = $1 AND g.bill_id = $2 ORDER BY g.id LIMIT $3
"""


def _bill_of(row: Sequence[Any]) -> BillView:
    return msgspec.convert(dict(zip(BillView.__struct_fields__, row, strict=True)), BillView, strict=False)


async def plan(door: Door, *, days: Sequence[dt.date], starts: Sequence[dt.datetime], now: dt.datetime) -> int:
    """Ask for these days of every merchant; how many are new. ``starts``: when each of them began."""
    return await run(door, _PLAN, brand_of(door), now, list(days), list(starts))


async def claim(door: Door, *, now: dt.datetime, limit: int) -> list[BillView]:
    """Bills to fetch now, each by one worker; the next time is set before, in case this one never ends."""
    return [_bill_of(row) for row in await fetch(door, _CLAIM, brand_of(door), now, limit)]


async def write(door: Door, *, bill: BillView, gaps: Sequence[GapView], is_last: bool, now: dt.datetime) -> None:
    """What it said this time, in place of what it said before; ``is_last``: it is not fetched again."""
    await run(
        door,
        _WRITE,
        brand_of(door),
        bill.id,
        bill.state.value,
        is_last,
        bill.compared_at,
        bill.payments,
        bill.refunds,
        bill.paid_minor,
        bill.refunded_minor,
        bill.fee_millis,
        bill.near_midnight,
        bill.gaps,
    )
    await run(door, "DELETE FROM payments_bill_gap WHERE brand_id = $1 AND bill_id = $2", brand_of(door), bill.id)
    if gaps:
        await run(
            door,
            _ADD_GAPS,
            brand_of(door),
            bill.id,
            now,
            [new_id() for _ in gaps],
            [one.kind.value for one in gaps],
            [one.out_trade_no for one in gaps],
            [one.out_refund_no for one in gaps],
            [one.ours_minor for one in gaps],
            [one.theirs_minor for one in gaps],
        )


async def fail(door: Door, *, bill_id: uuid.UUID, failure: str, is_last: bool) -> None:
    """It could not be had; after the last time nobody looks for it any more. What it said before stays."""
    await run(
        door,
        "UPDATE payments_bill SET failure = $3, next_at = CASE WHEN $4 THEN NULL ELSE next_at END,"
        " state = CASE WHEN $4 AND state = 'waiting' THEN 'missing' ELSE state END"
        " WHERE brand_id = $1 AND id = $2",
        brand_of(door),
        bill_id,
        failure[:64],
        is_last,
    )


async def ask_again(door: Door, *, bill_id: uuid.UUID, now: dt.datetime) -> bool:
    """Somebody wants it fetched now, with all its tries before it."""
    return (
        await run(
            door,
            "UPDATE payments_bill SET tries = 0, next_at = $3,"
            " state = CASE state WHEN 'missing' THEN 'waiting' ELSE state END WHERE brand_id = $1 AND id = $2",
            brand_of(door),
            bill_id,
            now,
        )
        > 0
    )


async def bills(door: Door, *, before: tuple[dt.date, uuid.UUID] | None, limit: int) -> list[BillView]:
    """Latest day first."""
    sql = (
        f"SELECT {_BILL} FROM payments_bill b WHERE b.brand_id = $1"  # noqa: S608
        " AND ($2::date IS NULL OR (b.day, b.id) < ($2, $3::uuid)) ORDER BY b.day DESC, b.id DESC LIMIT $4"
    )
    day, bill_id = before or (None, None)
    return [_bill_of(row) for row in await fetch(door, sql, brand_of(door), day, bill_id, limit)]


async def bill(door: Door, *, bill_id: uuid.UUID) -> BillView | None:
    sql = f"SELECT {_BILL} FROM payments_bill b WHERE b.brand_id = $1 AND b.id = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), bill_id)
    return _bill_of(rows[0]) if rows else None


async def gaps(door: Door, *, bill_id: uuid.UUID, limit: int) -> list[GapView]:
    rows = await fetch(door, _GAPS, brand_of(door), bill_id, limit)
    names = GapView.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), GapView, strict=False) for row in rows]


async def count_findings(door: Door) -> int:
    """Bills that need a person: they differ, or cannot be had."""
    sql = "SELECT count(*) FROM payments_bill WHERE brand_id = $1 AND state IN ('differs', 'missing')"
    return int((await fetch(door, sql, brand_of(door)))[0][0])
