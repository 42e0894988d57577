"""A seat in one statement: what is read before it, its parts of our tables, and what it answered."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from groupbuy.rules import Chosen
from groupbuy.states import LIVE, OCCUPYING
from groupbuy.types import CampaignView, GroupView, ItemView, SeatView, Wish
from stores import api as stores
from yundian.attribution import api as attribution
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import brand_of

_CAMPAIGN = tuple(CampaignView.__struct_fields__)
_GROUP = tuple(GroupView.__struct_fields__)
_ITEM = tuple(ItemView.__struct_fields__)
_SEAT = tuple(SeatView.__struct_fields__)
_LIVE = ", ".join(f"'{state.value}'" for state in LIVE)
_OCCUPYING = ", ".join(f"'{state.value}'" for state in OCCUPYING)

_NEW_GROUP = {
    "id": "uuid",
    "created_at": "timestamptz",
    "code": "varchar",
    "campaign_id": "uuid",
    "shop_id": "uuid",
    "link_id": "uuid",
    "staff_id": "uuid",
    "leader_member_id": "uuid",
    "size": "int",
    "short_fill_size": "int",
    "late_policy": "varchar",
    "opened_at": "timestamptz",
    "deadline_at": "timestamptz",
}
_NEW_SEAT = {
    "id": "uuid",
    "created_at": "timestamptz",
    "group_id": "uuid",
    "campaign_id": "uuid",
    "member_id": "uuid",
    "order_id": "uuid",
    "order_number": "varchar",
    "payment_id": "uuid",
    "shop_id": "uuid",
    "link_id": "uuid",
    "pickup_shop_id": "uuid",
    "item_ids": "uuid[]",
    "quantities": "int[]",
    "unit_prices": "bigint[]",
    "total_minor": "bigint",
    "currency": "bpchar",
    "expires_at": "timestamptz",
}


def _mark(columns_: Mapping[str, str], name: str) -> str:
    """The placeholder of a column: ``$1`` is the brand."""
    return f"${[*columns_].index(name) + 2}::{columns_[name]}"


def _marks(columns_: Mapping[str, str]) -> str:
    return ", ".join(_mark(columns_, name) for name in columns_)


class Offer(NamedTuple):
    """Everything that a checkout decides by; ``mine`` is the seat of this campaign she holds already, ``looked``
    what attribution decides by, ``meets_at`` the shop where a group whose first member chose it meets."""

    campaign: CampaignView
    group: GroupView | None
    items: dict[uuid.UUID, ItemView]
    is_shop_included: bool
    mine: SeatView | None
    mine_code: str
    meets_at: uuid.UUID | None
    looked: tuple[Any, ...]


class Gates(NamedTuple):
    """How many rows each gate of the statement let through; the first that is too few says why it failed."""

    group: int
    seat: int
    quota: int
    stock: int
    order: int
    kept: int


def columns(alias: str, names: Sequence[str], prefix: str) -> str:
    return ", ".join(f"{alias}.{name} AS {prefix}{name}" for name in names)


def struct(kind: Any, row: Any, prefix: str) -> Any:
    """A view from the columns of a joined row that carry its prefix."""
    return msgspec.convert({name: row[prefix + name] for name in kind.__struct_fields__}, kind, strict=False)


# The columns of an offer, in the order of the views that are made of them.
_VIEWS = (("c_", _CAMPAIGN), ("g_", _GROUP), ("i_", _ITEM), ("m_", _SEAT))
_OFFERED = [prefix + name for prefix, names in _VIEWS for name in names]


def _read(source: str) -> str:
    return (
        f"SELECT {columns('c', _CAMPAIGN, 'c_')}, {columns('g', _GROUP, 'g_')}, {columns('i', _ITEM, 'i_')},"  # noqa: S608
        f" {columns('m', _SEAT, 'm_')}, mg.code AS mine_code, c.is_all_shops OR EXISTS (SELECT FROM"
        " groupbuy_campaign_shop s WHERE s.brand_id = $1 AND s.campaign_id = c.id AND s.shop_id = $4) AS includes,"
        " CASE WHEN c.opens_with <> '' THEN (SELECT s.pickup_shop_id FROM groupbuy_seat s WHERE s.brand_id = $1"
        " AND s.group_id = g.id ORDER BY s.id LIMIT 1) END AS meets_at"
        f" FROM {source}"
        " LEFT JOIN groupbuy_item i ON i.brand_id = $1 AND i.campaign_id = c.id AND i.sku_id = ANY($3::uuid[])"
        " LEFT JOIN groupbuy_seat m ON m.brand_id = $1 AND m.campaign_id = c.id AND m.member_id = $5"
        f" AND m.state IN ({_LIVE})"
        " LEFT JOIN groupbuy_group mg ON mg.brand_id = $1 AND mg.id = m.group_id"
        " WHERE c.brand_id = $1 AND c.state <> 'draft'"
    )


_BY_GROUP = _read(
    "groupbuy_group g JOIN groupbuy_campaign c ON c.brand_id = $1 AND c.id = g.campaign_id"
    " AND g.brand_id = $1 AND g.code = $2"
)
_BY_CAMPAIGN = _read("groupbuy_campaign c LEFT JOIN groupbuy_group g ON false") + " AND c.code = $2"
_OFFER = (
    f"SELECT {', '.join(_OFFERED)}, o.mine_code, o.includes, o.meets_at, {', '.join(attribution.LOOKED)}"  # noqa: S608
    " FROM offer o LEFT JOIN looked ON true"
)
_OWNERS = "SELECT g_shop_id FROM offer"


async def read_offer(
    tx: Tx, *, wish: Wish, member_id: uuid.UUID, visitor: bytes | None, at: dt.datetime
) -> Offer | None:
    """One read of everything, attribution's part with it; ``None`` when there is no such group or campaign."""
    brand_id = brand_of(tx)
    sql, code = (_BY_GROUP, wish.group_code) if wish.group_code else (_BY_CAMPAIGN, wish.campaign_code)
    cte = Cte()
    cte.add("offer", sql, brand_id, code, [line.sku_id for line in wish.lines], wish.pickup_shop_id, member_id)
    attribution.look_part(
        cte,
        brand_id=brand_id,
        member_id=member_id,
        visitor=visitor,
        at=at,
        fulfil_shop_id=wish.pickup_shop_id,
        more_shops=_OWNERS,
    )
    rows = await cte.fetch(tx, _OFFER)
    return _offer_of(rows) if rows else None


