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

# One look into the index for each thing or member, whatever the planner believes of tables that it never counted:
# a brand that it does not know yet is not joined, but asked by LATERAL, by lists of keys and with ON CONFLICT.
# Things come in order, as everywhere: nobody waits in a circle.
_CLEAR = f"""
WITH stale AS MATERIALIZED (
    SELECT FROM members_timeline
    WHERE brand_id = $1 AND ref_id = ANY($3::uuid[]) AND ref_type = ANY($2::text[])
    ORDER BY member_id, kind, ref_id FOR UPDATE
), gone AS (
    DELETE FROM members_timeline
    WHERE brand_id = $1 AND ref_id = ANY($3::uuid[]) AND ref_type = ANY($2::text[])
        AND (SELECT count(*) FROM stale) > 0
    RETURNING kind, member_id, channel, currency
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
)
INSERT INTO members_totals AS o
    (brand_id, member_id, channel, currency, orders, sales, paid_minor, refunds, refunded_minor, first_at, last_at)
SELECT $1, * FROM summed
ON CONFLICT (brand_id, member_id, channel, currency) DO UPDATE SET
    orders = excluded.orders, sales = excluded.sales, paid_minor = excluded.paid_minor,
    refunds = excluded.refunds, refunded_minor = excluded.refunded_minor,
    first_at = excluded.first_at, last_at = excluded.last_at
RETURNING o.member_id, o.orders + o.sales + o.refunds = 0 AS is_empty
"""  # noqa: S608
_SWEEP = """
DELETE FROM members_totals WHERE brand_id = $1 AND member_id = ANY($2::uuid[]) AND orders = 0 AND sales = 0
    AND refunds = 0
"""


async def clear(tx: Tx, *, refs: Collection[tuple[str, uuid.UUID]]) -> list[TotalKey]:
    """Take what stands for these things off every timeline; which totals it was part of."""
    rows = await tx.fetch(_CLEAR, tx.brand, list({ref[0] for ref in refs}), [ref[1] for ref in refs])
    return [(row[0], row[1], row[2]) for row in rows]


async def put(tx: Tx, *, happenings: Sequence[Happening], touched: Sequence[TotalKey]) -> list[TotalKey]:
    """Add what is on no timeline, and hold every total that it or ``touched`` is part of."""
    keys = [[key[n] for key in touched] for n in range(3)]
    rows = await tx.fetch(_PUT, tx.brand, *columns_of(happenings), *keys)
    return [(row[0], row[1], row[2]) for row in rows]


async def sum_up(tx: Tx, *, touched: Sequence[TotalKey]) -> None:
    """Make held totals what the timelines say; one that comes to nothing goes."""
    rows = await tx.fetch(_SUM, tx.brand, *([key[n] for key in touched] for n in range(3)))
    empty = list({row[0] for row in rows if row[1]})
    if empty:
        await tx.execute(_SWEEP, tx.brand, empty)
