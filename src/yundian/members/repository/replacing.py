"""What imported orders tell of members is replaced as a whole, and totals are what the timelines then say."""

import uuid
from collections.abc import Collection, Sequence

from yundian.members.repository.timeline import HAPPENED, HAPPENING, columns_of
from yundian.members.types import Happening
from yundian.platform.db.database import Tx

# A member's totals through one channel in one currency.
TotalKey = tuple[uuid.UUID, str, str]

_KEY = ("member_id", "kind", "ref_type", "ref_id")
_ANEW = ", ".join(f"{name} = excluded.{name}" for name in HAPPENING.split(", ") if name not in _KEY)
_COUNTED = "('paid', 'released', 'refunded')"

# One look into the index for each thing or member, whatever the planner believes of tables that it never counted.
# Things come in order, as everywhere: nobody waits in a circle.
_CLEAR = f"""
WITH stale AS MATERIALIZED (
    SELECT t.* FROM unnest($2::text[], $3::uuid[]) AS r (ref_type, ref_id)
    CROSS JOIN LATERAL (SELECT member_id, kind, ref_type, ref_id FROM members_timeline
        WHERE brand_id = $1 AND ref_id = r.ref_id AND ref_type = r.ref_type
        ORDER BY member_id, kind FOR UPDATE) AS t
), gone AS (
    DELETE FROM members_timeline t USING stale s
    WHERE t.brand_id = $1 AND t.member_id = s.member_id AND t.kind = s.kind AND t.ref_type = s.ref_type
        AND t.ref_id = s.ref_id
    RETURNING t.kind, t.member_id, t.channel, t.currency
)
SELECT DISTINCT member_id, channel, currency FROM gone WHERE kind IN {_COUNTED}
"""  # noqa: S608  names of columns, no values

# The row of every total that may change is there and locked before anything is summed up: who adds to it waits.
_PUT = f"""
WITH given AS MATERIALIZED (
    SELECT h.* FROM unnest({HAPPENED}) AS h ({HAPPENING})
    CROSS JOIN LATERAL (SELECT FROM members_member WHERE brand_id = $1 AND id = h.member_id LIMIT 1) AS m
), came AS (
    INSERT INTO members_timeline (brand_id, {HAPPENING})
    SELECT $1, {HAPPENING} FROM given ORDER BY member_id, kind, ref_type, ref_id
    ON CONFLICT (brand_id, member_id, kind, ref_type, ref_id) DO UPDATE SET {_ANEW}
    RETURNING kind, member_id, channel, currency
), touched AS MATERIALIZED (
    SELECT member_id, channel, currency FROM came WHERE kind IN {_COUNTED}
    UNION SELECT * FROM unnest($14::uuid[], $15::text[], $16::text[])
), held AS (
    INSERT INTO members_totals AS t
        (brand_id, member_id, channel, currency, orders, sales, paid_minor, refunds, refunded_minor)
    SELECT $1, member_id, channel, currency, 0, 0, 0, 0, 0 FROM touched ORDER BY 2, 3, 4
    ON CONFLICT (brand_id, member_id, channel, currency) DO UPDATE SET orders = t.orders WHERE false
)
SELECT member_id, channel, currency FROM touched
"""  # noqa: S608

_SUM = f"""
WITH summed AS MATERIALIZED (
    SELECT k.member_id, k.channel, k.currency, t.*
    FROM unnest($2::uuid[], $3::text[], $4::text[]) AS k (member_id, channel, currency)
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'paid') AS orders, count(*) FILTER (WHERE kind = 'released') AS sales,
            coalesce(sum(amount_minor) FILTER (WHERE kind = 'paid'), 0)::bigint AS paid_minor,
            count(*) FILTER (WHERE kind = 'refunded') AS refunds,
            coalesce(sum(amount_minor) FILTER (WHERE kind = 'refunded'), 0)::bigint AS refunded_minor,
            min(at) FILTER (WHERE kind = 'paid') AS first_at, max(at) FILTER (WHERE kind = 'paid') AS last_at
        FROM members_timeline WHERE brand_id = $1 AND member_id = k.member_id AND kind IN {_COUNTED}
            AND channel = k.channel AND currency = k.currency
    ) AS t
), gone AS (
    DELETE FROM members_totals o USING summed s
    WHERE o.brand_id = $1 AND o.member_id = s.member_id AND o.channel = s.channel AND o.currency = s.currency
        AND s.orders + s.sales + s.refunds = 0
)
UPDATE members_totals o SET orders = s.orders, sales = s.sales, paid_minor = s.paid_minor, refunds = s.refunds,
    refunded_minor = s.refunded_minor, first_at = s.first_at, last_at = s.last_at
FROM summed s
WHERE o.brand_id = $1 AND o.member_id = s.member_id AND o.channel = s.channel AND o.currency = s.currency
    AND s.orders + s.sales + s.refunds > 0
"""  # noqa: S608


async def clear(tx: Tx, *, refs: Collection[tuple[str, uuid.UUID]]) -> list[TotalKey]:
    """Take what stands for these things off every timeline; which totals it was part of."""
    ordered = sorted(refs)
    rows = await tx.fetch(_CLEAR, tx.brand, [ref[0] for ref in ordered], [ref[1] for ref in ordered])
    return [(row[0], row[1], row[2]) for row in rows]


async def put(tx: Tx, *, happenings: Sequence[Happening], touched: Sequence[TotalKey]) -> list[TotalKey]:
    """Add what is on no timeline, and hold every total that it or ``touched`` is part of."""
    keys = [[key[n] for key in touched] for n in range(3)]
    rows = await tx.fetch(_PUT, tx.brand, *columns_of(happenings), *keys)
    return [(row[0], row[1], row[2]) for row in rows]


async def sum_up(tx: Tx, *, touched: Sequence[TotalKey]) -> None:
    """Make held totals what the timelines say; one that comes to nothing goes."""
    await tx.execute(_SUM, tx.brand, *([key[n] for key in touched] for n in range(3)))
