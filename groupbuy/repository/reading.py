"""Groups as people look at them: by code, of a campaign, of a shop, of a member."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from groupbuy.repository.groups import group_of, seat_of
from groupbuy.types import GroupView, SeatView
from yundian.platform.outbox.door import Door, brand_of, fetch

_GROUP = ", ".join(f"g.{name}" for name in GroupView.__struct_fields__)
_SEAT = ", ".join(f"s.{name}" for name in SeatView.__struct_fields__)
_WIDTH = len(GroupView.__struct_fields__)


class SeatInGroup(NamedTuple):
    """A member's seat with its group."""

    seat: SeatView
    group: GroupView


async def group_by_code(door: Door, *, code: str) -> GroupView | None:
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1 AND g.code = $2",  # noqa: S608
        brand_of(door),
        code,
    )
    return group_of(rows[0]) if rows else None


async def joinable(
    door: Door, *, campaign_id: uuid.UUID, shop_id: uuid.UUID | None, now: dt.datetime, limit: int
) -> list[GroupView]:
    """Open groups with room, of a shop first where one is named; what is nearest to being full first."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1 AND g.campaign_id = $2"  # noqa: S608
        " AND g.state = 'open' AND g.taken < g.size AND g.deadline_at > $3"
        " AND ($4::uuid IS NULL OR g.shop_id = $4)"
        " ORDER BY g.size - g.taken, g.deadline_at, g.id LIMIT $5",
        brand_of(door),
        campaign_id,
        now,
        shop_id,
        limit,
    )
    return [group_of(row) for row in rows]


async def of_shops(
    door: Door,
    *,
    shop_ids: Sequence[uuid.UUID] | None,
    states: Sequence[str],
    after_id: uuid.UUID | None,
    limit: int,
) -> list[GroupView]:
    """Groups of some shops (``None``: of every shop), the newest first."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1"  # noqa: S608
        " AND ($2::uuid[] IS NULL OR g.shop_id = ANY($2::uuid[]))"
        " AND (cardinality($3::varchar[]) = 0 OR g.state = ANY($3::varchar[]))"
        " AND ($4::uuid IS NULL OR g.id < $4) ORDER BY g.id DESC LIMIT $5",
        brand_of(door),
        list(shop_ids) if shop_ids is not None else None,
        list(states),
        after_id,
        limit,
    )
    return [group_of(row) for row in rows]


async def of_campaign(
    door: Door, *, campaign_id: uuid.UUID, after_id: uuid.UUID | None, limit: int
) -> list[GroupView]:
    """The newest first."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1 AND g.campaign_id = $2"  # noqa: S608
        " AND ($3::uuid IS NULL OR g.id < $3) ORDER BY g.id DESC LIMIT $4",
        brand_of(door),
        campaign_id,
        after_id,
        limit,
    )
    return [group_of(row) for row in rows]


async def seats_of_member(
    door: Door, *, member_id: uuid.UUID, campaign_id: uuid.UUID | None, after_id: uuid.UUID | None, limit: int
) -> list[SeatInGroup]:
    """A member's seats with their groups, the newest first."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP}, {_SEAT} FROM groupbuy_seat s"  # noqa: S608
        " JOIN groupbuy_group g ON g.brand_id = $1 AND g.id = s.group_id"
        " WHERE s.brand_id = $1 AND s.member_id = $2 AND ($3::uuid IS NULL OR s.campaign_id = $3)"
        " AND ($4::uuid IS NULL OR s.id < $4) ORDER BY s.id DESC LIMIT $5",
        brand_of(door),
        member_id,
        campaign_id,
        after_id,
        limit,
    )
    return [SeatInGroup(seat_of(tuple(row)[_WIDTH:]), group_of(tuple(row)[:_WIDTH])) for row in rows]
