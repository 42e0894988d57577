"""拼团预约: one session for a group, held while it fills, booked when it is full, free and paid back when not."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg
import pytest

from appointments.errors import SlotTaken, TooSoon
from appointments.service import parties
from appointments.service.parties import GroupStart
from groupbuy.errors import OpensElsewhere
from groupbuy.service import campaigns
from groupbuy.states import LatePolicy
from groupbuy.types import CampaignWithItems, Checkout
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.groupbuy.kit import Fair, campaign_fields, open_fair
from yundian.app.rooms import rooms
from yundian.app.worker import registry_of
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError, InvalidInput
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

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


@pytest.fixture
async def pool(services: Services) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    opened = await open_pool(services.settings, role=RELAY_ROLE, size=2)
    yield opened
    await opened.close()


async def open_parlour(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]", *, chairs: int = 1
) -> Parlour:
    fair = await open_fair(services, brand, pool)
    fair.registry = registry_of([room for room in rooms() if room.name in _ROOMS])
    salon = await make_salon(services, brand, chairs=chairs, people=chairs, fields=service_fields(seats=3))
    async with services.database.unit_of_work(brand.id) as session:
        fields = campaign_fields(fair.sku_ids, late_policy=LatePolicy.REFUND)
        made = await campaigns.create_campaign(session, fields=fields)
        await parties.offer(session, campaign_id=made.campaign.id, service_id=salon.service.id)
        made = await campaigns.publish_campaign(
            session, campaign_id=made.campaign.id, version=made.campaign.version + 1, now=clock.now()
        )
    return Parlour(fair=fair, salon=salon, campaign=made)


async def test_a_group_holds_its_session_and_everybody_is_booked_when_it_is_full(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool)
    fair, start = parlour.fair, parlour.start_of(2)
    leader, second, third = await fair.customers(3)

    with pytest.raises(OpensElsewhere):
        await fair.start(parlour.campaign, leader)
    with pytest.raises(TooSoon):
        await parlour.open(leader, clock.now() + dt.timedelta(minutes=30))
    assert await parlour.bookings() == []
    opened = await parlour.open(leader, start)
    again = await parlour.open(leader, start)

    assert (again.group_code, again.is_new) == (opened.group_code, False)
    assert await parlour.bookings() == [("held", leader)]
    assert start not in await parlour.salon.starts(start.astimezone(dt.timezone(dt.timedelta(hours=8))).date())
    # Wherever the others would collect: they meet where the first of them chose, and no stock is asked for.
    joined = [await fair.join(opened.group_code, one, pickup_shop_id=fair.shop.id) for one in (second, third)]
    meeting = await fair.rows("SELECT DISTINCT pickup_shop_id FROM groupbuy_seat WHERE brand_id = $1")
    assert [row["pickup_shop_id"] for row in meeting] == [parlour.salon.shop_id]
    assert await fair.rows("SELECT FROM stores_stock_movement WHERE brand_id = $1 AND kind = 'reserve'") == []
    await fair.pay(opened, *joined)
    await fair.work()

    assert sorted(await parlour.bookings(), key=str) == sorted(
        [("confirmed", one) for one in (leader, second, third)], key=str
    )
    assert await parlour.live() == 5, "who serves, the chair, and each of the three"
    [session] = await parlour.salon.rows(
        "SELECT taken, seats, is_private FROM appointments_session WHERE brand_id = $1"
    )
    assert (session["taken"], session["seats"], session["is_private"]) == (3, 3, True)
    with pytest.raises(SlotTaken):
        await parlour.salon.book(start)


async def test_a_group_that_does_not_fill_gives_its_session_and_its_money_back(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool)
    fair, start = parlour.fair, parlour.start_of(2)
    leader, second, other = await fair.customers(3)
    opened = await parlour.open(leader, start)
    joined = await fair.join(opened.group_code, second, pickup_shop_id=parlour.salon.shop_id)
    await fair.pay(opened, joined)
    await fair.work()

    await fair.reach_deadline()
    await fair.work()

    assert await parlour.bookings() == [("expired", leader)]
    assert await parlour.live() == 0
    assert await fair.arrive() == 2, "both are paid back"
    assert (await parlour.open(other, start)).is_new, "and another group may have the time"


async def test_of_groups_that_want_the_same_session_one_has_it_and_nobody_else_has_an_order(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool, chairs=2)
    start = parlour.start_of(3)
    people = await parlour.fair.customers(12)

    async def attempt(member_id: uuid.UUID) -> str:
        try:
            await parlour.open(member_id, start)
        except DomainError as refusal:
            return refusal.code
        return "opened"

    results: Sequence[str] = await asyncio.gather(*(attempt(one) for one in people))

    assert sorted(results) == sorted(["opened"] * 2 + [SlotTaken.code] * 10)
    assert len(await parlour.fair.order_states()) == 2
    assert len(await parlour.fair.rows("SELECT 1 FROM groupbuy_group WHERE brand_id = $1")) == 2
    assert len(await parlour.bookings()) == 2


async def test_what_a_group_cannot_buy_is_not_offered_to_groups(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    fair = await open_fair(services, brand, pool)
    small = await make_salon(services, brand, fields=service_fields(seats=2))
    async with services.database.unit_of_work(brand.id) as session:
        made = await campaigns.create_campaign(
            session, fields=campaign_fields(fair.sku_ids, late_policy=LatePolicy.REFUND)
        )
    with pytest.raises(InvalidInput):
        async with services.database.unit_of_work(brand.id) as session:
            await parties.offer(session, campaign_id=made.campaign.id, service_id=small.service.id)
