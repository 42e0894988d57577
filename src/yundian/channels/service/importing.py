"""Orders from files: what ``platform.intake`` needs to know about them, and the mappings of the house."""

import dataclasses
import functools
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from yundian.channels.service import channels, receiving
from yundian.channels.types import OrderDocument, Received
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.keys import keyring_of
from yundian.platform.files.types import FileKind
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.service import OnProgress, run_import
from yundian.platform.intake.types import Applied, ImportKind, Origin, Place, RunSummary

MAPPINGS = Path(__file__).parents[1] / "mappings"
KIND = "channels.orders"

# By lines a batch is bounded in ``intake.gathering``; this bounds files of orders without lines.
_BATCH = 5_000


def orders_kind(channel: str, *, backfill: bool = True) -> ImportKind[OrderDocument]:
    """The import of a channel's orders; ``backfill``: they are history and start no journey."""
    return ImportKind(
        name=KIND,
        record=OrderDocument,
        key=None,  # a file may hold several versions of an order: the inbox decides
        apply=functools.partial(_apply, channel),
        prepare=functools.partial(_prepare, backfill),
        scope=channel,
        batch=_BATCH,
    )


async def import_file(
    database: Database,
    channel: str,
    file: Path,
    mapping: mappings.Mapping,
    *,
    brand: uuid.UUID,
    backfill: bool = True,
    on_progress: OnProgress | None = None,
) -> RunSummary:
    """Take a file of orders in. The summary's ``tally``: sale, refund, adjustment, ignored, stale.

    Raises:
        ChannelUnknown, ChannelPaused, BadMapping: nothing is read.
        UnusableFile: nothing (more) of the file can be read.
        RunTaken: another process takes the same file in.
    """
    async with database.connection(brand) as tx:
        await channels.check_open(tx, code=channel)
    kind = orders_kind(channel, backfill=backfill)
    return await run_import(database, brand=brand, kind=kind, file=file, mapping=mapping, on_progress=on_progress)


async def _take(
    database: Database, brand: uuid.UUID, channel: str, file: Path, mapping: mappings.Mapping
) -> RunSummary:
    return await import_file(database, channel, file, mapping, brand=brand)


ORDERS = FileKind(
    name=KIND,
    record=OrderDocument,
    timer="channels.import_upload",
    take=_take,
    mappings=MAPPINGS,
    path="/hq/channels",
)


def _prepare(backfill: bool, keyring: Keyring, origin: Origin, document: OrderDocument, place: Place) -> Received:
    if backfill:
        document = msgspec.structs.replace(document, backfill=True)
    one = Received(document=document, raw=place.raw, run_id=origin.run_id, line=place.line)
    return dataclasses.replace(one, ready=receiving.prepare(keyring, one))


async def _apply(channel: str, tx: Tx, origin: Origin, received: Sequence[Received]) -> Applied:
    return await receiving.take_in(tx, keyring=keyring_of(tx), channel=channel, received=received)
