"""Refunds asked for, many in one statement: the amount is set aside and the refund stored, or neither."""

import datetime as dt
import uuid
from collections.abc import Sequence

from yundian.payments.repository.refunds import REFUND, refund_of
from yundian.payments.types import RefundView, RefundWish
from yundian.platform.outbox.door import Door, brand_of, fetch

# So many refunds of one payment WeChat takes.
MOST_PER_PAYMENT = 50

_LOCK = "SELECT 1 FROM payments_payment WHERE brand_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE"
# Of several numbers under which it was paid, the one that is no orphan's money.
_REQUEST = f"""
WITH fit AS (
    SELECT p.id AS payment_id, p.captured_minor, p.currency, w.refund_id, w.number, w.reason,
        coalesce(w.wanted, p.captured_minor - p.reserved_minor) AS amount
    FROM unnest($2::uuid[], $3::bigint[], $4::varchar[], $5::uuid[], $6::varchar[])
        AS w (payment_id, wanted, reason, refund_id, number)
    JOIN payments_payment p ON p.brand_id = $1 AND p.id = w.payment_id
    WHERE (SELECT count(*) FROM payments_refund r
        WHERE r.brand_id = $1 AND r.payment_id = p.id AND r.state <> 'closed') < {MOST_PER_PAYMENT}
), paid AS (
    SELECT DISTINCT ON (a.payment_id) a.payment_id, a.account_id, a.out_trade_no
    FROM payments_attempt a JOIN fit f ON f.payment_id = a.payment_id
    WHERE a.brand_id = $1 AND a.state = 'succeeded' AND NOT EXISTS (
        SELECT FROM payments_orphan o WHERE o.brand_id = a.brand_id AND o.out_trade_no = a.out_trade_no
            AND o.reason IN ('duplicate', 'late') AND o.status <> 'adopted')
    ORDER BY a.payment_id, a.id
), reserved AS (
    UPDATE payments_payment p SET reserved_minor = p.reserved_minor + f.amount
    FROM fit f JOIN paid USING (payment_id)
    WHERE p.brand_id = $1 AND p.id = f.payment_id AND f.amount > 0
        AND p.reserved_minor + f.amount <= p.captured_minor
    RETURNING p.id
)
INSERT INTO payments_refund AS r (brand_id, id, created_at, payment_id, account_id, out_trade_no, out_refund_no,
    amount_minor, total_minor, currency, reason, state, failure, provider_ref, requested_by, approved_by,
    next_poll_at, polls)
SELECT $1, f.refund_id, $7, f.payment_id, paid.account_id, paid.out_trade_no, f.number, f.amount, f.captured_minor,
    f.currency, f.reason, $8, '', '', $9, $10, $11, 0
FROM fit f JOIN paid USING (payment_id) JOIN reserved ON reserved.id = f.payment_id
RETURNING {REFUND}
"""  # noqa: S608


async def request(
    door: Door,
    *,
    wishes: Sequence[RefundWish],
    ids: Sequence[uuid.UUID],
    numbers: Sequence[str],
    state: str,
    actor_id: uuid.UUID | None,
    approved_by: uuid.UUID | None,
    next_poll_at: dt.datetime | None,
    now: dt.datetime,
) -> list[RefundView]:
    """What could be refunded; one wish a payment. Two statements, however many there are.

    Payments are locked first, in one order, so that the sums and the count are read as they stand.
    """
    payments = [wish.payment_id for wish in wishes]
    await fetch(door, _LOCK, brand_of(door), payments)
    rows = await fetch(
        door,
        _REQUEST,
        brand_of(door),
        payments,
        [wish.amount_minor for wish in wishes],
        [wish.reason for wish in wishes],
        list(ids),
        list(numbers),
        now,
        state,
        actor_id,
        approved_by,
        next_poll_at,
    )
    return [refund_of(row) for row in rows]


async def count_of(door: Door, *, payment_id: uuid.UUID) -> int:
    """Refunds of a payment that happened or may happen."""
    sql = "SELECT count(*) FROM payments_refund WHERE brand_id = $1 AND payment_id = $2 AND state <> 'closed'"
    found: int = (await fetch(door, sql, brand_of(door), payment_id))[0][0]
    return found
