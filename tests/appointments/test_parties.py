"""拼团预约: one session for a group, held while it fills, booked when it is full, free and paid back when not."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Sequence

import asyncpg
import msgspec
import pytest

from appointments.errors import SlotTaken, TooSoon
from appointments.handlers import book_group
from appointments.service import parties, prepaid, sessions, undoing
from appointments.service.moving import NewTime
from appointments.types import Actor
from groupbuy.errors import OpensElsewhere
from groupbuy.events import GroupFilled
from groupbuy.service import campaigns
from groupbuy.states import LatePolicy
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.parlour import open_parlour
from tests.groupbuy.kit import campaign_fields, open_fair
from yundian.app.rooms import rooms
from yundian.app.worker import registry_of
from yundian.brands.types import BrandView
from yundian.orders import api as orders
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError, InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio


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

    # Its shop moves it, whatever else one of them has then; all of them go, and the group meets there.
    salon, other = parlour.salon, await make_salon(services, brand)
    later = start + dt.timedelta(hours=2)
    await other.book(later, member_id=second)
    [one] = await salon.rows("SELECT id FROM appointments_booking WHERE brand_id = $1 AND member_id = $2", leader)
    before, shops = await salon.see(uuid.UUID(str(one["id"]))), frozenset({salon.shop_id})
    to = NewTime(start=later, staff_id=None, by=Actor.SHOP, actor_id=None)
    moved = await sessions.reschedule(
        services.database, brand_id=brand.id, booking_id=before.id, to=to, shops=shops
    )

    async def meets() -> tuple[dt.datetime, list[uuid.UUID]]:
        async with services.database.connection(brand.id) as tx:
            party = await parties.party_of(
                tx, group_id=await tx.fetchval("SELECT group_id FROM appointments_party")
            )
            assert party is not None
            orders_of = [
                await prepaid.booking_of(tx, member_id=row["member_id"], order_id=row["order_id"])
                for row in await fair.rows("SELECT member_id, order_id FROM groupbuy_seat WHERE brand_id = $1")
            ]
        return party.starts_at, sorted(
            each.id for each in orders_of if each is not None and each.starts_at == later
        )

    at, theirs = await meets()
    assert (at, len(theirs)) == (later, 3), "each order leads to its appointment where it is now"
    assert start not in await salon.starts(before.local_day), "kept for them until the move stands"
    await undoing.undo(
        services.database,
        brand_id=brand.id,
        booking_id=moved.id,
        shops=shops,
        actor_id=None,
        sequence=moved.sequence,
    )
    assert await meets() == (start, [])
    assert (await salon.see(before.id)).code == before.code
    assert start not in await salon.starts(before.local_day)


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


async def test_who_was_paid_back_before_the_group_s_word_came_has_no_seat(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    """Headquarters refund one of a group that is complete, and what groups tell is late."""
    parlour = await open_parlour(services, brand, pool)
    fair, start = parlour.fair, parlour.start_of(2)
    leader, second, third = await fair.customers(3)
    opened = await parlour.open(leader, start)
    joined = [await fair.join(opened.group_code, one, pickup_shop_id=fair.shop.id) for one in (second, third)]
    fair.registry = registry_of([room for room in rooms() if room.name in ("payments", "orders", "groupbuy")])
    await fair.pay(opened, *joined)
    await fair.work()
    [hers] = await fair.rows("SELECT id FROM orders_order WHERE brand_id = $1 AND member_id = $2", leader)
    async with services.database.connection(brand.id) as tx:
        await orders.cancel_paid(tx, order_ids=[hers["id"]], reason="by_hq")
    await fair.work()
    assert await fair.arrive() == 1
    await fair.work()
    [row] = await fair.rows("SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = 'groupbuy.filled.v1'")
    told = msgspec.json.decode(str(row["payload"]), type=GroupFilled)

    async with services.database.connection(brand.id) as tx:
        await book_group.handle(tx, [Delivered(new_id(), told)])

    assert sorted(await parlour.bookings(), key=str) == sorted(
        [("confirmed", one) for one in (second, third)], key=str
    )
    [session] = await parlour.salon.rows("SELECT taken FROM appointments_session WHERE brand_id = $1")
    assert session["taken"] == 2
    assert await parlour.live() == 4, "who serves, the chair, and each of the two"


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
