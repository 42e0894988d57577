"""Timelines and totals, and how HQ finds a member."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.members.types import Happening, IdentityKind
from yundian.platform.outbox.door import Door, brand_of, fetch

_HAPPENING_TYPES = {
    "member_id": "uuid", "kind": "text", "ref_type": "text", "ref_id": "uuid", "at": "timestamptz",
    "order_id": "uuid", "number": "text", "channel": "text", "shop_id": "uuid", "amount_minor": "bigint",
    "currency": "text", "facts": "jsonb",
}  # fmt: skip
HAPPENING = ", ".join(_HAPPENING_TYPES)
# From ``$2`` on, one array a column: ``columns_of``.
HAPPENED = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_HAPPENING_TYPES.values(), start=2))
_SUMS = "orders, sales, paid_minor, refunds, refunded_minor"
_PLUS = ", ".join(f"{name} = t.{name} + excluded.{name}" for name in _SUMS.split(", "))

# Totals grow by what is new on the timeline and by nothing else: told twice, it counts once. Who is no member
# (any more) has no timeline. Everything in one order: nobody waits for each other in a circle.
_KEEP = f"""
WITH added AS (
    INSERT INTO members_timeline (brand_id, {HAPPENING})
    SELECT $1, {", ".join(f"h.{name}" for name in _HAPPENING_TYPES)} FROM unnest({HAPPENED}) AS h ({HAPPENING})
    JOIN members_member m ON m.brand_id = $1 AND m.id = h.member_id
    ORDER BY h.member_id, h.kind, h.ref_type, h.ref_id
    ON CONFLICT (brand_id, member_id, kind, ref_type, ref_id) DO NOTHING
    RETURNING member_id, kind, at, channel, currency, amount_minor
), summed AS (
    INSERT INTO members_totals AS t (brand_id, member_id, channel, currency, {_SUMS}, first_at, last_at)
    SELECT $1, member_id, channel, currency, count(*) FILTER (WHERE kind = 'paid'),
        count(*) FILTER (WHERE kind = 'released'),
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'paid'), 0)::bigint,
        count(*) FILTER (WHERE kind = 'refunded'),
        coalesce(sum(amount_minor) FILTER (WHERE kind = 'refunded'), 0)::bigint,
        min(at) FILTER (WHERE kind = 'paid'), max(at) FILTER (WHERE kind = 'paid')
    FROM added WHERE kind IN ('paid', 'released', 'refunded') GROUP BY 2, 3, 4 ORDER BY 2, 3, 4
    ON CONFLICT (brand_id, member_id, channel, currency) DO UPDATE SET {_PLUS},
        first_at = least(t.first_at, excluded.first_at), last_at = greatest(t.last_at, excluded.last_at)
)
SELECT count(*) FROM added
"""  # noqa: S608  names of columns, no values

_LIST = """
SELECT m.id, m.nickname, m.joined_via, m.created_at,
    (SELECT value_sealed FROM members_identity WHERE brand_id = $1 AND member_id = m.id AND kind = 'phone'
        AND ended_at IS NULL ORDER BY id LIMIT 1), coalesce(t.orders, 0)::bigint, t.last_at
FROM members_member m LEFT JOIN LATERAL (SELECT sum(orders) AS orders, max(last_at) AS last_at
    FROM members_totals WHERE brand_id = $1 AND member_id = m.id) AS t ON true
WHERE m.brand_id = $1 AND
"""


async def keep(door: Door, *, happenings: Sequence[Happening]) -> int:
    """Add what is not on the timelines yet, and what it comes to; how much that was."""
    rows = await fetch(door, _KEEP, brand_of(door), *columns_of(happenings))
    return int(rows[0][0])


def columns_of(happenings: Sequence[Happening]) -> list[list[Any]]:
    """The arguments of ``HAPPENED``."""
    columns = [[getattr(one, name) for one in happenings] for name in list(_HAPPENING_TYPES)[:-1]]
    return [*columns, [msgspec.json.encode(one.facts).decode() for one in happenings]]


async def totals(door: Door, *, member_id: uuid.UUID) -> Sequence[Any]:
    """By channel and currency."""
    query = (
        f"SELECT currency, channel, {_SUMS}, first_at, last_at FROM members_totals"  # noqa: S608
        " WHERE brand_id = $1 AND member_id = $2 ORDER BY currency, channel"
    )
    return await fetch(door, query, brand_of(door), member_id)


async def timeline(
    door: Door, *, member_id: uuid.UUID, before: tuple[dt.datetime, str, uuid.UUID] | None, limit: int
) -> Sequence[Any]:
    """Newest first."""
    condition = "" if before is None else " AND (at, kind, ref_id) < ($4::timestamptz, $5::text, $6::uuid)"
    query = (
        f"SELECT {HAPPENING} FROM members_timeline WHERE brand_id = $1 AND member_id = $2{condition}"  # noqa: S608
        " ORDER BY at DESC, kind DESC, ref_id DESC LIMIT $3::int"
    )
    return await fetch(door, query, brand_of(door), member_id, limit, *(before or ()))


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


async def ids_by_number(door: Door, *, number: str) -> list[uuid.UUID]:
    """Whose order has this number."""
    query = "SELECT DISTINCT member_id FROM members_timeline WHERE brand_id = $1 AND number = $2 AND number <> ''"
    return [row[0] for row in await fetch(door, query, brand_of(door), number)]


async def ids_by_identity(door: Door, *, kind: IdentityKind, value_hash: bytes) -> list[uuid.UUID]:
    query = (
        "SELECT member_id FROM members_identity WHERE brand_id = $1 AND kind = $2 AND scope = ''"
        " AND value_hash = $3 AND ended_at IS NULL"
    )
    return [row[0] for row in await fetch(door, query, brand_of(door), kind.value, value_hash)]


async def identities_of(door: Door, *, member_id: uuid.UUID) -> Sequence[Any]:
    """Live ones, the oldest first."""
    query = (
        "SELECT kind, value_sealed, verified_at FROM members_identity"
        " WHERE brand_id = $1 AND member_id = $2 AND ended_at IS NULL ORDER BY id"
    )
    return await fetch(door, query, brand_of(door), member_id)


async def bare_member(door: Door, *, member_id: uuid.UUID) -> Sequence[Any] | None:
    query = (
        "SELECT id, nickname, picture_url, status, joined_via, created_at FROM members_member"
        " WHERE brand_id = $1 AND id = $2"
    )
    rows = await fetch(door, query, brand_of(door), member_id)
    return rows[0] if rows else None
