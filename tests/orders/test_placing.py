"""An order is placed whole, in one statement, or not at all."""

import datetime as dt

import pytest

from tests.orders.makers import Desk, line, new_order
from yundian.orders import api
from yundian.orders.errors import OrderExists, OrderNotBalanced
from yundian.orders.service import lists
from yundian.orders.states import EventKind, OrderState, PaymentStatus
from yundian.orders.types import NewOrder
from yundian.platform.core import clock
from yundian.platform.db.counting import counted
from yundian.platform.db.cte import Cte


@pytest.mark.anyio
async def test_an_order_is_one_statement_with_its_lines_its_history_and_its_event(desk: Desk) -> None:
    order = new_order(member_id=desk.customer.id, note="请包装成礼物", shipping_minor=800)

    async with desk.services.database.connection(desk.brand.id) as tx:
        with counted() as statements:
            placed = await api.place(tx, order=order)
        history = await lists.history(tx, order_id=order.id)
        is_poked = tx.is_outbox_dirty

    assert len(statements) == 1
    assert is_poked
    assert (placed.order_id, placed.number) == (order.id, order.number)
    found = await desk.see(order.id)
    assert (found.state, found.payment_status) == (OrderState.CREATED, PaymentStatus.UNPAID)
    assert (found.goods_minor, found.discount_minor, found.total_minor) == (24_700, 1_000, 24_500)
    assert [(one.line_no, one.quantity, one.total_minor) for one in found.lines] == [
        (1, 1, 12_900),
        (2, 2, 10_800),
    ]
    assert [one.kind for one in history] == [EventKind.PLACED]
    [event] = await desk.told("placed")
    assert event["order"]["lines"][1]["total_minor"] == 10_800
    assert event["order"]["total_minor"] == 24_500


@pytest.mark.anyio
async def test_without_its_gate_nothing_of_an_order_is_written(desk: Desk) -> None:
    for is_open in (False, True):
        order = new_order()
        async with desk.services.database.connection(desk.brand.id) as tx:
            cte = Cte()
            cte.part("seat", f"SELECT 1 AS n WHERE {cte.value(is_open)}::bool")
            api.place_parts(cte, brand_id=desk.brand.id, order=order, given="seat")
            rows = await cte.fetch(tx, "SELECT id, number FROM placed")
            counts = await tx.fetchrow(
                "SELECT (SELECT count(*) FROM orders_order), (SELECT count(*) FROM orders_line),"
                " (SELECT count(*) FROM orders_event),"
                " (SELECT count(*) FROM outbox_event WHERE tag = 'orders.placed.v1')"
            )
        assert [row["id"] for row in rows] == [order.id] * is_open
        assert counts is not None
        assert tuple(counts) == ((1, 2, 1, 1) if is_open else (0, 0, 0, 0))


def test_equal_checkouts_are_one_prepared_statement() -> None:
    texts = set()
    for count in (1, 2, 7):
        cte = Cte()
        order = new_order(lines=tuple(line(quantity=n + 1) for n in range(count)))
        api.place_parts(cte, brand_id=order.id, order=order, given=None)
        texts.add(cte.text("SELECT id FROM placed"))

    assert len(texts) == 1


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"lines": ()}, "lines"),
        ({"lines": (line(quantity=0),)}, "quantity_or_price"),
        ({"lines": (line(-1),)}, "quantity_or_price"),
        ({"lines": (line(100, discount_minor=101),)}, "discount"),
        ({"shipping_minor": -1}, "shipping"),
    ],
)
@pytest.mark.anyio
async def test_amounts_that_cannot_be_are_refused_before_anything_runs(
    wrong: dict[str, object], reason: str
) -> None:
    with pytest.raises(OrderNotBalanced) as refused:
        api.place_parts(Cte(), brand_id=new_order().id, order=new_order(**wrong), given=None)
    assert refused.value.facts == {"reason": reason}


@pytest.mark.anyio
async def test_a_number_and_an_outside_id_name_one_order(desk: Desk) -> None:
    first = new_order(channel="pos:demo", external_shop="SH-01", external_id="4711", source_state="已取货")
    await _place(desk, first)

    with pytest.raises(OrderExists) as refused:
        await _place(desk, new_order(number=first.number))
    assert refused.value.facts == {"field": "number"}
    with pytest.raises(OrderExists) as refused:
        await _place(desk, new_order(channel="pos:demo", external_shop="SH-01", external_id="4711"))
    assert refused.value.facts == {"field": "external_id"}
    # The same receipt number at another till, and in another channel, is another order.
    await _place(desk, new_order(channel="pos:demo", external_shop="SH-02", external_id="4711"))
    await _place(desk, new_order(channel="tmall", external_shop="SH-01", external_id="4711"))
    assert len(await desk.told("placed")) == 3


def test_the_number_tells_the_day_of_the_shop_and_nothing_else() -> None:
    late_evening_utc = dt.datetime(2026, 11, 21, 20, 0, tzinfo=dt.UTC)

    numbers = {api.new_number(at=late_evening_utc) for _ in range(1_000)}

    assert len(numbers) == 1_000
    assert {number.split("-")[0] for number in numbers} == {"261122"}
    assert api.new_number(at=late_evening_utc, zone="Europe/Paris").startswith("261121-")


@pytest.mark.anyio
async def test_an_order_without_a_payment_ends_at_its_time(desk: Desk) -> None:
    order = new_order(expires_at=clock.now())
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.place(tx, order=order)
        timers = await tx.fetch("SELECT name, key FROM outbox_timer WHERE brand_id = $1", desk.brand.id)
    assert [tuple(row) for row in timers] == [("orders.expire", str(order.id))]

    with_payment = await desk.place(expires_at=clock.now())
    for one in (order.id, with_payment.id, order.id):
        await desk.expire(one)

    assert (await desk.see(order.id)).close_reason == "timeout"
    assert (await desk.see(with_payment.id)).state is OrderState.CREATED
    assert len(await desk.told("closed")) == 1


async def _place(desk: Desk, order: NewOrder) -> None:
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        await api.place(session, order=order)
