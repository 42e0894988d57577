"""Who bought her session in a group has one code: the order goes as the appointment goes, in the same act."""

import asyncio
import datetime as dt
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from appointments.errors import BookingUnknown, NotNow, PaidBack
from appointments.service import booking as book
from appointments.service import life, setup, steps
from appointments.service.moving import NewTime, reschedule
from appointments.service.steps import By, Step
from appointments.types import Actor, BookingView, StaffFields
from stores import api as stores
from tests.appointments.makers import week
from tests.appointments.parlour import Parlour, open_parlour
from tests.helpers import submit
from tests.members.makers import make_customer, signed_in
from tests.people import sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api as attribution
from yundian.brands.types import BrandView
from yundian.orders import api as orders
from yundian.orders.service import handing_over
from yundian.orders.states import EventKind, OrderState
from yundian.orders.types import by_staff
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.principal import Role
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_CLERK = uuid.UUID(int=7)


@dataclass(frozen=True, kw_only=True)
class Party:
    """A group whose session is booked for three."""

    parlour: Parlour
    members: tuple[uuid.UUID, ...]
    orders: Mapping[uuid.UUID, uuid.UUID]

    @property
    def by(self) -> By:
        return By(_CLERK, frozenset({self.parlour.salon.shop_id}))

    async def booking(self, member_id: uuid.UUID) -> BookingView:
        [row] = await self.parlour.salon.rows(
            "SELECT id FROM appointments_booking"
            " WHERE brand_id = $1 AND member_id = $2 AND state <> 'rescheduled'",
            member_id,
        )
        return await self.parlour.salon.see(uuid.UUID(str(row["id"])))

    async def state(self, member_id: uuid.UUID) -> str:
        async with self.parlour.fair.services.database.connection(self.parlour.fair.brand.id) as tx:
            return (await orders.get_order(tx, order_id=self.orders[member_id])).state.value

    async def today(self, *, minutes: int = 30) -> None:
        """The session begins in so many minutes."""
        one = await self.booking(self.members[0])
        by = clock.now() + dt.timedelta(minutes=minutes) - one.starts_at
        for member_id in self.members:
            await self.parlour.salon.shift((await self.booking(member_id)).id, by)

    async def check_in(self, member_id: uuid.UUID) -> None:
        services = self.parlour.fair.services
        code = (await self.booking(member_id)).code
        await steps.check_in(services.database, brand_id=self.parlour.fair.brand.id, code=code, by=self.by)

    async def take(self, member_id: uuid.UUID, step: Step) -> None:
        services = self.parlour.fair.services
        one = await self.booking(member_id)
        await steps.take(
            services.database, brand_id=self.parlour.fair.brand.id, booking_id=one.id, step=step, by=self.by
        )

    async def collected(self) -> int:
        """How often it was told that an order was handed over."""
        [row] = await self.parlour.salon.rows(
            "SELECT count(*)::int AS n FROM outbox_event WHERE brand_id = $1 AND tag = 'orders.collected.v1'"
        )
        return int(str(row["n"]))


async def full_party(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]", **terms: Any
) -> Party:
    parlour = await open_parlour(services, brand, pool, **terms)
    fair = parlour.fair
    leader, second, third = await fair.customers(3)
    opened = await parlour.open(leader, parlour.start_of(2))
    joined = [
        await fair.join(opened.group_code, one, pickup_shop_id=parlour.salon.shop_id) for one in (second, third)
    ]
    await fair.pay(opened, *joined)
    await fair.work()
    made = {leader: opened.order_id, second: joined[0].order_id, third: joined[1].order_id}
    return Party(parlour=parlour, members=(leader, second, third), orders=made)


