"""The numbers of the public files, counted by DuckDB from the raw file: nothing of the house is asked.

``document`` is a table of sales (moment, minor, quantity, buyer, country, province), ``refund`` of refunds. Their
moments are those of the file, in its own zone.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from babel import Locale

from yundian.brands.types import BrandView
from yundian.channels.service import importing
from yundian.members import api as members
from yundian.members.types import IdentityKind, Known
from yundian.platform.db.services import Services
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.types import RunSummary
from yundian.reports.service import reading
from yundian.reports.types import Basis, By, Figures, SalesQuery

# orders, buyers, quantity, gross, refunds, refunded.
Numbers = tuple[int, int, int, int, int, int]

KEYS = {
    By.DAY: "strftime(moment, '%Y-%m-%d')",
    By.MONTH: "strftime(moment, '%Y-%m')",
    By.CHANNEL: "channel",
    By.COUNTRY: "country",
    By.PROVINCE: "country || '/' || province",
}

_UCI = """
CREATE TABLE line AS SELECT InvoiceNo AS no, Quantity::BIGINT AS q, InvoiceDate::TIMESTAMP AS moment,
    round(Quantity::BIGINT * UnitPrice::DECIMAL(12, 3) * 100)::BIGINT AS minor,
    replace(CustomerID, '.0', '') AS buyer, Country AS country
FROM read_csv('{file}', header = true, all_varchar = true) WHERE {where};
CREATE TABLE told AS SELECT no, min(moment) AS moment, sum(minor)::BIGINT AS minor, sum(q)::BIGINT AS quantity,
    any_value(buyer) AS buyer, any_value(code) AS country, '' AS province, 'uci' AS channel,
    CASE WHEN no LIKE 'C%' THEN 'refund' WHEN no LIKE 'A%' THEN 'adjustment'
        WHEN max(q) < 0 THEN 'ignored' ELSE 'sale' END AS kind
FROM line JOIN country ON line.country = country.name GROUP BY no;
CREATE TABLE document AS SELECT * FROM told WHERE kind = 'sale';
CREATE TABLE refund AS SELECT * REPLACE (-minor AS minor) FROM told WHERE kind = 'refund' AND minor <> 0;
"""
_TMALL = """
CREATE TABLE line AS SELECT "订单编号" AS no, "总金额"::DECIMAL(12, 2) AS total,
    "退款金额"::DECIMAL(12, 2) AS back,
    "订单付款时间"::TIMESTAMP AS moment, 'CN' AS country, 'tmall' AS channel, NULL AS buyer,
    "收货地址" || CASE WHEN "收货地址" IN ('上海', '北京', '天津', '重庆') THEN '市' ELSE '' END AS province
FROM read_csv('{file}', header = true, all_varchar = true) WHERE {where};
CREATE TABLE document AS SELECT *, (total * 100)::BIGINT AS minor, 0 AS quantity FROM line
WHERE moment IS NOT NULL;
CREATE TABLE refund AS SELECT *, (back * 100)::BIGINT AS minor FROM line WHERE moment IS NOT NULL AND back > 0;
"""
_NUMBERS = """
SELECT coalesce(d.key, r.key), coalesce(d.orders, 0), coalesce(d.buyers, 0), coalesce(d.quantity, 0),
    coalesce(d.gross, 0), coalesce(r.refunds, 0), coalesce(r.refunded, 0)
FROM (SELECT {key} AS key, count(*) AS orders, count(DISTINCT buyer) AS buyers, sum(quantity) AS quantity,
    sum(minor) AS gross FROM document GROUP BY 1) AS d
FULL JOIN (SELECT {key} AS key, count(*) AS refunds, sum(minor) AS refunded FROM refund GROUP BY 1) AS r
    ON d.key = r.key
"""
_MEMBERS = """
WITH shown AS (
    SELECT buyer, kind, minor, timezone('Asia/Shanghai', timezone('Europe/London', moment)) AS moment FROM (
        SELECT buyer, 'sale' AS kind, minor, moment FROM document UNION ALL
        SELECT buyer, 'refund', minor, moment FROM refund)
    WHERE buyer IS NOT NULL)
SELECT buyer, date_diff('day', max(moment) FILTER (WHERE kind = 'sale'), $1::DATE),
    count(*) FILTER (WHERE kind = 'sale'), coalesce(sum(minor) FILTER (WHERE kind = 'sale'), 0)::BIGINT,
    (coalesce(sum(minor) FILTER (WHERE kind = 'sale'), 0)
        - coalesce(sum(minor) FILTER (WHERE kind = 'refund'), 0))::BIGINT
