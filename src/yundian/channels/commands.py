"""``yundian import orders``."""

import functools
from typing import Annotated

import typer

from yundian.brands import api as brands
from yundian.channels.service import channels
from yundian.channels.service.importing import orders_kind
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

ChannelOption = Annotated[str, typer.Option("--channel", help="Code of the channel whose orders these are.")]
BackfillOption = Annotated[
    bool, typer.Option("--backfill/--live", help="History starts no journey and sends nothing; live orders do.")
]


@IMPORT.command("orders")
def import_orders(
    file: FileArgument,
    channel: ChannelOption,
    map_file: MapOption,
    brand: BrandOption = None,
    backfill: BackfillOption = True,
    as_json: JsonOption = False,
) -> None:
    """Import orders of a channel. Exit code 0: all in; 3: some quarantined; 2: the file cannot be used."""
    code = run_command(
        Settings(),
        kind=orders_kind(channel, backfill=backfill),
        file=file,
        map_file=map_file,
        brand=brand,
        choose_brand=brands.choose_brand_id,
        as_json=as_json,
        before=functools.partial(channels.check_open, code=channel),
    )
    raise typer.Exit(code)
