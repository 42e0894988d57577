"""What came in and went back, by day: for whoever reconciles with payments."""

import datetime as dt
from collections.abc import Sequence

from yundian.payments.types import DayBooks
from yundian.platform.outbox.door import Door, brand_of, fetch

# Days are the zone's; the instants around the range are a day wider, so that an index may serve them.
_BY_DAY = """
SELECT day, currency, sum(captured)::bigint, sum(refunded)::bigint FROM (
    SELECT (paid_at AT TIME ZONE $3)::date AS day, currency, captured_minor AS captured, 0 AS refunded
    FROM payments_payment WHERE brand_id = $1 AND subject_type = $2 AND state = 'succeeded' AND captured_minor > 0
        AND paid_at >= $4::date - interval '1 day' AND paid_at < $5::date + interval '2 days'
    UNION ALL
    SELECT (r.refunded_at AT TIME ZONE $3)::date, r.currency, 0, r.amount_minor
    FROM payments_refund r JOIN payments_payment p ON p.brand_id = r.brand_id AND p.id = r.payment_id
    WHERE r.brand_id = $1 AND p.subject_type = $2 AND r.state = 'succeeded'
        AND r.refunded_at >= $4::date - interval '1 day' AND r.refunded_at < $5::date + interval '2 days'
) AS moves
WHERE day BETWEEN $4::date AND $5::date GROUP BY 1, 2 ORDER BY 1, 2
"""


async def by_day(door: Door, *, subject_type: str, zone: str, first: dt.date, last: dt.date) -> Sequence[DayBooks]:
    rows = await fetch(door, _BY_DAY, brand_of(door), subject_type, zone, first, last)
    return [
        DayBooks(day=row[0], currency=row[1], captured_minor=int(row[2]), refunded_minor=int(row[3]))
        for row in rows
    ]