async def pages_of(client: httpx.AsyncClient, party: Party, member_id: uuid.UUID) -> list[str]:
    """What her order says to her, to her shop, to another shop and to headquarters, in English."""
    fair, shop_id = party.parlour.fair, party.parlour.salon.shop_id
    services, brand, order_id = fair.services, fair.brand, party.orders[member_id]
    async with services.database.connection(brand.id) as tx:
        order = await orders.get_order(tx, order_id=order_id)
    hers = await signed_in(services, brand, member_id)
    staff = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=shop_id)
    other = await make_shop(services, brand, fields=shop_fields(f"O-{readable_code(8)}"))
    stranger = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=other.id)
    hq = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    looks = (
        (f"/m/{brand.code}/orders/{order.number}", hers),
        (f"/m/{brand.code}/panels/orders/{order_id}/appointment", hers),
        (f"/shop/orders/{order_id}", staff),
        (f"/shop/orders/all?shop={shop_id}", staff),
        (f"/shop/panels/orders/{order_id}/appointment", staff),
        (f"/hq/orders/{order_id}", hq),
        (f"/shop/panels/orders/{order_id}/appointment", stranger),
    )
    client.cookies.set("locale", "en")
    answers = [await client.get(url, headers={"Accept": "text/html", **who.headers}) for url, who in looks]
    assert [one.status_code for one in answers] == [200] * 6 + [404]
    return [one.text for one in answers[:6]]


async def test_her_appointment_s_code_hands_the_order_over_once_however_many_scan_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    party = await full_party(services, brand, pool)
    leader, second, third = party.members
    await party.today()
    told = await pages_of(client, party, leader)
    assert not [one for one in told if re.search("(· |<span[^>]*>|<dt>)(Ready to collect|Collected)<", one)]
    assert [told[index].count("Booked") for index in (1, 4)] == [1, 1]
    day = clock.business_day((await party.booking(leader)).starts_at, "Asia/Shanghai")
    assert [f"Booked for {day:%A}" in told[index] for index in (1, 4)] == [True, True]
    assert [">Booked<" in told[index] for index in (0, 2, 5)] == [True] * 3
    async with services.database.connection(brand.id) as tx:
        ready = await orders.get_order(tx, order_id=party.orders[leader])
        code = await handing_over.pick_up_code(tx, keyring=services.keyring, order=ready)
    assert (ready.state, code) == (OrderState.READY, None), "there is no second code"

    async def attempt(number: int) -> str:
        clerk = By(uuid.UUID(int=7 + number % 2), party.by.shops)
        try:
            one = await party.booking(leader)
            await steps.check_in(services.database, brand_id=brand.id, code=one.code, by=clerk)
        except DomainError as refusal:
            return refusal.code
        return "in"

    results = await asyncio.gather(*(attempt(number) for number in range(6)))

    assert sorted(results) == sorted(["in"] * 3 + [NotNow.code] * 3), "one of the two, who tapped more than once"
    assert await party.state(leader) == "collected"
    assert await party.collected() == 1
    told = await pages_of(client, party, leader)
    assert [">Attended<" in told[index] for index in (0, 2, 5)] == [True] * 3
    assert ["Attended: " in told[index] for index in (1, 4)] == [True, True]
    assert not [one for one in told if re.search("(· |<span[^>]*>|<dt>)(Ready to collect|Collected)<", one)]
    # Another shop's people know of neither.
    elsewhere = By(_CLERK, frozenset({new_id()}))
    hers = (await party.booking(second)).code
    with pytest.raises(BookingUnknown):
        await steps.check_in(services.database, brand_id=brand.id, code=hers, by=elsewhere)
    assert await party.state(second) == "ready"
    # Handed over first, by whoever: the check-in still counts, and nothing is handed over twice.
    async with services.database.connection(brand.id) as tx:
        await orders.hand_over(tx, order_id=party.orders[second], actor=by_staff(_CLERK))
    await party.check_in(second)
    assert (await party.booking(second)).state.value == "arrived"
    assert await party.collected() == 2
    # An own key that looks like an order's opens nobody's order.
    start = party.parlour.start_of(4)
    [stranger] = await party.parlour.fair.customers(1)
    forged = await party.parlour.salon.book(start, member_id=stranger, request_key=f"group:{party.orders[third]}")
    await party.parlour.salon.shift(forged.booking_id, clock.now() + dt.timedelta(minutes=20) - start)
    await party.take(stranger, Step.ARRIVE)
    assert await party.state(third) == "ready"


