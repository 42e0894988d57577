"""``yundian import orders``."""

import functools
from typing import Annotated

import typer

from yundian.brands import api as brands
from yundian.channels.service import channels
from yundian.channels.service.importing import orders_kind
from yundian.platform.intake.console import Import, import_command, import_group

IMPORT = import_group()

ChannelOption = Annotated[str, typer.Option("--channel", help="Code of the channel whose orders these are.")]
BackfillOption = Annotated[
    bool, typer.Option("--backfill/--live", help="History starts no journey and sends nothing; live orders do.")
]


@import_command(IMPORT, "orders", choose_brand=brands.choose_brand_id)
def import_orders(channel: ChannelOption, backfill: BackfillOption = True) -> Import:
    """Import orders of a channel. Exit code 0: all in; 3: some quarantined; 2: the file cannot be used."""
    return Import(
        kind=orders_kind(channel, backfill=backfill), before=functools.partial(channels.check_open, code=channel)
    )
