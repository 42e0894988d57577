"""Sales and refunds become facts, each once, in whatever order they are told."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

import msgspec

from stores import api as stores
from yundian.brands import api as brands
from yundian.platform.db.database import Tx
from yundian.reports import rules
from yundian.reports.repository import facts, staging
from yundian.reports.types import Basis, Document, FactKind, FactRow, Place


async def book(tx: Tx, *, documents: Sequence[Document]) -> int:
    """Add what is not known yet; how many facts that were.

    A refund of money for an order that was still waiting is no return. It becomes one, of the later day, when the
    order is released after all: then the accrual numbers end up with what was kept.
    """
    if not documents:
        return 0
    await facts.lock(tx)
    moved = await facts.moves(tx, order_ids=list({one.order_id for one in documents}))
    documents = [_moved(one, moved.get(one.order_id)) for one in documents]
    places = await _places(tx, shop_ids={one.shop_id for one in documents})
    added = await facts.append(
        tx, rows=[row for one in documents for row in rules.rows_of(one, places[one.shop_id])]
    )
    waiting = [one.order_id for one in documents if _may_meet_an_early_refund(one)]
    if waiting:
        added += await facts.append_early_refunds(tx, order_ids=waiting)
    return added


async def replace_staged(tx: Tx) -> int:
    """Make facts and rollups what is staged, each document as a whole; how many facts that are.

    Nothing waits here: a staged refund says itself on which bases it counts.
    """
    await staging.lock(tx)
    shops, replaced = await staging.staged_shops(tx)
    if not shops:
        return 0
    places = await stores.places_of(tx, ids=[one for one in shops if one is not None])
    zone = await brands.zone_of(tx)
    if replaced:
        await staging.take_out(tx, ids=replaced)
    return await staging.put_in(
        tx,
        places={one: msgspec.convert(place, Place, from_attributes=True) for one, place in places.items()},
        zone=zone,
        is_replacing=bool(replaced),
    )


async def move_credit(
    tx: Tx, *, order_id: uuid.UUID, shop_id: uuid.UUID | None, staff_id: uuid.UUID | None, moved_at: dt.datetime
) -> None:
    """What is known of an order, and what comes later, belongs to another shop, on that shop's business days.

    An older move than the last one changes nothing.
    """
    await facts.lock(tx)
    if not await facts.note_move(tx, order_id=order_id, shop_id=shop_id, staff_id=staff_id, moved_at=moved_at):
        return
    removed = await facts.remove_order(tx, order_id=order_id)
    if not removed:
        return
    place = (await _places(tx, shop_ids={shop_id}))[shop_id]
    rows = [msgspec.convert(dict(row), FactRow, strict=False) for row in removed]
    await facts.append(
        tx,
        rows=[
            rules.at_place(msgspec.structs.replace(row, shop_id=shop_id, staff_id=staff_id), place) for row in rows
        ],
    )


def _may_meet_an_early_refund(document: Document) -> bool:
    """A sale, or a refund that nobody knows to be a return."""
    is_sale = document.kind is FactKind.SALE
    return (Basis.ACCRUAL in document.bases) is is_sale and (is_sale or Basis.CASH in document.bases)


def _moved(document: Document, to: tuple[uuid.UUID | None, uuid.UUID | None] | None) -> Document:
    if to is None:
        return document
    return msgspec.structs.replace(document, shop_id=to[0], staff_id=to[1])


async def _places(tx: Tx, *, shop_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID | None, Place]:
    """The place of each shop; without one, the brand's zone and no country."""
    wanted = set(shop_ids)
    found = await stores.places_of(tx, ids=[one for one in wanted if one is not None])
    nowhere = Place(time_zone=await brands.zone_of(tx)) if wanted - found.keys() else None
    places: dict[uuid.UUID | None, Place] = {}
    for shop_id in wanted:
        if shop_id in found:
            places[shop_id] = msgspec.convert(found[shop_id], Place, from_attributes=True)
        elif nowhere is not None:
            places[shop_id] = nowhere
    return places
