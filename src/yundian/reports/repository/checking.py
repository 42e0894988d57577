"""Do the rollups say what the facts say? And if not, written anew from the facts."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yundian.platform.db.database import Tx
from yundian.reports.repository import buyers
from yundian.reports.repository.facts import AGGREGATES, KEYS, MONTH, PLACE, SUMS
from yundian.reports.types import Mismatch


@dataclass(frozen=True, slots=True)
class _Rollup:
    """A rollup as a query over the facts: its key, its sums, and which facts it is made of."""

    table: str
    period: str
    period_sql: str
    key: tuple[str, ...]
    sums: tuple[str, ...]
    sums_sql: str
    condition: str

    def from_facts(self, *, condition: str) -> str:
        columns = ", ".join(f"{PLACE.get(name, name)} AS {name}" for name in self.key)
        numbers = ", ".join(str(number) for number in range(1, len(self.key) + 3))
        return (
            f"SELECT basis, {self.period_sql} AS {self.period}, {columns}, {self.sums_sql}"  # noqa: S608
            f" FROM reports_fact WHERE brand_id = $1 AND {self.condition} AND {condition} GROUP BY {numbers}"
        )

    @property
    def columns(self) -> tuple[str, ...]:
        return ("basis", self.period, *self.key, *self.sums)


def _sums(table: str, period: str, period_sql: str) -> _Rollup:
    return _Rollup(table, period, period_sql, (*KEYS[table], "currency"), SUMS, AGGREGATES, "true")


_MEMBER_DAY = _Rollup(
    "reports_member_day",
    "business_date",
    "business_date",
    ("member_id", *KEYS["reports_member_day"], "currency"),
    ("orders",),
    "count(DISTINCT document_id) AS orders",
    "kind = 'sale' AND member_id IS NOT NULL",
)
_ROLLUPS = (
    _sums("reports_day", "business_date", "business_date"),
    _sums("reports_month", "month", MONTH),
    _sums("reports_place_day", "business_date", "business_date"),
    _MEMBER_DAY,
)


def _compare(rollup: _Rollup) -> str:
    """Rows that differ; a row of nothing but zeros and no row are the same."""
    key = ", ".join(("basis", rollup.period, *rollup.key))
    pairs = ", ".join(
        f"coalesce(r.{name}, 0) AS {name}_is, coalesce(f.{name}, 0) AS {name}" for name in rollup.sums
    )
    differs = " OR ".join(f"coalesce(r.{name}, 0) <> coalesce(f.{name}, 0)" for name in rollup.sums)
    return (
        f"SELECT {key}, {pairs} FROM (SELECT * FROM {rollup.table} WHERE brand_id = $1) r"  # noqa: S608
        f" FULL JOIN ({rollup.from_facts(condition='true')}) f USING ({key})"
        f" WHERE {differs} ORDER BY {key} LIMIT $2"
    )


async def mismatches(tx: Tx, *, limit: int) -> list[Mismatch]:
    """Rows of the rollups that are not what the facts say, at most ``limit`` of each table. Reads everything."""
    found = []
    for rollup in _ROLLUPS:
        for row in await tx.fetch(_compare(rollup), tx.brand, limit):
            key = {name: str(row[name]) for name in ("basis", rollup.period, *rollup.key)}
            columns = {
                name: (int(row[f"{name}_is"]), int(row[name]))
                for name in rollup.sums
                if row[f"{name}_is"] != row[name]
            }
            found.append(Mismatch(table=rollup.table, key=key, columns=columns))
    for row in await buyers.different(tx, limit=limit):
        key = {name: str(row[name]) for name in ("basis", "currency", "member_id")}
        days = {"days": (int(row["is_now"]), int(row["should_be"]))}
        found.append(Mismatch(table="reports_buyer", key=key, columns=days))
    return found


async def count_facts(tx: Tx) -> int:
    count: int = await tx.fetchval("SELECT count(*) FROM reports_fact WHERE brand_id = $1", tx.brand)
    return count


async def rewrite(tx: Tx, *, days: Sequence[dt.date], months: Sequence[dt.date]) -> None:
    """Make the rollups of these days and months (their first days) anew, and on which days everybody bought.

    The caller holds the writers' lock.
    """
    spans: Mapping[str, Any] = {"business_date": list(days), "month": list(months)}
    for rollup in _ROLLUPS:
        await tx.execute(
            f"DELETE FROM {rollup.table} WHERE brand_id = $1 AND {rollup.period} = ANY($2::date[])",  # noqa: S608
            tx.brand,
            spans[rollup.period],
        )
        condition = "business_date = ANY($2::date[])"
        if rollup.period == "month":
            # By days, which the index knows.
            condition = (
                "EXISTS (SELECT FROM unnest($2::date[]) AS m (first) WHERE business_date >= m.first"
                " AND business_date < m.first + interval '1 month')"
            )
        await tx.execute(
            f"INSERT INTO {rollup.table} (brand_id, {', '.join(rollup.columns)})"  # noqa: S608
            f" SELECT $1, sums.* FROM ({rollup.from_facts(condition=condition)}) AS sums",
            tx.brand,
            spans[rollup.period],
        )
    await buyers.rewrite(tx)
