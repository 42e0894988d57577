"""Where and when a group can meet that buys a session together: what its first member chooses among."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import setup as repository
from appointments.service import finding, parties, planning
from appointments.service.planning import Asked
from appointments.types import ServiceView, Stretch
from groupbuy import api as groups
from groupbuy.types import CampaignWithItems
from stores.types import Place, ShopView
from yundian.attribution import api as attribution
from yundian.platform.core import clock
from yundian.platform.db.database import Database

DAYS = 14


@dataclass(frozen=True)
class Choice:
    """What a campaign's groups buy, and the shops of which one may be chosen, with their distance."""

    whole: CampaignWithItems
    service: ServiceView
    shops: list[tuple[ShopView, float | None]]

    def shop(self, shop_id: uuid.UUID | None) -> ShopView | None:
        """The one that was named, or the only one there is."""
        only = self.shops[0][0] if len(self.shops) == 1 else None
        return next((one for one, _distance in self.shops if one.id == shop_id), only)


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """Who would open a group."""

    brand_id: uuid.UUID
    member_id: uuid.UUID
    visitor: bytes | None


async def choice(
    session: AsyncSession, database: Database, *, code: str, chooser: Chooser, here: Place | None
) -> Choice:
    """Open shops of a campaign that offer its service, the nearest first; who does not say where she is finds
    the one first whose link brought her.

    Where a campaign leaves no choice, a group meets in that shop, if it takes part. Raises ``CampaignUnknown``,
    ``NotGroupOffer``.
    """
    whole = await groups.find_campaign(session, code=code)
    brought = await _shop_that_brought(database, chooser, whole)
    own = None if whole.campaign.has_pickup_choice else brought
    service = await parties.service_of(session, campaign_id=whole.campaign.id)
    offering = await repository.shops_offering(session, service_id=service.id)
    shops = [
        (shop, distance)
        for shop, distance in await finding.shops_around(session, here)
        if shop.id in offering and whole.includes(shop.id) and own in (None, shop.id)
    ]
    if here is None:
        shops.sort(key=lambda one: one[0].id != brought)
    return Choice(whole, service, shops)


async def times(
    session: AsyncSession, *, made: Choice, shop: ShopView, member_id: uuid.UUID, staff_id: uuid.UUID | None = None
) -> tuple[Asked, dict[dt.date, list[dt.datetime]]]:
    """The times of two weeks, from when everybody knows whether the group is complete."""
    now = clock.house()
    known_at = now + dt.timedelta(seconds=made.whole.campaign.group_life_s, minutes=made.service.notice_min)
    begin = clock.business_day(known_at, shop.time_zone)
    asked = await planning.ask(
        session,
        shop_id=shop.id,
        service_id=made.service.id,
        stretch=Stretch(begin, begin + dt.timedelta(days=DAYS - 1)),
        now=now,
        member_id=member_id,
    )
    return asked, {
        day: later
        for day, starts in asked.by_day(staff_id).items()
        if (later := [start for start in starts if start >= known_at])
    }


async def _shop_that_brought(database: Database, chooser: Chooser, whole: CampaignWithItems) -> uuid.UUID | None:
    async with database.connection(chooser.brand_id) as tx:
        found = await attribution.shop_that_brought(
            tx,
            member_id=chooser.member_id,
            visitor=chooser.visitor,
            at=clock.house(),
            campaign_id=whole.campaign.id,
        )
    return found if found is not None and whole.includes(found) else None
