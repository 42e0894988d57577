"""A shop's day on its board: what is shown when clocks change, what an old page may not do, what can be undone."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import httpx
import pytest

from appointments.rules import boards
from appointments.service import life, moving
from appointments.service.moving import NewTime
from appointments.states import BookingState, DepositState
from appointments.types import Actor
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}


def test_chairs_stand_in_the_order_in_which_people_count() -> None:
    names = ["10 号椅", "2 号椅", "1 号椅", "VIP 2", "VIP 10", "VIP", ""]

    assert sorted(names, key=boards.natural) == ["", "VIP", "VIP 2", "VIP 10", "1 号椅", "2 号椅", "10 号椅"]


@pytest.mark.parametrize(
    ("zone", "day", "length", "odd"),
    [
        ("America/New_York", dt.date(2026, 3, 8), 23 * 60, "02:00"),
        ("America/New_York", dt.date(2026, 11, 1), 25 * 60, "01:00"),
        ("Australia/Lord_Howe", dt.date(2026, 10, 4), 23 * 60 + 30, "02:00"),
        ("Australia/Lord_Howe", dt.date(2026, 4, 5), 24 * 60 + 30, "01:30"),
        ("Asia/Shanghai", dt.date(2026, 11, 22), 24 * 60, ""),
    ],
)
def test_a_board_counts_the_minutes_that_pass_when_the_clock_is_changed(
    zone: str, day: dt.date, length: int, odd: str
) -> None:
    here = ZoneInfo(zone)
    midnight = dt.datetime.combine(day, dt.time(), here).astimezone(dt.UTC)
    until = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), here).astimezone(dt.UTC)

    frame = boards.frame(zone, day, [(midnight, until)])

    assert (frame.begins, frame.minutes) == (midnight, length)
    for tick in frame.ticks:
        local = (midnight + dt.timedelta(minutes=tick.at)).astimezone(here)
        assert tick.clock == f"{local:%H:%M}"
    clocks = [tick.clock for tick in frame.ticks]
    if length == 23 * 60:
        assert odd not in clocks
    if length == 25 * 60:
        assert clocks.count(odd) == 2


async def test_a_night_is_on_the_boards_of_both_days_and_an_open_board_is_sent_only_what_is_new(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    zone = "Australia/Lord_Howe"
    salon = await make_salon(services, brand, people=6, zone=zone, fields=service_fields(step_min=30))
    await salon.rows("UPDATE appointments_plan_span SET starts = 1200, ends = 1560 WHERE brand_id = $1")
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    late = tomorrow(zone, hour=23, minute=30, days=2)
    booked = await salon.book(late, staff_id=salon.staff[5])
    day = clock.business_day(late, zone)
    part = f"/shop/appointments/board?shop={salon.shop_id}"

    seen = ""
    for shown, by in ((day, "staff"), (day + dt.timedelta(days=1), "staff"), (day, "chair")):
        page = await client.get(f"{part}&day={shown}&by={by}", headers=owner)
        assert page.text.count("data-lane=") == (1 if by == "chair" else 6)
        (card,) = re.findall(r'data-at="(\d+)" data-minutes="(\d+)" data-column', page.text)
        begins = int(re.findall(r'data-begins="(\d+)"', page.text)[0])
        assert begins + int(card[0]) * 60 == max(late.timestamp(), begins)
        assert int(card[1]) == (60 if shown == day else 30)
        (seen,) = re.findall(r'data-board-shown="(\w+)"', page.text)
    same = await client.get(f"{part}&day={day}&by=chair&seen={seen}", headers=owner)
    await submit(client, f"/shop/appointments/{booked.booking_id}/cancel", {"reason": "x"}, **owner)
    changed = await client.get(f"{part}&day={day}&by=chair&seen={seen}", headers=owner)

    assert same.status_code == 204
    assert changed.status_code == 200
    assert "data-card=" not in changed.text
    assert f"/shop/appointments/{booked.booking_id}" in changed.text


async def test_an_old_page_overwrites_nothing(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=2, fields=service_fields(step_min=15))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    start = tomorrow(days=2)
    booked = await salon.book(start, staff_id=salon.staff[0])
    sheet = f"/shop/appointments/{booked.booking_id}"
    seen = (await salon.see(booked.booking_id)).sequence
    old = {"version": str(seen), "staff": str(salon.staff[1])}

    first = await submit(client, f"{sheet}/people", old, **owner)
    again = await submit(client, f"{sheet}/people", {**old, "staff": str(salon.staff[2])}, **owner)
    timed = await submit(client, f"{sheet}/time", {**old, "start": tomorrow(hour=15).isoformat()}, **owner)
    place = {"version": str(seen), "lane": str(salon.staff[2]), "start": start.isoformat(), "by": "staff"}
    dropped = await submit(client, f"{sheet}/place", place, **owner)

    assert first.status_code == 303
    assert [each.status_code for each in (again, timed, dropped)] == [409, 409, 409]
    for never in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        for path in ("time", "place"):
            answer = await submit(client, f"{sheet}/{path}", {**place, "start": never}, **owner)
            assert answer.status_code == 400
    now = await salon.see(booked.booking_id)
    assert (now.staff_id, now.starts_at, now.state) == (salon.staff[1], start, BookingState.CONFIRMED)


async def test_among_chairs_she_keeps_who_serves_her_and_another_time_keeps_the_person_she_chose(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=3, fields=service_fields(step_min=15))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    start = tomorrow(days=2)
    booked = await salon.book(start, staff_id=salon.staff[2])
    one = await salon.see(booked.booking_id)
    (other,) = [chair for chair in salon.chairs if chair != one.resource_id][:1]
    sheet = f"/shop/appointments/{one.id}"

    places = (await client.get(f"{sheet}/places?day={one.local_day}&by=chair", headers=owner)).json()
    assert set(places) == {str(chair) for chair in salon.chairs}
    drop = {"version": str(one.sequence), "lane": str(other), "by": "chair"}
    later = start + dt.timedelta(minutes=45)
    moved = await submit(client, f"{sheet}/place", {**drop, "start": later.isoformat()}, **owner)
    (new,) = await salon.rows(
        "SELECT id, staff_id, resource_id, starts_at FROM appointments_booking"
        " WHERE brand_id = $1 AND moved_from = $2",
        one.id,
    )
    page = await client.get(f"/shop/appointments/{new['id']}", headers={**HTML, **owner})

    assert moved.status_code == 200
    assert (new["staff_id"], new["resource_id"], new["starts_at"]) == (salon.staff[2], other, later)
    # What the sheet offers is with the same person, too.
    assert set(re.findall(r'name="staff" value="([^"]*)"', page.text)) == {str(salon.staff[2])}


async def test_a_check_in_by_mistake_is_taken_back_and_who_was_moved_by_the_shop_is_never_late(
    services: Services, brand: BrandView
) -> None:
    fields = service_fields(step_min=5, cutoff_min=43_200, is_late_cancel_charged=True, deposit_minor=100)
    salon = await make_salon(services, brand, chairs=1, fields=fields, plan=None)
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    customer = await make_customer(services, brand)
    start = clock.now() + dt.timedelta(minutes=60)
    start -= dt.timedelta(seconds=start.timestamp() % 300)
    booked = await salon.book(start, member_id=customer.id)
    states = "UPDATE appointments_booking SET state = 'confirmed', deposit_state = 'paid' WHERE brand_id = $1"
    await salon.rows(states)
    database = services.database

    async with database.connection(brand.id) as tx:
        one = await life.see(tx, booking_id=booked.booking_id, is_locked=True)
        await life.check_in(tx, one, actor_id=None, now=clock.now())
    await salon.deliver()
    async with database.connection(brand.id) as tx:
        one = await life.see(tx, booking_id=booked.booking_id, is_locked=True)
        assert one.arrived_at is not None
        await life.take_back_arrival(tx, one, actor_id=None, now=clock.now())
    await salon.deliver()
    one = await salon.see(booked.booking_id)
    assert (one.state, one.arrived_at, one.deposit_state) == (BookingState.CONFIRMED, None, DepositState.PAID)
    timeline = await salon.rows(
        "SELECT kind FROM members_timeline WHERE brand_id = $1 AND channel = 'appointment'"
    )
    assert "arrived" not in {row["kind"] for row in timeline}

    # By the terms she is late; the shop moves her, and then she is not.
    to = NewTime(start=start + dt.timedelta(minutes=70), staff_id=None, by=Actor.SHOP, actor_id=None)
    moved = await moving.reschedule(database, brand_id=brand.id, booking_id=one.id, to=to)
    async with database.connection(brand.id) as tx:
        new = await life.see(tx, booking_id=moved.id, is_locked=True)
        await life.cancel(tx, new, by=Actor.CUSTOMER, actor_id=customer.id, now=clock.now())
    ended = await salon.see(moved.id)
    assert ended.state is BookingState.CANCELLED
    assert ended.deposit_state is not DepositState.FORFEITED
