"""Statements about touches: one when a link is opened, one when an order is decided."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from stores import api as stores
from yundian.attribution.repository.links import link_of
from yundian.attribution.rules import MAX_TOUCHES, SAME_VISIT
from yundian.attribution.types import AgentClass, LinkView, Seen, TouchKind
from yundian.brands import api as brands
from yundian.platform.core.ids import first_id_at, new_id
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_LINK = ", ".join(f"l.{name}" for name in LinkView.__struct_fields__)
_SLOT_S = int(SAME_VISIT.total_seconds())
# $1 brand, $2 link or token, $3 visitor, $4 member, $5 kind, $6 at, $7 agent, $8 bot, $9 shops of one's own,
# $10 id, $11 half minute, $12 the earliest that still is the same visit.
_TOUCH = (
    "INSERT INTO attribution_touch (brand_id, id, created_at, link_id, visitor_hash, slot, member_id, kind, at,"
    " agent, is_bot, is_own) SELECT $1, $10::uuid, $6, l.id, $3::bytea, $11::bigint, $4::uuid, $5::varchar,"
    " $6::timestamptz, $7::varchar, $8::boolean, coalesce(l.shop_id = ANY($9::uuid[]), false) FROM l"
    " WHERE NOT EXISTS (SELECT FROM attribution_touch t WHERE t.brand_id = $1 AND t.link_id = l.id"
    " AND t.visitor_hash = $3 AND t.slot >= $11::bigint - 1 AND t.at > $12::timestamptz AND t.kind = $5)"
    " ON CONFLICT (brand_id, link_id, visitor_hash, kind, slot) DO NOTHING RETURNING id"
)

# Two processes never agree to the moment what time it is: who came by a link and bought at once, came by it.
_CLOCKS_APART_S = 5
_NEWEST = (
    "SELECT t.id, t.at, t.kind, t.is_own, t.link_id FROM attribution_touch t WHERE t.brand_id = $1::uuid"  # noqa: S608
    f" AND NOT t.is_bot AND t.at <= $4::timestamptz + interval '{_CLOCKS_APART_S} s'"
    " AND {whose} ORDER BY t.at DESC, t.id DESC LIMIT {limit}"
)
_OF_MEMBER = _NEWEST.format(whose="t.member_id = $2::uuid", limit=MAX_TOUCHES)
# A browser that two people share: what the other did is hers.
_OF_BROWSER = _NEWEST.format(
    whose="t.visitor_hash = $3::bytea AND (t.member_id IS NULL OR t.member_id = $2::uuid)", limit=MAX_TOUCHES
)
# Few touches, then the link of each by its key: a join would make the planner read all links of the brand.
_LOOK = (
    f"WITH seen AS (SELECT t.id AS touch_id, t.at, t.kind, t.is_own, l.* FROM (({_OF_MEMBER}) UNION"  # noqa: S608
    f" ({_OF_BROWSER})) t CROSS JOIN LATERAL (SELECT l.id AS link_id, l.shop_id, l.staff_id, l.campaign_id,"
    " l.sharer_member_id, l.expires_at, l.revoked_at FROM attribution_link l WHERE l.brand_id = $1::uuid"
    " AND l.id = t.link_id OFFSET 0) l)"
    " SELECT p.link_window_days, (SELECT coalesce(jsonb_agg(to_jsonb(seen)), '[]') FROM seen) AS touches,"
    f" ARRAY(SELECT c.id FROM ({stores.CLOSED_SHOPS}) c WHERE c.brand_id = $1::uuid"
    " AND c.id = ANY($5::uuid[] || ARRAY(SELECT shop_id FROM seen UNION ALL {more}))) AS closed"
    f" FROM ({brands.LINK_WINDOW}) p WHERE p.brand_id = $1::uuid"
)
_DECIDE = _LOOK.replace("{more}", "SELECT NULL::uuid WHERE false")


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was opened; ``touch_id`` is null where it belongs to the visit before."""

    link: LinkView
    touch_id: uuid.UUID | None
    is_shop_closed: bool


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision is made from."""

    window_days: int
    touches: list[Seen]
    closed_shop_ids: frozenset[uuid.UUID]


async def open_link(
    door: Door,
    *,
    token: str,
    visitor: bytes | None,
    member_id: uuid.UUID | None,
    kind: TouchKind,
    at: dt.datetime,
    agent: AgentClass,
    own_shop_ids: frozenset[uuid.UUID],
) -> Touched | None:
    """Find the link and keep that it was opened, in one statement."""
    rows = await fetch(
        door,
        "WITH l AS (SELECT * FROM attribution_link WHERE brand_id = $1 AND token = $2),"  # noqa: S608
        f" touched AS ({_TOUCH}) SELECT {_LINK}, (SELECT id FROM touched), EXISTS (SELECT"
        f" FROM ({stores.CLOSED_SHOPS}) c WHERE c.brand_id = $1 AND c.id = l.shop_id) FROM l",
        *_arguments(door, token, visitor, member_id, kind, at, agent, own_shop_ids),
    )
    if not rows:
        return None
    return Touched(link=link_of(rows[0]), touch_id=rows[0][-2], is_shop_closed=rows[0][-1])


async def add_touch(
    door: Door,
    *,
    link_id: uuid.UUID,
    visitor: bytes | None,
    member_id: uuid.UUID | None,
    kind: TouchKind,
    at: dt.datetime,
    agent: AgentClass,
    own_shop_ids: frozenset[uuid.UUID],
) -> uuid.UUID | None:
    """Keep that somebody came by a link; ``None`` for the same visit as before, or an unknown link."""
    rows = await fetch(
        door,
        f"WITH l AS (SELECT * FROM attribution_link WHERE brand_id = $1 AND id = $2) {_TOUCH}",  # noqa: S608
        *_arguments(door, link_id, visitor, member_id, kind, at, agent, own_shop_ids),
    )
    return rows[0][0] if rows else None


def _arguments(
    door: Door,
    link: str | uuid.UUID,
    visitor: bytes | None,
    member_id: uuid.UUID | None,
    kind: TouchKind,
    at: dt.datetime,
    agent: AgentClass,
    own_shop_ids: frozenset[uuid.UUID],
) -> tuple[object, ...]:
    slot = int(at.timestamp()) // _SLOT_S
    is_bot = agent is AgentClass.BOT
    shops = list(own_shop_ids)
    one = (link, visitor, member_id, kind.value, at, agent.value, is_bot, shops, new_id(), slot, at - SAME_VISIT)
    return (brand_of(door), *one)


async def bind_visitor(door: Door, *, visitor: bytes, member_id: uuid.UUID) -> int:
    """What a browser did before is the member's who signed in on it, unless it is somebody's already."""
    return await run(
        door,
        "UPDATE attribution_touch SET member_id = $3 WHERE brand_id = $1 AND visitor_hash = $2"
        " AND member_id IS NULL AND NOT is_bot",
        brand_of(door),
        visitor,
        member_id,
    )


async def bind_visitors(door: Door, *, members: Mapping[bytes, uuid.UUID]) -> int:
    """The same for many browsers, each somebody else's."""
    return await run(
        door,
        "UPDATE attribution_touch t SET member_id = u.member_id FROM unnest($2::bytea[], $3::uuid[])"
        " AS u (visitor_hash, member_id) WHERE t.brand_id = $1 AND t.visitor_hash = u.visitor_hash"
        " AND t.member_id IS NULL",
        brand_of(door),
        list(members),
        list(members.values()),
    )


