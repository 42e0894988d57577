"""Facts and their rollups are written by one statement, so that one never says what the other does not know."""

import datetime as dt
import uuid
from collections.abc import Sequence

import asyncpg

from yundian.platform.db.database import Tx
from yundian.reports.repository import buyers
from yundian.reports.types import FactRow

_TYPES = {
    "document_id": "uuid",
    "basis": "text",
    "kind": "text",
    "document_type": "text",
    "line_no": "int",
    "order_id": "uuid",
    "number": "text",
    "occurred_at": "timestamptz",
    "business_date": "date",
    "channel": "text",
    "shop_id": "uuid",
    "fulfil_shop_id": "uuid",
    "home_shop_id": "uuid",
    "staff_id": "uuid",
    "campaign_id": "uuid",
    "member_id": "uuid",
    "country": "text",
    "province": "text",
    "sku_id": "uuid",
    "quantity": "bigint",
    "amount_minor": "bigint",
    "currency": "text",
}
_NAMES = ", ".join(_TYPES)
_GIVEN = (
    f"unnest({', '.join(f'${number}::{kind}[]' for number, kind in enumerate(_TYPES.values(), start=2))})"
    f" AS given ({_NAMES})"
)

_NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"
SHOP, CAMPAIGN = f"coalesce(shop_id, {_NOBODY})", f"coalesce(campaign_id, {_NOBODY})"
MONTH = "date_trunc('month', business_date::timestamp)::date"
KEYS = {
    "reports_day": ("channel", "shop_id", "campaign_id"),
    "reports_month": ("channel", "shop_id", "campaign_id"),
    "reports_place_day": ("channel", "country", "province"),
    "reports_member_day": ("channel", "shop_id", "campaign_id", "country", "province"),
}
"""What a row of a rollup stands for, beside its brand, basis, period, member and currency."""
SUMS = ("orders", "lines", "quantity", "gross_minor", "refunds", "refunds_minor")

# What facts come to. An order is one document of one day, shop and campaign: days add up to months.
AGGREGATES = """
    count(DISTINCT document_id) FILTER (WHERE kind = 'sale') AS orders,
    count(*) FILTER (WHERE kind = 'sale' AND line_no > 0) AS lines,
    coalesce(sum(quantity) FILTER (WHERE kind = 'sale'), 0)::bigint AS quantity,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::bigint AS gross_minor,
    count(DISTINCT document_id) FILTER (WHERE kind = 'refund') AS refunds,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint AS refunds_minor
"""


PLACE = {"shop_id": SHOP, "campaign_id": CAMPAIGN, "country": "country::text"}


def _rollup(table: str, period: str, *, by: str, sign: str) -> str:
    """Add (or take away) what the rows come to, keys in one order: nobody waits for each other in a circle."""
    key = ["basis", period, *KEYS[table], "currency"]
    chosen = {**PLACE, period: by}
    columns = ", ".join(f"{chosen.get(name, name)} AS {name}" for name in key)
    names, numbers = ", ".join(key), ", ".join(str(number) for number in range(1, len(key) + 1))
    signed = ", ".join(f"{sign}{name}" for name in SUMS)
    added = ", ".join(f"{name} = r.{name} + excluded.{name}" for name in SUMS)
    return f"""
    INSERT INTO {table} AS r (brand_id, {names}, {", ".join(SUMS)})
    SELECT $1, {names}, {signed}
    FROM (SELECT {columns}, {AGGREGATES} FROM moved GROUP BY {numbers}) AS sums
    ORDER BY {names}
    ON CONFLICT (brand_id, {names}) DO UPDATE SET {added} RETURNING 1"""  # noqa: S608  names of columns, no values


def _people(sign: str) -> str:
    key = ["basis", "business_date", "member_id", *KEYS["reports_member_day"], "currency"]
    columns = ", ".join(PLACE.get(name, name) for name in key)
    names, numbers = ", ".join(key), ", ".join(str(number) for number in range(2, len(key) + 2))
    return f"""
    INSERT INTO reports_member_day AS r (brand_id, {names}, orders)
    SELECT $1, {columns}, {sign}count(DISTINCT document_id)
    FROM moved WHERE kind = 'sale' AND member_id IS NOT NULL GROUP BY {numbers} ORDER BY {numbers}
    ON CONFLICT (brand_id, {names}, bucket) DO UPDATE SET orders = r.orders + excluded.orders RETURNING 1"""  # noqa: S608


def _statement(moved: str, *, sign: str, select: str, more: str = "") -> str:
    return f"""
WITH moved AS ({moved}),
days AS ({_rollup("reports_day", "business_date", by="business_date", sign=sign)}),
months AS ({_rollup("reports_month", "month", by=MONTH, sign=sign)}),
places AS ({_rollup("reports_place_day", "business_date", by="business_date", sign=sign)}),
people AS ({_people(sign)}){more}
{select}"""


def _add(source: str) -> str:
    """Known documents are left as they are, so that the same fact counts once however often it is told."""
    insert = (
        f"INSERT INTO reports_fact (brand_id, {_NAMES}) SELECT $1, {_NAMES} FROM {source}"  # noqa: S608
        " ON CONFLICT (brand_id, document_id, basis, kind, document_type, line_no) DO NOTHING"
        f" RETURNING {_NAMES}"
    )
    days = f", days_bought AS ({buyers.added('moved')})"
    return _statement(insert, sign="", select="SELECT count(*) FROM moved", more=days)


