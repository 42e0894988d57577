"""``yundian import shops``."""

import typer

from stores.service.imports import SHOPS
from yundian.brands import api as brands
from yundian.platform.core.settings import Settings
from yundian.platform.intake.console import (
    BrandOption,
    FileArgument,
    JsonOption,
    MapOption,
    import_group,
    run_command,
)

IMPORT = import_group()


@IMPORT.command("shops")
def import_shops(
    file: FileArgument, map_file: MapOption, brand: BrandOption = None, as_json: JsonOption = False
) -> None:
    """Import shops. Exit code 0: all in; 3: some lines quarantined; 2: the file cannot be used."""
    code = run_command(
        Settings(),
        kind=SHOPS,
        file=file,
        map_file=map_file,
        brand=brand,
        choose_brand=brands.choose_brand_id,
        as_json=as_json,
    )
    raise typer.Exit(code)
