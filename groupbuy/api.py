"""What upper rooms and the composition root ask of group-buys."""

import datetime as dt
import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.service import campaigns
from groupbuy.types import CampaignFields, CampaignWithItems


async def create_campaign(session: AsyncSession, *, fields: CampaignFields) -> CampaignWithItems:
    """A draft that nobody but HQ sees."""
    return await campaigns.create_campaign(session, fields=fields)


async def publish_campaign(
    session: AsyncSession, *, campaign_id: uuid.UUID, version: int, now: dt.datetime
) -> CampaignWithItems:
    """Open it to everybody in its window. Records ``groupbuy.campaign_published.v1``."""
    return await campaigns.publish_campaign(session, campaign_id=campaign_id, version=version, now=now)


async def campaigns_to_share(
    session: AsyncSession, *, shop_id: uuid.UUID | None, now: dt.datetime
) -> list[CampaignWithItems]:
    """What a shop may share now; of ``None``: what runs in the brand."""
    return await campaigns.campaigns_to_share(session, shop_id=shop_id, now=now)