async def look(
    tx: Tx,
    *,
    member_id: uuid.UUID | None,
    visitor: bytes | None,
    at: dt.datetime,
    shop_ids: set[uuid.UUID],
) -> Looked:
    """The buyer's newest touches, the brand's window, and which of the shops in question are closed."""
    row = await tx.fetchrow(_DECIDE, tx.brand, member_id, visitor, at, list(shop_ids))
    if row is None:
        raise RuntimeError("a brand without a policy")
    return looked_of(*row)


def look_part(
    cte: Cte,
    *,
    brand_id: uuid.UUID,
    member_id: uuid.UUID | None,
    visitor: bytes | None,
    at: dt.datetime,
    shop_ids: Sequence[uuid.UUID],
    more_shops: str,
    name: str,
) -> None:
    """``look`` as the part ``name`` of a larger statement; ``more_shops`` selects shops from another part."""
    cte.add(name, _looking(more_shops), brand_id, member_id, visitor, at, list(shop_ids))


@lru_cache(maxsize=8)
def _looking(more_shops: str) -> str:
    return _LOOK.replace("{more}", more_shops)


def looked_of(window_days: int, touches: str, closed: Sequence[uuid.UUID]) -> Looked:
    """From the columns of ``look_part``: ``link_window_days``, ``touches``, ``closed``."""
    seen = msgspec.json.decode(touches, type=list[Seen])
    return Looked(window_days=window_days, touches=seen, closed_shop_ids=frozenset(closed))


async def forget(tx: Tx, *, before: dt.datetime, limit: int) -> int:
    """Delete old touches, at most ``limit``; a link keeps their number. How many were deleted.

    Ids are in the order of time: the primary key finds the oldest.
    """
    found: int = await tx.fetchval(
        "WITH old AS (DELETE FROM attribution_touch WHERE brand_id = $1 AND id IN (SELECT id"
        " FROM attribution_touch WHERE brand_id = $1 AND id < $2 ORDER BY id LIMIT $3)"
        " RETURNING link_id, is_bot, is_own, kind),"
        " opens AS (SELECT link_id, count(*) AS n FROM old WHERE NOT is_bot AND NOT is_own AND kind <> 'join'"
        " GROUP BY link_id),"
        " kept AS (UPDATE attribution_link l SET old_opens = old_opens + opens.n FROM opens"
        " WHERE l.brand_id = $1 AND l.id = opens.link_id)"
        " SELECT count(*) FROM old",
        tx.brand,
        first_id_at(before),
        limit,
    )
    return found
