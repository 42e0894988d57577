"""What the numbers cost: figures of a dashboard and exact buyers over many lines, the documents behind a number,
what each member bought, the booking of events, and documents from outside many at once.

    .venv/bin/python benchmarks/reports.py [--lines 5000000] [--per-order 3] [--plans]

Facts are generated set-based, and the rollups written from them by what repairs them. Beside the numbers stands
the same sum straight over the facts, beside staged documents the COPY of the facts that they come to. Goals at
five million lines: figures under 100 ms, buyers under 300 ms; staging at half the speed of the COPY. Beside every
time stands the processor's in PostgreSQL: on a busy machine it is the one to compare.
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
import psutil

from yundian.brands import service as brands
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import Database, Tx, operator_unit_of_work
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.reports import api, rules
from yundian.reports.repository import checking
from yundian.reports.repository import reading as repository
from yundian.reports.service import booking, buyers, reading
from yundian.reports.types import Basis, By, Document, DocumentLine, FactKind, Figures, SalesQuery

FIRST, DAYS = dt.date(2025, 1, 1), 730
SHOPS, ORDERS_PER_MEMBER = 200, 4
GOALS_MS = {"figures": 100.0, "buyers": 300.0, "each": 250.0, "first": 250.0, "page": 500.0}
STAGED, LINES_EACH, STAGING_GOAL = 1_000, 20, 0.5
_STAGED = [
    "document_id", "document_type", "kind", "order_id", "number", "channel", "member_id", "currency", "accrual_at",
    "accrual_minor", "cash_at", "cash_minor", "has_before",
]  # fmt: skip
_missed: list[str] = []
_sums: dict[SalesQuery, list[Figures]] = {}

# A third group-buying with three campaigns at a time, a third tills, a third a marketplace without shops.
_FACTS = """
INSERT INTO reports_fact (brand_id, document_id, basis, kind, document_type, line_no, order_id, number,
    occurred_at, business_date, channel, shop_id, campaign_id, member_id, country, province, quantity,
    amount_minor, currency)
SELECT $1, o.id, 'accrual', 'sale', 'order', l.line_no, o.id, 'N' || o.n, o.day + interval '4 hours', o.day,
    (ARRAY['groupbuy', 'pos:1', 'tmall'])[1 + o.n % 3], CASE WHEN o.n % 3 < 2 THEN o.shop END,
    CASE WHEN o.n % 3 = 0 THEN o.campaign END, o.member, 'CN', 'P' || (o.n % 31), 1,
    1000 + (o.n * 37) % 20000, 'CNY'
FROM (SELECT n, uuidv7() AS id, $2::date + (n::bigint * $3 / $4)::int AS day,
        ('00000000-0000-0000-0001-' || lpad(to_hex((n::bigint * 7919) % $5), 12, '0'))::uuid AS shop,
        ('00000000-0000-0000-0002-' || lpad(to_hex((n::bigint * $3 / $4) / 30 * 3 + n / 3 % 3), 12, '0'))::uuid
            AS campaign,
        ('00000000-0000-0000-0003-' || lpad(to_hex((n::bigint * 104729) % $6), 12, '0'))::uuid AS member
    FROM generate_series(0, $4 - 1) AS n) AS o
CROSS JOIN generate_series(1, $7::int) AS l (line_no)
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
    await _views(database, brand, with_plans=arguments.plans)
    await _lists(database, brand)
    await _booking(database, brand)
    await _staging(database, settings, brand)


async def _settle(settings: Settings) -> None:
    """What autovacuum does in time."""
    owner = await asyncpg.connect(settings.database_owner_url)
    await owner.execute("SET statement_timeout = 0")
    for table in (
        "reports_fact",
        "reports_day",
        "reports_month",
        "reports_place_day",
        "reports_member_day",
        "reports_buyer",
    ):
        await owner.execute(f"VACUUM ANALYZE {table}")
        size = await owner.fetchval(f"SELECT pg_total_relation_size('{table}')")
        print(
            f"    {table}: {await owner.fetchval(f'SELECT count(*) FROM {table}'):,} rows, {size / 2**20:.0f} MiB"
        )
    await owner.close()


