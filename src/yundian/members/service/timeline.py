"""What happened with members, and what it comes to."""

import uuid
from collections.abc import Collection, Sequence

import msgspec

from yundian.members.repository import replacing
from yundian.members.repository import timeline as repository
from yundian.members.types import Happening, TotalsView
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

_SUMS = ("orders", "sales", "paid_minor", "refunds", "refunded_minor")


async def keep(tx: Tx, *, happenings: Sequence[Happening]) -> int:
    """Add to the timelines what they do not know yet, and to the totals what it comes to. Who is no member is
    passed over."""
    return await repository.keep(tx, happenings=happenings) if happenings else 0


async def replace_happenings(
    tx: Tx, *, refs: Collection[tuple[str, uuid.UUID]], happenings: Sequence[Happening]
) -> None:
    """What stood on any timeline for these (``ref_type``, ``ref_id``) goes, what is given comes.

    Totals of every member, channel and currency that either was part of are made what her timeline says, first and
    last payment included. Of two happenings of one kind, thing and member the last counts; who is no member is
    passed over. Three statements however many, in one order: nobody waits in a circle.
    """
    unique = {(one.member_id, one.kind, one.ref_type, one.ref_id): one for one in happenings}
    wanted = {*refs, *((one.ref_type, one.ref_id) for one in happenings)}
    if not wanted:
        return
    touched = await replacing.clear(tx, refs=wanted)
    if unique or touched:
        touched = await replacing.put(tx, happenings=list(unique.values()), touched=touched)
    if touched:
        await replacing.sum_up(tx, touched=touched)


async def totals_of(door: Door, *, member_id: uuid.UUID) -> list[TotalsView]:
    """What a member bought over all channels, by currency."""
    return over_channels(await _by_channel(door, member_id))


async def _by_channel(door: Door, member_id: uuid.UUID) -> list[TotalsView]:
    rows = await repository.totals(door, member_id=member_id)
    return [
        TotalsView(
            currency=row[0],
            channel=row[1],
            **dict(zip(_SUMS, row[2:7], strict=True)),
            net_minor=row[4] - row[6],
            first_at=row[7],
            last_at=row[8],
        )
        for row in rows
    ]


def over_channels(rows: list[TotalsView]) -> list[TotalsView]:
    """One for each currency."""
    merged: dict[str, TotalsView] = {}
    for row in rows:
        held = merged.get(row.currency)
        if held is None:
            merged[row.currency] = msgspec.structs.replace(row, channel="")
            continue
        sums = {name: getattr(held, name) + getattr(row, name) for name in (*_SUMS, "net_minor")}
        merged[row.currency] = msgspec.structs.replace(
            held,
            **sums,
            first_at=min((at for at in (held.first_at, row.first_at) if at), default=None),
            last_at=max((at for at in (held.last_at, row.last_at) if at), default=None),
        )
    return list(merged.values())
