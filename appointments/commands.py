"""``yundian import appointments`` and ``yundian report appointments``."""

import asyncio
import datetime as dt
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from appointments.schemas.sheets import people_sheet
from appointments.service import reporting
from appointments.service.imports import BOOKINGS
from yundian.brands import api as brands
from yundian.platform.core import clock
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.intake.console import BrandOption, Import, import_command, import_group
from yundian.platform.web.sheets import Sheet, csv_of

IMPORT = import_group()
REPORT = typer.Typer(name="report", help="The numbers, and whether they are right.", no_args_is_help=True)
DEFAULT_DAYS = 30

Day = Annotated[dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
LastDay = Annotated[dt.datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; today.")]


@import_command(IMPORT, "appointments", choose_brand=brands.choose_brand_id)
def import_appointments() -> Import:
    """Import appointments. Exit code 0: all in; 3: some lines quarantined; 2: the file cannot be used."""
    return Import(kind=BOOKINGS)


@REPORT.command("appointments")
def report_appointments(
    first: Day = None,
    last: LastDay = None,
    brand: BrandOption = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
) -> None:
    """Served, missed and cancelled appointments by shop and person: the same numbers as on the screen."""
    sheet = asyncio.run(_people(first.date() if first else None, last.date() if last else None, brand))
    if as_csv:
        sys.stdout.buffer.write(csv_of(sheet))
        return
    table = Table(*sheet.headers, title=sheet.title)
    for row in (*sheet.rows, *sheet.totals):
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


async def _people(first: dt.date | None, last: dt.date | None, brand: str | None) -> Sheet:
    database = Database(Settings())
    await database.open()
    try:
        async with database.unit_of_work(None) as session:
            brand_id = await brands.choose_brand_id(session, brand)
        async with database.unit_of_work(brand_id) as session:
            until = last or clock.business_day(clock.now(), await brands.zone_of(session))
            begin = first or until - dt.timedelta(days=DEFAULT_DAYS - 1)
            return people_sheet(await reporting.people(session, first=begin, last=until))
    finally:
        await database.close()
