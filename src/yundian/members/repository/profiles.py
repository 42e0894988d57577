"""How HQ finds members and what it sees of one: a statement each."""

import base64
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.members.states import MemberStatus
from yundian.members.types import Happening, IdentityKind, JoinedVia, TotalsView
from yundian.platform.outbox.door import Door, brand_of, fetch

_SUMS = "orders, sales, paid_minor, refunds, refunded_minor"


class SealedIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A live identity; ``sealed`` is base64."""

    kind: IdentityKind
    scope: str
    sealed: str
    verified_at: dt.datetime

    def bytes(self) -> bytes:
        return base64.b64decode(self.sealed)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A member with all that is known of her but for her timeline."""

    id: uuid.UUID
    nickname: str
    picture_url: str
    status: MemberStatus
    joined_via: JoinedVia
    created_at: dt.datetime
    identities: list[SealedIdentity]
    totals: list[TotalsView]


# Bytes as base64 in one line; times as text that says its zone.
_PROFILE = f"""
SELECT json_build_object('id', m.id, 'nickname', m.nickname, 'picture_url', m.picture_url, 'status', m.status,
    'joined_via', m.joined_via, 'created_at', m.created_at,
    'identities', coalesce((SELECT json_agg(json_build_object('kind', i.kind, 'scope', i.scope,
            'sealed', translate(encode(i.value_sealed, 'base64'), E'\\n', ''), 'verified_at', i.verified_at
        ) ORDER BY i.id) FROM members_identity i
        WHERE i.brand_id = $1 AND i.member_id = m.id AND i.ended_at IS NULL), '[]'),
    'totals', coalesce((SELECT json_agg(t ORDER BY t.currency, t.net_minor DESC, t.channel) FROM (
        SELECT currency, channel, {_SUMS}, paid_minor - refunded_minor AS net_minor, first_at, last_at
        FROM members_totals WHERE brand_id = $1 AND member_id = m.id) AS t), '[]'))::text
FROM members_member m WHERE m.brand_id = $1 AND m.id = $2
"""  # noqa: S608  names of columns, no values

_LIST = """
SELECT m.id, m.nickname, m.joined_via, m.created_at,
    (SELECT value_sealed FROM members_identity WHERE brand_id = $1 AND member_id = m.id AND kind = 'phone'
        AND ended_at IS NULL ORDER BY id LIMIT 1), coalesce(t.orders, 0)::bigint, t.last_at
FROM members_member m LEFT JOIN LATERAL (SELECT sum(orders) AS orders, max(last_at) AS last_at
    FROM members_totals WHERE brand_id = $1 AND member_id = m.id) AS t ON true
WHERE m.brand_id = $1 AND
"""

# From one kind and scope to the next in the index of live identities: there are few, of however many people.
_SCOPES = """
WITH RECURSIVE each (kind, scope, number) AS (
    (SELECT kind::text, scope::text, 1 FROM members_identity WHERE brand_id = $1 AND ended_at IS NULL
        ORDER BY kind, scope LIMIT 1)
    UNION ALL
    SELECT next.kind, next.scope, each.number + 1 FROM each CROSS JOIN LATERAL (
        SELECT i.kind::text, i.scope::text FROM members_identity i WHERE i.brand_id = $1 AND i.ended_at IS NULL
            AND (i.kind, i.scope) > (each.kind, each.scope) ORDER BY i.kind, i.scope LIMIT 1
    ) AS next WHERE each.number < $2
)
SELECT kind, scope FROM each
"""

_HAPPENING = ", ".join(Happening.__struct_fields__)


async def profile(door: Door, *, member_id: uuid.UUID) -> Found | None:
    rows = await fetch(door, _PROFILE, brand_of(door), member_id)
    return msgspec.json.decode(rows[0][0], type=Found) if rows else None


async def timeline(
    door: Door,
    *,
    member_id: uuid.UUID,
    channel: str,
    before: tuple[dt.datetime, str, uuid.UUID] | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first; of one channel, or of all when it is empty."""
    values: list[object] = [brand_of(door), member_id, limit]
    conditions = ""
    if channel:
        values.append(channel)
        conditions += f" AND channel = ${len(values)}"
    if before is not None:
        first = len(values) + 1
        values += before
        conditions += f" AND (at, kind, ref_id) < (${first}::timestamptz, ${first + 1}::text, ${first + 2}::uuid)"
    query = (
        f"SELECT {_HAPPENING} FROM members_timeline WHERE brand_id = $1 AND member_id = $2{conditions}"  # noqa: S608
        " ORDER BY at DESC, kind DESC, ref_id DESC LIMIT $3::int"
    )
    return await fetch(door, query, *values)


async def newest_members(door: Door, *, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    query = f"{_LIST} ($2::uuid IS NULL OR m.id < $2::uuid) ORDER BY m.id DESC LIMIT $3::int"
    return await fetch(door, query, brand_of(door), before, limit)


async def members_called(door: Door, *, prefix: str, limit: int) -> Sequence[Any]:
    """Whose nickname begins so, in the order of names."""
    query = f"{_LIST} m.nickname <> ''"
    query += " AND m.nickname >= $2 AND m.nickname < $3 ORDER BY m.nickname, m.id LIMIT $4::int"
    return await fetch(door, query, brand_of(door), prefix, f"{prefix}\U0010ffff", limit)


async def members_by_ids(door: Door, *, ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    return await fetch(door, f"{_LIST} m.id = ANY($2::uuid[]) ORDER BY m.id DESC", brand_of(door), list(ids))


async def ids_by_numbers(door: Door, *, numbers: Sequence[str], limit: int) -> list[uuid.UUID]:
    """Whose order, of whatever channel, has one of these numbers."""
    query = (
        "SELECT DISTINCT member_id FROM members_timeline WHERE brand_id = $1 AND number = ANY($2::text[])"
        " AND number <> '' ORDER BY 1 LIMIT $3::int"
    )
    return [row[0] for row in await fetch(door, query, brand_of(door), list(numbers), limit)]


async def scopes(door: Door, *, limit: int) -> list[tuple[IdentityKind, str]]:
    """What identities there are: of which kinds, of which systems and apps."""
    return [(IdentityKind(row[0]), row[1]) for row in await fetch(door, _SCOPES, brand_of(door), limit)]


async def ids_by_identities(
    door: Door, *, keys: Sequence[tuple[IdentityKind, str, bytes]], limit: int
) -> list[uuid.UUID]:
    query = (
        "SELECT DISTINCT i.member_id"
        " FROM unnest($2::text[], $3::text[], $4::bytea[]) AS k (kind, scope, value_hash)"
        " JOIN members_identity i ON i.brand_id = $1 AND i.kind = k.kind AND i.scope = k.scope"
        " AND i.value_hash = k.value_hash AND i.ended_at IS NULL ORDER BY 1 LIMIT $5::int"
    )
    kinds = [key[0].value for key in keys]
    scopes_of, hashes = [key[1] for key in keys], [key[2] for key in keys]
    return [row[0] for row in await fetch(door, query, brand_of(door), kinds, scopes_of, hashes, limit)]
