"""Counts of a channel's documents, for whoever sends them and for the screens."""

import datetime as dt
from collections.abc import Sequence

import asyncpg

from yundian.platform.core.ids import first_id_at
from yundian.platform.db.database import Tx

# What a source can count on its side: different numbers of each kind, whatever came of each how often.
_DAYS = """
SELECT (d.{moment} AT TIME ZONE $5)::date AS day, count(*) AS received,
    count(*) FILTER (WHERE d.state = 'applied') AS applied,
    count(*) FILTER (WHERE d.state = 'stale') AS stale,
    count(*) FILTER (WHERE d.state = 'quarantined') AS quarantined,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'sale') AS sales,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'refund') AS refunds,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'adjustment') AS adjustments,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'ignored') AS ignored
FROM channels_document d
WHERE d.brand_id = $1 AND d.channel = $2 AND {range}
GROUP BY 1 ORDER BY 1
"""
# Ids are made by time: the range of a day is a range of the index, kind by kind.
_RECEIVED = _DAYS.format(
    moment="created_at",
    range="d.kind IN ('sale', 'refund', 'adjustment', 'ignored') AND d.id >= $6 AND d.id < $7"
    " AND d.created_at >= $3 AND d.created_at < $4",
)
_OCCURRED = _DAYS.format(
    moment="occurred_at",
    range="d.occurred_at >= $3 AND d.occurred_at < $4 AND $6::uuid IS NOT NULL AND $7::uuid IS NOT NULL",
)

_UNDATED = """
SELECT count(*) FROM intake_quarantine q JOIN intake_run r ON r.brand_id = q.brand_id AND r.id = q.run_id
WHERE q.brand_id = $1 AND q.kind = $2 AND q.state = 'open' AND r.scope = $3 AND q.code = ANY($4::varchar[])
"""

_SLACK = dt.timedelta(minutes=5)


async def days(
    tx: Tx, *, channel: str, first: dt.datetime, end: dt.datetime, time_zone: str, by_receipt: bool
) -> list[asyncpg.Record]:
    """One row a day that has any, of what was received (or happened) from ``first`` until before ``end``."""
    return await tx.fetch(
        _RECEIVED if by_receipt else _OCCURRED,
        tx.brand,
        channel,
        first,
        end,
        time_zone,
        # The maker's clock and the row's are read one after the other.
        first_id_at(first - _SLACK),
        first_id_at(end + _SLACK),
    )


async def undated(tx: Tx, *, kind: str, channel: str, codes: Sequence[str]) -> int:
    """Held in quarantine without ever having been a document."""
    return int(await tx.fetchval(_UNDATED, tx.brand, kind, channel, list(codes)))
