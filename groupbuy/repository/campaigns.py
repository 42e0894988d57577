"""Campaigns, their items and their shops: what HQ edits and everybody reads."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.models import Campaign, CampaignShop, Item
from groupbuy.states import CampaignState, Standing
from groupbuy.types import CampaignNumbers, ItemView
from yundian.platform.db.paging import before
from yundian.platform.outbox.door import Door, brand_of, fetch, run


async def get(session: AsyncSession, *, campaign_id: uuid.UUID) -> Campaign | None:
    return await session.get(Campaign, (brand_of(session), campaign_id))


async def by_code(session: AsyncSession, *, code: str) -> Campaign | None:
    query = select(Campaign).where(col(Campaign.brand_id) == brand_of(session), col(Campaign.code) == code)
    return (await session.exec(query)).one_or_none()


async def by_ids(session: AsyncSession, *, ids: Sequence[uuid.UUID]) -> list[Campaign]:
    query = select(Campaign).where(col(Campaign.brand_id) == brand_of(session), col(Campaign.id).in_(ids))
    return list((await session.exec(query)).all())


async def page(
    session: AsyncSession,
    *,
    standing: Standing | None,
    after_id: uuid.UUID | None,
    now: dt.datetime,
    limit: int,
) -> list[Campaign]:
    """The newest first."""
    query = select(Campaign).where(col(Campaign.brand_id) == brand_of(session))
    if standing in (Standing.DRAFT, Standing.CLOSED):
        query = query.where(col(Campaign.state) == CampaignState(standing.value))
    elif standing is not None:
        query = query.where(col(Campaign.state) == CampaignState.PUBLISHED)
        if standing is Standing.SCHEDULED:
            query = query.where(col(Campaign.starts_at) > now)
        elif standing is Standing.RUNNING:
            query = query.where(col(Campaign.starts_at) <= now, col(Campaign.ends_at) > now)
        else:
            query = query.where(col(Campaign.ends_at) <= now)
    if after_id is not None:
        query = query.where(before([col(Campaign.id)], [after_id]))
    return list((await session.exec(query.order_by(col(Campaign.id).desc()).limit(limit))).all())


async def running_of_shop(
    session: AsyncSession, *, shop_id: uuid.UUID | None, now: dt.datetime, limit: int
) -> list[Campaign]:
    """What a shop may share now, what ends soonest first; of ``None``: what any shop may."""
    query = select(Campaign).where(
        col(Campaign.brand_id) == brand_of(session),
        col(Campaign.state) == CampaignState.PUBLISHED,
        col(Campaign.starts_at) <= now,
        col(Campaign.ends_at) > now,
    )
    if shop_id is not None:
        mine = select(CampaignShop.campaign_id).where(
            col(CampaignShop.brand_id) == brand_of(session), col(CampaignShop.shop_id) == shop_id
        )
        query = query.where(col(Campaign.is_all_shops).is_(True) | col(Campaign.id).in_(mine))
    return list((await session.exec(query.order_by(col(Campaign.ends_at), col(Campaign.id)).limit(limit))).all())


async def items_of(session: AsyncSession, *, campaign_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Item]]:
    """The items of each campaign, in their order."""
    query = (
        select(Item)
        .where(col(Item.brand_id) == brand_of(session), col(Item.campaign_id).in_(campaign_ids))
        .order_by(col(Item.campaign_id), col(Item.position))
    )
    found: dict[uuid.UUID, list[Item]] = {campaign_id: [] for campaign_id in campaign_ids}
    for item in (await session.exec(query)).all():
        found[item.campaign_id].append(item)
    return found


async def shops_of(session: AsyncSession, *, campaign_id: uuid.UUID) -> list[uuid.UUID]:
    query = (
        select(CampaignShop.shop_id)
        .where(col(CampaignShop.brand_id) == brand_of(session), col(CampaignShop.campaign_id) == campaign_id)
        .order_by(col(CampaignShop.shop_id))
    )
    return list((await session.exec(query)).all())


async def put_shops(session: AsyncSession, *, campaign_id: uuid.UUID, shop_ids: Sequence[uuid.UUID]) -> None:
    """Exactly these shops take part."""
    brand_id = brand_of(session)
    await session.exec(
        delete(CampaignShop).where(
            col(CampaignShop.brand_id) == brand_id, col(CampaignShop.campaign_id) == campaign_id
        )
    )
    session.add_all(
        [CampaignShop(brand_id=brand_id, campaign_id=campaign_id, shop_id=shop_id) for shop_id in shop_ids]
    )


async def drop_items(session: AsyncSession, *, campaign_id: uuid.UUID) -> None:
    await session.exec(
        delete(Item).where(col(Item.brand_id) == brand_of(session), col(Item.campaign_id) == campaign_id)
    )


async def set_quota(door: Door, *, item_id: uuid.UUID, quota: int) -> bool:
    """Whether it covers what is reserved and sold."""
    sql = "UPDATE groupbuy_item SET quota = $3 WHERE brand_id = $1 AND id = $2 AND reserved + sold <= $3"
    return await run(door, sql, brand_of(door), item_id, quota) == 1


_NUMBERS = """
WITH g AS (
    SELECT count(*) FILTER (WHERE state IN ('opening', 'open')) AS open_groups,
        count(*) FILTER (WHERE state IN ('filled', 'succeeded')) AS filled_groups,
        count(*) FILTER (WHERE state IN ('filled', 'succeeded') AND paid < size) AS short_groups,
        count(*) FILTER (WHERE state IN ('expired', 'cancelled', 'refunding', 'failed')) AS failed_groups
    FROM groupbuy_group WHERE brand_id = $1 AND campaign_id = $2
), s AS (
    SELECT count(*) FILTER (WHERE state = 'reserved') AS reserved_seats,
        count(*) FILTER (WHERE state = 'paid') AS paid_seats,
        count(*) FILTER (WHERE state IN ('confirmed', 'refunded_after')) AS confirmed_seats,
        count(*) FILTER (WHERE state IN ('refunding', 'refunded', 'refunded_after')) AS refunded_seats,
        coalesce(sum(total_minor) FILTER (WHERE state IN ('confirmed', 'refunded_after')), 0)::bigint
            AS confirmed_minor,
        coalesce(sum(total_minor) FILTER (WHERE state = 'paid'), 0)::bigint AS waiting_minor,
        coalesce(max(currency), 'CNY') AS currency
    FROM groupbuy_seat WHERE brand_id = $1 AND campaign_id = $2
)
SELECT open_groups, filled_groups, short_groups, failed_groups, reserved_seats, paid_seats, confirmed_seats,
    refunded_seats, confirmed_minor, waiting_minor, currency
FROM g, s
"""


async def numbers(door: Door, *, campaign_id: uuid.UUID) -> CampaignNumbers:
    """How a campaign goes, counted now."""
    [row] = await fetch(door, _NUMBERS, brand_of(door), campaign_id)
    names = CampaignNumbers.__struct_fields__[1:]
    return CampaignNumbers(campaign_id=campaign_id, **dict(zip(names, row, strict=True)))


def item_view(item: Item) -> ItemView:
    return msgspec.convert(item, ItemView, from_attributes=True)
