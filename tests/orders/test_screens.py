"""The screens and the API of orders, used as people would: the customer's phone, the counter, HQ."""

import httpx
import pytest

from tests.catalog.makers import make_picture
from tests.helpers import submit
from tests.html_forms import fields_of
from tests.html_forms import submit as send_form
from tests.orders.makers import Desk, closed, code_of, line
from tests.people import sign_in_as
from tests.stores.makers import make_skus
from yundian.catalog import api as catalog
from yundian.orders import api
from yundian.orders.rules import new_code
from yundian.orders.states import OrderState
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.counting import counted

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}


async def look(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> str:
    client.cookies.set("locale", "en")
    answer = await client.get(url, headers=headers | HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_customer_pays_waits_collects_and_sees_what_happened(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    home, hers = f"/m/{desk.brand.code}/orders", desk.customer.headers
    assert "No orders yet" in await look(client, home, hers)
    order = await desk.place(expires_at=clock.now())

    page = await look(client, f"{home}/{order.number}", hers)
    assert "Pay now" in page
    assert 'href="/pay/' in page
    assert "¥237.00" in page
    await desk.pay(order)
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.mark_waiting(tx, order_ids=[order.id], at=clock.now())
    page = await look(client, f"{home}/{order.number}", hers)
    assert "as soon as your group is complete" in page
    assert "Pay now" not in page
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.release(tx, order_ids=[order.id], at=clock.now())
    answer = await client.get(f"{home}/{order.number}", headers=hers | HTML)
    code = await code_of(desk, order)
    assert f"{code[:3]} {code[3:6]} {code[6:]}" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    own = (await client.get(f"/v1/member/orders/{order.number}", headers=hers)).json()
    assert own["pick_up_code"] == code
    listed = (await client.get("/v1/member/orders", headers=hers)).json()
    assert [one["number"] for one in listed["items"]] == [order.number]
    assert listed["items"][0]["payment_status"] == "paid"


async def test_a_customer_gives_an_unpaid_order_up(client: httpx.AsyncClient, desk: Desk) -> None:
    home, hers = f"/m/{desk.brand.code}/orders", desk.customer.headers
    order, other = await desk.place(), await desk.place(member_id=None)

    gone = await submit(client, f"{home}/{order.number}/give-up", {}, **hers)
    assert gone.status_code == 303
    assert "being checked" in await look(client, f"{home}/{order.number}", hers)
    await desk.tell(closed(order))
    assert "Given up by the customer" in await look(client, f"{home}/{order.number}", hers)
    # Another's order does not exist for her.
    for path in (f"{home}/{other.number}", f"/v1/member/orders/{other.number}"):
        assert (await client.get(path, headers=hers)).status_code == 404


async def test_a_clerk_reads_the_code_looks_and_hands_over(client: httpx.AsyncClient, desk: Desk) -> None:
    person = await sign_in_as(desk.services, desk.brand.id, Role.SHOP_OWNER, shop_id=desk.shop.id)
    clerk = person.headers
    order = await desk.ready(note="送人，请包装")
    code = await code_of(desk, order)
    assert order.number in await look(client, "/shop/orders", clerk)
    assert "1 ready" in await look(client, "/shop/panels/orders", clerk)
    counter = await client.get("/shop/hand-over", headers=clerk | HTML)
    assert "camera=(self)" in counter.headers["Permissions-Policy"]

    slip = await submit(client, "/shop/hand-over", {"code": "123 456 789"}, **clerk)
    unknown = await submit(client, "/shop/hand-over", {"code": new_code().digits}, **clerk)
    assert (slip.status_code, unknown.status_code) == (400, 404)
    assert "check the digits" in slip.text
    assert "No order waits here under this code" in unknown.text
    seen = await submit(client, "/shop/hand-over", {"code": f"{code[:3]} {code[3:]}"}, **clerk)
    assert "送人，请包装" in seen.text
    assert (await desk.see(order.id)).state is OrderState.READY
    fields = fields_of(seen.text, having="code")
    done = await send_form(client, "/shop/hand-over/confirm", fields, headers=clerk)
    assert (done.status_code, done.headers["Location"]) == (303, f"/shop/orders/{order.id}")
    again = await submit(client, "/shop/hand-over", {"code": code}, **clerk)
    assert (again.status_code, "handed over already" in again.text) == (409, True)

    page = await look(client, f"/shop/orders/{order.id}", clerk)
    assert "Take the hand-over back" in page
    assert order.number in await look(client, "/shop/orders?tab=done", clerk)
    await submit(client, f"/shop/orders/{order.id}/undo", {}, **clerk)
    assert (await desk.see(order.id)).state is OrderState.READY
    client.cookies.clear()
    preview = await client.post("/v1/hand-overs/preview", json={"code": code}, headers=clerk)
    assert preview.json()["number"] == order.number
    confirmed = await client.post("/v1/hand-overs", json={"code": code}, headers=clerk)
    assert confirmed.json()["state"] == "collected"
    refused = await client.post("/v1/hand-overs", json={"code": code}, headers=clerk)
    assert refused.json()["code"] == "orders.code_used"


async def test_whoever_guesses_codes_is_stopped(client: httpx.AsyncClient, desk: Desk) -> None:
    person = await sign_in_as(desk.services, desk.brand.id, Role.SHOP_STAFF, shop_id=desk.shop.id)
    answers = [
        await client.post("/v1/hand-overs/preview", json={"code": new_code().digits}, headers=person.headers)
        for _ in range(45)
    ]

    statuses = [one.status_code for one in answers]
    assert statuses[:40] == [404] * 40
    assert set(statuses[40:]) == {429}


async def test_hq_finds_an_order_sees_its_three_shops_and_pays_back(client: httpx.AsyncClient, desk: Desk) -> None:
    admin = (await sign_in_as(desk.services, desk.brand.id, Role.HQ_ADMIN)).headers
    order = await desk.ready(attributed_shop_id=desk.shop.id, lines=(line(3_333, 3), line(5_000)))
    waiting = await desk.place()
    await desk.pay(waiting)

    listed = await look(client, f"/hq/orders?state=ready&shop={desk.shop.code}&from=2026-01-01", admin)
    assert order.number in listed
    assert waiting.number not in listed
    assert waiting.number in await look(client, f"/hq/orders?q={waiting.number.lower()}", admin)
    assert "No order fits" in await look(
        client, "/hq/orders?to=2020-01-01&from=2019-12-31&channel=groupbuy", admin
    )
    assert "No order fits" in await look(client, "/hq/orders?shop=NONE", admin)
    page = await look(client, f"/hq/orders/{order.id}", admin)
    assert page.count(desk.shop.name) == 2
    assert f"/hq/payments/{order.payment_id}" in page
    assert "paid back whole only" in await look(client, f"/hq/orders/{waiting.id}", admin)

    url = f"/hq/orders/{order.id}/refunds"
    for wrong in (
        {"what": "amount"},
        {"what": "pieces", "pieces": ["", "9"]},
        {"what": "amount", "amount": "150"},
    ):
        refused = await submit(client, url, {"reason": "补差价", **wrong}, **admin)
        assert refused.status_code in (400, 409), wrong
    made = await submit(client, url, {"what": "pieces", "pieces": ["1", ""], "reason": "一支破损"}, **admin)
    assert made.status_code == 303
    assert "¥33.33 on its way" in await look(client, f"/hq/orders/{order.id}", admin)
    await desk.tell(*await desk.arrive())
    assert "Refunded in part" in await look(client, f"/hq/orders/{order.id}", admin)
    client.cookies.clear()
    answer = await client.post(f"/v1/orders/{order.id}/refunds", json={"reason": "不要了"}, headers=admin)
    assert answer.json() == {"amount_minor": 11_666, "currency": "CNY"}
    found = (await client.get(f"/v1/orders?state=cancelled&shop_id={desk.shop.id}", headers=admin)).json()
    assert [one["number"] for one in found["items"]] == [order.number]
    assert found["items"][0]["close_reason"] == "refunded"


async def test_lists_show_what_was_sold_and_ask_no_more_often_for_more_orders(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    [sku] = await make_skus(desk.services, desk.brand)
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        product_id = (await catalog.get_skus(session, ids={sku}))[sku].product_id
    picture = await make_picture(desk.services, desk.brand, product_id)
    owner = await sign_in_as(desk.services, desk.brand.id, Role.SHOP_OWNER, shop_id=desk.shop.id)
    admin = await sign_in_as(desk.services, desk.brand.id, Role.HQ_ADMIN)
    lists = (
        (f"/m/{desk.brand.code}/orders", desk.customer.headers),
        ("/shop/orders", owner.headers),
        ("/shop/orders/all", owner.headers),
        ("/hq/orders", admin.headers),
    )

    async def asked(path: str, headers: dict[str, str], orders: int) -> int:
        with counted() as statements:
            page = await look(client, path, headers)
        assert page.count(picture.small) == orders, path
        return len(statements)

    await desk.ready(lines=(line(sku_id=sku),))
    few = [await asked(path, headers, 1) for path, headers in lists]
    for _ in range(3):
        await desk.ready(lines=(line(sku_id=sku), line()))
    many = [await asked(path, headers, 4) for path, headers in lists]

    assert min(few) > 0
    assert few == many