FROM shown WHERE moment < $1::DATE GROUP BY buyer
"""


@dataclass(frozen=True)
class Oracle:
    """What a file says, and what the house says, in the same words."""

    channel: str
    database: duckdb.DuckDBPyConnection

    def numbers(self, by: By) -> dict[str, Numbers]:
        """Of every day, month, channel, country or province that has any."""
        rows = self.database.execute(_NUMBERS.format(key=KEYS[by])).fetchall()
        return {key: tuple(map(int, numbers)) for key, *numbers in rows}  # type: ignore[misc]

    def members(self, as_of: dt.date) -> dict[str, tuple[int | None, int, int, int]]:
        """Of every customer: recency in days, frequency, gross and net before the day."""
        return {row[0]: tuple(row[1:]) for row in self.database.execute(_MEMBERS, [as_of]).fetchall()}

    def kinds(self) -> dict[str, int]:
        return dict(self.database.execute("SELECT kind, count(*) FROM told GROUP BY 1").fetchall())

    def days(self) -> tuple[dt.date, dt.date]:
        found = self.database.execute(
            "SELECT min(moment)::DATE, max(moment)::DATE FROM"
            " (SELECT moment FROM document UNION ALL SELECT moment FROM refund)"
        ).fetchone()
        assert found is not None
        return found[0], found[1]


def of_uci(file: Path, where: str = "true") -> Oracle:
    return _oracle("uci", _UCI, file, where)


def of_tmall(file: Path, where: str = "true") -> Oracle:
    return _oracle("tmall", _TMALL, file, where)


async def load(services: Services, brand: BrandView, file: Path, *, channel: str, mapping: str) -> RunSummary:
    """Take a file in with a mapping of the house."""
    return await importing.import_file(
        services.database,
        channel,
        file,
        mappings.load(importing.MAPPINGS / f"{mapping}.toml"),
        brand=brand.id,
    )


async def check(services: Services, brand: BrandView, oracle: Oracle, *cuts: By) -> None:
    """HQ's numbers of every cut and both bases are the file's."""
    first, last = oracle.days()
    for by in cuts:
        expected = oracle.numbers(by)
        for basis in Basis:
            wanted = SalesQuery(by=by, basis=basis, first=first, last=last)
            async with services.database.unit_of_work(brand.id) as session:
                report = await reading.sales(session, wanted=wanted)
            found = {row.key: _numbers(row.figures) for row in report.rows}
            # Money knows no pieces.
            pieces = int(basis is Basis.ACCRUAL)
            said = {key: (n[0], n[1], n[2] * pieces, *n[3:]) for key, n in expected.items()}
            assert _of_days(found) == said, (by, basis)


async def check_members(services: Services, brand: BrandView, oracle: Oracle, as_of: dt.date) -> None:
    """Recency, frequency and money of every member are the file's, and there are no others."""
    expected = oracle.members(as_of)
    names = await _names(services, brand, expected)
    async with services.database.unit_of_work(brand.id) as session:
        rows = await reading.members(session, as_of=as_of, limit=None)
    assert {
        names[row.member_id]: (row.recency_days, row.frequency, row.gross_minor, row.net_minor) for row in rows
    } == expected


async def _names(services: Services, brand: BrandView, numbers: Mapping[str, object]) -> dict[Any, str]:
    known = {
        members.hash_of(services.keyring, Known(IdentityKind.MEMBER_NO, number, scope="uci")): number
        for number in numbers
    }
    async with services.database.connection(brand.id) as tx:
        found = await tx.fetch(
            "SELECT value_hash, member_id FROM members_identity WHERE brand_id = $1 AND value_hash = ANY($2)",
            brand.id,
            list(known),
        )
    assert len({row["member_id"] for row in found}) == len(known)
    return {row["member_id"]: known[row["value_hash"]] for row in found}


def _oracle(channel: str, sql: str, file: Path, where: str) -> Oracle:
    database = duckdb.connect()
    database.execute("CREATE TABLE country (name TEXT, code TEXT)")
    database.executemany("INSERT INTO country VALUES (?, ?)", list(_countries().items()))
    database.execute(sql.format(file=file, where=where))
    return Oracle(channel, database)


def _countries() -> dict[str, str]:
    """English names to codes, from Unicode's tables; and what the file calls otherwise."""
    return {name: code for code, name in Locale("en").territories.items() if len(code) == 2} | {
        "Channel Islands": "XC",
        "Czech Republic": "CZ",
        "EIRE": "IE",
        "European Community": "EU",
        "Hong Kong": "HK",
        "RSA": "ZA",
        "USA": "US",
        "Unspecified": "",
    }


def _numbers(figures: Figures) -> Numbers:
    return (
        figures.orders,
        figures.buyers,
        figures.quantity,
        figures.gross_minor,
        figures.refunds,
        figures.refunds_minor,
    )


def _of_days(found: dict[str, Numbers]) -> dict[str, Numbers]:
    """Days on which nothing happened are shown, and are in no file."""
    return {key: numbers for key, numbers in found.items() if any(numbers)}
