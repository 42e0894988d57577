"""A shop whose party session is sold to groups."""

import datetime as dt
import uuid
from dataclasses import dataclass

import asyncpg

from appointments.service import parties
from appointments.service.parties import GroupStart
from groupbuy.service import campaigns
from groupbuy.states import LatePolicy
from groupbuy.types import CampaignWithItems, Checkout
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.groupbuy.kit import Fair, campaign_fields, open_fair
from yundian.app.rooms import rooms
from yundian.app.worker import registry_of
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.services import Services

_ROOMS = ("payments", "orders", "groupbuy", "appointments", "members")


@dataclass(frozen=True, kw_only=True)
class Parlour:
    """A shop with a party session of three, and the campaign that sells it to groups."""

    fair: Fair
    salon: Salon
    campaign: CampaignWithItems

    def start_of(self, days: int, hour: int = 10) -> dt.datetime:
        day = clock.business_day(clock.now(), self.salon.zone) + dt.timedelta(days=days)
        return dt.datetime.combine(day, dt.time(hour), dt.timezone(dt.timedelta(hours=8))).astimezone(dt.UTC)

    async def open(self, member_id: uuid.UUID, start: dt.datetime) -> Checkout:
        return await parties.open_group(
            self.fair.services.database,
            keyring=self.fair.services.keyring,
            buyer=self.fair.buyer(member_id),
            wish=GroupStart(
                campaign_code=self.campaign.campaign.code,
                sku_id=self.fair.sku_ids[0],
                shop_id=self.salon.shop_id,
                start=start,
            ),
        )

    async def bookings(self) -> list[tuple[str, uuid.UUID]]:
        rows = await self.salon.rows(
            "SELECT state, member_id FROM appointments_booking WHERE brand_id = $1 ORDER BY id"
        )
        return [(str(row["state"]), row["member_id"]) for row in rows]  # type: ignore[misc]

    async def live(self) -> int:
        [row] = await self.salon.rows(
            "SELECT count(*)::int AS n FROM appointments_occupancy WHERE brand_id = $1 AND is_live"
        )
        return int(str(row["n"]))


async def open_parlour(
    services: Services,
    brand: BrandView,
    pool: "asyncpg.Pool[asyncpg.Record]",
    *,
    chairs: int = 1,
    has_pickup_choice: bool = True,
    **service: object,
) -> Parlour:
    fair = await open_fair(services, brand, pool)
    fair.registry = registry_of([room for room in rooms() if room.name in _ROOMS])
    salon = await make_salon(
        services, brand, chairs=chairs, people=chairs, fields=service_fields(seats=3, **service)
    )
    async with services.database.unit_of_work(brand.id) as session:
        made = await campaigns.create_campaign(
            session,
            fields=campaign_fields(
                fair.sku_ids, late_policy=LatePolicy.REFUND, has_pickup_choice=has_pickup_choice
            ),
        )
        await parties.offer(session, campaign_id=made.campaign.id, service_id=salon.service.id)
        made = await campaigns.publish_campaign(
            session, campaign_id=made.campaign.id, version=made.campaign.version + 1, now=clock.now()
        )
    return Parlour(fair=fair, salon=salon, campaign=made)
