"""A seat in one statement: what is read before it, its parts of our tables, and what it answered."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from groupbuy.rules import Chosen
from groupbuy.states import LIVE, OCCUPYING
from groupbuy.types import CampaignView, GroupView, ItemView, SeatView
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx

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


class Offer(NamedTuple):
    """Everything of ours that a checkout decides by; ``mine`` is the seat of this campaign she holds already."""

    campaign: CampaignView
    group: GroupView | None
    items: dict[uuid.UUID, ItemView]
    is_shop_included: bool
    mine: SeatView | None
    mine_code: str


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


def _read(source: str) -> str:
    return (
        f"SELECT {columns('c', _CAMPAIGN, 'c_')}, {columns('g', _GROUP, 'g_')}, {columns('i', _ITEM, 'i_')},"  # noqa: S608
        f" {columns('m', _SEAT, 'm_')}, mg.code AS mine_code, c.is_all_shops OR EXISTS (SELECT FROM"
        " groupbuy_campaign_shop s WHERE s.brand_id = $1 AND s.campaign_id = c.id AND s.shop_id = $4) AS includes"
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


async def read_offer(
    tx: Tx,
    *,
    group_code: str,
    campaign_code: str,
    sku_ids: Sequence[uuid.UUID],
    pickup_shop_id: uuid.UUID,
    member_id: uuid.UUID,
) -> Offer | None:
    """One read of everything; ``None`` when there is no such group or campaign."""
    sql, code = (_BY_GROUP, group_code) if group_code else (_BY_CAMPAIGN, campaign_code)
    rows = await tx.fetch(sql, tx.brand, code, list(sku_ids), pickup_shop_id, member_id)
    if not rows:
        return None
    first = rows[0]
    items: list[ItemView] = [struct(ItemView, row, "i_") for row in rows if row["i_id"] is not None]
    return Offer(
        campaign=struct(CampaignView, first, "c_"),
        group=struct(GroupView, first, "g_") if first["g_id"] is not None else None,
        items={item.sku_id: item for item in items},
        is_shop_included=first["includes"],
        mine=struct(SeatView, first, "m_") if first["m_id"] is not None else None,
        mine_code=first["mine_code"] or "",
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


def join_part(cte: Cte, *, brand: str, group_id: uuid.UUID, now: dt.datetime) -> None:
    """The gate ``team``: one more of the group's seats, if one is free and its time is not up."""
    cte.part(
        "team",
        f"UPDATE groupbuy_group SET taken = taken + 1 WHERE brand_id = {brand}::uuid"  # noqa: S608
        f" AND id = {cte.value(group_id)}::uuid AND state IN ('opening', 'open') AND taken < size"
        f" AND deadline_at > {cte.value(now)}::timestamptz RETURNING id",
    )


def open_part(cte: Cte, *, brand: str, group: Mapping[str, Any], now: dt.datetime) -> None:
    """The gate ``team``: a new group, if its campaign is running."""
    at = cte.value(now)
    running = (
        f" WHERE EXISTS (SELECT FROM groupbuy_campaign c WHERE c.brand_id = {brand}::uuid"
        f" AND c.id = {cte.value(group['campaign_id'])}::uuid AND c.state = 'published'"
        f" AND c.starts_at <= {at}::timestamptz AND c.ends_at > {at}::timestamptz)"
    )
    cte.part(
        "team",
        f"INSERT INTO groupbuy_group (brand_id, {', '.join(_NEW_GROUP)}, state, taken, paid, end_reason)"
        f" SELECT {brand}::uuid, {_placeholders(cte, _NEW_GROUP, group)}, 'opening', 1, 0, ''{running}"
        " RETURNING id",
    )


def seat_part(cte: Cte, *, brand: str, seat: Mapping[str, Any], limit: int) -> None:
    """The gate ``seat``: hers, if she holds no other and has not reached her limit."""
    campaign, member = cte.value(seat["campaign_id"]), cte.value(seat["member_id"])
    cte.part(
        "seat",
        f"INSERT INTO groupbuy_seat (brand_id, {', '.join(_NEW_SEAT)}, state, nth)"  # noqa: S608
        f" SELECT {brand}::uuid, {_placeholders(cte, _NEW_SEAT, seat)}, 'reserved', n.nth"
        " FROM team, (SELECT count(*) + 1 AS nth FROM groupbuy_seat o"
        f" WHERE o.brand_id = {brand}::uuid AND o.campaign_id = {campaign}::uuid"
        f" AND o.member_id = {member}::uuid AND o.state IN ({_OCCUPYING})) n"
        f" WHERE n.nth <= {cte.value(limit)}::int ON CONFLICT DO NOTHING RETURNING id",
    )


def quota_part(cte: Cte, *, brand: str, chosen: Sequence[Chosen]) -> None:
    """The gate ``quota``: a row for each item that has so many pieces left, locked in the order of their ids."""
    ids = cte.value([one.item.id for one in chosen])
    pieces = cte.value([one.quantity for one in chosen])
    cte.part(
        "quota_held",
        "SELECT i.id, w.quantity"  # noqa: S608
        f" FROM unnest({ids}::uuid[], {pieces}::int[]) AS w(id, quantity)"
        f" JOIN groupbuy_item i ON i.brand_id = {brand}::uuid AND i.id = w.id"
        " WHERE i.reserved + i.sold + w.quantity <= i.quota AND EXISTS (SELECT FROM seat)"
        " ORDER BY i.id FOR UPDATE OF i",
    )
    cte.part(
        "quota",
        "UPDATE groupbuy_item i SET reserved = i.reserved + h.quantity FROM quota_held h"  # noqa: S608
        f" WHERE i.brand_id = {brand}::uuid AND i.id = h.id RETURNING i.id",
    )


def ready_part(cte: Cte, *, lines: int) -> None:
    """``ready`` has a row when every gate let everything through: the rest of the statement depends on it."""
    count = cte.value(lines)
    cte.part(
        "ready",
        f"SELECT s.id FROM seat s WHERE (SELECT count(*) FROM quota) = {count}::int"  # noqa: S608
        f" AND (SELECT count(*) FROM stock) = {count}::int",
    )


async def run(cte: Cte, tx: Tx, *, has_key: bool) -> Gates:
    """Run the whole statement."""
    kept = "(SELECT count(*) FROM kept)" if has_key else "1"
    row = await cte.fetchrow(
        tx,
        "SELECT (SELECT count(*) FROM team) AS team, (SELECT count(*) FROM seat) AS seat,"  # noqa: S608
        " (SELECT count(*) FROM quota) AS quota, (SELECT count(*) FROM stock) AS stock,"
        f" (SELECT count(*) FROM placed) AS placed, {kept} AS kept",
    )
    return Gates(*row) if row is not None else Gates(0, 0, 0, 0, 0, 0)


def _placeholders(cte: Cte, columns_: Mapping[str, str], values: Mapping[str, Any]) -> str:
    return ", ".join(f"{cte.value(values[name])}::{kind}" for name, kind in columns_.items())
