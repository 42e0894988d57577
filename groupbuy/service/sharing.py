"""A shop's own link to a campaign: made once, then the same."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.errors import CampaignUnknown
from groupbuy.service import campaigns
from groupbuy.types import CAMPAIGN, CampaignWithItems
from yundian.attribution import api as attribution
from yundian.attribution.types import Channel, LinkKind, LinkTarget, LinkView
from yundian.brands import api as brands
from yundian.catalog import api as catalog
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring


async def share(
    session: AsyncSession,
    *,
    keyring: Keyring,
    shop_id: uuid.UUID,
    whole: CampaignWithItems,
    channel: Channel = Channel.SHARE,
    staff_id: uuid.UUID | None = None,
) -> LinkView:
    """The link by which ``shop_id`` brings people to a campaign it may share now, else ``CampaignUnknown``."""
    running = await campaigns.campaigns_to_share(session, shop_id=shop_id, now=clock.house())
    if whole.campaign.id not in {one.campaign.id for one in running}:
        raise CampaignUnknown
    return await attribution.make_link(
        session,
        keyring=keyring,
        shop_id=shop_id,
        channel=channel,
        staff_id=staff_id,
        target=target_of(whole, await brands.code_of(session), picture=await _picture(session, whole)),
    )


def target_of(whole: CampaignWithItems, brand_code: str, *, picture: str = "") -> LinkTarget:
    """Where a link to the campaign leads, and what its card and poster say."""
    campaign, lowest = whole.campaign, whole.lowest
    return LinkTarget(
        kind=LinkKind.CAMPAIGN,
        target_type=CAMPAIGN,
        target_id=campaign.id,
        target_path=f"/m/{brand_code}/c/{campaign.code}",
        title=campaign.title,
        picture=picture,
        campaign_id=campaign.id,
        price_minor=lowest.group_price_minor if lowest else None,
        currency=lowest.currency if lowest else "CNY",
        expires_at=campaign.ends_at,
    )


async def _picture(session: AsyncSession, whole: CampaignWithItems) -> str:
    """The card of what it names the price of, else of the first that has one."""
    pictures = await catalog.pictures_of(session, sku_ids={item.sku_id for item in whole.items})
    items = ([whole.lowest] if whole.lowest else []) + list(whole.items)
    return next((pictures[item.sku_id][0].card for item in items if item.sku_id in pictures), "")