async def _views(database: Database, brand: uuid.UUID, *, with_plans: bool) -> None:
    year = (dt.date(2025, 3, 5), dt.date(2026, 3, 4))
    ranges = {
        "30 days": (dt.date(2026, 3, 5), dt.date(2026, 4, 3)),
        "a free year": year,
        "all of it": (FIRST, FIRST + dt.timedelta(days=DAYS - 1)),
    }
    for name, (first, last) in ranges.items():
        for by in By:
            if by is By.DAY and (last - first).days >= rules.MAX_DAYS:
                continue
            wanted = SalesQuery(by=by, basis=Basis.ACCRUAL, first=first, last=last)
            async with database.connection(brand) as tx:
                _sums[wanted] = await _totals(tx, wanted)
            await _timed(database, brand, f"{name} by {by.value}: figures", _figures, wanted, GOALS_MS["figures"])
            each = GOALS_MS["each"] if by in (By.SHOP, By.CHANNEL) and first > FIRST else None
            await _timed(database, brand, f"{name} by {by.value}: buyers of each", _buyers_of_each, wanted, each)
        wanted = SalesQuery(by=By.CHANNEL, basis=Basis.ACCRUAL, first=first, last=last)
        async with database.connection(brand) as tx:
            _sums[wanted] = await _totals(tx, wanted)
        await _timed(database, brand, f"{name}: buyers", _buyers, wanted, GOALS_MS["buyers"], with_plans)
        await _timed(database, brand, f"{name}: buyers, sale by sale", _buyers_by_sale, wanted)
        if first > FIRST:
            what = f"{name}: the page with the period before"
            await _timed(database, brand, f"{what}, what it begins with", _page_begins, wanted, GOALS_MS["first"])
            await _timed(database, brand, f"{what}, whole", _page, wanted, GOALS_MS["page"])
        async with database.connection(brand) as tx:
            began = time.perf_counter()
            await tx.fetch(_RAW, brand, first, last)
            print(f"    {name}: the same straight from the facts {1000 * (time.perf_counter() - began):.0f} ms")


async def _lists(database: Database, brand: uuid.UUID) -> None:
    """The first page of documents behind a month's number, and what every member bought."""
    wanted = SalesQuery(by=By.MONTH, basis=Basis.ACCRUAL, first=dt.date(2026, 3, 1), last=dt.date(2026, 3, 31))
    await _timed(database, brand, "the first documents of a month", _documents, wanted)
    async with database.connection(brand) as tx:
        began = time.perf_counter()
        found = await reading.members(tx, as_of=dt.date(2026, 12, 1), limit=None)
        took = time.perf_counter() - began
    print(f"    recency, frequency and money of {len(found):,} members {took:.1f} s")


async def _figures(session: Any, wanted: SalesQuery) -> object:
    months = None if wanted.by is By.DAY else rules.whole_months(wanted.first, wanted.last)
    return await repository.figures(session, wanted=wanted, months=months)


async def _totals(session: Any, wanted: SalesQuery) -> list[Figures]:
    return await reading.totals(session, wanted=wanted)


async def _buyers(session: Any, wanted: SalesQuery) -> object:
    """As the page counts them: what it has counted before, the sales, says how."""
    return await buyers.of_all(session, wanted=wanted, sums=_sums[wanted])


async def _buyers_by_sale(session: Any, wanted: SalesQuery) -> object:
    sales = {one.currency: one.orders for one in _sums[wanted]}
    return await repository.buyers(session, wanted=wanted, is_total=True, sales=sales, is_all=True)


async def _buyers_of_each(session: Any, wanted: SalesQuery) -> object:
    return await buyers.of_each(session, wanted=wanted, sums=_sums[wanted])


async def _page_begins(session: Any, wanted: SalesQuery) -> object:
    """All but the buyers, where there are many sales: they are asked for while it is read."""
    return await reading.compared(session, wanted=wanted, is_patient=False)


async def _page(session: Any, wanted: SalesQuery) -> object:
    return await reading.compared(session, wanted=wanted)


async def _documents(session: Any, wanted: SalesQuery) -> object:
    return await reading.documents(session, wanted=wanted, cursor=None, limit=50)


