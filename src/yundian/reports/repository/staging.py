"""Many documents at once: two temporary tables are filled by COPY, and facts and rollups made what they say.

The facts of an order from outside are ``imported``: its money never went through payments here.
"""

import uuid
from collections.abc import Mapping, Sequence

from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import brand_of
from yundian.reports.repository import buyers
from yundian.reports.repository.facts import CAMPAIGN, KEYS, MONTH, SHOP, SUMS
from yundian.reports.types import Place

_OPEN = """
CREATE TEMPORARY TABLE IF NOT EXISTS reports_staged (
    document_id uuid NOT NULL, document_type text NOT NULL, kind text NOT NULL, order_id uuid NOT NULL,
    number text NOT NULL, channel text NOT NULL, shop_id uuid, fulfil_shop_id uuid, home_shop_id uuid,
    staff_id uuid, campaign_id uuid, member_id uuid, country text, province text, currency text NOT NULL,
    accrual_at timestamptz, accrual_minor bigint, cash_at timestamptz, cash_minor bigint, has_before bool NOT NULL,
    time_zone text
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS reports_staged_line (
    document_id uuid NOT NULL, line_no int NOT NULL, sku_id uuid, quantity bigint NOT NULL,
    amount_minor bigint NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS reports_staged_gone (
    document_id uuid, basis text, kind text, business_date date, channel text, shop_id uuid, campaign_id uuid,
    country text, province text, currency text, member_id uuid, lines bigint, quantity bigint, amount_minor bigint
) ON COMMIT DELETE ROWS;
DELETE FROM reports_staged; DELETE FROM reports_staged_line; DELETE FROM reports_staged_gone;
"""

# Batches are of one document or of thousands. What is joined is staged, without an index and without statistics:
# hashed, it is read once however much it is, and one plan is good for both: making it takes longer than a few do.
_LOCK = """
SET LOCAL plan_cache_mode = auto;
SET LOCAL enable_nestloop = off;
SET LOCAL yundian.keeps_days = 'yes';
SELECT pg_advisory_xact_lock(hashtextextended('reports:{brand}', 0));
"""

_SHOPS = """
SELECT array_agg(DISTINCT CASE WHEN m.order_id IS NULL THEN s.shop_id ELSE m.shop_id END),
    array_agg(s.document_id) FILTER (WHERE s.has_before)
FROM reports_staged s LEFT JOIN reports_moved m ON m.brand_id = $1 AND m.order_id = s.order_id
"""

_TAKE_OUT = """
WITH gone AS (
    DELETE FROM reports_fact WHERE brand_id = $1 AND document_id = ANY($2::uuid[])
        AND document_type IN ('imported', 'return')
    RETURNING *
)
INSERT INTO reports_staged_gone
SELECT document_id, basis, kind, business_date, channel, shop_id, campaign_id, country, province, currency,
    member_id, count(*) FILTER (WHERE line_no > 0), sum(quantity), sum(amount_minor)
FROM gone GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
"""

