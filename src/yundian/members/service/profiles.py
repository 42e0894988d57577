"""How HQ finds a member, by whatever number she has anywhere, and what it sees of her."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.members.repository import profiles as repository
from yundian.members.repository.profiles import SealedIdentity
from yundian.members.rules import known_as, masked
from yundian.members.service.joining import hash_of
from yundian.members.service.timeline import over_channels
from yundian.members.states import MemberStatus
from yundian.members.types import Happening, IdentityKind, IdentityView, MemberProfile, MemberRow
from yundian.platform.core.crypto import Keyring, mask_phone
from yundian.platform.core.errors import NotFound
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door

MOST_FOUND = 50
# Systems and apps whose numbers are looked through.
_MOST_SCOPES = 200

# People know these by heart or read them from a card; an openid says nothing to anybody.
_TYPED = frozenset({IdentityKind.PHONE, IdentityKind.CARD, IdentityKind.MEMBER_NO, IdentityKind.MARKETPLACE})


async def profile(door: Door, *, keyring: Keyring, member_id: uuid.UUID) -> MemberProfile:
    """A member as HQ sees her, in one statement; ``NotFound`` where there is none."""
    found = await repository.profile(door, member_id=member_id)
    if found is None:
        raise NotFound
    return MemberProfile(
        id=found.id,
        nickname=found.nickname,
        picture_url=found.picture_url,
        is_active=found.status is MemberStatus.ACTIVE,
        joined_via=found.joined_via,
        created_at=found.created_at,
        identities=[_identity(keyring, one) for one in found.identities],
        totals=over_channels(found.totals),
        by_channel=found.totals,
    )


async def timeline(
    door: Door, *, member_id: uuid.UUID, channel: str = "", cursor: str | None, limit: int
) -> Page[Happening]:
    """What happened with a member, through one channel or any, newest first."""
    before = decode_cursor(cursor, (dt.datetime, str, uuid.UUID)) if cursor else None
    rows = await repository.timeline(door, member_id=member_id, channel=channel, before=before, limit=limit + 1)
    items, next_cursor = cut(
        [_happening(row) for row in rows],
        limit,
        lambda one: (one.at.isoformat(), one.kind.value, str(one.ref_id)),
    )
    return Page(items=items, next_cursor=next_cursor)


async def newest(door: Door, *, keyring: Keyring, cursor: str | None, limit: int) -> Page[MemberRow]:
    """Who became a member last comes first."""
    before = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await repository.newest_members(door, before=before, limit=limit + 1)
    found, next_cursor = cut([_row(keyring, row) for row in rows], limit, lambda one: (str(one.id),))
    return Page(items=found, next_cursor=next_cursor)


async def called(door: Door, *, keyring: Keyring, prefix: str) -> Page[MemberRow]:
    """Whose name begins so, at most fifty."""
    rows = await repository.members_called(door, prefix=prefix, limit=MOST_FOUND)
    return Page(items=[_row(keyring, row) for row in rows], next_cursor=None)


async def of_ids(door: Door, *, keyring: Keyring, ids: Sequence[uuid.UUID]) -> Page[MemberRow]:
    rows = await repository.members_by_ids(door, ids=ids)
    return Page(items=[_row(keyring, row) for row in rows], next_cursor=None)


async def ids_by_number(door: Door, *, keyring: Keyring, text: str) -> list[uuid.UUID]:
    """Whose phone, card, member number or marketplace account this is, in any system; or whose order has it."""
    scopes = [one for one in await repository.scopes(door, limit=_MOST_SCOPES) if one[0] in _TYPED]
    wanted = {known for kind, scope in scopes if (known := known_as(kind, text, scope=scope))}
    keys = [(known.kind, known.scope, hash_of(keyring, known)) for known in wanted]
    ids = set(await repository.ids_by_identities(door, keys=keys, limit=MOST_FOUND)) if keys else set()
    ids |= set(await repository.ids_by_numbers(door, numbers=sorted({text, text.upper()}), limit=MOST_FOUND))
    return sorted(ids)[:MOST_FOUND]


def _happening(row: Sequence[Any]) -> Happening:
    values = dict(zip(Happening.__struct_fields__, row, strict=True))
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


def _identity(keyring: Keyring, one: SealedIdentity) -> IdentityView:
    text = ""
    if one.kind in _TYPED:
        text = masked(one.kind, keyring.decrypt(f"members.{one.kind.value}", one.bytes()))
    return IdentityView(kind=one.kind, scope=one.scope, text=text, verified_at=one.verified_at)
