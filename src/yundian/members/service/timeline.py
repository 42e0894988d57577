"""What happened with a member, what it comes to, and how HQ finds her."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from yundian.members import rules
from yundian.members.repository import replacing
from yundian.members.repository import timeline as repository
from yundian.members.states import MemberStatus
from yundian.members.types import (
    Happening,
    IdentityKind,
    IdentityView,
    MemberProfile,
    MemberRow,
    TotalsView,
)
from yundian.platform.core.crypto import Keyring, mask_phone
from yundian.platform.core.errors import InvalidInput, NotFound
from yundian.platform.db.database import Tx
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door

MOST_FOUND = 50

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
    return _over_channels(await _by_channel(door, member_id))


async def profile(door: Door, *, keyring: Keyring, member_id: uuid.UUID) -> MemberProfile:
    """A member as HQ sees her; ``NotFound`` where there is none."""
    row = await repository.bare_member(door, member_id=member_id)
    if row is None:
        raise NotFound
    by_channel = await _by_channel(door, member_id)
    identities = await repository.identities_of(door, member_id=member_id)
    return MemberProfile(
        id=row[0],
        nickname=row[1],
        picture_url=row[2],
        is_active=MemberStatus(row[3]) is MemberStatus.ACTIVE,
        joined_via=row[4],
        created_at=row[5],
        identities=[_identity(keyring, one) for one in identities],
        totals=_over_channels(by_channel),
        by_channel=by_channel,
    )


async def timeline(door: Door, *, member_id: uuid.UUID, cursor: str | None, limit: int) -> Page[Happening]:
    """What happened with a member, newest first."""
    before = decode_cursor(cursor, (dt.datetime, str, uuid.UUID)) if cursor else None
    rows = await repository.timeline(door, member_id=member_id, before=before, limit=limit + 1)
    items, next_cursor = cut(
        [_happening(row) for row in rows],
        limit,
        lambda one: (one.at.isoformat(), one.kind.value, str(one.ref_id)),
    )
    return Page(items=items, next_cursor=next_cursor)


async def find_members(
    door: Door, *, keyring: Keyring, search: str, cursor: str | None, limit: int
) -> Page[MemberRow]:
    """The newest members; or whose order has exactly this number, and whose name begins so."""
    if not search:
        before = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
        rows = await repository.newest_members(door, before=before, limit=limit + 1)
        found, next_cursor = cut([_row(keyring, row) for row in rows], limit, lambda one: (str(one.id),))
        return Page(items=found, next_cursor=next_cursor)
    ids = await repository.ids_by_number(door, number=search.upper())
    rows = [
        *(await repository.members_by_ids(door, ids=ids) if ids else []),
        *await repository.members_called(door, prefix=search, limit=MOST_FOUND),
    ]
    unique = {row[0]: row for row in rows}
    return Page(items=[_row(keyring, row) for row in unique.values()][:MOST_FOUND], next_cursor=None)


async def find_by_phone(door: Door, *, keyring: Keyring, text: str) -> tuple[bool, uuid.UUID | None]:
    """Whether the text is a phone, and whose it is."""
    try:
        phone = rules.checked_phone(text)
    except InvalidInput:
        return False, None
    value_hash = keyring.blind_index("members.phone:", phone)
    ids = await repository.ids_by_identity(door, kind=IdentityKind.PHONE, value_hash=value_hash)
    return True, ids[0] if ids else None


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


def _over_channels(rows: list[TotalsView]) -> list[TotalsView]:
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


def _happening(row: Sequence[Any]) -> Happening:
    names = Happening.__struct_fields__
    values = dict(zip(names, row, strict=True))
    values["facts"] = msgspec.json.decode(values["facts"]) if isinstance(values["facts"], str) else values["facts"]
    return msgspec.convert(values, Happening)


def _row(keyring: Keyring, row: Sequence[Any]) -> MemberRow:
    return MemberRow(
        id=row[0],
        nickname=row[1],
        joined_via=row[2],
        created_at=row[3],
        phone=None if row[4] is None else mask_phone(keyring.decrypt("members.phone", row[4])),
        orders=row[5],
        last_at=row[6],
    )


def _identity(keyring: Keyring, row: Sequence[Any]) -> IdentityView:
    kind = IdentityKind(row[0])
    is_phone = kind is IdentityKind.PHONE
    text = mask_phone(keyring.decrypt("members.phone", row[1])) if is_phone else ""
    return IdentityView(kind=kind, text=text, verified_at=row[2])
