"""What customers, shops and HQ see of groups."""

import datetime as dt
import uuid
from collections.abc import Sequence

from groupbuy.errors import GroupUnknown
from groupbuy.repository import groups as rows
from groupbuy.repository import reading
from groupbuy.repository.reading import SeatInGroup
from groupbuy.states import JOINABLE
from groupbuy.types import GroupView
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door


async def find_group(door: Door, *, code: str) -> GroupView:
    """By the code in its address. One statement on one row: pages ask for it every few seconds."""
    group = await reading.group_by_code(door, code=code)
    if group is None:
        raise GroupUnknown
    return group


async def get_group(door: Door, *, group_id: uuid.UUID) -> GroupView:
    """By its id, for who holds something for it."""
    group = await rows.group(door, group_id=group_id)
    if group is None:
        raise GroupUnknown
    return group


async def meets_at(door: Door, *, group_id: uuid.UUID) -> uuid.UUID | None:
    """Where a group meets that another room opened: at the shop its first member chose."""
    return await rows.meets_at(door, group_id=group_id)


async def joinable_groups(
    door: Door, *, campaign_id: uuid.UUID, shop_id: uuid.UUID | None, now: dt.datetime, limit: int = 5
) -> list[GroupView]:
    """Groups that somebody may still join."""
    return await reading.joinable(door, campaign_id=campaign_id, shop_id=shop_id, now=now, limit=limit)


async def groups_of_shops(
    door: Door,
    *,
    shop_ids: Sequence[uuid.UUID] | None,
    is_open: bool,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[GroupView]:
    """Groups of some shops, the newest first."""
    states = [state.value for state in JOINABLE] if is_open else []
    found = await reading.of_shops(
        door, shop_ids=shop_ids, states=states, after_id=_after(cursor), limit=limit + 1
    )
    return Page(*cut(found, limit, lambda group: (group.id,)))


async def groups_of_campaign(
    door: Door, *, campaign_id: uuid.UUID, cursor: str | None = None, limit: int = 50
) -> Page[GroupView]:
    """Groups of a campaign, the newest first."""
    found = await reading.of_campaign(door, campaign_id=campaign_id, after_id=_after(cursor), limit=limit + 1)
    return Page(*cut(found, limit, lambda group: (group.id,)))


async def seats_of_member(
    door: Door,
    *,
    member_id: uuid.UUID,
    campaign_id: uuid.UUID | None = None,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[SeatInGroup]:
    """A member's seats with their groups, the newest first."""
    found = await reading.seats_of_member(
        door, member_id=member_id, campaign_id=campaign_id, after_id=_after(cursor), limit=limit + 1
    )
    return Page(*cut(found, limit, lambda one: (one.seat.id,)))


def _after(cursor: str | None) -> uuid.UUID | None:
    found: uuid.UUID | None = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    return found
