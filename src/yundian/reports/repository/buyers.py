"""On which days each member bought: buyers of any range are counted member by member, not sale by sale.

Written by the statement that writes the facts, like the rollups.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

import asyncpg

from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch
from yundian.reports.types import Basis

_KEY = "basis, currency, member_id"
BUCKET = "(get_byte(uuid_send({member}), 15) & 63)::smallint"


def added(source: str, *, condition: str = "true") -> str:
    """Days of the sales in ``source`` are days of their members, once; members come in one order."""
    return f"""
    INSERT INTO reports_buyer AS r (brand_id, {_KEY}, first_day, last_day, days)
    SELECT $1, {_KEY}, min(business_date), max(business_date),
        array_agg(DISTINCT business_date ORDER BY business_date)
    FROM {source} WHERE kind = 'sale' AND member_id IS NOT NULL AND {condition} GROUP BY {_KEY} ORDER BY {_KEY}
    ON CONFLICT (brand_id, {_KEY}) DO UPDATE SET
        first_day = least(r.first_day, excluded.first_day), last_day = greatest(r.last_day, excluded.last_day),
        days = CASE WHEN excluded.first_day > r.last_day THEN r.days || excluded.days
            ELSE (SELECT array_agg(DISTINCT day ORDER BY day) FROM unnest(r.days || excluded.days) AS day) END
    WHERE NOT r.days @> excluded.days"""  # noqa: S608


# Of days on which sales were taken out: those on which nothing is left of the member. Comes after the rollups.
_LEFT = f"""
WITH gone AS (
    SELECT g.basis, g.currency, g.member_id, array_agg(g.business_date) AS days
    FROM (SELECT DISTINCT {_KEY}, business_date FROM {{source}} WHERE kind = 'sale' AND member_id IS NOT NULL) AS g
    WHERE NOT EXISTS (SELECT FROM reports_member_day d WHERE d.brand_id = $1 AND d.basis = g.basis
        AND d.bucket = {BUCKET.format(member="g.member_id")} AND d.business_date = g.business_date
        AND d.member_id = g.member_id AND d.currency = g.currency AND d.orders > 0 OFFSET 0)
    GROUP BY 1, 2, 3
), rest AS (
    SELECT g.basis, g.currency, g.member_id, r.days
    FROM gone g CROSS JOIN LATERAL (SELECT ARRAY(SELECT day FROM reports_buyer b CROSS JOIN unnest(b.days) AS day
        WHERE b.brand_id = $1 AND b.basis = g.basis AND b.currency = g.currency AND b.member_id = g.member_id
            AND day <> ALL (g.days) ORDER BY day) AS days) AS r
), kept AS (
    INSERT INTO reports_buyer (brand_id, {_KEY}, first_day, last_day, days)
    SELECT $1, {_KEY}, days[1], days[cardinality(days)], days FROM rest WHERE cardinality(days) > 0 ORDER BY {_KEY}
    ON CONFLICT (brand_id, {_KEY}) DO UPDATE
    SET first_day = excluded.first_day, last_day = excluded.last_day, days = excluded.days
)
SELECT basis, currency, array_agg(member_id) FROM rest WHERE cardinality(days) = 0 GROUP BY 1, 2
"""  # noqa: S608
_DELETE = """
DELETE FROM reports_buyer WHERE brand_id = $1 AND basis = $2 AND currency = $3 AND member_id = ANY($4::uuid[])
"""
_TAKE_OUT_STAGED = _LEFT.format(source="reports_staged_gone")
_TAKE_OUT = _LEFT.format(
    source="unnest($2::text[], $3::text[], $4::uuid[], $5::date[], $6::text[])"
    f" AS given ({_KEY}, business_date, kind)"
)

# Whose first or last day is in the range needs no look at the others.
_COUNT = """
SELECT count(*) FROM reports_buyer
WHERE brand_id = $1 AND basis = $2 AND currency = $3 AND first_day <= $5::date AND last_day >= $4::date
    AND (first_day >= $4::date OR last_day <= $5::date
        OR width_bucket($5::date, days) > width_bucket($4::date - 1, days))
