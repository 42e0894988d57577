"""Timelines and totals as events add to them."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.members.types import Happening
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
