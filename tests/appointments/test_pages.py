"""The room on its screens: a customer books and moves, a shop runs its day, HQ sets up; links tell little."""

import datetime as dt
import re
import uuid
from urllib.parse import quote

import httpx
import icalendar
import pytest

from appointments.service import setup
from appointments.states import BookingState, Source, WaitMode
from appointments.types import ShopDayView
from stores.types import Interval
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.helpers import submit
from tests.members.makers import Customer, make_customer, set_up_app
from tests.people import sign_in_as
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.types import AppKind
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.web import formats

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}


def tuple_hours() -> tuple[Interval, ...]:
    return tuple(Interval(day, 540, 1260) for day in range(1, 8))


def place(salon: Salon) -> str:
    return f"/m/{salon.brand.code}/book/{salon.shop_id}/{salon.service.id}"


async def confirm(
    client: httpx.AsyncClient, salon: Salon, customer: Customer, start: dt.datetime, **form: str
) -> httpx.Response:
    move = f"?move={form.pop('move')}" if "move" in form else ""
    form = {"start": start.isoformat(), **form}
    return await submit(client, f"{place(salon)}/confirm{move}", form, **customer.headers)


async def test_a_customer_finds_a_time_books_it_once_moves_it_and_cancels(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, hours=tuple_hours())
    customer = await make_customer(services, brand)
    start = tomorrow(days=2)
    day = clock.business_day(start, salon.zone)

    shops = await client.get(f"/m/{brand.code}/book?lat=31.22&lon=121.46", headers=HTML)
    offered = await client.get(f"/m/{brand.code}/book/{salon.shop_id}", headers=HTML)
    soon = await client.get(f"{place(salon)}/next", headers=HTML)
    times = await client.get(f"{place(salon)}?day={day}", headers=HTML)
    stranger = await client.get(f"{place(salon)}/confirm?start={quote(start.isoformat())}", headers=HTML)
    before = await client.get(
        f"{place(salon)}/confirm?start={quote(start.isoformat())}", headers={**HTML, **customer.headers}
    )
    booked = [await confirm(client, salon, customer, start, _idempotency_key="k1") for _ in range(2)]
    late = await confirm(client, salon, await make_customer(services, brand), start)
    code = booked[0].headers["location"].rpartition("/")[2]
    again = {**HTML, **customer.headers}
    other = await client.get(f"{place(salon)}?day={day}&move={code}", headers=again)
    same = await client.get(f"{place(salon)}/confirm?start={quote(start.isoformat())}&move={code}", headers=again)
    moved = await confirm(client, salon, customer, start + dt.timedelta(hours=2), move=code)
    new = moved.headers["location"].rpartition("/")[2]
    mine = await client.get(f"/m/{brand.code}/appointments", headers={**HTML, **customer.headers})
    one = await client.get(f"/m/{brand.code}/appointments/{new}", headers={**HTML, **customer.headers})
    old = await client.get(f"/m/{brand.code}/appointments/{code}", headers={**HTML, **customer.headers})
    ended = await submit(client, f"/m/{brand.code}/appointments/{new}/cancel", {"x": "y"}, **customer.headers)

    assert re.search(r"\d (m|米|km|公里)<", shops.text)
    assert str(salon.shop_id) in shops.text
    assert salon.service.name in offered.text
    assert quote(start.strftime("T%H:%M")) in times.text
    assert ":" in soon.text
    assert quote(start.strftime("T%H:%M")) not in other.text, "the time that is hers is no other one"
    hers = formats.datetime(start, salon.zone, "full")
    assert hers in other.text
    assert hers in same.text
    assert "/sign-in?next=" in stranger.headers["location"]
    assert before.status_code == 200
    assert [each.status_code for each in booked] == [303, 303]
    assert booked[0].headers["location"] == booked[1].headers["location"]
    assert late.status_code == 409
    assert new in mine.text
    assert code not in mine.text
    assert "/calendar.ics" in one.text
    assert new in old.text
    assert ended.status_code == 303
    rows = await salon.rows("SELECT state FROM appointments_booking WHERE brand_id = $1 ORDER BY id")
    assert [row["state"] for row in rows] == ["rescheduled", "cancelled"]