def _offer_of(rows: Sequence[Any]) -> Offer:
    first = rows[0]
    campaign, group, mine = (_view(first, number) for number in (0, 1, 3))
    items = [_view(row, 2) for row in rows]
    at = len(_OFFERED)
    return Offer(
        campaign=campaign,
        group=group,
        items={item.sku_id: item for item in items if item is not None},
        mine=mine,
        mine_code=first[at] or "",
        is_shop_included=first[at + 1],
        meets_at=first[at + 2],
        looked=first[at + 3 :],
    )


_KINDS = (CampaignView, GroupView, ItemView, SeatView)
_STARTS = [sum(len(names) for _, names in _VIEWS[:number]) for number in range(len(_VIEWS))]


def _view(row: Any, number: int) -> Any:
    """The view of these columns; ``None`` where its row was not joined. Every view begins with its id."""
    names, start = _VIEWS[number][1], _STARTS[number]
    if row[start] is None:
        return None
    return msgspec.convert(
        dict(zip(names, row[start : start + len(names)], strict=True)), _KINDS[number], strict=False
    )


_OF_GROUP = (
    f"SELECT {columns('c', _CAMPAIGN, 'c_')}, {columns('i', _ITEM, 'i_')} FROM groupbuy_campaign c"  # noqa: S608
    " LEFT JOIN groupbuy_item i ON i.brand_id = $1 AND i.campaign_id = c.id AND i.id = ANY($3::uuid[])"
    " WHERE c.brand_id = $1 AND c.id = $2"
)


async def read_terms(
    tx: Tx, *, campaign_id: uuid.UUID, item_ids: Sequence[uuid.UUID]
) -> tuple[CampaignView, dict[uuid.UUID, ItemView]]:
    """A campaign and some of its items by their ids."""
    rows = await tx.fetch(_OF_GROUP, tx.brand, campaign_id, list(item_ids))
    items: list[ItemView] = [struct(ItemView, row, "i_") for row in rows if row["i_id"] is not None]
    return struct(CampaignView, rows[0], "c_"), {item.id: item for item in items}


async def includes(tx: Tx, *, campaign_id: uuid.UUID, shop_id: uuid.UUID) -> bool:
    """Whether the shop is one of the campaign's own."""
    sql = "SELECT FROM groupbuy_campaign_shop WHERE brand_id = $1 AND campaign_id = $2 AND shop_id = $3"
    return bool(await tx.fetch(sql, tx.brand, campaign_id, shop_id))


