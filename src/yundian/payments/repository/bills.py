"""Our side of a day's bill."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.platform.outbox.door import Door, brand_of, fetch


class OwnRow(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came, or went back under an ``out_refund_no``; ``is_certain``: the provider said that it did."""

    out_trade_no: str
    out_refund_no: str
    amount_minor: int
    at: dt.datetime
    is_certain: bool


# What came late or twice is an attempt that succeeded, too; what did not match, or was never asked for, is not.
_OWN = """
SELECT a.out_trade_no, '' AS out_refund_no, p.amount_minor, a.paid_at AS at, true AS is_certain
FROM payments_attempt a JOIN payments_payment p ON p.brand_id = a.brand_id AND p.id = a.payment_id
WHERE a.brand_id = $1 AND a.account_id = ANY($2::uuid[]) AND a.state = 'succeeded'
    AND a.paid_at >= $3 AND a.paid_at < $4
UNION ALL
SELECT o.out_trade_no, '', o.amount_minor, o.paid_at, true FROM payments_orphan o
WHERE o.brand_id = $1 AND o.account_id = ANY($2::uuid[]) AND o.reason IN ('mismatch', 'unknown')
    AND o.paid_at >= $3 AND o.paid_at < $4 AND NOT EXISTS (
        SELECT FROM payments_attempt a
        WHERE a.brand_id = $1 AND a.out_trade_no = o.out_trade_no AND a.state = 'succeeded')
UNION ALL
SELECT r.out_trade_no, r.out_refund_no, r.amount_minor, coalesce(r.sent_at, r.created_at), r.state = 'succeeded'
FROM payments_refund r
WHERE r.brand_id = $1 AND r.account_id = ANY($2::uuid[])
    AND r.state IN ('submitted', 'processing', 'succeeded', 'abnormal')
    AND coalesce(r.sent_at, r.created_at) >= $3 AND coalesce(r.sent_at, r.created_at) < $4
"""


async def own_rows(
    door: Door, *, account_ids: Sequence[uuid.UUID], since: dt.datetime, until: dt.datetime
) -> list[OwnRow]:
    rows = await fetch(door, _OWN, brand_of(door), list(account_ids), since, until)
    names = OwnRow.__struct_fields__
    return [OwnRow(**dict(zip(names, row, strict=True))) for row in rows]
