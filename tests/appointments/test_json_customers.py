"""What a brand's app does for a customer by JSON: waiting for a full day, offers, secret links, groups, moving."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar

from appointments.repository.parties import key_of
from appointments.rules import life as rules
from appointments.service import life
from appointments.service.booking import decided
from appointments.states import WaitMode
from appointments.types import Actor
from tests import factories
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.parlour import open_parlour
from tests.appointments.test_booking import tomorrow
from tests.groupbuy.kit import open_fair
from tests.helpers import make_client
from tests.members.makers import Customer, make_customer, signed_in
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

WAITS = "/v1/appointment-waits"
LINKS = "/v1/appointment-links"


def told(response: httpx.Response) -> tuple[int, str]:
    """The status, and the code of a refusal."""
    is_problem = "problem" in response.headers.get("content-type", "")
    return response.status_code, str(response.json()["code"]) if is_problem else ""


async def ended_by_shop(salon: Salon, booking_id: uuid.UUID) -> None:
    """The shop cancels it, and whoever waits is told."""

    async def attempt(tx: Tx) -> None:
        one = await life.see(tx, booking_id=booking_id, is_locked=True)
        await life.cancel(tx, one, by=Actor.SHOP, actor_id=None, now=clock.now())

    await decided(salon.services.database, salon.brand.id, attempt)
    await salon.deliver()


async def waits_of(client: httpx.AsyncClient, one: Customer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get(WAITS, headers=one.headers)).json()
    return found


async def test_one_waits_for_a_full_day_and_takes_or_declines_what_becomes_free(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    plan_hours = {"duration_min": 660, "step_min": 60, "horizon_days": 5}
    salon = await make_salon(services, brand, fields=service_fields(**plan_hours))
    await salon.rows("UPDATE appointments_staff SET display_name_en = 'Anna' WHERE brand_id = $1")
    start = tomorrow(hour=9, days=3)
    day = clock.business_day(start, salon.zone)
    taken = await salon.book(start)
    first, second, third = [await make_customer(services, brand) for _ in range(3)]
    elsewhere = await make_customer(services, other_brand)
    wish = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id), "day": day.isoformat()}

    times = (
        await client.get(
            "/v1/appointment-times",
            params={
                "shop_id": wish["shop_id"],
                "service_id": wish["service_id"],
                "first": str(day - dt.timedelta(days=1)),
                "last": str(day + dt.timedelta(days=5)),
            },
            headers=first.headers,
        )
    ).json()
    assert times["full_days"] == [wish["day"]]
    assert [each["day"] for each in times["days"]] == [str(day + dt.timedelta(days=n)) for n in (-1, 1, 2)]
    assert times["people"] == [{"id": str(salon.staff[0]), "name": "化妆师 1", "name_en": "Anna"}]
    assert (times["deposit_minor"], times["currency"]) == (0, "CNY")
    offered = await client.get(f"/v1/appointment-services?shop_id={salon.shop_id}", headers=first.headers)
    assert offered.json()[0]["wait_mode"] == "sequential"

    async def join(one: Customer, key: str = "", **changes: str) -> httpx.Response:
        more = {"Idempotency-Key": key} if key else {}
        return await client.post(WAITS, json={**wish, **changes}, headers={**one.headers, **more})

    # At once: she stands in the line once.
    both = await asyncio.gather(join(first), join(first))
    again = [await join(second, key="a tap") for _ in range(2)]
    await join(third)
    far, closed = str(day + dt.timedelta(days=300)), str(new_id())
    refused = [
        await join(first),
        await join(second, staff_id=closed),
        await join(second, service_id=closed),
        await join(second, shop_id=closed),
        await join(elsewhere),
        await join(second, day=far),
    ]
    assert sorted(told(one) for one in both) == [(201, ""), (409, "appointments.already_waiting")]
    assert [one.status_code for one in again] == [201, 201]
    assert again[0].json() == again[1].json()
    assert [told(one) for one in refused] == [
        (409, "appointments.already_waiting"),
        (409, "appointments.not_offered"),
        (404, "appointments.service_unknown"),
        (404, "stores.shop_unknown"),
        (404, "appointments.service_unknown"),
        (400, "core.invalid_input"),
    ]
    [mine], [hers] = await waits_of(client, first), await waits_of(client, second)
    assert (mine["state"], mine["offered_start"], mine["appointment_code"]) == ("waiting", None, "")

    await ended_by_shop(salon, taken.booking_id)
    [mine] = await waits_of(client, first)
    code = mine["appointment_code"]
    assert mine["state"] == "offered"
    assert dt.datetime.fromisoformat(mine["offered_start"]) == start

    async def asks(one: Customer, what: str) -> httpx.Response:
        return await client.post(f"/v1/appointments/{code}/{what}", headers=one.headers)

    strangers = [await asks(one, "accept") for one in (second, elsewhere)]
    strangers += [await client.delete(f"{WAITS}/{mine['id']}", headers=one.headers) for one in (second, elsewhere)]
    assert [told(one) for one in strangers] == [(404, "appointments.booking_unknown")] * 2 + [
        (404, "appointments.wait_unknown")
    ] * 2
    # She declines, and the next is asked; who leaves instead passes it on, too.
    declined = await asks(first, "cancel")
    await salon.deliver()
    assert (declined.json()["state"], await waits_of(client, first)) == ("cancelled", [])
    assert told(await asks(first, "accept")) == (409, "appointments.not_waiting")
    [hers] = await waits_of(client, second)
    assert (hers["state"], hers["appointment_code"] != code) == ("offered", True)
    left = [await client.delete(f"{WAITS}/{hers['id']}", headers=second.headers) for _ in range(2)]
    await salon.deliver()
    assert [one.status_code for one in left] == [204, 204]
    [last] = await waits_of(client, third)
    code = last["appointment_code"]
    accepted = await asyncio.gather(*(asks(third, "accept") for _ in range(2)))
    await salon.deliver()
    assert [(one.status_code, one.json()["state"]) for one in accepted] == [(200, "confirmed")] * 2
    assert await waits_of(client, third) == []
    live = await salon.rows(
        "SELECT member_id FROM appointments_booking WHERE brand_id = $1 AND state = 'confirmed'"
    )
    assert [row["member_id"] for row in live] == [third.id]


async def test_the_deposit_of_an_offer_is_asked_once_and_an_offer_that_lapsed_is_nobody_s(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    await open_fair(services, brand, pool)
    fields = service_fields(duration_min=660, step_min=60, deposit_minor=5_000)
    salon = await make_salon(services, brand, fields=fields)
    customer = await make_customer(services, brand)
    start = tomorrow(hour=9, days=3)
    day = clock.business_day(start, salon.zone)
    wish = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id), "day": day.isoformat()}
    taken = await salon.book(start)
    assert (await client.post(WAITS, json=wish, headers=customer.headers)).status_code == 201
    await ended_by_shop(salon, taken.booking_id)
    [wait] = await waits_of(client, customer)
    path = f"/v1/appointments/{wait['appointment_code']}"
    taken_twice = [(await client.post(f"{path}/accept", headers=customer.headers)).json() for _ in range(2)]
    assert [one["state"] for one in taken_twice] == ["held", "held"]
    assert taken_twice[0]["pay_path"] == taken_twice[1]["pay_path"]
    assert taken_twice[0]["pay_path"].startswith("/pay/")
    [payments] = await salon.rows("SELECT count(*)::int AS n FROM payments_payment WHERE brand_id = $1")
    assert payments["n"] == 2, "of who had it before, and hers: one"
    await salon.rows(
        "UPDATE appointments_booking SET expires_at = now() - interval '1 minute'"
        " WHERE brand_id = $1 AND state = 'held'"
    )
    late = await client.post(f"{path}/accept", headers=customer.headers)
    assert told(late) == (409, "appointments.not_waiting")

    await salon.rows("UPDATE appointments_service SET wait_mode = $2 WHERE brand_id = $1", WaitMode.OFF.value)
    other = {**wish, "day": str(day + dt.timedelta(days=1))}
    none = await client.post(WAITS, json=other, headers=customer.headers)
    assert told(none) == (409, "appointments.no_waitlist")


async def test_a_secret_link_shows_and_gives_back_one_appointment_and_tells_nothing_of_its_customer(
    app: Litestar, client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(cutoff_min=0))
    customer, other = [await make_customer(services, brand) for _ in range(2)]
    await salon.rows("UPDATE members_member SET nickname = '林小美' WHERE brand_id = $1")
    start = tomorrow(days=3)
    made = await salon.book(start, member_id=customer.id)
    own = f"/v1/appointments/{made.code}"
    link = (await client.get(f"{own}/link", headers=customer.headers)).json()
    assert told(await client.get(f"{own}/link", headers=other.headers)) == (404, "appointments.booking_unknown")
    assert told(await client.get(f"{own}/calendar", headers=other.headers)) == (
        404,
        "appointments.booking_unknown",
    )
    path = f"{LINKS}/{link['token']}"
    assert link["url"].endswith(f"/a/{link['token']}")
    assert (await client.get(httpx.URL(link["url"]).path, headers={"Accept": "text/html"})).status_code == 200
    client.cookies.clear()

    seen = await client.get(path)
    shown = seen.json()
    assert (shown["state"], shown["is_cancellable"], shown["is_late"]) == ("confirmed", True, False)
    assert dt.datetime.fromisoformat(shown["starts_at"]) == start
    assert shown["shop"]["shop_id"] == str(salon.shop_id)
    files = [await client.get(f"{path}/calendar"), await client.get(f"{own}/calendar", headers=customer.headers)]
    assert [one.headers["content-type"] for one in files] == ["text/calendar; charset=utf-8"] * 2
    assert all("BEGIN:VEVENT" in one.text for one in files)
    for text in (seen.text, files[0].text):
        assert not [secret for secret in (made.code, str(customer.id), "林小美", "openid") if secret in text]

    # The shop moves it: the old address leads on, and the old code says where.
    staff = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    later = start + dt.timedelta(hours=2)
    to = {"start": later.isoformat()}
    moved = await client.post(f"/v1/shop-appointments/{made.booking_id}/move", json=to, headers=staff)
    new_code = moved.json()["appointment"]["code"]
    assert dt.datetime.fromisoformat((await client.get(path)).json()["starts_at"]) == later
    old = (await client.get(own, headers=customer.headers)).json()
    assert (old["state"], old["moved_to"]) == ("rescheduled", new_code)

    now_id = uuid.UUID(moved.json()["appointment"]["id"])
    wrong = [
        link["token"][:-2] + ("AA" if link["token"][-2:] != "AA" else "BB"),
        rules.link_token(services.keyring, kind="feed", brand_id=brand.id, thing_id=now_id),
        rules.link_token(services.keyring, kind="link", brand_id=new_id(), thing_id=now_id),
        "x",
    ]
    async with make_client(app, peer="127.0.0.77") as stranger:
        asked = [await stranger.get(f"{LINKS}/{token}") for token in wrong]
        tries = [told(await stranger.post(f"{LINKS}/{wrong[0]}/cancel")) for _ in range(12)]
    assert [told(one) for one in asked] == [(404, "appointments.booking_unknown")] * 4
    assert set(tries[:10]) == {(404, "appointments.booking_unknown")}
    assert tries[-1] == (429, "core.too_many_requests")

    async with make_client(app, peer="127.0.0.78") as friend:
        await salon.shift(now_id, clock.now() + dt.timedelta(minutes=30) - later)
        await client.post(f"/v1/shop-appointments/{now_id}/steps", json={"step": "arrive"}, headers=staff)
        arrived = await friend.post(f"{path}/cancel")
        await client.post(f"/v1/shop-appointments/{now_id}/steps", json={"step": "not_here"}, headers=staff)
        await salon.shift(now_id, dt.timedelta(hours=-1))
        begun = await friend.post(f"{path}/cancel")
        await salon.shift(now_id, dt.timedelta(hours=50))
        ended = await asyncio.gather(*(friend.post(f"{path}/cancel") for _ in range(2)))
        await salon.shift(now_id, -rules.LINK_LIVES - dt.timedelta(days=5))
        gone = [await friend.get(path), await friend.get(f"{path}/calendar"), await friend.post(f"{path}/cancel")]
    assert [told(one) for one in (arrived, begun)] == [
        (409, "appointments.not_now"),
        (409, "appointments.slot_passed"),
    ]
    assert [(one.status_code, one.json()["state"]) for one in ended] == [(200, "cancelled")] * 2
    assert ended[0].json()["is_cancellable"] is False
    freed = await salon.rows(
        "SELECT 1 FROM outbox_event WHERE brand_id = $1 AND tag = 'appointments.cancelled.v1'"
    )
    assert len(freed) == 1
    assert [told(one) for one in gone] == [(410, "appointments.link_expired")] * 3


async def test_times_to_move_to_leave_out_her_own_and_count_it_as_free(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    fields = service_fields(duration_min=120, step_min=60, deposit_minor=0, no_show_deposit_minor=0)
    salon = await make_salon(services, brand, fields=fields)
    customer, other = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=3)
    day = str(clock.business_day(start, salon.zone))
    made = await salon.book(start, member_id=customer.id)
    params = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id), "first": day}

    async def starts(one: Customer, **more: str) -> set[dt.datetime]:
        found = await client.get("/v1/appointment-times", params={**params, **more}, headers=one.headers)
        return {dt.datetime.fromisoformat(at) for each in found.json()["days"] for at in each["starts"]}

    hour = dt.timedelta(hours=1)

    async def looks() -> object:
        [row] = await salon.rows("SELECT count(*)::int AS n FROM appointments_viewing WHERE brand_id = $1")
        return row["n"]

    moving, seen = await starts(customer, move=made.code), await looks()
    plain = await starts(customer)
    assert (start in plain, start + hour in plain) == (False, False)
    assert (start in moving, start + hour in moving) == (False, True), "her own time is free, and no other one"
    strange = await client.get(
        "/v1/appointment-times", params={**params, "move": made.code}, headers=other.headers
    )
    assert told(strange) == (404, "appointments.booking_unknown")
    assert (seen, await looks()) == (0, 1), "who looks where to move is no new viewer"
    shops = await client.get("/v1/appointment-shops?lat=31.2&lon=121.4&limit=1", headers=customer.headers)
    assert [one["shop_id"] for one in shops.json()] == [str(salon.shop_id)]

    # An order that paid for it leads to it, for her alone.
    order_id = new_id()
    await salon.rows(
        "UPDATE appointments_booking SET request_key = $3 WHERE brand_id = $1 AND id = $2",
        made.booking_id,
        key_of(order_id),
    )
    paid = [
        await client.get(f"/v1/appointment-orders/{order_id}", headers=one.headers) for one in (customer, other)
    ]
    assert paid[0].json()["code"] == made.code
    assert told(paid[1]) == (404, "appointments.booking_unknown")


async def test_a_group_chooses_where_and_when_and_whoever_may_join_sees_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool)
    salon, code = parlour.salon, parlour.campaign.campaign.code
    away = await make_salon(services, brand)
    plain = await parlour.fair.sell()
    leader, second = [await signed_in(services, brand, member_id) for member_id in await parlour.fair.customers(2)]
    elsewhere = await make_customer(services, await factories.make_brand(services.settings))
    offers = "/v1/appointment-campaigns"

    # Whether a group is complete is known at half past two on a day.
    known_at = tomorrow(hour=14, minute=30, days=2)
    life_s = int((known_at - clock.now()).total_seconds())
    await salon.rows("UPDATE groupbuy_campaign SET group_life_s = $2 WHERE brand_id = $1", life_s)

    offer = (await client.get(f"{offers}/{code}", headers=leader.headers)).json()
    assert (offer["size"], offer["service"]["id"]) == (3, str(salon.service.id))
    assert [shop["shop_id"] for shop in offer["shops"]] == [str(salon.shop_id)]
    times = (await client.get(f"{offers}/{code}/times?shop_id={salon.shop_id}", headers=leader.headers)).json()
    assert dt.datetime.fromisoformat(times["next_start"]) == known_at + dt.timedelta(minutes=30)
    assert (times["full_days"], times["deposit_minor"]) == ([], 0)
    refused = [
        await client.get(f"{offers}/{code}/times?shop_id={away.shop_id}", headers=leader.headers),
        await client.get(f"{offers}/{plain.campaign.code}", headers=leader.headers),
        await client.get(f"{offers}/{code}", headers=elsewhere.headers),
    ]
    assert [told(one) for one in refused] == [
        (404, "stores.shop_unknown"),
        (404, "appointments.not_group_offer"),
        (404, "groupbuy.campaign_unknown"),
    ]

    start = times["days"][-1]["starts"][0]
    wish = {
        "campaign_code": code,
        "sku_id": str(parlour.fair.sku_ids[0]),
        "shop_id": str(salon.shop_id),
        "start": start,
    }
    opened = [await client.post("/v1/appointment-groups", json=wish, headers=leader.headers) for _ in range(2)]
    assert [one.status_code for one in opened] == [201, 200]
    group = opened[0].json()["group_code"]
    taken = await client.post("/v1/appointment-groups", json=wish, headers=second.headers)
    assert told(taken) == (409, "appointments.slot_taken")
    meets = await client.get(f"/v1/appointment-groups/{group}", headers=second.headers)
    assert (meets.json()["state"], meets.json()["starts_at"]) == ("held", start)
    assert meets.json()["shop"]["shop_id"] == str(salon.shop_id)
    other = await parlour.fair.start(plain, second.id)
    unknown = [
        await client.get(f"/v1/appointment-groups/{other.group_code}", headers=leader.headers),
        await client.get(f"/v1/appointment-groups/{group}", headers=elsewhere.headers),
    ]
    assert [told(one) for one in unknown] == [
        (404, "appointments.not_group_offer"),
        (404, "groupbuy.group_unknown"),
    ]
