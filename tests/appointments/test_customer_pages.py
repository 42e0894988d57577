"""What a customer's pages say of times that came to nothing, that others had, and that she waits for."""

import datetime as dt
import re
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from appointments.service import waiting
from appointments.states import Source, WaitMode
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.parlour import open_parlour
from tests.appointments.test_booking import tomorrow
from tests.members.makers import Customer, make_customer, signed_in
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.services import Services
from yundian.platform.web import formats

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}


async def look(client: httpx.AsyncClient, path: str, customer: Customer) -> str:
    answer = await client.get(path, headers={**HTML, **customer.headers})
    assert answer.status_code == 200, (path, answer.text)
    return answer.text


async def full_day(
    services: Services, brand: BrandView, mode: WaitMode, **changes: object
) -> tuple[Salon, dt.datetime]:
    """A shop that has one time a day, and that of a day to come."""
    salon = await make_salon(
        services, brand, fields=service_fields(wait_mode=mode, step_min=720, duration_min=480, **changes)
    )
    [start] = await salon.starts(clock.business_day(tomorrow(days=2), salon.zone))
    return salon, start


async def wait_for(salon: Salon, *customers: Customer, start: dt.datetime, is_named: bool = False) -> None:
    for one in customers:
        async with salon.services.database.connection(salon.brand.id) as tx:
            await waiting.join(
                tx,
                member_id=one.id,
                shop_id=salon.shop_id,
                service_id=salon.service.id,
                staff_id=salon.staff[0] if is_named else None,
                day=clock.business_day(start, salon.zone),
                now=clock.now(),
            )


