"""What upper rooms and the composition root ask of group-buys."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.service import campaigns, checkout, reading
from groupbuy.service.checkout import Opening, Together
from groupbuy.service.seats import Buyer
from groupbuy.states import Standing
from groupbuy.types import CampaignFields, CampaignWithItems, Checkout, GroupView, Wish
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database

__all__ = ["Buyer", "Opening", "Together"]


async def create_campaign(session: AsyncSession, *, fields: CampaignFields) -> CampaignWithItems:
    """A draft that nobody but HQ sees."""
    return await campaigns.create_campaign(session, fields=fields)


async def publish_campaign(
    session: AsyncSession, *, campaign_id: uuid.UUID, version: int, now: dt.datetime
) -> CampaignWithItems:
    """Open it to everybody in its window. Records ``groupbuy.campaign_published.v1``."""
    return await campaigns.publish_campaign(session, campaign_id=campaign_id, version=version, now=now)


async def open_with(session: AsyncSession, *, campaign_id: uuid.UUID, name: str) -> CampaignWithItems:
    """Groups of this draft will be opened by the upper room of this name alone (see ``open_group``).

    Raises:
        CampaignUnknown, TermsAreFixed
    """
    return await campaigns.open_with(session, campaign_id=campaign_id, name=name)


async def get_campaign(session: AsyncSession, *, campaign_id: uuid.UUID) -> CampaignWithItems:
    """A campaign with its items and shops, or ``CampaignUnknown``."""
    return await campaigns.get_campaign(session, campaign_id=campaign_id)


async def find_campaign(session: AsyncSession, *, code: str) -> CampaignWithItems:
    """The same by the code in its address; drafts are unknown."""
    return await campaigns.find_campaign(session, code=code)


async def find_group(session: AsyncSession, *, code: str) -> GroupView:
    """A group by the code in its address, or ``GroupUnknown``."""
    return await reading.find_group(session, code=code)


async def get_group(session: AsyncSession, *, group_id: uuid.UUID) -> GroupView:
    """A group by its id, or ``GroupUnknown``."""
    return await reading.get_group(session, group_id=group_id)


async def drafts(session: AsyncSession, *, limit: int = 100) -> list[CampaignWithItems]:
    """Campaigns that nobody but HQ sees yet, the newest first; their shops are left out."""
    found = await campaigns.list_campaigns(session, standing=Standing.DRAFT, cursor=None, limit=limit)
    return found.items


async def campaigns_of(session: AsyncSession, *, ids: Sequence[uuid.UUID]) -> list[CampaignWithItems]:
    """These campaigns, whatever their state."""
    return await campaigns.campaigns_of(session, ids=list(ids))


async def open_group(
    database: Database, *, keyring: Keyring, buyer: Buyer, wish: Wish, together: Together
) -> Checkout:
    """Open a group and, in the same transaction, whatever ``together`` does; what it raises undoes all of it.

    Whoever holds an unpaid seat of the campaign gets it again, and ``together`` does not run.

    Raises:
        what a checkout refuses, and what ``together`` raises
    """
    return await checkout.check_out(database, keyring=keyring, buyer=buyer, wish=wish, together=together)


async def campaigns_to_share(
    session: AsyncSession, *, shop_id: uuid.UUID | None, now: dt.datetime
) -> list[CampaignWithItems]:
    """What a shop may share now; of ``None``: what runs in the brand."""
    return await campaigns.campaigns_to_share(session, shop_id=shop_id, now=now)
