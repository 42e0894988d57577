"""What each member bought before a day, straight from the facts, in one statement."""

import datetime as dt

from yundian.platform.outbox.door import Door, brand_of, fetch
from yundian.reports.types import MemberRow

# Hundreds of thousands of members are put together in memory, not on the disk.
_PATIENT = "SELECT set_config('work_mem', '256MB', true)"

# The day begins at midnight of the brand's zone. Business days, which are of shops' zones, are at most two off:
# sales of the days before those are counted from the rollup, the others one by one.
_MEMBERS = """
WITH money AS (
    SELECT member_id, currency, (max(occurred_at) FILTER (WHERE kind = 'sale') AT TIME ZONE $3)::date AS last_sale,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::bigint AS gross_minor,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded_minor
    FROM reports_fact
    WHERE brand_id = $1 AND basis = 'accrual' AND member_id IS NOT NULL
        AND occurred_at < ($2::date::timestamp AT TIME ZONE $3)
    GROUP BY member_id, currency
), counted AS (
    SELECT member_id, currency, sum(sales)::bigint AS frequency
    FROM (
        SELECT member_id, currency, orders AS sales FROM reports_member_day
        WHERE brand_id = $1 AND basis = 'accrual' AND business_date < $2::date - 2
        UNION ALL
        SELECT member_id, currency, count(DISTINCT document_id) FROM reports_fact
        WHERE brand_id = $1 AND basis = 'accrual' AND kind = 'sale' AND member_id IS NOT NULL
            AND business_date BETWEEN $2::date - 2 AND $2::date + 2
            AND occurred_at < ($2::date::timestamp AT TIME ZONE $3)
        GROUP BY member_id, currency
    ) AS parts
    GROUP BY member_id, currency
)
SELECT member_id, currency, last_sale, $2::date - last_sale, coalesce(frequency, 0), gross_minor,
    gross_minor - refunded_minor
FROM money LEFT JOIN counted USING (member_id, currency)
ORDER BY 7 DESC, member_id, currency LIMIT $4::bigint
"""


async def before(door: Door, *, as_of: dt.date, zone: str, limit: int | None) -> list[MemberRow]:
    """Those who brought most first; ``limit`` of ``None``: all of them."""
    await fetch(door, _PATIENT)
    rows = await fetch(door, _MEMBERS, brand_of(door), as_of, zone, limit)
    return [
        MemberRow(
            member_id=row[0],
            currency=row[1],
            last_sale=row[2],
            recency_days=row[3],
            frequency=row[4],
            gross_minor=row[5],
            net_minor=row[6],
        )
        for row in rows
    ]
