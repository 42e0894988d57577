"""From looking to buying: what is counted, to whom it is credited, and that a file says what the screen says."""

import csv
import datetime as dt
import io
import re
import uuid

import httpx
import pytest

from appointments.repository.funnel import By
from appointments.service import life, purchases, reporting, telling, viewing
from appointments.service.telling import STILL_ON
from appointments.states import BookingState
from appointments.types import Actor
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.helpers import submit
from tests.members.makers import Customer, make_customer
from tests.orders.makers import line, open_desk
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.messaging.events import MessageDue
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def come(salon: Salon, customer: Customer, start: dt.datetime) -> uuid.UUID:
    """She books, and her time is now."""
    booked = await salon.book(start, member_id=customer.id, channel="wechat")
    await salon.shift(booked.booking_id, clock.now() - start)
    return booked.booking_id


async def test_what_is_tried_and_bought_after_an_appointment_is_seen_beside_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    desk = await open_desk(services, brand)
    customer, other = desk.customer, await make_customer(services, brand)
    product = await make_product(services, brand, fields=product_fields(), skus=(sku_fields("LIP-01"),))
    sku = product.skus[0]
    place = f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}"
    for agent in ("MicroMessenger/8", "MicroMessenger/8", "Safari"):
        await client.get(place, headers={"Accept": "text/html", "User-Agent": agent})
    await client.get(place, headers={"Accept": "text/html", **customer.headers})

    before = await desk.ready(member_id=customer.id, lines=(line(1_000),))
    booking_id = await come(salon, customer, tomorrow(days=2))
    await salon.book(tomorrow(days=2, hour=14), member_id=other.id)
    owner = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    sheet = f"/shop/appointments/{booking_id}"
    early = await submit(client, f"{sheet}/tried", {"sku": sku.code}, **owner)
    await submit(client, f"{sheet}/arrive", {"x": "y"}, **owner)
    for note in ("", "适合暖皮"):
        await submit(client, f"{sheet}/tried", {"sku": sku.code, "note": note}, **owner)
    unknown = await submit(client, f"{sheet}/tried", {"sku": "LIP-99"}, **owner)
    page = await client.get(sheet, headers={"Accept": "text/html", **owner})
    after = await desk.ready(member_id=customer.id, lines=(line(9_900, sku_id=sku.id), line(2_000)))
    stranger = await desk.ready(member_id=other.id)
    async with services.database.connection(brand.id) as tx:
        await payments.request_refund(tx, payment_id=after.payment_id, amount_minor=2_000, reason="x")  # type: ignore[arg-type]
    await desk.tell(*await desk.arrive())
    for _ in range(2):
        async with services.database.connection(brand.id) as tx:
            await purchases.follow(tx, order_ids=[before.id, after.id, stranger.id], now=clock.now())
    await salon.deliver()

    assert early.status_code == unknown.status_code == 303
    assert "适合暖皮" in page.text
    rows = await salon.rows(
        "SELECT booking_id, order_id, staff_id, amount_minor, refunded_minor, tried_lines"
        " FROM appointments_purchase WHERE brand_id = $1"
    )
    assert rows == [
        {
            "booking_id": booking_id,
            "order_id": after.id,
            "staff_id": salon.staff[0],
            "amount_minor": 11_900,
            "refunded_minor": 2_000,
            "tried_lines": 1,
        }
    ]
    timeline = await salon.rows(
        "SELECT kind, facts->>'name' AS name FROM members_timeline WHERE brand_id = $1 AND member_id = $2"
        " AND channel = 'appointment' ORDER BY at, kind",
        customer.id,
    )
    assert [row["kind"] for row in timeline] == ["appointed", "arrived", "tried"]
    assert "LIP" in str(timeline[2]["name"]) or product.name in str(timeline[2]["name"])

    today = clock.business_day(clock.now(), salon.zone)
    async with services.database.unit_of_work(brand.id) as session:
        by_channel = await reporting.funnel(session, by=By.CHANNEL, first=today, last=today)
    steps = {
        row.key: (row.viewed, row.held, row.booked, row.arrived, row.bought) for _name, row in by_channel.rows
    }
    assert steps == {"wechat": (1, 1, 1, 1, 1), "web": (2, 0, 0, 0, 0), "customer": (0, 1, 1, 0, 0)}
    assert by_channel.total.net == {"CNY": 9_900}

    hq = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers
    for by in By:
        shown = await client.get(f"/hq/appointments/funnel?by={by.value}", headers={"Accept": "text/html", **hq})
        sheet_file = await client.get(f"/hq/appointments/funnel/csv?by={by.value}", headers=hq)
        [_head, *lines] = csv.reader(io.StringIO(sheet_file.content.decode("utf-8-sig")))
        cells = [re.sub(r"<[^>]+>|[¥,\s]", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", shown.text)]
        assert cells == [re.sub(r"[\s,]", "", cell) for row in lines for cell in row]
        assert lines[-1][1:] == ["3", "2", "2", "1", "1", "99.00"]


async def test_no_reminder_goes_out_once_a_cancellation_is_committed(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    stands, cancelled, moved = [
        await salon.book(tomorrow(days=3, hour=hour), member_id=customer.id) for hour in (9, 11, 13)
    ]
    await salon.deliver()

    async def states(booking_id: uuid.UUID) -> set[str]:
        rows = await salon.rows(
            "SELECT state FROM messaging_message WHERE brand_id = $1 AND fact_key = $2 AND recheck <> ''",
            f"appointment:{booking_id}",
        )
        return {str(row["state"]) for row in rows}

    async def due(*booking_ids: uuid.UUID) -> list[MessageDue]:
        """Messaging asks whether they still stand."""
        await salon.rows(
            "UPDATE messaging_message SET state = 'checking' WHERE brand_id = $1 AND recheck <> ''"
            " AND fact_key = ANY($2) AND state = 'queued'",
            [f"appointment:{each}" for each in booking_ids],
        )
        rows = await salon.rows(
            "SELECT id, fact_key, template FROM messaging_message WHERE brand_id = $1 AND state = 'checking'"
        )
        return [
            MessageDue(
                message_id=row["id"],  # type: ignore[arg-type]
                recheck=STILL_ON,
                fact_key=str(row["fact_key"]),
                template=str(row["template"]),
                member_id=customer.id,
            )
            for row in rows
        ]

    ids = (stands.booking_id, cancelled.booking_id, moved.booking_id)
    asked = await due(*ids)
    async with services.database.connection(brand.id) as tx:
        one = await life.see(tx, booking_id=cancelled.booking_id, is_locked=True)
        await life.cancel(tx, one, by=Actor.CUSTOMER, actor_id=customer.id, now=clock.now())
    # Nobody has told messaging anything by an event yet: the cancellation itself took its reminders back.
    assert await states(cancelled.booking_id) == {"skipped"}
    await salon.rows(
        "UPDATE appointments_booking SET state = 'expired' WHERE brand_id = $1 AND id = $2", moved.booking_id
    )
    async with services.database.connection(brand.id) as tx:
        await telling.recheck(tx, due=asked, now=clock.now())

    assert await states(stands.booking_id) == {"queued"}
    assert await states(cancelled.booking_id) == {"skipped"}, "an answer that comes late revives nothing"
    assert await states(moved.booking_id) == {"skipped"}


async def test_whoever_booked_keeps_the_terms_she_booked_under(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand, fields=service_fields(cutoff_min=60))
    customer = await make_customer(services, brand)
    booked = await salon.book(tomorrow(), member_id=customer.id)
    await salon.rows(
        "UPDATE appointments_service SET cutoff_min = 40000, is_late_cancel_charged = true WHERE brand_id = $1"
    )
    async with services.database.connection(brand.id) as tx:
        one = await life.see(tx, booking_id=booked.booking_id, is_locked=True)
        await life.cancel(tx, one, by=Actor.CUSTOMER, actor_id=customer.id, now=clock.now())

    assert (await salon.see(booked.booking_id)).state is BookingState.CANCELLED


async def test_the_same_by_json(client: httpx.AsyncClient, services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    far = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    headers = customer.headers
    day = clock.business_day(tomorrow(days=2), salon.zone)
    asked = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id)}

    offered = await client.get(f"/v1/appointment-services?shop_id={salon.shop_id}", headers=headers)
    near = await client.get(
        f"/v1/appointment-services/{salon.service.id}/shops?lat=31.22&lon=121.46", headers=headers
    )
    times = await client.get("/v1/appointment-times", params={**asked, "first": str(day)}, headers=headers)
    [free] = times.json()["days"]
    wish = {**asked, "start": free["starts"][0]}
    key = {"Idempotency-Key": new_id().hex}
    made = [await client.post("/v1/appointments", json=wish, headers={**headers, **key}) for _ in range(2)]
    taken = await client.post(
        "/v1/appointments", json=wish, headers=(await make_customer(services, brand)).headers
    )
    code = made[0].json()["code"]
    to = {"start": free["starts"][3]}
    moved = [await client.post(f"/v1/appointments/{code}/move", json=to, headers=headers) for _ in range(2)]
    new = moved[0].json()["code"]
    mine = await client.get("/v1/appointments", headers=headers)
    staff = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    board = await client.get(f"/v1/shop-appointments?shop_id={salon.shop_id}&day={day}", headers=staff)
    other = await client.get(f"/v1/shop-appointments?shop_id={far.shop_id}", headers=staff)
    early = await client.post("/v1/shop-appointments/check-in", json={"code": new}, headers=staff)
    ended = [await client.post(f"/v1/appointments/{new}/cancel", headers=headers) for _ in range(2)]

    assert [one["id"] for one in offered.json()] == [str(salon.service.id)]
    assert [one["shop_id"] for one in near.json()] == [str(salon.shop_id)], "the other shop does not offer it"
    assert near.json()[0]["next_start"] is not None
    assert [each.status_code for each in made] == [201, 200]
    assert made[0].json()["code"] == made[1].json()["code"]
    assert taken.json()["code"] == "appointments.slot_taken"
    assert [each.status_code for each in moved] == [200, 200]
    assert moved[1].json()["code"] == new
    assert [one["code"] for one in mine.json()] == [new]
    assert [one["appointment"]["code"] for one in board.json()] == [new]
    assert other.status_code == 404
    assert early.json()["code"] == "appointments.too_early"
    assert [each.json()["state"] for each in ended] == ["cancelled", "cancelled"]


async def test_who_looked_is_forgotten_after_the_brand_s_days_and_the_numbers_stay(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2)
    anna, berta = salon.staff
    database, keyring = services.database, services.keyring

    async def look(who: str, staff_id: uuid.UUID | None, channel: str, days_ago: int) -> None:
        await viewing.note(
            database, keyring=keyring, brand_id=brand.id, shop_id=salon.shop_id, service_id=salon.service.id,
            staff_id=staff_id, time_zone=salon.zone, channel=channel, who=who,
            now=clock.now() - dt.timedelta(days=days_ago),
        )  # fmt: skip

    for days_ago in (2, 12, 13, 90):
        await look("one", None, "web", days_ago)
        await look("one", anna, "web", days_ago)
        await look("two", anna, "wechat", days_ago)
        await look("two", berta, "wechat", days_ago)

    async def funnels() -> list[dict[str, int]]:
        today = clock.business_day(clock.now(), salon.zone)
        async with database.unit_of_work(brand.id) as session:
            found = [
                await reporting.funnel(session, by=by, first=today - dt.timedelta(days=100), last=today)
                for by in By
            ]
        return [{row.key: row.viewed for _name, row in each.rows} for each in found]

    before = await funnels()
    async with database.connection(brand.id) as tx:
        await purchases.put_days(tx, count=30, viewing_days=10, actor_id=None, now=clock.now())
    await viewing.forget_old(database)
    await viewing.forget_old(database)
    known = await salon.rows("SELECT DISTINCT day FROM appointments_viewing WHERE brand_id = $1")
    after = await funnels()
    await look("late", None, "web", 90)
    await viewing.forget_old(database)

    assert before == after
    assert before[0] == {str(salon.shop_id): 8}
    assert len(known) == 1
    assert (await funnels())[0] == {str(salon.shop_id): 9}, "whoever is noted late is counted too"