async def test_a_group_that_did_not_fill_stays_among_her_appointments_and_says_where_her_money_is(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    client.cookies.set("locale", "en")
    parlour = await open_parlour(services, brand, pool)
    [member] = await parlour.fair.customers(1)
    her = await signed_in(services, brand, member)
    made = await parlour.open(member, parlour.start_of(2))
    await parlour.fair.pay(made)
    await parlour.fair.work()
    mine = f"/m/{brand.code}/appointments"
    [row] = await parlour.salon.rows("SELECT code FROM appointments_booking WHERE brand_id = $1")
    hers, group = f"{mine}/{row['code']}", f"/m/{brand.code}/g/{made.group_code}"

    waits = await look(client, hers, her)
    panel = f"/m/{brand.code}/panels/orders/{made.order_id}/appointment"
    before = await look(client, panel, her)
    await parlour.fair.reach_deadline()
    late = await look(client, group, her)
    await parlour.fair.work()
    listed, shown = await look(client, mine, her), await look(client, hers, her)

    after = await look(client, panel, her)
    await parlour.fair.rows("UPDATE groupbuy_seat SET state = 'paid' WHERE brand_id = $1")
    at_once = await look(client, group, her)

    assert "held until the group is complete" in before
    assert "held until" not in after, "nothing is held for a group that is over"
    assert "on its way back" in at_once, "before the refund was asked for, too"
    assert "You are in" not in at_once
    assert f'href="{group}"' in waits, "whoever waits for others can invite them"
    assert "Share the group" not in late
    assert "The time is up" in late
    assert hers in listed
    assert "Group not complete" in listed
    assert "Not paid in time" not in listed + shown
    assert "What you paid goes back" in shown
    assert f'href="{group}"' in shown
    assert await parlour.live() == 0


async def test_an_offer_that_lapsed_says_so_at_once_and_leads_back_to_its_day(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon, start = await full_day(services, brand, WaitMode.SEQUENTIAL)
    her = await make_customer(services, brand)
    held = await salon.book(start, member_id=her.id, source=Source.WAITLIST, hold_min=30)
    mine = f"/m/{brand.code}/appointments"
    hers, take = f"{mine}/{held.code}", f"{mine}/{held.code}/accept"
    open_ = await look(client, hers, her)
    await salon.rows(
        "UPDATE appointments_booking SET expires_at = now() - interval '1 second' WHERE brand_id = $1"
    )
    over = await look(client, hers, her)
    await salon.ring("appointments.hold", held.booking_id)
    listed, ended = await look(client, mine, her), await look(client, hers, her)

    day = f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}?day={clock.business_day(start, salon.zone)}"
    assert take in open_
    for page in (over, ended):
        assert take not in page, "what nobody can have is not offered"
        assert "This offer has lapsed" in page
        assert day in page
    assert "Offer lapsed" in listed
    assert "Not paid in time" not in listed + ended


async def test_who_waits_is_not_asked_to_wait_again_and_a_time_for_all_is_that_of_whom_she_named(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon, start = await full_day(services, brand, WaitMode.BROADCAST)
    holder, first, second, other = [await make_customer(services, brand) for _ in range(4)]
    booked = await salon.book(start, member_id=holder.id)
    await wait_for(salon, first, second, start=start, is_named=True)
    place, day = f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}", clock.business_day(start, salon.zone)
    strangers, hers = [await look(client, f"{place}?day={day}", one) for one in (other, second)]
    await salon.rows(
        "DELETE FROM appointments_occupancy WHERE brand_id = $1",
    )
    await salon.rows(
        "UPDATE appointments_booking SET state = 'cancelled' WHERE brand_id = $1 AND id = $2", booked.booking_id
    )
    await salon.rows(
        "UPDATE appointments_wait SET state = 'offered', offered_start = $2,"
        " offer_expires_at = now() + interval '30 minutes' WHERE brand_id = $1",
        start,
    )
    offered = await look(client, f"/m/{brand.code}/appointments", second)
    await salon.book(start, member_id=first.id, staff_id=salon.staff[0])
    await salon.deliver()
    gone = await look(client, f"/m/{brand.code}/appointments", second)

    assert f"{place}/wait" in strangers
    assert f"{place}/wait" not in hers
    assert "You are on the waiting list of this day" in hers
    assert "became free" in offered
    assert re.search(r"until \d\d:\d\d", offered)
    assert f"{place}/confirm?start={quote(start.isoformat())}&amp;staff={salon.staff[0]}" in offered
    assert "became free" not in gone
    assert "/leave" in gone, "she waits on"


async def test_who_is_too_late_to_move_is_told_before_she_chooses(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon = await make_salon(services, brand, fields=service_fields(cutoff_min=20_000))
    her = await make_customer(services, brand)
    booked = await salon.book(tomorrow(days=2), member_id=her.id)

    times = await look(client, f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}?move={booked.code}", her)

    assert "Too late to change this" in times
    assert "/confirm?" not in times


async def test_who_is_late_reads_until_when_the_shop_waits_and_who_was_missed_what_she_can_do(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon = await make_salon(services, brand, fields=service_fields(grace_min=20))
    her = await make_customer(services, brand)
    booked = await salon.book(tomorrow(days=2), member_id=her.id)
    hers = f"/m/{brand.code}/appointments/{booked.code}"
    link = re.findall(r'href="(/a/[^"]+)"', await look(client, hers, her))[0]
    said = re.compile(r"the shop waits for you until (\d\d:\d\d)")
    before = await look(client, hers, her)
    await salon.rows("UPDATE appointments_booking SET attention = 'choose' WHERE brand_id = $1")
    asked = await look(client, link, her)
    await salon.rows("UPDATE appointments_booking SET attention = '' WHERE brand_id = $1")
    await salon.shift(booked.booking_id, clock.now() - dt.timedelta(minutes=5) - tomorrow(days=2))
    ends = (await salon.see(booked.booking_id)).starts_at + dt.timedelta(minutes=20)
    begun = [await look(client, path, her) for path in (hers, link)]
    await salon.rows("UPDATE appointments_booking SET state = 'no_show' WHERE brand_id = $1")
    missed, missed_link = [await look(client, path, her) for path in (hers, link)]

    past = "starts_at = starts_at - interval '40 days', ends_at = ends_at - interval '40 days'"
    await salon.rows(f"UPDATE appointments_booking SET {past} WHERE brand_id = $1")
    over = await client.get(link, headers=HTML)

    assert over.status_code == 410
    assert f'href="/m/{brand.code}/book"' in over.text, "whoever kept a link finds the brand again"
    assert "shop waits" not in before
    assert "nobody can serve you at this time" in asked, "whoever has only the link is to choose too"
    assert [said.findall(page) for page in begun] == [[formats.time(ends, salon.zone)]] * 2
    assert f"waited for you until {formats.time(ends, salon.zone)}" in missed
    assert f'href="/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}"' in missed_link
