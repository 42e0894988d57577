"""A finger taps twice: the second answer, which is the one that the phone shows, says what the first one did."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from urllib.parse import parse_qs

import asyncpg
import httpx
import pytest

from appointments.errors import NotNow
from appointments.rules import life as rules
from appointments.service import life
from appointments.service.booking import decided
from appointments.states import Source, WaitMode
from appointments.types import Actor
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.parlour import open_parlour
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_pages import place
from tests.helpers import csrf_token
from tests.members.makers import Customer, make_customer
from tests.people import sign_in_as
from tests.stores.makers import ALL_DAY
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

Answer = tuple[int, str, str]


async def taps(
    client: httpx.AsyncClient, url: str, form: Mapping[str, object], headers: Mapping[str, str], *, number: int = 2
) -> list[Answer]:
    """The same form of one page, sent at the same moment, and once more after that: where each answer leads, with
    what it says."""
    token = await csrf_token(client)
    body = {"_csrf_token": token, "_idempotency_key": f"tap-{url}", **form}

    async def tap() -> Answer:
        answer = await client.post(url, data=body, headers={"Accept": "text/html", **headers})
        said = parse_qs(answer.headers.get("set-cookie", "").partition('toast="')[2].partition('"')[0])
        return answer.status_code, answer.headers.get("location", ""), "".join(said.get("text", []))

    return [*await asyncio.gather(*(tap() for _ in range(number))), await tap()]


def is_one(answers: list[Answer], location: str, said: str = "") -> bool:
    """All of them lead here and say this."""
    assert set(answers) == {(303, location, said)}, answers
    return True


async def offered(salon: Salon, customer: Customer, start: dt.datetime) -> str:
    """A freed time is held for her; its code."""
    return (await salon.book(start, member_id=customer.id, source=Source.WAITLIST, hold_min=10)).code


async def test_whatever_a_customer_taps_twice_is_done_once_and_both_answers_say_so(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    fields = service_fields(wait_mode=WaitMode.SEQUENTIAL, step_min=30)
    salon = await make_salon(services, brand, people=2, chairs=2, fields=fields)
    her = await make_customer(services, brand)
    mine, start = f"/m/{brand.code}/appointments", tomorrow(days=2)

    booked = await taps(client, f"{place(salon)}/confirm", {"start": start.isoformat()}, her.headers)
    here = booked[0][1]
    later = (start + dt.timedelta(hours=3)).isoformat()
    code = here.rpartition("/")[2]
    moved = await taps(client, f"{place(salon)}/confirm?move={code}", {"start": later}, her.headers)
    there = moved[0][1]
    cancelled = await taps(client, f"{there}/cancel", {"x": "y"}, her.headers)
    by_link = await salon.book(start, member_id=her.id)
    token = rules.link_token(services.keyring, kind="link", brand_id=brand.id, thing_id=by_link.booking_id)
    ended = await taps(client, f"/a/{token}/cancel", {"x": "y"}, {})
    day = {"day": str(clock.business_day(start, salon.zone))}
    waits = await taps(client, f"{place(salon)}/wait", day, her.headers)
    [wait] = await salon.rows("SELECT id FROM appointments_wait WHERE brand_id = $1")
    left = await taps(client, f"{mine}/waits/{wait['id']}/leave", {"x": "y"}, her.headers)
    offer = await offered(salon, her, start)
    taken = await taps(client, f"{mine}/{offer}/accept", {"x": "y"}, her.headers)

    assert is_one(booked, here, "Booked")
    assert is_one(moved, there, "Moved")
    assert here != there
    assert is_one(cancelled, there, "Cancelled")
    assert is_one(ended, f"/a/{token}", "Cancelled")
    assert is_one(waits, mine, "You are on the waiting list")
    assert is_one(left, mine, "You do not wait any more")
    assert is_one(taken, f"{mine}/{offer}", "Booked")
    rows = await salon.rows("SELECT state FROM appointments_booking WHERE brand_id = $1 ORDER BY id")
    assert [row["state"] for row in rows] == ["rescheduled", "cancelled", "cancelled", "confirmed"]
    events = await salon.rows(
        "SELECT kind, count(*)::int AS n FROM appointments_booking_event WHERE brand_id = $1 GROUP BY kind"
    )
    assert {row["kind"]: row["n"] for row in events}["cancelled"] == 2, "each once"
    # What cannot be done any more is said on the page that shows why.
    await decided(services.database, brand.id, lambda tx: _cancel(tx, taken[0][1].rpartition("/")[2]))
    late = await taps(client, f"{place(salon)}/confirm?move={offer}", {"start": later}, her.headers)
    assert [one[0] for one in late] == [409] * 3, "the page of the new time says that it ended"
    again = await taps(client, f"{mine}/{offer}/accept", {"x": "y"}, her.headers)
    assert is_one(again, f"{mine}/{offer}", "This offer has lapsed")


async def _cancel(tx: Tx, code: str) -> None:
    one = await life.see(tx, booking_id=(await life.see_code(tx, code=code)).id, is_locked=True)
    await life.cancel(tx, one, by=Actor.SHOP, actor_id=None, now=clock.now())


async def test_whatever_leads_to_paying_leads_there_however_often_it_is_tapped(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool)
    salon = await make_salon(services, brand, fields=service_fields(deposit_minor=5_000))
    her, friend = await make_customer(services, brand), await make_customer(services, brand)
    mine, start = f"/m/{brand.code}/appointments", tomorrow(days=2)

    held = await taps(client, f"{place(salon)}/confirm", {"start": start.isoformat()}, her.headers)
    offer = await offered(salon, her, start + dt.timedelta(hours=3))
    taken = await taps(client, f"{mine}/{offer}/accept", {"x": "y"}, her.headers)
    page = f"/m/{brand.code}/book/group/{parlour.campaign.campaign.code}/start"
    wish = {"shop": str(parlour.salon.shop_id), "start": parlour.start_of(3).isoformat()}
    opened = await taps(client, page, wish, friend.headers)

    for answers in (held, taken, opened):
        assert answers[0][1].startswith("/pay/")
        assert is_one(answers, answers[0][1])
    rows = await salon.rows("SELECT state FROM payments_payment WHERE brand_id = $1")
    assert [row["state"] for row in rows] == ["pending"] * 3, "one for each"
    [group] = await salon.rows("SELECT code FROM groupbuy_group WHERE brand_id = $1")
    [leader] = await salon.rows("SELECT number FROM orders_order WHERE brand_id = $1")
    given = await taps(client, f"/m/{brand.code}/orders/{leader['number']}/give-up", {"x": "y"}, friend.headers)
    left = await taps(client, f"/m/{brand.code}/g/{group['code']}/leave", {"x": "y"}, friend.headers)
    assert is_one(given, f"/m/{brand.code}/orders/{leader['number']}", given[0][2])
    assert is_one(left, f"/m/{brand.code}/g/{group['code']}", left[0][2])
    assert given[0][2]
    assert left[0][2]


async def test_who_taps_twice_to_check_somebody_in_sees_her_checked_in_and_nobody_else_does_it_again(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon = await make_salon(services, brand, hours=ALL_DAY)
    booked = await salon.book(tomorrow(), member_id=(await make_customer(services, brand)).id)
    await salon.shift(booked.booking_id, clock.now() - tomorrow())
    clerk, other = [
        (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers for _ in range(2)
    ]
    sheet = f"/shop/appointments/{booked.booking_id}"

    scanned = await taps(client, "/shop/appointments/check-in", {"code": booked.code}, clerk)
    tapped = await taps(client, f"{sheet}/arrive", {"x": "y"}, clerk)
    elsewhere = await taps(client, "/shop/appointments/check-in", {"code": booked.code}, other)
    await salon.rows(
        "UPDATE appointments_booking SET arrived_at = arrived_at - interval '1 minute' WHERE brand_id = $1"
    )
    later = await taps(client, "/shop/appointments/check-in", {"code": booked.code}, clerk)

    assert is_one(scanned, sheet, "Checked in")
    assert is_one(tapped, sheet, "Saved")
    assert [one[0] for one in (*elsewhere, *later)] == [NotNow.status] * 6, "a code works once"
    rows = await salon.rows(
        "SELECT count(*)::int AS n FROM appointments_booking_event WHERE brand_id = $1 AND kind = 'arrived'"
    )
    assert rows[0]["n"] == 1


async def test_who_taps_twice_when_somebody_walks_in_takes_one_person_s_time(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon = await make_salon(services, brand, people=5, chairs=5, hours=ALL_DAY)
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    clerk, other = [
        (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers for _ in range(2)
    ]
    form = {"shop": str(salon.shop_id), "service": str(salon.service.id)}
    body = {"shop_id": form["shop"], "service_id": form["service"]}

    tapped = await taps(client, "/shop/appointments/walk-in", form, clerk, number=3)
    elsewhere = await taps(client, "/shop/appointments/walk-in", form, other)
    clerk |= {"X-CSRF-Token": await csrf_token(client)}
    asked = [
        await client.post("/v1/shop-appointments/walk-ins", json=body, headers={**clerk, "Idempotency-Key": key})
        for key in ("one", "one", "two")
    ]

    assert is_one(tapped, tapped[0][1], "Booked")
    assert is_one(elsewhere, elsewhere[0][1], "Booked")
    assert elsewhere[0][1] != tapped[0][1], "her colleague's page is another one"
    assert [one.status_code for one in asked] == [201] * 3
    first, again, second = (one.json()["appointment"]["id"] for one in asked)
    assert (first == again, first == second) == (True, False)
    rows = await salon.rows("SELECT count(*)::int AS n FROM appointments_booking WHERE brand_id = $1")
    assert rows[0]["n"] == 4
