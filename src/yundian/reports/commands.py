"""``yundian report sales``, ``yundian report members`` and ``yundian report check``."""

import asyncio
import datetime as dt
import sys
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from yundian.brands import api as brands
from yundian.platform.core.errors import DomainError
from yundian.platform.core.money import Money
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.web.sheets import Cell, MinorCell, Sheet, csv_of
from yundian.reports.schemas import Asked, members_sheet, sheet_of
from yundian.reports.service import checking, reading
from yundian.reports.types import Basis, By, MemberRow, Mismatch, SalesReport

REPORT = typer.Typer(name="report", help="The numbers, and whether they are right.", no_args_is_help=True)

T = TypeVar("T")

_REFUSED, _WRONG = 2, 1
# Reading every fact of a large brand takes longer than any page may.
_PATIENT_MS = 15 * 60_000
_MOST_SHOWN = 50
# Each repairs the differences that one check lists.
_PASSES = 1000

BrandOption = Annotated[str | None, typer.Option(help="Code of the brand; not needed when there is only one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
Day = dt.datetime


@REPORT.command("sales")
def sales(
    by: Annotated[By, typer.Option(help="What a row stands for.")] = By.DAY,
    first: Annotated[Day | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")] = None,
    last: Annotated[Day | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; today.")] = None,
    basis: Annotated[Basis, typer.Option(help="When a sale counts.")] = Basis.ACCRUAL,
    brand: BrandOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
) -> None:
    """Gross, refunds, net, orders and buyers: the same numbers as on the screen. Channels by their codes."""
    asked = Asked(by=by, basis=basis, first=first.date() if first else None, last=last.date() if last else None)

    async def work(database: Database, brand_id: uuid.UUID) -> SalesReport:
        async with database.unit_of_work(brand_id) as session:
            wanted = asked.query(today=await reading.today(session), mine=None)
            return await reading.sales(session, wanted=wanted)

    report = _run(work, brand=brand, as_json=as_json)
    if as_json:
        Console().out(msgspec.json.encode(report).decode(), highlight=False)
    elif as_csv:
        sys.stdout.buffer.write(csv_of(sheet_of(report)))
    else:
        _print(sheet_of(report))


@REPORT.command("members")
def members(
    as_of: Annotated[
        Day | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="What was before this day; today.")
    ] = None,
    brand: BrandOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
) -> None:
    """Recency, frequency and money of each member and currency before a day of the brand's zone.

    Amounts are in minor units. Members of whom there are refunds only are there too: no recency, frequency 0.
    """

    async def work(database: Database, brand_id: uuid.UUID) -> tuple[dt.date, list[MemberRow]]:
        async with database.unit_of_work(brand_id) as session:
            day = as_of.date() if as_of else await reading.today(session)
            return day, await reading.members(session, as_of=day, limit=None)

    day, found = _run(work, brand=brand, as_json=as_json)
    if as_json:
        Console().out(msgspec.json.encode({"as_of": day, "members": found}).decode(), highlight=False)
    elif as_csv:
        sys.stdout.buffer.write(csv_of(members_sheet(found, day)))
    else:
        _print(members_sheet(found[:_MOST_SHOWN], day))
        if len(found) > _MOST_SHOWN:
            Console().print(f"{len(found) - _MOST_SHOWN} more; --csv has all.")


@REPORT.command("check")
def check(
    brand: BrandOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Write what is wrong anew from the facts.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare every rollup with the facts. Exit code 0: equal (or repaired); 1: not."""

    async def work(database: Database, brand_id: uuid.UUID) -> tuple[int, list[Mismatch], list[Mismatch]]:
        async with database.connection(brand_id) as tx:
            count, found = await checking.count_facts(tx), await checking.check(tx)
        left = found
        for _ in range(_PASSES if repair else 0):
            if not left:
                break
            async with database.connection(brand_id) as tx:
                await checking.rewrite(tx, found=left)
            async with database.connection(brand_id) as tx:
                left = await checking.check(tx)
        return count, found, left

    count, found, left = _run(work, brand=brand, as_json=as_json)
    if as_json:
        body = {"facts": count, "mismatches": found, "repaired": len(found) - len(left)}
        Console().out(msgspec.json.encode(body).decode(), highlight=False)
    else:
        _tell(count, found, left)
    raise typer.Exit(_WRONG if left else 0)


def _run(work: Callable[[Database, uuid.UUID], Awaitable[T]], *, brand: str | None, as_json: bool) -> T:
    async def run() -> T:
        settings = Settings().model_copy(
            update={"statement_timeout_ms": _PATIENT_MS, "idle_in_transaction_timeout_ms": _PATIENT_MS}
        )
        database = Database(settings)
        await database.open()
        try:
            async with database.unit_of_work(None) as session:
                brand_id = await brands.choose_brand_id(session, brand)
            return await work(database, brand_id)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except DomainError as error:
        _refuse(error, as_json=as_json)


def _print(sheet: Sheet) -> None:
    table = Table(title=sheet.title)
    for number, header in enumerate(sheet.headers):
        table.add_column(header, justify="left" if number < 2 else "right")
    for row in sheet.rows:
        table.add_row(*(_text(cell) for cell in row))
    table.add_section()
    for row in sheet.totals:
        table.add_row(*(_text(cell) for cell in row), style="bold")
    Console().print(table)


def _text(cell: Cell) -> str:
    if isinstance(cell, MinorCell):
        return format(Money(cell.minor, cell.currency).to_decimal(), ",f")
    return str(cell)


def _tell(count: int, found: list[Mismatch], left: list[Mismatch]) -> None:
    console = Console()
    if not found:
        console.print(f"{count} facts; the rollups equal them.")
        return
    table = Table("table", "key", "is", "should be", title="Rollups that differ from the facts")
    for one in found[:50]:
        key = " ".join(one.key.values())
        for name, (was, right) in one.columns.items():
            table.add_row(one.table, key, f"{name} {was}", str(right))
    console.print(table)
    console.print("They are repaired." if not left else "Run it again with --repair to write them anew.")


def _refuse(error: DomainError, *, as_json: bool) -> NoReturn:
    if as_json:
        body = {"code": error.code, "title": error.title, "facts": error.facts}
        Console().out(msgspec.json.encode(body).decode(), highlight=False)
        raise typer.Exit(_REFUSED) from error
    console = Console(stderr=True)
    console.print(f"[red]{error.title}[/] ({error.code})")
    for key, value in error.facts.items():
        console.print(f"  {key}: {value}", markup=False, highlight=False)
    raise typer.Exit(_REFUSED) from error