async def _timed(
    database: Database,
    brand: uuid.UUID,
    what: str,
    work: Callable[[Any, SalesQuery], Awaitable[object]],
    wanted: SalesQuery,
    goal: float | None = None,
    with_plan: bool = False,
) -> None:
    """The median of five, in milliseconds, after one to warm up; as the application under its row policies."""
    times = []
    async with database.connection(brand) as tx:
        await work(tx, wanted)
        pid = tx.conn.get_server_pid()
        busy = _busy_ms(pid)
        for _ in range(5):
            began = time.perf_counter()
            await work(tx, wanted)
            times.append(1000 * (time.perf_counter() - began))
        busy = (_busy_ms(pid) - busy) / 5
        _say(what, statistics.median(times), busy, goal)
        if with_plan:
            await _explain(tx, work, wanted)


def _busy_ms(pid: int) -> float:
    """The processor's time of a server process, and of those that ended: some of them were lent to it."""
    process = psutil.Process(pid)
    used, ended = process.cpu_times(), psutil.Process(process.ppid()).cpu_times()
    return float(1000 * (used.user + used.system + ended.children_user + ended.children_system))


async def _explain(tx: Tx, work: Callable[[Any, SalesQuery], Awaitable[object]], wanted: SalesQuery) -> None:
    """The same statements once more, with their plans."""

    class Explained(Tx):
        async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
            print(f"\n{sql}")
            for row in await self.conn.fetch(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", *args):
                print(f"    {row[0]}")
            return []

    await work(Explained(tx.conn, tx.brand), wanted)


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


async def _staging(database: Database, settings: Settings, brand: uuid.UUID) -> None:
    """Tills' documents, as new ones and as newer versions, beside the COPY of the facts that they come to."""
    seconds = [await _staged(database, brand, number, has_before=False) for number in (0, 1, 2)]
    owner = await asyncpg.connect(settings.database_owner_url)
    rows = await owner.fetch("SELECT * FROM reports_fact WHERE brand_id = $1 AND channel = 'till'", brand)
    each, other, copied = len(rows) // 3, new_id(), []
    for number in range(3):
        part = [(other, *tuple(row)[1:]) for row in rows[number * each : (number + 1) * each]]
        began = time.perf_counter()
        await owner.copy_records_to_table("reports_fact", records=part, columns=list(rows[0].keys()))
        copied.append(time.perf_counter() - began)
    await owner.close()
    ratio = statistics.median(copied) / statistics.median(seconds)
    if ratio < STAGING_GOAL:
        _missed.append("staging")
    print(
        f"    staged documents: {each / statistics.median(seconds):,.0f} facts/s with their rollups; COPY of the"
        f" facts alone {each / statistics.median(copied):,.0f}/s, {ratio:.0%} (goal {STAGING_GOAL:.0%})"
    )
    newer = await _staged(database, brand, 0, has_before=True)
    print(f"    newer versions of them: {each / newer:,.0f} facts/s")


async def _staged(database: Database, brand: uuid.UUID, number: int, *, has_before: bool) -> float:
    at = dt.datetime(2026, 12, 2 + number, 1, 0, tzinfo=dt.UTC)
    documents, lines = [], []
    for n in range(STAGED):
        one, total = uuid.UUID(int=(number + 1) << 64 | n), 0
        for line_no in range(1, LINES_EACH + 1):
            lines.append((one, line_no, 1, 100 * line_no))
            total += 100 * line_no
        when, member = at + dt.timedelta(seconds=n), uuid.UUID(int=(9 << 64) | n % 700)
        documents.append(
            (one, "order", "sale", one, str(n), "till", member, "CNY", when, total, when, total, has_before)
        )
    async with database.connection(brand) as tx:
        await api.open_staging(tx)
        await tx.copy("reports_staged", _STAGED, documents)
        await tx.copy("reports_staged_line", ["document_id", "line_no", "quantity", "amount_minor"], lines)
        began = time.perf_counter()
        await api.replace_staged(tx)
        return time.perf_counter() - began


def _say(what: str, milliseconds: float, busy: float, goal: float | None) -> None:
    verdict = ""
    if goal is not None:
        verdict = f" (goal {goal:.0f} ms, {'held' if milliseconds <= goal else 'MISSED'})"
        if milliseconds > goal:
            _missed.append(what)
    print(f"    {what} {milliseconds:.1f} ms{verdict}, {busy:.0f} ms of the processor")


if __name__ == "__main__":
    main()