# A document once for each basis, as its facts will be: at the shop that is credited now, on its business day.
_BOOKED = """
booked AS MATERIALIZED (
    SELECT s.document_id, b.basis, s.kind,
        CASE s.document_type WHEN 'order' THEN 'imported' ELSE s.document_type END AS document_type,
        s.order_id, s.number, b.at AS occurred_at,
        (b.at AT TIME ZONE coalesce(p.time_zone, nullif(s.time_zone, ''), $6))::date AS business_date,
        s.channel, s.to_shop_id AS shop_id, s.fulfil_shop_id, s.home_shop_id, s.to_staff_id AS staff_id,
        s.campaign_id, s.member_id,
        coalesce(nullif(s.country, ''), p.country, '') AS country,
        CASE WHEN coalesce(s.country, '') || coalesce(s.province, '') <> '' THEN coalesce(s.province, '')
            ELSE coalesce(p.province, '') END AS province,
        s.currency, b.amount_minor, coalesce(l.lines, 0) AS lines, coalesce(l.quantity, 0) AS quantity,
        coalesce(l.amount_minor, 0) AS lines_minor
    FROM (SELECT s.*, CASE WHEN m.order_id IS NULL THEN s.shop_id ELSE m.shop_id END AS to_shop_id,
            CASE WHEN m.order_id IS NULL THEN s.staff_id ELSE m.staff_id END AS to_staff_id
        FROM reports_staged s LEFT JOIN reports_moved m ON m.brand_id = $1 AND m.order_id = s.order_id) AS s
    CROSS JOIN LATERAL (VALUES ('accrual', s.accrual_at, s.accrual_minor), ('cash', s.cash_at, s.cash_minor))
        AS b (basis, at, amount_minor)
    LEFT JOIN unnest($2::uuid[], $3::text[], $4::text[], $5::text[]) AS p (id, time_zone, country, province)
        ON p.id = s.to_shop_id
    LEFT JOIN (SELECT document_id, count(*) AS lines, sum(quantity)::bigint AS quantity,
            sum(amount_minor)::bigint AS amount_minor
        FROM reports_staged_line WHERE line_no > 0 GROUP BY document_id) AS l
        ON l.document_id = s.document_id AND b.basis = 'accrual'
    WHERE b.at IS NOT NULL
)"""

_FACT = (
    "document_id, basis, kind, document_type, order_id, number, occurred_at, business_date, channel, shop_id,"
    " fulfil_shop_id, home_shop_id, staff_id, campaign_id, member_id, country, province, currency"
)
_FACTS = f"""
facts AS (
    INSERT INTO reports_fact (brand_id, {_FACT}, line_no, sku_id, quantity, amount_minor)
    SELECT $1, {_FACT.replace("document_id", "b.document_id")}, l.line_no, l.sku_id, l.quantity, l.amount_minor
    FROM booked b JOIN reports_staged_line l ON l.document_id = b.document_id AND l.line_no > 0
    WHERE b.basis = 'accrual'
    UNION ALL
    SELECT $1, {_FACT}, 0, NULL, 0, amount_minor - lines_minor
    FROM booked WHERE lines = 0 OR amount_minor <> lines_minor
)"""  # noqa: S608  names of columns, no values

_CHANGE = """
changed AS MATERIALIZED (
    SELECT basis, kind, business_date, channel, shop_id, campaign_id, country, province, currency, member_id,
        1 AS documents, lines, quantity, amount_minor FROM booked
    UNION ALL
    SELECT basis, kind, business_date, channel, shop_id, campaign_id, country, province, currency, member_id,
        -1, -lines, -quantity, -amount_minor FROM reports_staged_gone
)"""

_CHANGED_SUMS = """
    coalesce(sum(documents) FILTER (WHERE kind = 'sale'), 0)::bigint AS orders,
    coalesce(sum(lines) FILTER (WHERE kind = 'sale'), 0)::bigint AS lines,
    coalesce(sum(quantity) FILTER (WHERE kind = 'sale'), 0)::bigint AS quantity,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::bigint AS gross_minor,
    coalesce(sum(documents) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunds,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunds_minor
"""
_KEY_SQL: Mapping[str, str] = {"shop_id": SHOP, "campaign_id": CAMPAIGN, "month": MONTH}
_TABLES: Mapping[str, tuple[str, ...]] = {
    "reports_day": ("basis", "business_date", *KEYS["reports_day"], "currency"),
    "reports_month": ("basis", "month", *KEYS["reports_month"], "currency"),
    "reports_place_day": ("basis", "business_date", *KEYS["reports_place_day"], "currency"),
    "reports_member_day": ("basis", "business_date", "member_id", *KEYS["reports_member_day"], "currency"),
}


def _sums(table: str) -> tuple[tuple[str, ...], str, str]:
    """The sums of a rollup, how changes come to them, and which changes are for it."""
    if table == "reports_member_day":
        return ("orders",), "sum(documents)::bigint AS orders", "kind = 'sale' AND member_id IS NOT NULL"
    return SUMS, _CHANGED_SUMS, "true"


