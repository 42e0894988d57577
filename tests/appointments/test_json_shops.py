"""What a shop's own app does by JSON: its day, a sheet, moving on the board, what was tried, its link."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import httpx
import pytest

from appointments.repository.parties import key_of
from appointments.service import setup
from appointments.types import ShopDayView
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_json_customers import told
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.members.makers import make_customer
from tests.orders.makers import line, open_desk
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

PATH = "/v1/shop-appointments"
UNKNOWN = (404, "appointments.booking_unknown")


async def test_a_shop_s_day_is_drawn_from_json_and_appointments_are_put_elsewhere_on_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=30))
    far, foreign = await make_salon(services, brand), await make_salon(services, other_brand)
    anna, bea = salon.staff
    customer, other = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=3)
    day = clock.business_day(start, salon.zone)
    booked = await salon.book(start, member_id=customer.id, staff_id=anna)
    own = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    strangers = [
        (await sign_in_as(services, one.brand.id, Role.SHOP_OWNER, shop_id=one.shop_id)).headers
        for one in (far, foreign)
    ]
    async with services.database.unit_of_work(brand.id) as session:
        hours = ShopDayView(day=day, opens=540, closes=1080, reason="")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=hours)

    async def asks(path: str, headers: dict[str, str] = own, **params: object) -> httpx.Response:
        return await client.get(f"{PATH}/{path}", params={k: str(v) for k, v in params.items()}, headers=headers)

    async def does(path: str, headers: dict[str, str] = own, **body: Any) -> httpx.Response:
        sent = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in body.items()}
        return await client.post(f"{PATH}/{path}", json=sent, headers=headers)

    shown = (await asks("day", shop_id=salon.shop_id, day=day)).json()
    assert [dt.datetime.fromisoformat(shown["hours"][0][each]) for each in ("starts_at", "ends_at")] == [
        start.replace(hour=1),
        start.replace(hour=10),
    ]
    assert [(one["name"], len(one["hours"])) for one in shown["people"]] == [("化妆师 1", 1), ("化妆师 2", 1)]
    assert {one["id"] for one in shown["chairs"]} == {str(one) for one in salon.chairs}
    assert (shown["waiting"], shown["open_days"], shown["day"]) == (0, [], str(day))
    assert [one["id"] for one in (await asks("shops")).json()] == [str(salon.shop_id)]
    offered = (await asks("services", shop_id=salon.shop_id)).json()
    assert [one["id"] for one in offered] == [str(salon.service.id)]
    [entry] = (await asks("", shop_id=salon.shop_id, day=day)).json()
    assert (entry["session_id"], entry["member_id"]) == (None, str(customer.id))
    for what in ("day", "services"):
        for headers in strangers:
            assert told(await asks(what, headers, shop_id=salon.shop_id)) == (404, "stores.shop_unknown")

    one = str(booked.booking_id)
    lanes = {each["lane_id"]: each["starts"] for each in (await asks(f"{one}/places", day=day)).json()}
    assert set(lanes) == {str(anna), str(bea)}
    chairs = (await asks(f"{one}/places", day=day, by="chair")).json()
    assert {each["lane_id"] for each in chairs} == {str(each) for each in salon.chairs}
    assert (await asks(f"{one}/places", day=day, by="room")).status_code == 400
    later = start + dt.timedelta(hours=2)
    assert later in [dt.datetime.fromisoformat(at) for at in lanes[str(bea)]]
    to: dict[str, Any] = {"start": later.isoformat(), "lane_id": bea, "sequence": 0}
    refused = [
        answer
        for headers in strangers
        for answer in (
            await does(f"{one}/place", headers, **to),
            await does(f"{one}/people", headers, staff_id=bea),
            await asks(one, headers),
            await asks(f"{one}/places", headers, day=day),
        )
    ]
    assert [told(each) for each in refused] == [UNKNOWN] * 8

    assert told(await does(f"{one}/place", **{**to, "sequence": 9})) == (409, "core.version_conflict")
    # Two people put the same appointment elsewhere at once: one of them did.
    at_once = await asyncio.gather(does(f"{one}/place", **to), does(f"{one}/place", **{**to, "lane_id": anna}))
    [moved] = [each.json() for each in at_once if each.status_code == 200]
    [lost] = [told(each) for each in at_once if each.status_code != 200]
    assert lost in {(409, "appointments.not_now"), (409, "core.version_conflict")}
    new = moved["appointment"]
    assert dt.datetime.fromisoformat(new["starts_at"]) == later
    assert (new["id"] != one, moved["chair_id"] in {str(each) for each in salon.chairs}) == (True, True)
    await salon.book(later, member_id=other.id)
    [blocked] = await salon.rows(
        "SELECT staff_id, resource_id FROM appointments_booking WHERE brand_id = $1 AND member_id = $2", other.id
    )
    stale = await does(f"{new['id']}/people", chair_id=None, sequence=9)
    busy = await does(f"{new['id']}/people", staff_id=blocked["staff_id"])
    no_chair = await does(f"{new['id']}/people", chair_id=blocked["resource_id"])
    nobody = await does(f"{new['id']}/people", staff_id=new_id())
    assert [told(each) for each in (stale, busy, no_chair, nobody)] == [
        (409, "core.version_conflict"),
        (409, "appointments.slot_taken"),
        (409, "appointments.slot_taken"),
        (409, "appointments.not_offered"),
    ]
    night = await does(f"{new['id']}/place", start=tomorrow(days=3, hour=23).isoformat(), lane_id=bea)
    assert told(night) == (409, "appointments.outside_hours")
    gone = await does(f"{one}/people", staff_id=bea)
    assert told(gone) == (409, "appointments.not_now")

    sheet = (await asks(new["id"])).json()
    assert (sheet["undo_until"] is not None, sheet["moved_to"]) == (True, None)
    assert (await asks(one)).json()["moved_to"] == new["id"]
    back = await does(f"{new['id']}/undo", sequence=new["sequence"])
    assert back.json()["appointment"]["id"] == one
    given = (await does(f"{one}/people", staff_id=bea)).json()
    assert (given["appointment"]["staff_id"], given["appointment"]["starts_at"][:16]) == (
        str(bea),
        start.isoformat()[:16],
    )


async def test_a_sheet_tells_who_comes_and_what_was_tried_and_what_an_order_paid_for(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    desk = await open_desk(services, brand)
    start = tomorrow(days=3)
    booked = await salon.book(start, member_id=desk.customer.id)
    one = f"{PATH}/{booked.booking_id}"
    product = await make_product(services, brand, fields=product_fields(), skus=(sku_fields("LIP-01"),))
    sku = product.skus[0]
    own = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    stranger = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=desk.shop.id)).headers
    await salon.rows(
        "UPDATE members_member SET nickname = '林小美' WHERE brand_id = $1 AND id = $2", desk.customer.id
    )
    await salon.shift(booked.booking_id, clock.now() + dt.timedelta(minutes=30) - start)

    early = await client.post(f"{one}/tried", json={"sku_code": sku.code}, headers=own)
    await client.post(f"{one}/steps", json={"step": "arrive"}, headers=own)
    noted = await client.post(f"{one}/tried", json={"sku_code": sku.code, "note": "适合暖皮"}, headers=own)
    sheet = (await client.get(one, headers=own)).json()
    assert told(early) == (409, "appointments.not_now")
    assert sheet["guest"] == {"member_id": str(desk.customer.id), "nickname": "林小美", "phone": None}
    assert sheet["tried"] == noted.json() == [
        {"sku_id": str(sku.id), "sku_code": "LIP-01", "name": sheet["tried"][0]["name"], "note": "适合暖皮"}
    ]  # fmt: skip
    assert [each["kind"] for each in sheet["history"]] == ["confirmed", "arrived"]
    assert sheet["entry"]["appointment"]["state"] == "arrived"
    tried = f"{one}/tried/{sku.id}"
    assert told(await client.delete(tried, headers=stranger)) == UNKNOWN
    assert (await client.get(f"{one}/tried", headers=own)).json() == sheet["tried"]
    removed = [await client.delete(tried, headers=own) for _ in range(2)]
    assert [each.status_code for each in removed] == [204, 204]
    assert (await client.get(one, headers=own)).json()["tried"] == []

    # An order handed over in another shop is that shop's to look at.
    order = await desk.ready(member_id=desk.customer.id, lines=(line(1_000),))
    await salon.rows(
        "UPDATE appointments_booking SET request_key = $3 WHERE brand_id = $1 AND id = $2",
        booked.booking_id,
        key_of(order.id),
    )
    plain = await desk.ready(member_id=desk.customer.id, lines=(line(1_000),))
    asked = [
        await client.get(f"{PATH}/orders/{each}", headers=headers)
        for each, headers in ((order.id, stranger), (order.id, own), (plain.id, stranger))
    ]
    assert asked[0].json()["appointment"]["id"] == str(booked.booking_id)
    assert [told(each) for each in asked[1:]] == [UNKNOWN] * 2


async def test_a_shop_s_link_is_made_once_and_only_where_somebody_serves(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon, far = await make_salon(services, brand), await make_salon(services, brand)
    own = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers

    async def share(shop_id: uuid.UUID) -> httpx.Response:
        return await client.post(f"{PATH}/links", json={"shop_id": str(shop_id)}, headers=own)

    made = await asyncio.gather(share(salon.shop_id), share(salon.shop_id))
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json() == made[1].json()
    opened = await client.get(httpx.URL(made[0].json()["url"]).path, headers={"Accept": "text/html"})
    assert opened.headers["location"].startswith(f"/m/{brand.code}/book/{salon.shop_id}")
    assert told(await share(far.shop_id)) == (404, "stores.shop_unknown")
    await salon.rows("UPDATE appointments_staff SET status = 'retired' WHERE brand_id = $1")
    assert told(await share(salon.shop_id)) == (404, "stores.shop_unknown")
    assert (await client.get(f"{PATH}/shops", headers=own)).json() == []
