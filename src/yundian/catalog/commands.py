"""``yundian import products``."""

import typer

from yundian.brands import api as brands
from yundian.catalog.service.imports import PRODUCTS
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


@IMPORT.command("products")
def import_products(
    file: FileArgument, map_file: MapOption, brand: BrandOption = None, as_json: JsonOption = False
) -> None:
    """Import products and SKUs. Exit code 0: all in; 3: some lines quarantined; 2: the file cannot be used."""
    code = run_command(
        Settings(),
        kind=PRODUCTS,
        file=file,
        map_file=map_file,
        brand=brand,
        choose_brand=brands.choose_brand_id,
        as_json=as_json,
    )
    raise typer.Exit(code)
