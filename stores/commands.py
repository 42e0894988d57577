"""``yundian import shops``."""

import asyncio
import uuid
from pathlib import Path
from typing import Annotated

import typer

from stores.service.imports import SHOPS
from yundian.brands import api as brands
from yundian.platform.core.errors import DomainError
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.intake.console import UNUSABLE, run_command, show_refusal

IMPORT = typer.Typer(name="import", help="Bring in lists from other systems.", no_args_is_help=True)


@IMPORT.callback()
def _group() -> None:
    """Bring in lists from other systems."""


@IMPORT.command("shops")
def import_shops(
    file: Annotated[Path, typer.Argument(help="The list: CSV, JSON or JSON lines.")],
    map_file: Annotated[Path, typer.Option("--map", help="The mapping (TOML): which column is which field.")],
    brand: Annotated[
        str | None, typer.Option(help="Code of the brand; not needed when there is only one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Import shops. Exit code 0: all in; 3: some lines quarantined; 2: the file cannot be used."""
    settings = Settings()
    try:
        brand_id = asyncio.run(_brand_id(settings, brand))
    except DomainError as error:
        show_refusal(error, as_json=as_json)
        raise typer.Exit(UNUSABLE) from None
    code = run_command(settings, kind=SHOPS, file=file, map_file=map_file, brand_id=brand_id, as_json=as_json)
    raise typer.Exit(code)


async def _brand_id(settings: Settings, code: str | None) -> uuid.UUID:
    database = Database(settings)
    await database.open()
    try:
        async with database.unit_of_work(None) as session:
            return (await brands.choose_brand(session, code=code)).id
    finally:
        await database.close()
