"""What the numbers cost: figures of a dashboard and exact buyers over many lines, and the booking of events.

    .venv/bin/python benchmarks/reports.py [--lines 5000000] [--per-order 3] [--plans]

Facts are generated set-based, and the rollups written from them by what repairs them. Beside the numbers stands
the same sum straight over the facts. Goals at five million lines: figures under 100 ms, buyers under 300 ms.
"""

import argparse
import asyncio
import datetime as dt
import os
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

from yundian.brands import service as brands
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import Database, Tx, operator_unit_of_work
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.reports import rules
from yundian.reports.repository import checking
from yundian.reports.repository import reading as repository
from yundian.reports.service import booking, reading
from yundian.reports.types import Basis, By, Document, DocumentLine, FactKind, SalesQuery

FIRST, DAYS = dt.date(2025, 1, 1), 730
SHOPS, ORDERS_PER_MEMBER = 200, 4
GOALS_MS = {"figures": 100.0, "buyers": 300.0}
_missed: list[str] = []

# A third group-buying with three campaigns at a time, a third tills, a third a marketplace without shops.
_FACTS = """
INSERT INTO reports_fact (brand_id, document_id, basis, kind, document_type, line_no, order_id, number,
    occurred_at, business_date, channel, shop_id, campaign_id, member_id, country, province, quantity,
    amount_minor, currency)
SELECT $1, o.id, b.basis, 'sale', 'order', l.line_no, o.id, 'N' || o.n, o.day + interval '4 hours', o.day,
    (ARRAY['groupbuy', 'pos:1', 'tmall'])[1 + o.n % 3], CASE WHEN o.n % 3 < 2 THEN o.shop END,
    CASE WHEN o.n % 3 = 0 THEN o.campaign END, o.member, 'CN', '', 1, 1000 + (o.n * 37) % 20000, 'CNY'
FROM (SELECT n, gen_random_uuid() AS id, $2::date + (n::bigint * $3 / $4)::int AS day,
        ('00000000-0000-0000-0001-' || lpad(to_hex((n::bigint * 7919) % $5), 12, '0'))::uuid AS shop,
        ('00000000-0000-0000-0002-' || lpad(to_hex((n::bigint * $3 / $4) / 30 * 3 + n / 3 % 3), 12, '0'))::uuid
            AS campaign,
        ('00000000-0000-0000-0003-' || lpad(to_hex((n::bigint * 104729) % $6), 12, '0'))::uuid AS member
    FROM generate_series(0, $4 - 1) AS n) AS o
CROSS JOIN (VALUES ('accrual'), ('cash')) AS b (basis)
JOIN LATERAL generate_series(CASE b.basis WHEN 'cash' THEN 0 ELSE 1 END,
    CASE b.basis WHEN 'cash' THEN 0 ELSE $7::int END) AS l (line_no) ON true
"""
_RAW = """
SELECT shop_id, count(DISTINCT document_id), sum(amount_minor), count(DISTINCT member_id) FROM reports_fact
WHERE brand_id = $1 AND basis = 'accrual' AND business_date BETWEEN $2 AND $3 GROUP BY 1
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--per-order", type=int, default=3)
    parser.add_argument("--plans", action="store_true", help="print the plans too")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="yundian-bench-"))
    folder.chmod(0o711)
    try:
        asyncio.run(measure(folder, arguments))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(bool(_missed))


async def measure(folder: Path, arguments: argparse.Namespace) -> None:
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    try:
        settings = Settings(
            environment=Environment.TEST,
            var_dir=folder / "var",
            database_url=postgres.app_url,
            database_owner_url=postgres.owner_url,
            statement_timeout_ms=900_000,
            idle_in_transaction_timeout_ms=900_000,
        )
        await migrate.upgrade(settings)
        database = Database(settings)
        await database.open()
        try:
            await _measure(database, settings, arguments)
        finally:
            await database.close()
    finally:
        postgres.destroy()


async def _measure(database: Database, settings: Settings, arguments: argparse.Namespace) -> None:
    brand, lines, per_order = new_id(), arguments.lines, arguments.per_order
    async with operator_unit_of_work(settings, brand) as session:
        await brands.create_brand(session, brand_id=brand, code="bench", name="Bench")
    orders = lines // per_order
    began = time.perf_counter()
    async with database.connection(brand) as tx:
        members = max(1, orders // ORDERS_PER_MEMBER)
        await tx.execute(_FACTS, brand, FIRST, DAYS, orders, SHOPS, members, per_order)
    facts_s = time.perf_counter() - began
    began = time.perf_counter()
    async with database.connection(brand) as tx:
        days = [FIRST + dt.timedelta(days=n) for n in range(DAYS + 1)]
        await checking.rewrite(tx, days=days, months=sorted({day.replace(day=1) for day in days}))
    print(f"{lines:,} lines in {orders:,} orders of {members:,} members, {SHOPS} shops, {DAYS} days")
    rollups_s = time.perf_counter() - began
    print(f"    facts {facts_s:.1f} s, rollups from them {rollups_s:.1f} s; load {os.getloadavg()[0]:.1f}")
    await _settle(settings)
    began = time.perf_counter()
    async with database.connection(brand) as tx:
        wrong = await checking.mismatches(tx, limit=10)
    print(f"    check of all rollups {time.perf_counter() - began:.1f} s, {len(wrong)} differ")
    await _views(database, brand)
    await _booking(database, brand)
    if arguments.plans:
        await _plans(database, brand)


async def _settle(settings: Settings) -> None:
    """What autovacuum does in time."""
    owner = await asyncpg.connect(settings.database_owner_url)
    await owner.execute("SET statement_timeout = 0")
    for table in ("reports_fact", "reports_day", "reports_month", "reports_member_day"):
        await owner.execute(f"VACUUM ANALYZE {table}")
        size = await owner.fetchval(f"SELECT pg_total_relation_size('{table}')")
        print(
            f"    {table}: {await owner.fetchval(f'SELECT count(*) FROM {table}'):,} rows, {size / 2**20:.0f} MiB"
        )
    await owner.close()


async def _views(database: Database, brand: uuid.UUID) -> None:
    year = (dt.date(2025, 3, 5), dt.date(2026, 3, 4))
    ranges = {"30 days": (dt.date(2026, 3, 5), dt.date(2026, 4, 3)), "a free year": year}
    for name, (first, last) in ranges.items():
        for by in By:
            wanted = SalesQuery(by=by, basis=Basis.ACCRUAL, first=first, last=last)
            figures = await _timed(database, brand, _figures, wanted)
            people = await _timed(database, brand, _buyers, wanted)
            whole = await _timed(database, brand, _whole, wanted)
            _say(f"{name} by {by.value}: figures", figures, GOALS_MS["figures"])
            _say(f"{name} by {by.value}: buyers", people, GOALS_MS["buyers"])
            print(f"        the whole report {whole:.1f} ms")
        async with database.connection(brand) as tx:
            began = time.perf_counter()
            await tx.fetch(_RAW, brand, first, last)
            print(f"    {name}: the same straight from the facts {1000 * (time.perf_counter() - began):.0f} ms")


async def _figures(session: Any, wanted: SalesQuery) -> object:
    months = None if wanted.by is By.DAY else rules.whole_months(wanted.first, wanted.last)
    return await repository.figures(session, wanted=wanted, months=months)


async def _buyers(session: Any, wanted: SalesQuery) -> object:
    return await repository.buyers(session, wanted=wanted, is_total=True)


async def _whole(session: Any, wanted: SalesQuery) -> object:
    return await reading.sales(session, wanted=wanted)


async def _timed(
    database: Database, brand: uuid.UUID, work: Callable[[Any, SalesQuery], Awaitable[object]], wanted: SalesQuery
) -> float:
    """The median of five, in milliseconds, after one to warm up."""
    times = []
    async with database.unit_of_work(brand) as session:
        await work(session, wanted)
        for _ in range(5):
            began = time.perf_counter()
            await work(session, wanted)
            times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


async def _booking(database: Database, brand: uuid.UUID) -> None:
    """Batches as the courier hands them over."""
    batch, count = 500, 4
    at = dt.datetime(2026, 12, 1, 4, 0, tzinfo=dt.UTC)
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        async with database.connection(brand) as tx:
            await booking.book(tx, documents=[_document(at, number) for number in range(batch)])
    seconds = time.perf_counter() - began
    rate, each = batch * count / seconds, 1000 * (time.process_time() - cpu) / (batch * count)
    print(f"    booking in batches of {batch}: {rate:,.0f} orders/s, {each:.2f} ms CPU each")


def _document(at: dt.datetime, number: int) -> Document:
    order_id = new_id()
    lines = tuple(DocumentLine(line_no=n, sku_id=None, quantity=1, amount_minor=1000) for n in (1, 2))
    return Document(
        kind=FactKind.SALE,
        document_type="order",
        document_id=order_id,
        order_id=order_id,
        number=str(number),
        occurred_at=at + dt.timedelta(seconds=number),
        channel="groupbuy",
        shop_id=None,
        fulfil_shop_id=None,
        home_shop_id=None,
        staff_id=None,
        campaign_id=None,
        member_id=new_id(),
        currency="CNY",
        amount_minor=2000,
        lines=lines,
        bases=(Basis.ACCRUAL,),
    )


async def _plans(database: Database, brand: uuid.UUID) -> None:
    async with database.connection(brand) as tx:
        for sql in (
            "SELECT shop_id, sum(gross_minor) FROM reports_day WHERE brand_id = $1 AND basis = 'accrual'"
            " AND business_date BETWEEN '2026-03-05' AND '2026-04-03' GROUP BY 1",
            "SELECT count(*) FROM (SELECT member_id FROM reports_member_day WHERE brand_id = $1"
            " AND basis = 'accrual' AND business_date BETWEEN '2025-03-05' AND '2026-03-04'"
            " GROUP BY 1) AS p",
        ):
            await _explain(tx, sql, brand)


async def _explain(tx: Tx, sql: str, brand: uuid.UUID) -> None:
    print(f"\n{sql}")
    for row in await tx.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", brand):
        print(f"    {row[0]}")


def _say(what: str, milliseconds: float, goal: float) -> None:
    verdict = "held" if milliseconds <= goal else "MISSED"
    if milliseconds > goal:
        _missed.append(what)
    print(f"    {what} {milliseconds:.1f} ms (goal {goal:.0f} ms, {verdict})")


if __name__ == "__main__":
    main()