async def test_a_check_in_that_dies_half_way_has_done_nothing_and_one_before_the_release_is_followed(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    party = await full_party(services, brand, pool)
    leader, second, _ = party.members
    await party.today()

    class Died(BaseException):
        pass

    async def dies(tx: Tx) -> None:
        one = await life.see(tx, booking_id=(await party.booking(leader)).id, is_locked=True)
        await life.check_in(tx, one, actor_id=_CLERK, now=clock.now())
        raise Died

    with pytest.raises(Died):
        await book.decided(services.database, brand.id, dies)
    assert (await party.booking(leader)).state.value == "confirmed"
    assert await party.state(leader) == "ready"
    assert await party.collected() == 0
    # The courier was slow: she is served, the release follows.
    await party.parlour.salon.rows(
        "UPDATE orders_order SET state = 'waiting', released_at = NULL WHERE brand_id = $1 AND id = $2",
        party.orders[second],
    )
    await party.check_in(second)
    assert await party.state(second) == "waiting"
    async with services.database.connection(brand.id) as tx:
        await orders.release(tx, order_ids=[party.orders[second]], at=clock.now())
    await party.parlour.fair.work()
    assert await party.state(second) == "collected"
    [told] = await party.parlour.salon.rows(
        "SELECT actor_id FROM orders_event WHERE brand_id = $1 AND order_id = $2 AND kind = $3",
        party.orders[second],
        EventKind.COLLECTED.value,
    )
    assert told["actor_id"] == _CLERK, "whoever checked her in"


async def test_what_is_cancelled_or_missed_is_paid_back_also_where_it_was_moved_to(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    party = await full_party(services, brand, pool)
    leader, second, third = party.members
    moved = await reschedule(
        services.database,
        brand_id=brand.id,
        booking_id=(await party.booking(second)).id,
        member_id=second,
        to=NewTime(start=party.parlour.start_of(5), staff_id=None, by=Actor.CUSTOMER, actor_id=second),
    )
    await party.take(second, Step.CANCEL)
    await party.today(minutes=-40)
    await party.check_in(leader)
    await party.take(third, Step.MISSED)

    assert (await party.parlour.salon.see(moved.id)).state.value == "cancelled"
    assert (await party.booking(third)).state.value == "no_show"
    assert [await party.state(one) for one in party.members] == ["collected", "cancelled", "cancelled"]
    # She comes after all: her money is on its way back, so nothing is left to be used.
    with pytest.raises(PaidBack):
        await party.check_in(third)
    assert (await party.booking(third)).state.value == "no_show"
    assert await party.parlour.fair.arrive() == 2, "each is paid back, once"
    # Paid back after her seat was moved, it is that seat which is free.
    await party.parlour.fair.work()
    assert (await party.booking(leader)).state.value == "arrived"


async def test_what_was_handed_over_is_not_cancelled_nor_taken_back_also_where_the_shop_moved_it_to(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    party = await full_party(services, brand, pool)
    leader, second, third = party.members
    await reschedule(
        services.database,
        brand_id=brand.id,
        booking_id=(await party.booking(second)).id,
        shops=party.by.shops,
        to=NewTime(start=party.parlour.start_of(5), staff_id=None, by=Actor.SHOP, actor_id=None),
    )
    await party.parlour.salon.settle()
    await party.today()
    moved = await party.booking(second)
    await party.parlour.salon.shift(moved.id, clock.now() + dt.timedelta(minutes=30) - moved.starts_at)
    for member_id in (leader, second):
        await party.check_in(member_id)
        for step in (Step.NOT_HERE, Step.CANCEL):
            with pytest.raises(NotNow):
                await party.take(member_id, step)
        assert (await party.booking(member_id)).state.value == "arrived"
    await party.take(third, Step.CANCEL)

    assert [await party.state(one) for one in party.members] == ["collected", "collected", "cancelled"]
    assert await party.collected() == 2


async def test_where_staying_away_is_charged_what_was_paid_is_kept_until_it_is_forgiven(
    services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    terms = {"is_no_show_charged": True, "is_late_cancel_charged": True, "cutoff_min": 120}
    party = await full_party(services, brand, pool, **terms)
    leader, second, third = party.members
    await party.today(minutes=60)

    async def cancels(tx: Tx) -> None:
        one = await life.see(tx, booking_id=(await party.booking(leader)).id, is_locked=True)
        await life.cancel(tx, one, by=Actor.CUSTOMER, actor_id=leader, now=clock.now())

    await book.decided(services.database, brand.id, cancels)
    assert (await party.booking(leader)).state.value == "cancelled_late"
    await party.today(minutes=-40)
    await party.take(third, Step.MISSED)
    assert (await party.booking(third)).state.value == "no_show_penalized"
    assert [await party.state(one) for one in party.members] == ["completed", "ready", "completed"]

    await party.take(second, Step.MISSED)
    await party.take(second, Step.WAIVE)
    # All of them were given up, and the session with them: it is hers again.
    await party.check_in(third)

    assert (await party.booking(third)).state.value == "arrived", "she came late, and what she paid counts"
    assert [await party.state(one) for one in party.members] == ["completed"] * 3
    assert await party.collected() == 0
    assert await party.parlour.fair.arrive() == 1, "forgiven: hers goes back"


async def test_a_group_meets_in_the_shop_whose_link_brought_its_first_member(
    client: httpx.AsyncClient,
    services: Services,
    brand: BrandView,
    pool: "asyncpg.Pool[asyncpg.Record]",
) -> None:
    parlour = await open_parlour(services, brand, pool, has_pickup_choice=False)
    salon, code = parlour.salon, parlour.campaign.campaign.code
    other = await make_shop(services, brand, fields=shop_fields("A-OTHER", name="Second shop"))
    async with services.database.unit_of_work(brand.id) as session:
        one = await setup.save_staff(
            session,
            staff_id=None,
            version=None,
            fields=StaffFields(display_name="B", home_shop_id=other.id, service_ids=(salon.service.id,)),
        )
        await setup.put_plan(session, staff_id=one.id, lines=week(other.id))
        await setup.add_resource(session, shop_id=other.id, kind="化妆椅", name="1")
    anna, berta = await make_customer(services, brand), await make_customer(services, brand)
    link, visitor = await parlour.fair.touched(parlour.campaign, other)
    async with services.database.connection(brand.id) as tx:
        await attribution.bind_visitor(tx, visitor=visitor, member_id=berta.id)
    start = f"/m/{brand.code}/book/group/{code}/start"

    free = await client.get(start, headers={"Accept": "text/html", **anna.headers})
    near = await client.get(f"{start}?lat=31.22&lon=121.46", headers={"Accept": "text/html", **anna.headers})
    brought = await client.get(start, headers={"Accept": "text/html", **berta.headers})
    begins = parlour.start_of(3).isoformat()
    elsewhere = await submit(client, start, {"shop": str(salon.shop_id), "start": begins}, **berta.headers)
    there = await submit(client, start, {"shop": str(other.id), "start": begins}, **berta.headers)

    assert [f"?shop={shop}" in free.text for shop in (salon.shop_id, other.id)] == [True, True]
    assert "near-map" not in free.text
    assert "near-map" in near.text
    assert f"?shop={salon.shop_id}" not in brought.text, "there is nothing to choose"
    assert "Second shop" in brought.text
    assert f'value="{other.id}"' in brought.text
    assert elsewhere.status_code == 409
    assert there.headers["location"].startswith("/pay/")
    [order] = await salon.rows("SELECT attributed_shop_id, handed_by FROM orders_order WHERE brand_id = $1")
    assert (order["attributed_shop_id"], order["handed_by"]) == (other.id, "appointments")
    assert link.shop_id == other.id

    # Where she may choose, the shop that brought her stands first.
    carla = await make_customer(services, brand)
    async with services.database.unit_of_work(brand.id) as session:
        own = (await stores.get_shop(session, shop_id=salon.shop_id)).shop
    _link, visitor = await parlour.fair.touched(parlour.campaign, own)
    async with services.database.connection(brand.id) as tx:
        await attribution.bind_visitor(tx, visitor=visitor, member_id=carla.id)
    await salon.rows("UPDATE groupbuy_campaign SET has_pickup_choice = true WHERE brand_id = $1")
    for customer, first in ((berta, other.id), (carla, salon.shop_id)):
        listed = await client.get(start, headers={"Accept": "text/html", **customer.headers})
        assert re.findall(r"\?shop=([0-9a-f-]{36})", listed.text)[0] == str(first)
