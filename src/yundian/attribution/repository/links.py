"""Statements about links."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from yundian.attribution.types import LinkView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_LINK = ", ".join(f"l.{name}" for name in LinkView.__struct_fields__)
# The live link of the same shop, person, target and channel: one for each.
_SAME = (
    "(brand_id, target_id, target_type, channel, shop_id, staff_id, sharer_member_id, parent_link_id)"
    " WHERE revoked_at IS NULL"
)
_SNAPSHOT = ("kind", "target_path", "campaign_id", "title", "picture", "price_minor", "currency", "expires_at")


def link_of(row: Sequence[Any]) -> LinkView:
    return msgspec.convert(dict(zip(LinkView.__struct_fields__, row, strict=False)), LinkView, strict=False)


async def put_link(door: Door, *, values: Mapping[str, Any], key_hash: bytes) -> tuple[LinkView, bool]:
    """The link as it stands now, made or brought up to date; and whether its token is found without a brand."""
    names = ["id", *(name for name in values if name != "id")]
    marks = ", ".join(f"${number}" for number in range(3, len(names) + 3))
    fresh = ", ".join(f"{name} = EXCLUDED.{name}" for name in _SNAPSHOT)
    rows = await fetch(
        door,
        f"WITH made AS (INSERT INTO attribution_link AS l (brand_id, {', '.join(names)}, old_opens)"  # noqa: S608
        f" VALUES ($1, {marks}, 0) ON CONFLICT {_SAME} DO UPDATE SET {fresh} RETURNING {_LINK}),"
        " known AS (INSERT INTO directory (kind, key_hash, brand_id) SELECT 'link', $2, l.brand_id FROM made l"
        " WHERE l.id = $3 ON CONFLICT DO NOTHING RETURNING key_hash)"
        f" SELECT {_LINK}, l.id <> $3 OR EXISTS (SELECT FROM known) FROM made l",
        brand_of(door),
        key_hash,
        *(values[name] for name in names),
    )
    return link_of(rows[0]), bool(rows[0][-1])


async def link(door: Door, *, link_id: uuid.UUID) -> LinkView | None:
    sql = f"SELECT {_LINK} FROM attribution_link l WHERE l.brand_id = $1 AND l.id = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), link_id)
    return link_of(rows[0]) if rows else None


async def tokens(door: Door, *, link_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What these links are shared as."""
    if not link_ids:
        return {}
    sql = "SELECT id, token FROM attribution_link WHERE brand_id = $1 AND id = ANY($2::uuid[])"
    return {row[0]: row[1] for row in await fetch(door, sql, brand_of(door), list(link_ids))}


async def by_token(door: Door, *, token: str) -> LinkView | None:
    sql = f"SELECT {_LINK} FROM attribution_link l WHERE l.brand_id = $1 AND l.token = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), token)
    return link_of(rows[0]) if rows else None


async def revoke(door: Door, *, link_id: uuid.UUID, now: dt.datetime) -> int:
    """End the link and all that were shared onward from it; how many ended."""
    rows = await fetch(
        door,
        "WITH RECURSIVE tree AS (SELECT id FROM attribution_link WHERE brand_id = $1 AND id = $2"
        " UNION SELECT c.id FROM attribution_link c JOIN tree t ON c.brand_id = $1 AND c.parent_link_id = t.id)"
        " UPDATE attribution_link l SET revoked_at = $3 FROM tree WHERE l.brand_id = $1 AND l.id = tree.id"
        " AND l.revoked_at IS NULL RETURNING l.id",
        brand_of(door),
        link_id,
        now,
    )
    return len(rows)


async def expire(door: Door, *, campaign_id: uuid.UUID, at: dt.datetime) -> int:
    """The campaign's links that would live longer end then."""
    return await run(
        door,
        "UPDATE attribution_link SET expires_at = $3 WHERE brand_id = $1 AND campaign_id = $2"
        " AND (expires_at IS NULL OR expires_at > $3)",
        brand_of(door),
        campaign_id,
        at,
    )


async def with_numbers(
    door: Door,
    *,
    shop_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    is_everybodys: bool,
    before: uuid.UUID | None = None,
    only: uuid.UUID | None = None,
    limit: int = 1,
) -> list[tuple[LinkView, int, int, int]]:
    """A shop's own links, the newest first: what it shares itself, and of its people one's own or everybody's.
    With opens, orders and sales of each, what was shared onward from it included."""
    rows = await fetch(
        door,
        "WITH RECURSIVE page AS (SELECT * FROM attribution_link WHERE brand_id = $1 AND shop_id = $2"  # noqa: S608
        " AND parent_link_id IS NULL AND revoked_at IS NULL AND ($6 OR staff_id IS NULL OR staff_id = $3)"
        " AND ($4::uuid IS NULL OR id < $4) AND ($7::uuid IS NULL OR id = $7) ORDER BY id DESC LIMIT $5),"
        " tree AS (SELECT id AS root, id, old_opens FROM page UNION ALL SELECT t.root, c.id, c.old_opens"
        " FROM tree t JOIN attribution_link c ON c.brand_id = $1 AND c.parent_link_id = t.id),"
        " numbers AS (SELECT t.root, sum(t.old_opens + o.opens) AS opens, sum(s.orders) AS orders,"
        " sum(s.sales) AS sales FROM tree t"
        " CROSS JOIN LATERAL (SELECT count(*) AS opens FROM attribution_touch x WHERE x.brand_id = $1"
        " AND x.link_id = t.id AND NOT x.is_bot AND NOT x.is_own AND x.kind <> 'join') o"
        " CROSS JOIN LATERAL (SELECT count(*) AS orders, coalesce(sum(amount_minor - refunded_minor), 0) AS sales"
        " FROM attribution_credit k WHERE k.brand_id = $1 AND k.link_id = t.id AND k.state = 'final'"
        " AND k.shop_id = $2) s GROUP BY t.root)"
        f" SELECT {_LINK}, n.opens::bigint, n.orders::bigint, n.sales::bigint FROM page l"
        " JOIN numbers n ON n.root = l.id ORDER BY l.id DESC",
        brand_of(door),
        shop_id,
        staff_id,
        before,
        limit,
        is_everybodys,
        only,
    )
    return [(link_of(row), row[-3], row[-2], row[-1]) for row in rows]