def _key(table: str) -> str:
    return ", ".join(f"{_KEY_SQL.get(name, name)} AS {name}" for name in _TABLES[table])


def _rollup(table: str) -> str:
    """Add what changed. What a newer version leaves as it was is not touched; keys come in one order."""
    sums, sums_sql, condition = _sums(table)
    names, columns = ", ".join(_TABLES[table]), ", ".join(sums)
    numbers = ", ".join(str(number) for number in range(1, len(_TABLES[table]) + 1))
    added = ", ".join(f"{name} = r.{name} + excluded.{name}" for name in sums)
    bucket = ", bucket" if table == "reports_member_day" else ""
    return f"""
{table} AS (
    INSERT INTO {table} AS r (brand_id, {names}, {columns})
    SELECT $1, {names}, {columns} FROM (
        SELECT {_key(table)}, {sums_sql} FROM changed WHERE {condition} GROUP BY {numbers}) AS sums
    WHERE {" OR ".join(f"{name} <> 0" for name in sums)} ORDER BY {names}
    ON CONFLICT (brand_id, {names}{bucket}) DO UPDATE SET {added}
    RETURNING r.ctid AS place, {" AND ".join(f"r.{name} = 0" for name in sums)} AS is_empty
)"""  # noqa: S608


_BUYERS = f"days_bought AS ({buyers.added('changed', condition='documents > 0')})"
# Where the rows are that hold nothing any more: nobody else moves them before the end of the transaction.
_EMPTY = ", ".join(f"(SELECT array_agg(place) FROM {table} WHERE is_empty)" for table in _TABLES)  # noqa: S608
_PUT_IN = (
    f"WITH {', '.join([_BOOKED, _FACTS, _CHANGE, *map(_rollup, _TABLES), _BUYERS])}"  # noqa: S608
    " SELECT (SELECT sum(lines + (lines = 0 OR amount_minor <> lines_minor)::int) FROM booked),"
    f" {_EMPTY}"
)
_SWEEP = [f"DELETE FROM {table} WHERE brand_id = $1 AND ctid = ANY($2::tid[])" for table in _TABLES]  # noqa: S608


async def open_tables(tx: Tx) -> None:
    """The temporary tables, empty. They stay with the connection; their rows go with the transaction."""
    await tx.execute(_OPEN)


async def lock(tx: Tx) -> None:
    """One writer of a brand's numbers at a time; and plans are made for what is staged now."""
    await tx.execute(_LOCK.format(brand=brand_of(tx)))


async def staged_shops(tx: Tx) -> tuple[list[uuid.UUID | None], list[uuid.UUID]]:
    """The shops that what is staged is credited to, and the documents that replace something."""
    row = await tx.fetchrow(_SHOPS, tx.brand)
    return (list(row[0] or []), list(row[1] or [])) if row else ([], [])


async def take_out(tx: Tx, *, ids: Sequence[uuid.UUID]) -> None:
    """The facts of these documents leave; what they were is kept for the rollups."""
    await tx.execute(_TAKE_OUT, tx.brand, ids)


async def put_in(tx: Tx, *, places: Mapping[uuid.UUID, Place], zone: str, is_replacing: bool) -> int:
    """Facts of what is staged, and what changes in the rollups; how many facts. ``zone``: where none is told.

    Rows of rollups that hold nothing any more do not stay behind.
    """
    row = await tx.fetchrow(
        _PUT_IN,
        tx.brand,
        list(places),
        [place.time_zone for place in places.values()],
        [place.country for place in places.values()],
        [place.province for place in places.values()],
        zone,
    )
    await tx.execute("SET LOCAL enable_nestloop = on")
    added, *empty = row or (0,)
    for sweep, found in zip(_SWEEP, empty, strict=False):
        if found:
            await tx.execute(sweep, tx.brand, found)
    if is_replacing:
        await buyers.take_out_staged(tx)
    return int(added or 0)
