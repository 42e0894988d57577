"""Orders of every channel on the screens of customers, shops and headquarters, and in files."""

import csv
import io

import httpx
import pytest

from tests.helpers import submit
from tests.orders.abroad import merge
from tests.orders.makers import Desk
from tests.orders.test_screens import HTML, look
from tests.people import sign_in_as
from tests.stores.makers import make_shop
from yundian.orders.states import OrderState
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio


async def test_a_customer_sees_what_she_bought_elsewhere_and_nothing_to_pay_or_collect(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    home, hers = f"/m/{desk.brand.code}/orders", desk.customer.headers
    ours = await desk.ready()
    sold, unpaid, bare = (
        await merge(desk, refunded_minor=5_00),
        await merge(desk, state="created", paid_minor=0, paid_at=None, released_at=None, completed_at=None),
        await merge(desk, pieces=0, state="paid", completed_at=None, channel="pos7", external_id="BARE-1"),
    )
    stranger = await merge(desk, member_id=None)
    listed = await look(client, home, hers)

    orders = {one: await desk.see(one) for one in (sold, unpaid, bare)}
    assert all(f"{home}/{one.number}" in listed for one in (ours, *orders.values()))
    assert (await desk.see(stranger)).number not in listed
    assert "¥5.00 paid back" in listed
    assert f"tmall · {desk.shop.name}" in listed
    assert "BARE-1" in listed
    for one in orders.values():
        page = await look(client, f"{home}/{one.number}", hers)
        assert "Bought through" in page
        assert one.external_id in page
        for word in ("Pay now", "Pick-up code", "pick-up code", "being checked", "Give up"):
            assert word not in page
    page = await look(client, f"{home}/{orders[sold].number}", hers)
    assert "Paid back at the source" in page
    assert "Date estimated" in page
    # Nobody gives up here what another system sold.
    await submit(client, f"{home}/{orders[unpaid].number}/give-up", {}, **hers)
    assert (await desk.see(unpaid)).state is OrderState.CREATED


async def test_headquarters_filters_by_channel_state_day_and_any_number_and_a_broken_filter_is_said(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    admin = (await sign_in_as(desk.services, desk.brand.id, Role.HQ_ANALYST)).headers
    ours = await desk.ready()
    first = await merge(desk, refunded_minor=5_00, external_id="ab-77/1", difference_minor=3, total_minor=20_03)
    second = await merge(desk, channel="pos7", external_shop="上海1店", external_id="=1+1", state="paid")

    async def found(query: str) -> set[object]:
        page = await look(client, f"/hq/orders?{query}", admin)
        return {one for one in (ours.id, first, second) if f"/hq/orders/{one}" in page}

    assert await found("") == {ours.id, first, second}
    assert await found("channel=tmall") == {first}
    assert await found("state=paid") == {second}
    assert await found("q=ab-77%2F1") == {first}
    assert await found(f"q={ours.number.lower()}") == {ours.id}
    assert await found(f"shop={desk.shop.code}&channel=pos7&from=2020-01-01&to=2999-01-01") == {second}
    assert await found("to=2020-01-01") == set()
    for query, said in [
        ("from=2026-02-30", "This is not a date"),
        ("to=bad", "This is not a date"),
        ("from=2026-02-02&to=2026-02-01", "The last day is before the first"),
        ("state=lost", "There is no such status"),
        ("campaign=x", "Please check the marked fields"),
    ]:
        answer = await client.get(f"/hq/orders?{query}", headers=admin | HTML)
        assert (answer.status_code, said in answer.text) == (400, True)
        assert str(first) not in answer.text

    page = await look(client, f"/hq/orders/{first}", admin)
    for word in ("ab-77/1", "交易成功", "Zhejiang", "¥0.03 off its lines", "Paid back at the source", "Pay back"):
        assert (word in page) == (word != "Pay back")
    listed = await client.get("/hq/orders/csv?channel=pos7", headers=admin)
    header, row = csv.reader(io.StringIO(listed.content.decode("utf-8-sig"), newline=""))
    assert (len(header), row[0], row[7]) == (len(row), "'=1+1", "20.00")
    book = await client.get("/hq/orders/xlsx", headers=admin)
    assert book.content[:2] == b"PK"
    assert (await client.get("/hq/orders/csv?from=bad", headers=admin)).status_code == 400


async def test_a_shop_sees_what_it_sold_through_every_channel_and_no_other_shops(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    person = await sign_in_as(desk.services, desk.brand.id, Role.SHOP_STAFF, shop_id=desk.shop.id)
    elsewhere = await make_shop(desk.services, desk.brand)
    ours, sold = await desk.ready(), await merge(desk)
    foreign = await merge(desk, shop_id=elsewhere.id)

    page = await look(client, f"/shop/orders/all?shop={elsewhere.id}", person.headers)
    assert str(ours.id) in page
    assert str(sold) in page
    assert str(foreign) not in page
    assert str(ours.id) not in await look(client, "/shop/orders/all?channel=tmall&state=completed", person.headers)
    broken = await client.get("/shop/orders/all?from=2026-99-01", headers=person.headers | HTML)
    assert (broken.status_code, "This is not a date" in broken.text) == (400, True)
    shown = await look(client, f"/shop/orders/{sold}", person.headers)
    assert "tmall · 交易成功" in shown
    assert (await client.get(f"/shop/orders/{foreign}", headers=person.headers | HTML)).status_code == 404
    # What another system sold waits at no counter.
    assert str(sold) not in await look(client, "/shop/orders", person.headers)