"""
# Nothing is hashed: who came twice is found in the order of the index, which has the days of all time.
_COUNT_SHOPS = """
SELECT shop_id, count(*) FROM (
    SELECT DISTINCT ON (shop_id, member_id) shop_id FROM reports_member_day
    WHERE brand_id = $1 AND basis = $2 AND currency = $3 AND business_date BETWEEN $4::date AND $5::date
    ORDER BY shop_id, member_id) AS each
GROUP BY 1
"""
_COUNT_MONTHS = """
SELECT m.month, count(*) FROM reports_buyer r CROSS JOIN LATERAL (
    SELECT DISTINCT date_trunc('month', day::timestamp)::date AS month FROM unnest(r.days) AS day
    WHERE day BETWEEN $4::date AND $5::date) AS m
WHERE r.brand_id = $1 AND r.basis = $2 AND r.currency = $3 AND r.first_day <= $5::date AND r.last_day >= $4::date
GROUP BY 1
"""
_SALES = "SELECT sum(orders)::bigint FROM reports_month WHERE brand_id = $1 AND basis = $2 AND currency = $3"

_DIFFERENT = f"""
SELECT {_KEY}, coalesce(cardinality(r.days), 0) AS is_now, coalesce(cardinality(f.days), 0) AS should_be
FROM (SELECT {_KEY}, days, first_day, last_day FROM reports_buyer WHERE brand_id = $1) r
FULL JOIN (SELECT {_KEY}, array_agg(DISTINCT business_date ORDER BY business_date) AS days FROM reports_fact
    WHERE brand_id = $1 AND kind = 'sale' AND member_id IS NOT NULL GROUP BY {_KEY}) f USING ({_KEY})
WHERE r.days IS DISTINCT FROM f.days OR r.first_day <> f.days[1] OR r.last_day <> f.days[cardinality(f.days)]
ORDER BY {_KEY} LIMIT $2
"""  # noqa: S608
# Members whose days are not those on which something is left of them, a part of all members after the other.
_FEW = """
SELECT d.currency, d.member_id FROM (
    SELECT currency, member_id, array_agg(DISTINCT business_date ORDER BY business_date) AS days
    FROM reports_member_day WHERE brand_id = $1 AND basis = $2 AND bucket BETWEEN $3 AND $4 AND orders > 0
    GROUP BY 1, 2) AS d
LEFT JOIN reports_buyer r ON r.brand_id = $1 AND r.basis = $2 AND r.currency = d.currency
    AND r.member_id = d.member_id
WHERE r.days IS DISTINCT FROM d.days
"""
_MANY = f"""
SELECT r.currency, r.member_id FROM reports_buyer r WHERE r.brand_id = $1 AND r.basis = $2
    AND NOT EXISTS (SELECT FROM reports_member_day d WHERE d.brand_id = $1 AND d.basis = $2
        AND d.bucket = {BUCKET.format(member="r.member_id")} AND d.business_date = r.last_day
        AND d.member_id = r.member_id AND d.currency = r.currency AND d.orders > 0)
"""  # noqa: S608
_FORGET_SOME = """
DELETE FROM reports_buyer WHERE brand_id = $1 AND basis = $2 AND member_id = ANY($3::uuid[])
"""
_WRITE_SOME = f"""
INSERT INTO reports_buyer (brand_id, {_KEY}, first_day, last_day, days)
SELECT $1, d.basis, d.currency, d.member_id, min(d.business_date), max(d.business_date),
    array_agg(DISTINCT d.business_date ORDER BY d.business_date)
FROM unnest($3::uuid[]) AS w (member_id) JOIN reports_member_day d ON d.brand_id = $1 AND d.basis = $2
    AND d.bucket = {BUCKET.format(member="w.member_id")} AND d.member_id = w.member_id AND d.orders > 0
