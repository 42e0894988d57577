"""What each member bought before a day, straight from the facts, in one statement."""

import datetime as dt

from yundian.platform.outbox.door import Door, brand_of, fetch
from yundian.reports.types import MemberRow

# Millions of documents are put together in memory, not on the disk; that takes seconds, on a busy machine more.
# A command has more time than that.
_PATIENT = """
SELECT set_config('work_mem', '256MB', true), CASE
    WHEN current_setting('statement_timeout')::interval BETWEEN '1 ms' AND '60 s'
    THEN set_config('statement_timeout', '60s', true) END
"""

# Each document once, then each member: the day begins at midnight of the brand's zone.
_MEMBERS = """
SELECT member_id, currency, last_sale, $2::date - last_sale, frequency, gross_minor, gross_minor - refunded_minor
FROM (
    SELECT member_id, currency, (max(occurred_at) FILTER (WHERE kind = 'sale') AT TIME ZONE $3)::date AS last_sale,
        count(*) FILTER (WHERE kind = 'sale') AS frequency,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::bigint AS gross_minor,
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunded_minor
    FROM (
        SELECT document_id, kind, member_id, currency, max(occurred_at) AS occurred_at,
            sum(amount_minor)::bigint AS amount_minor
        FROM reports_fact
        WHERE brand_id = $1 AND basis = 'accrual' AND member_id IS NOT NULL
            AND occurred_at < ($2::date::timestamp AT TIME ZONE $3)
        GROUP BY document_id, kind, member_id, currency
    ) AS documents
    GROUP BY member_id, currency
) AS members
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