async def test_a_full_day_offers_the_waiting_list_and_a_deposit_leads_to_its_payment(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    fields = service_fields(deposit_minor=8_800, step_min=720, duration_min=480)
    salon = await make_salon(services, brand, fields=fields)
    customer, other = [await make_customer(services, brand) for _ in range(2)]
    day, wait = clock.business_day(tomorrow(), salon.zone), f"{place(salon)}/wait"
    (start,) = await salon.starts(day)

    booked = await confirm(client, salon, customer, start)
    full = await client.get(f"{place(salon)}?day={day}", headers={**HTML, **other.headers})
    waits, twice = [await submit(client, wait, {"day": str(day)}, **other.headers) for _ in "ab"]
    held = await client.get(f"/m/{brand.code}/appointments", headers={**HTML, **customer.headers})
    mine = await client.get(f"/m/{brand.code}/appointments", headers={**HTML, **other.headers})

    assert booked.headers["location"].startswith("/pay/")
    assert wait in full.text
    assert waits.headers["location"].endswith("/appointments")
    assert twice.headers["location"] == waits.headers["location"], "one tap too many is no refusal"
    assert mine.text.count("/leave") == 1
    assert re.search(r"时段为您保留至 \d\d:\d\d", held.text), "until when she has to pay"


async def test_a_shop_s_own_link_leads_to_what_one_books_there_and_counts_for_the_shop(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    staff = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    panel = await client.get("/shop/panels/booking-links", headers={**HTML, **staff})
    made = [
        await submit(client, "/shop/appointments/share", {"shop_id": str(salon.shop_id)}, **staff) for _ in "ab"
    ]
    shown = await client.get(made[0].headers["location"], headers={**HTML, **staff})
    [link] = await salon.rows("SELECT token, shop_id FROM attribution_link WHERE brand_id = $1")
    opened = await client.get(f"/s/{link['token']}", headers=HTML)
    listed = await client.get(opened.headers["location"], headers=HTML)

    assert str(salon.shop_id) in panel.text
    assert made[0].headers["location"] == made[1].headers["location"], "made once"
    assert shown.status_code == 200
    assert link["shop_id"] == salon.shop_id
    assert opened.headers["location"].startswith(f"/m/{brand.code}/book/{salon.shop_id}")
    assert salon.service.name in listed.text
    assert len(await salon.rows("SELECT id FROM attribution_touch WHERE brand_id = $1")) == 1


async def test_a_closed_day_is_no_full_one_and_what_waits_for_the_shop_is_not_called_booked(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    fields = service_fields(
        wait_mode=WaitMode.SEQUENTIAL, needs_approval=True, step_min=720, duration_min=480, cutoff_min=20_000,
        no_show_limit=1, no_show_deposit_minor=8_000,
    )  # fmt: skip
    salon = await make_salon(services, brand, fields=fields)
    her, missing = [await make_customer(services, brand) for _ in range(2)]
    full, closed, free = [clock.business_day(tomorrow(days=n), salon.zone) for n in (2, 3, 4)]
    async with services.database.unit_of_work(brand.id) as session:
        shut = ShopDayView(day=closed, opens=None, closes=None, reason="盘点")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=shut)
    [start] = await salon.starts(full)
    await salon.book(start, source=Source.SHOP)
    again = await salon.book(start + dt.timedelta(days=5), member_id=missing.id, source=Source.SHOP)
    await salon.rows(
        "UPDATE appointments_booking SET state = 'no_show' WHERE brand_id = $1 AND id = $2", again.booking_id
    )

    pages = [
        await client.get(f"{place(salon)}?day={day}", headers={**HTML, **her.headers}) for day in (full, closed)
    ]
    look = f"{place(salon)}/confirm?start={quote((start + dt.timedelta(days=2)).isoformat())}"
    asked = await client.get(look, headers={**HTML, **her.headers})
    dear = await client.get(look, headers={**HTML, **missing.headers})
    sent = await confirm(client, salon, her, start + dt.timedelta(days=2))
    one = await client.get(sent.headers["location"], headers={**HTML, **her.headers})

    assert ["No time is free on this day" in page.text for page in pages] == [True, False]
    assert ["Nothing can be booked on this day" in page.text for page in pages] == [False, True]
    assert [f"{place(salon)}/wait" in page.text for page in pages] == [True, False], "nothing comes free there"
    strip = re.findall(r'<span class="small[^>]*>(full|closed|\d free)</span>', pages[0].text)
    assert strip[2:5] == ["full", "closed", "1 free"]
    assert "Ask for this time" in asked.text
    assert "so soon that you cannot move it" in asked.text
    assert "did not come to an appointment before" not in asked.text
    assert "did not come to an appointment before" in dear.text
    assert "Sent" in sent.headers["set-cookie"]
    assert "The shop confirms it first" in one.text
    assert str(free) in pages[0].text


async def test_a_link_tells_no_name_ends_and_follows_what_was_moved(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    await salon.rows("UPDATE members_member SET nickname = '秘密昵称' WHERE brand_id = $1")
    booked = await salon.book(tomorrow(), member_id=customer.id)
    page = await client.get(f"/m/{brand.code}/appointments/{booked.code}", headers={**HTML, **customer.headers})
    found = re.search(r'href="(/a/[^"]+)"', page.text)
    assert found
    link = found[1]
    await confirm(client, salon, customer, tomorrow(hour=15), move=booked.code)

    shown = await client.get(link, headers=HTML)
    file = await client.get(f"{link}/calendar.ics")
    (event,) = icalendar.Calendar.from_ical(file.text).walk("VEVENT")
    guessed = await client.get(link[:-3] + "AAA", headers=HTML)
    cancelled = await submit(client, f"{link}/cancel", {"x": "y"})
    told = (await client.get(link, headers=HTML)).text
    notes = []
    for state in ("cancelled", "waived"):
        await salon.rows(
            "UPDATE appointments_booking SET state = $2, reason = '她说的原因'"
            " WHERE brand_id = $1 AND state <> 'rescheduled'",
            state,
        )
        notes.append("她说的原因" in (await client.get(link, headers=HTML)).text)
    past = "starts_at = starts_at - interval '40 days', ends_at = ends_at - interval '40 days'"
    await salon.rows(f"UPDATE appointments_booking SET {past} WHERE brand_id = $1")
    ended = await client.get(link, headers=HTML)

    assert "秘密昵称" not in shown.text + file.text
    assert "15:00" in shown.text
    assert (event.decoded("dtstart"), event.decoded("sequence")) == (tomorrow(hour=15), 1)
    assert guessed.status_code == 404
    assert cancelled.status_code == 303
    assert "秘密昵称" not in told
    assert notes == [True, False], "why her shop forgave her is for the shop"
    assert ended.status_code == 410


async def test_a_shop_runs_its_day(client: httpx.AsyncClient, services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, plan=None, fields=service_fields(step_min=5))
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    owner = await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)
    customer = await make_customer(services, brand)
    soon = clock.now() + dt.timedelta(minutes=70)
    booked = await salon.book(soon - dt.timedelta(seconds=soon.timestamp() % 300), member_id=customer.id)
    home = "/shop/appointments"

    async def act(path: str, **form: str) -> httpx.Response:
        return await submit(client, f"{home}/{path}", form or {"x": "y"}, **owner.headers)

    day = (await salon.see(booked.booking_id)).local_day
    board = await client.get(f"{home}?day={day}", headers={**HTML, **owner.headers})
    wrong = await act("check-in", code="ABCDEFGHJK")
    early = await act("check-in", code=(other := await salon.book(tomorrow(days=2), member_id=customer.id)).code)
    here = await act("check-in", code=booked.code.lower())
    walk_in = await act("walk-in", shop=str(salon.shop_id), service=str(salon.service.id))
    guest = uuid.UUID(walk_in.headers["location"].rpartition("/")[2])
    (free,) = {*salon.staff} - {(await salon.see(booked.booking_id)).staff_id} or {salon.staff[0]}
    handed = await act(f"{booked.booking_id}/people", staff=str(free))
    taken = (await salon.see(guest)).resource_id
    (chair,) = [each for each in salon.chairs if each != taken]
    swapped = await act(f"{guest}/people", chair=str(chair))
    for step in ("start", "complete"):
        assert (await act(f"{guest}/{step}")).status_code == 303
    again = await act(f"{guest}/complete")
    sheet = await client.get(f"{home}/{booked.booking_id}", headers={**HTML, **owner.headers})

    assert booked.code not in board.text
    assert f"{home}/{booked.booking_id}" in board.text
    assert wrong.status_code == 404
    hers = f'href="{home}/{other.booking_id}"'
    assert (early.status_code, hers in early.text, hers in wrong.text) == (409, True, False), "which one, and when"
    assert here.status_code == 303
    assert (await salon.see(booked.booking_id)).state is BookingState.ARRIVED
    assert handed.status_code == 303
    assert swapped.status_code in (303, 409)
    assert (await salon.see(guest)).state is BookingState.COMPLETED
    assert again.status_code == 409
    assert sheet.status_code == 200


async def test_hq_sets_up_a_service_a_person_with_a_week_and_a_shop(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    home = "/hq/appointments"
    service = {
        "code": "NAIL", "name": "美甲", "duration_min": "45", "step_min": "15", "price": "128.50",
        "deposit": "￥20", "is_no_show_charged": "on", "wait_mode": "broadcast",
    }  # fmt: skip

    async def send(path: str, **form: object) -> httpx.Response:
        return await submit(client, f"{home}/{path}", form, **admin.headers)

    made = await send("services/new", **service)
    wrong = await send("services/new", **{**service, "code": "X", "duration_min": "47", "price": "viel"})
    taken = await send("services/new", **service)
    person = await send(
        "staff/new", display_name="安安", home_shop_id=str(salon.shop_id), daily_cap="8",
        service_ids=[str(salon.service.id)],
    )  # fmt: skip
    hers = person.headers["location"].rpartition("/")[2]
    week = await send(
        f"staff/{hers}/plan",
        weekday=["1", "1", "2"],
        kind=["work", "break", "work"],
        shop_id=[str(salon.shop_id)] * 3,
        starts=["10:00", "13:00", ""],
        ends=["19:00", "14:00", ""],
    )
    overlap = await send(
        f"staff/{hers}/plan",
        weekday=["1", "1"],
        kind=["work", "work"],
        shop_id=[str(salon.shop_id)] * 2,
        starts=["10:00", "12:00"],
        ends=["19:00", "14:00"],
    )
    rule = await send(f"shops/{salon.shop_id}/rule", holidays="closed", workdays="as_monday")
    eve = tomorrow().date() + dt.timedelta(days=30)
    day = await send(
        f"shops/{salon.shop_id}/days", day=str(eve), opens="10:00", closes="15:00", reason="周年庆前夜"
    )
    pages = [
        await client.get(f"{home}{path}", headers={**HTML, **admin.headers})
        for path in ("", "/services", "/staff", f"/staff/{hers}", f"/shops/{salon.shop_id}")
    ]

    assert [each.status_code for each in (made, person, week, rule, day)] == [303] * 5
    assert (wrong.status_code, taken.status_code, overlap.status_code) == (400, 409, 400)
    assert [each.status_code for each in pages] == [200] * 5
    (row,) = await salon.rows("SELECT * FROM appointments_service WHERE brand_id = $1 AND code = 'NAIL'")
    assert (row["price_minor"], row["deposit_minor"], row["is_no_show_charged"]) == (12_850, 2_000, True)
    plan = "SELECT kind FROM appointments_plan_span WHERE brand_id = $1 AND staff_id = $2"
    lines = await salon.rows(plan, uuid.UUID(hers))
    assert sorted(str(row["kind"]) for row in lines) == ["break", "work"]

    feed = re.search(r'value="[^"]+(/calendar-feeds/[^"]+)"', pages[3].text)
    assert feed
    # Tomorrow may be a holiday, or in a year whose holidays nobody has said yet.
    await send(f"shops/{salon.shop_id}/rule", holidays="as_usual", workdays="as_usual")
    await salon.book(tomorrow())
    first = await client.get(feed[1])
    await send(f"staff/{hers}/feed", x="y")
    assert (first.status_code, (await client.get(feed[1])).status_code) == (200, 404)
    assert first.text.startswith("BEGIN:VCALENDAR")


async def test_days_and_times_that_nobody_means_are_answered_calmly(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    owner = await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    customer = await make_customer(services, brand)
    booked = await salon.book(tomorrow(), member_id=customer.id)
    hers, theirs = {**HTML, **owner.headers}, {**HTML, **customer.headers}
    answers = []
    for day in ("0001-01-01", "9999-12-31"):
        answers += [
            await client.get(f"{place(salon)}?day={day}", headers=HTML),
            await client.get(f"/shop/appointments?day={day}", headers=hers),
            await client.get(f"/shop/appointments/{booked.booking_id}?day={day}", headers=hers),
            await client.get(f"{place(salon)}/confirm?start={day}T00:00:00Z", headers=theirs),
            await submit(client, f"{place(salon)}/confirm", {"start": f"{day}T23:59:59Z"}, **customer.headers),
            await submit(client, f"{place(salon)}/wait", {"day": day}, **customer.headers),
            await submit(
                client, f"/hq/appointments/shops/{salon.shop_id}/days", {"day": day}, **admin.headers
            ),
            await submit(
                client, f"/hq/appointments/staff/{salon.staff[0]}/days",
                {"first": day, "last": day, "kind": "off"}, **admin.headers,
            ),
        ]  # fmt: skip
    answers += [
        await submit(
            client, f"/hq/appointments/staff/{salon.staff[0]}/plan",
            {"weekday": "x", "kind": "y", "shop_id": "z", "starts": "25:99", "ends": "\x00"}, **admin.headers,
        ),
        await submit(client, "/shop/appointments/check-in", {"code": "'; --"}, **owner.headers),
        await client.get("/a/%00", headers=HTML),
        await client.get("/calendar-feeds/x.ics", headers=HTML),
        await client.get(f"/m/{brand.code}/book?lat=nan&lon=inf", headers=HTML),
    ]  # fmt: skip

    assert [each.status_code for each in answers if each.status_code >= 500] == []
    assert await salon.starts(clock.business_day(tomorrow(), salon.zone))


async def test_inside_wechat_a_deposit_is_paid_there_and_no_code_is_shown_to_be_scanned(
    client: httpx.AsyncClient, services: Services, brand: BrandView, sandbox: RunningSandbox
) -> None:
    app_id = await set_up_app(services, brand, sandbox, AppKind.OFFICIAL)
    salon = await make_salon(services, brand, fields=service_fields(deposit_minor=8_800))
    customer = await make_customer(services, brand, openid="o-deposit", app_id=app_id)
    inside = customer.headers | {"User-Agent": "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.50"}

    answer = await submit(client, f"{place(salon)}/confirm", {"start": tomorrow(days=2).isoformat()}, **inside)
    await submit(client, f"{place(salon)}/confirm", {"start": tomorrow(days=3).isoformat()}, **customer.headers)

    assert answer.headers["location"].startswith("/pay/")
    rows = await salon.rows(
        "SELECT payer_sealed IS NOT NULL AS is_known FROM payments_payment WHERE brand_id = $1"
    )
    assert sorted(bool(row["is_known"]) for row in rows) == [False, True], "in another browser nobody knows"