GROUP BY 1, 2, 3, 4
"""  # noqa: S608
_REWRITE = f"""
INSERT INTO reports_buyer (brand_id, {_KEY}, first_day, last_day, days)
SELECT $1, {_KEY}, min(business_date), max(business_date), array_agg(DISTINCT business_date ORDER BY business_date)
FROM reports_member_day WHERE brand_id = $1 AND orders > 0 GROUP BY {_KEY} ORDER BY {_KEY}
"""  # noqa: S608


async def take_out_staged(tx: Tx) -> None:
    """Days of what left with older versions of staged documents."""
    await _delete(tx, await tx.fetch(_TAKE_OUT_STAGED, tx.brand))


async def take_out(tx: Tx, *, rows: Sequence[asyncpg.Record]) -> None:
    """Days of facts that were removed."""
    names = ("basis", "currency", "member_id", "business_date", "kind")
    await _delete(tx, await tx.fetch(_TAKE_OUT, tx.brand, *([row[name] for row in rows] for name in names)))


async def count(door: Door, *, basis: Basis, currency: str, first: dt.date, last: dt.date) -> int:
    """How many different members bought from ``first`` to ``last``, through whatever channel and shop."""
    rows = await fetch(door, _COUNT, brand_of(door), basis.value, currency, first, last)
    return int(rows[0][0])


async def count_months(
    door: Door, *, basis: Basis, currency: str, first: dt.date, last: dt.date
) -> dict[dt.date, int]:
    """The same for each month by itself, as far as it lies in the range."""
    rows = await fetch(door, _COUNT_MONTHS, brand_of(door), basis.value, currency, first, last)
    return {row[0]: int(row[1]) for row in rows}


async def count_shops(
    door: Door, *, basis: Basis, currency: str, first: dt.date, last: dt.date
) -> dict[uuid.UUID, int]:
    """The same for each shop by itself."""
    rows = await fetch(door, _COUNT_SHOPS, brand_of(door), basis.value, currency, first, last)
    return {row[0]: int(row[1]) for row in rows}


async def all_sales(door: Door, *, basis: Basis, currency: str) -> int:
    """How many sales there ever were: so many members bought at most."""
    rows = await fetch(door, _SALES, brand_of(door), basis.value, currency)
    return int(rows[0][0] or 0)


async def different(tx: Tx, *, limit: int) -> list[asyncpg.Record]:
    """Members whose days are not what the facts say."""
    return await tx.fetch(_DIFFERENT, tx.brand, limit)


async def rewrite(tx: Tx) -> None:
    """All of them anew, from who bought on which day."""
    await tx.execute("DELETE FROM reports_buyer WHERE brand_id = $1", tx.brand)
    await tx.execute(_REWRITE, tx.brand)


async def wrong(tx: Tx, *, basis: Basis, buckets: tuple[int, int] | None) -> set[uuid.UUID]:
    """Members of these buckets who lack days or have too many; of no buckets: those of whom nothing is left."""
    if buckets is None:
        rows = await tx.fetch(_MANY, tx.brand, basis.value)
    else:
        rows = await tx.fetch(_FEW, tx.brand, basis.value, *buckets)
    return {row["member_id"] for row in rows}


async def count_sales(tx: Tx, *, basis: Basis) -> int:
    """How many sales there are in all currencies."""
    sql = "SELECT coalesce(sum(orders), 0)::bigint FROM reports_month WHERE brand_id = $1 AND basis = $2"
    found: int = await tx.fetchval(sql, tx.brand, basis.value)
    return found


async def rewrite_some(tx: Tx, *, basis: Basis, members: Collection[uuid.UUID]) -> None:
    """The days of these members anew. The caller holds the writers' lock."""
    for sql in (_FORGET_SOME, _WRITE_SOME):
        await tx.execute(sql, tx.brand, basis.value, list(members))


async def unmended(tx: Tx) -> uuid.UUID | None:
    """The mark of what older code wrote without the days, if it wrote."""
    sql = "SELECT revision FROM reports_unmended WHERE brand_id = $1 AND id = $1"
    found: uuid.UUID | None = await tx.fetchval(sql, tx.brand)
    return found


async def mended(tx: Tx, *, revision: uuid.UUID) -> None:
    """Take the mark away, if nothing was written that way since it was read."""
    sql = "DELETE FROM reports_unmended WHERE brand_id = $1 AND id = $1 AND revision = $2"
    await tx.execute(sql, tx.brand, revision)


async def _delete(tx: Tx, empty: Sequence[asyncpg.Record]) -> None:
    """Who has no day left bought nothing."""
    for basis, currency, members in empty:
        await tx.execute(_DELETE, tx.brand, basis, currency, members)