# Refunds of money that came while the order still waited: part of its sale from the moment there is one.
_EARLY_REFUNDS = """(
    SELECT r.document_id, 'accrual' AS basis, r.kind, r.document_type, r.line_no, r.order_id, r.number,
        greatest(r.occurred_at, s.occurred_at) AS occurred_at,
        greatest(r.business_date, s.business_date) AS business_date, r.channel, r.shop_id, r.fulfil_shop_id,
        r.home_shop_id, r.staff_id, r.campaign_id, r.member_id, r.country, r.province, r.sku_id, r.quantity,
        r.amount_minor, r.currency
    FROM reports_fact r
    CROSS JOIN LATERAL (SELECT occurred_at, business_date FROM reports_fact
        WHERE brand_id = r.brand_id AND order_id = r.order_id AND basis = 'accrual' AND kind = 'sale'
        LIMIT 1) AS s
    WHERE r.brand_id = $1 AND r.order_id = ANY($2::uuid[]) AND r.basis = 'cash' AND r.kind = 'refund'
        AND NOT EXISTS (SELECT FROM reports_fact a WHERE a.brand_id = r.brand_id
            AND a.document_id = r.document_id AND a.basis = 'accrual' AND a.kind = 'refund')
) AS early"""

_APPEND = _add(_GIVEN)
_APPEND_EARLY_REFUNDS = _add(_EARLY_REFUNDS)
_REMOVE_ORDER = _statement(
    f"DELETE FROM reports_fact WHERE brand_id = $1 AND order_id = $2 RETURNING {_NAMES}",  # noqa: S608
    sign="-",
    select=f"SELECT {_NAMES} FROM moved",  # noqa: S608
)

_LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('reports:' || $1::text, 0)),
    set_config('yundian.keeps_days', 'yes', true)
"""
_EMPTY = "DELETE FROM {table} WHERE brand_id = $1 AND {period} = ANY($2::date[]) AND {empty}"
_EMPTY_PEOPLE = (
    "DELETE FROM reports_member_day WHERE brand_id = $1 AND business_date = ANY($2::date[])"
    " AND member_id = ANY($3::uuid[]) AND orders = 0"
)

_NOTE_MOVE = """
INSERT INTO reports_moved AS m (brand_id, order_id, shop_id, staff_id, moved_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (brand_id, order_id) DO UPDATE
SET shop_id = excluded.shop_id, staff_id = excluded.staff_id, moved_at = excluded.moved_at
WHERE m.moved_at < excluded.moved_at RETURNING order_id
"""


async def lock(tx: Tx) -> None:
    """One writer of a brand's numbers at a time. Comes first: what is read afterwards is what others left.

    And this code keeps the days on which members buy: no trigger has to note that somebody else wrote.
    """
    await tx.execute(_LOCK, str(tx.brand))


async def append(tx: Tx, *, rows: Sequence[FactRow]) -> int:
    """Add the facts that are not known yet, with what follows for the rollups; how many were added."""
    columns = [[getattr(row, name) for row in rows] for name in _TYPES]
    added: int = await tx.fetchval(_APPEND, tx.brand, *columns)
    return added


async def append_early_refunds(tx: Tx, *, order_ids: list[uuid.UUID]) -> int:
    """Of these orders, book the refunds that came before the sale did, on the day of the later of both."""
    added: int = await tx.fetchval(_APPEND_EARLY_REFUNDS, tx.brand, order_ids)
    return added


async def remove_order(tx: Tx, *, order_id: uuid.UUID) -> list[asyncpg.Record]:
    """Take everything of an order out of facts and rollups; what it was."""
    return await _removed(tx, await tx.fetch(_REMOVE_ORDER, tx.brand, order_id))


async def note_move(
    tx: Tx, *, order_id: uuid.UUID, shop_id: uuid.UUID | None, staff_id: uuid.UUID | None, moved_at: dt.datetime
) -> bool:
    """Whether this is the newest move of the order's credit."""
    return await tx.fetchval(_NOTE_MOVE, tx.brand, order_id, shop_id, staff_id, moved_at) is not None


async def moves(
    tx: Tx, *, order_ids: list[uuid.UUID]
) -> dict[uuid.UUID, tuple[uuid.UUID | None, uuid.UUID | None]]:
    """Where credits were moved to: shop and staff by order."""
    query = (
        "SELECT order_id, shop_id, staff_id FROM reports_moved WHERE brand_id = $1 AND order_id = ANY($2::uuid[])"
    )
    rows = await tx.fetch(query, tx.brand, order_ids)
    return {row["order_id"]: (row["shop_id"], row["staff_id"]) for row in rows}


async def _removed(tx: Tx, rows: list[asyncpg.Record]) -> list[asyncpg.Record]:
    """Rows that hold nothing any more do not stay behind."""
    days = sorted({row["business_date"] for row in rows})
    months = sorted({day.replace(day=1) for day in days})
    empty = " AND ".join(f"{name} = 0" for name in SUMS)
    for table, period, spans in (
        ("reports_day", "business_date", days),
        ("reports_month", "month", months),
        ("reports_place_day", "business_date", days),
    ):
        await tx.execute(_EMPTY.format(table=table, period=period, empty=empty), tx.brand, spans)
    people = list({row["member_id"] for row in rows if row["member_id"] is not None})
    await tx.execute(_EMPTY_PEOPLE, tx.brand, days, people)
    await buyers.take_out(tx, rows=rows)
    return rows