_JOIN = """
UPDATE groupbuy_group SET taken = taken + 1 WHERE brand_id = $1::uuid AND id = $2::uuid
    AND (state IN ('opening', 'open') AND taken < size AND deadline_at > $3::timestamptz) IS TRUE RETURNING id
"""
_OPEN = f"""
INSERT INTO groupbuy_group (brand_id, {", ".join(_NEW_GROUP)}, state, taken, paid, end_reason)
SELECT $1::uuid, {_marks(_NEW_GROUP)}, 'opening', 1, 0, '' WHERE EXISTS (
    SELECT FROM groupbuy_campaign c WHERE c.brand_id = $1::uuid AND c.id = {_mark(_NEW_GROUP, "campaign_id")}
        AND c.state = 'published' AND c.starts_at <= {_mark(_NEW_GROUP, "opened_at")}
        AND c.ends_at > {_mark(_NEW_GROUP, "opened_at")})
RETURNING id
"""  # noqa: S608
_SEAT_TAKEN = f"""
INSERT INTO groupbuy_seat (brand_id, {", ".join(_NEW_SEAT)}, state, nth)
SELECT $1::uuid, {_marks(_NEW_SEAT)}, 'reserved', n.nth FROM team, (
    SELECT count(*) + 1 AS nth FROM groupbuy_seat o WHERE o.brand_id = $1::uuid
        AND o.campaign_id = {_mark(_NEW_SEAT, "campaign_id")} AND o.member_id = {_mark(_NEW_SEAT, "member_id")}
        AND o.state IN ({_OCCUPYING})) n
WHERE n.nth <= ${len(_NEW_SEAT) + 2}::int ON CONFLICT DO NOTHING RETURNING id
"""  # noqa: S608
_QUOTA_HELD = """
SELECT i.id, w.quantity FROM unnest($2::uuid[], $3::int[]) AS w(id, quantity)
JOIN groupbuy_item i ON i.brand_id = $1::uuid AND i.id = w.id
WHERE i.reserved + i.sold + w.quantity <= i.quota AND EXISTS (SELECT FROM seat) ORDER BY i.id FOR UPDATE OF i
"""
_QUOTA = """
UPDATE groupbuy_item i SET reserved = i.reserved + h.quantity FROM quota_held h
WHERE i.brand_id = $1::uuid AND i.id = h.id RETURNING i.id
"""
# What a room that opens groups holds for them is no stock: the shop has only to be in business.
_PLACE = f"""
SELECT q.id FROM quota q WHERE NOT EXISTS (
    SELECT FROM ({stores.CLOSED_SHOPS}) c WHERE c.brand_id = $1::uuid AND c.id = $2::uuid)
"""  # noqa: S608
_READY = """
SELECT s.id FROM seat s
WHERE (SELECT count(*) FROM quota) = $1::int AND (SELECT count(*) FROM stock) = $1::int
"""


def join_part(cte: Cte, *, brand_id: uuid.UUID, group_id: uuid.UUID, now: dt.datetime) -> None:
    """The gate ``team``: one more of the group's seats, if one is free and its time is not up.

    ``IS TRUE`` keeps the planner to the primary key: by the index of joinable groups it would read all of them.
    """
    cte.add("team", _JOIN, brand_id, group_id, now)


def open_part(cte: Cte, *, brand_id: uuid.UUID, group: Mapping[str, Any]) -> None:
    """The gate ``team``: a new group, if its campaign is running when it opens."""
    cte.add("team", _OPEN, brand_id, *(group[name] for name in _NEW_GROUP))


def seat_part(cte: Cte, *, brand_id: uuid.UUID, seat: Mapping[str, Any], limit: int) -> None:
    """The gate ``seat``: hers, if she holds no other and has not reached her limit."""
    cte.add("seat", _SEAT_TAKEN, brand_id, *(seat[name] for name in _NEW_SEAT), limit)


def quota_part(cte: Cte, *, brand_id: uuid.UUID, chosen: Sequence[Chosen]) -> None:
    """The gate ``quota``: a row for each item that has so many pieces left, locked in the order of their ids."""
    ids, pieces = [one.item.id for one in chosen], [one.quantity for one in chosen]
    cte.add("quota_held", _QUOTA_HELD, brand_id, ids, pieces)
    cte.add("quota", _QUOTA, brand_id)


def place_part(cte: Cte, *, brand_id: uuid.UUID, shop_id: uuid.UUID) -> None:
    """The gate ``stock`` of what has none, a row for each item: the room that opened the group holds its place."""
    cte.add("stock", _PLACE, brand_id, shop_id)


def ready_part(cte: Cte, *, lines: int) -> None:
    """``ready`` has a row when every gate let everything through: the rest of the statement depends on it."""
    cte.add("ready", _READY, lines)


_COUNTS = ", ".join(
    f"(SELECT count(*) FROM {part}) AS {part}"  # noqa: S608
    for part in ("team", "seat", "quota", "stock", "placed")
)
_WITHOUT_KEY = f"SELECT {_COUNTS}, 1 AS kept"
_WITH_KEY = f"SELECT {_COUNTS}, (SELECT count(*) FROM kept) AS kept"  # noqa: S608


async def run(cte: Cte, tx: Tx, *, has_key: bool) -> Gates:
    """Run the whole statement."""
    row = await cte.fetchrow(tx, _WITH_KEY if has_key else _WITHOUT_KEY)
    return Gates(*row) if row is not None else Gates(0, 0, 0, 0, 0, 0)
