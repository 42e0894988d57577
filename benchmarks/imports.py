"""What an import of orders costs, beside COPY of the very rows it left into the same tables with all their keys.

    python benchmarks/imports.py [--file FILE --mapping NAME]   (own servers; without a file: invented invoices)

Both run in the same minute on the same server. Exits 1 when the import has less than 30 % of COPY's speed, or took
more than 300 MiB of memory.
"""

import argparse
import asyncio
import csv
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from benchmarks.kit import House, house, owner
from yundian.brands.service import create_brand
from yundian.channels.service import channels, importing
from yundian.channels.states import ChannelKind
from yundian.channels.types import ChannelFields
from yundian.platform.core.ids import new_id
from yundian.platform.db import migrate
from yundian.platform.db.database import Database, operator_unit_of_work
from yundian.platform.intake import mapping as mappings

GOAL_RATIO = 0.30
GOAL_MIB = 300
INVOICES = 6_000
LINES = 20

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)

_TABLES = """
SELECT c.relname AS name, array_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '') AS columns,
    coalesce((SELECT array_agg(DISTINCT r.relname) FROM pg_constraint f JOIN pg_class r ON r.oid = f.confrelid
        WHERE f.conrelid = c.oid AND f.contype = 'f' AND f.confrelid <> c.oid), '{}') AS parents
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY c.oid, c.relname
"""


@dataclass(frozen=True)
class Table:
    name: str
    columns: list[str]
    parents: list[str]
    rows: int


def write_invoices(path: Path) -> None:
    """A wholesaler's year: invoices of twenty lines, some credit notes, two thousand customers."""
    chance = random.Random(1)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for number in range(INVOICES):
            is_credit = number % 8 == 7
            minute = number * 80
            day, hour = minute // 1440, minute % 1440
            at = f"2011-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d} {hour // 60:02d}:{hour % 60:02d}:00"
            customer = "" if number % 5 == 4 else f"{12_000 + chance.randrange(2_000)}.0"
            for _ in range(LINES):
                sku = chance.randrange(4_000)
                quantity = chance.randrange(1, 24) * (-1 if is_credit else 1)
                name = f"{'C' if is_credit else ''}{500_000 + number}"
                price = f"{chance.randrange(10, 2_000) / 100}"
                out.writerow([name, f"S{sku}", f"ARTICLE {sku}", quantity, at, price, customer, "United Kingdom"])


async def counts(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    names = [row["name"] for row in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in names}


async def written(connection: "asyncpg.Connection[asyncpg.Record]", before: dict[str, int]) -> list[Table]:
    """The tables that grew, those that others refer to first."""
    now = await counts(connection)
    found = [
        Table(row["name"], row["columns"], row["parents"], now[row["name"]])
        for row in await connection.fetch(_TABLES)
        if now[row["name"]] > before[row["name"]] and not row["name"].startswith("intake_")
    ]
    ordered: list[Table] = []
    while found:
        waiting = {table.name for table in found}
        free = [table for table in found if not waiting & set(table.parents)]
        ordered += free
        found = [table for table in found if table not in free]
    return ordered


async def copied(connection: "asyncpg.Connection[asyncpg.Record]", tables: Sequence[Table], folder: Path) -> float:
    """The seconds COPY takes for the same rows into the same tables, emptied."""
    for table in tables:
        query = f'SELECT {", ".join(table.columns)} FROM "{table.name}"'
        await connection.copy_from_query(query, output=folder / table.name, format="binary")
    await connection.execute(f"TRUNCATE {', '.join(table.name for table in tables)} CASCADE")
    began = time.perf_counter()
    async with connection.transaction():
        for table in tables:
            await connection.copy_to_table(
                table.name, source=folder / table.name, columns=table.columns, format="binary"
            )
    return time.perf_counter() - began


async def measure(made: House, file: Path, mapping: str, folder: Path) -> bool:
    await migrate.upgrade(made.settings)
    brand_id = new_id()
    async with operator_unit_of_work(made.settings, brand_id) as session:
        await create_brand(session, brand_id=brand_id, code="bench", name="Benchmark")
    database = Database(made.settings)
    await database.open()
    fields = ChannelFields(
        name_zh="渠道", name_en="Channel", kind=ChannelKind.TILL, currency="GBP", time_zone="Europe/London"
    )
    async with database.unit_of_work(brand_id) as session:
        await channels.create_channel(session, code="bench", fields=fields)
    async with owner(made) as connection:
        before = await counts(connection)
        processor = time.process_time()
        summary = await importing.import_file(
            database, "bench", file, mappings.load(importing.MAPPINGS / f"{mapping}.toml"), brand=brand_id
        )
        processor = time.process_time() - processor
        mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        tables = await written(connection, before)
        await database.close()
        limit = await copied(connection, tables, folder)
    ratio = limit / summary.seconds
    rows = {table.name: table.rows for table in tables}
    report(file, summary.read, summary.seconds, processor, limit, ratio, mib, rows)
    return ratio >= GOAL_RATIO and mib <= GOAL_MIB


def report(
    file: Path, read: int, took: float, busy: float, limit: float, ratio: float, mib: float, rows: Any
) -> None:
    total = sum(rows.values())
    print(f"{file.name}: {read} documents in {took:.1f} s ({read / took:.0f}/s), {busy:.1f} s of this process")
    print(f"COPY of the same {total} rows into {len(rows)} tables: {limit:.1f} s")
    print(f"import at {ratio:.0%} of COPY (goal {GOAL_RATIO:.0%}), peak {mib:.0f} MiB (goal {GOAL_MIB})")
    print(f"load {psutil.getloadavg()[0]:.1f}; largest: {sorted(rows.items(), key=lambda one: -one[1])[:4]}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", type=Path)
    parser.add_argument(
        "--mapping", default="uci_online_retail", choices=sorted(importing.ORDERS.shipped_mappings())
    )
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="yundian-bench-") as name, house() as made:
        folder = Path(name)
        file, mapping = folder / "invoices.csv", "uci_online_retail"
        if options.file is not None:
            file, mapping = options.file, options.mapping
        else:
            write_invoices(file)
        is_fine = asyncio.run(measure(made, file, mapping, folder))
    sys.exit(0 if is_fine else 1)


if __name__ == "__main__":
    main()
