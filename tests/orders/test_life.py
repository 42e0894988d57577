"""Orders move by what payments tells: once, however often and in whatever order it is told."""

import asyncio
import uuid

import msgspec
import pytest

from tests.orders.makers import Desk, closed, line
from tests.stores.makers import stock_row
from yundian.orders import api
from yundian.orders.errors import OrderNotOpen, OrderUnknown, PaymentNotExpected, RefundTooLarge
from yundian.orders.service import lists, refunding
from yundian.orders.states import EventKind, OrderState, PaymentStatus
from yundian.orders.types import OrderView, RefundWanted
from yundian.payments import api as payments
from yundian.payments.states import PaymentState
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.counting import counted

pytestmark = pytest.mark.anyio


async def test_paid_waiting_released_once_each_however_often_it_is_told(desk: Desk) -> None:
    orders = [await desk.place() for _ in range(3)]
    captures = [await desk.capture(order) for order in orders]

    await desk.tell(*captures, captures[0])
    await desk.tell(*captures)
    ids = [order.id for order in orders]
    async with desk.services.database.connection(desk.brand.id) as tx:
        assert await api.mark_waiting(tx, order_ids=ids, at=clock.now()) == sorted(ids)
        assert await api.mark_waiting(tx, order_ids=ids, at=clock.now()) == []
        with counted() as statements:
            assert await api.release(tx, order_ids=[*ids, new_id()], at=clock.now()) == sorted(ids)
        assert await api.release(tx, order_ids=ids, at=clock.now()) == []
        history = await lists.history(tx, order_id=ids[0])

    assert len(statements) == 2
    paid = await desk.told("paid")
    assert sorted(one["order"]["order_id"] for one in paid) == sorted(map(str, ids))
    assert {one["amount_minor"] for one in paid} == {23_700}
    assert len(await desk.told("released")) == 3
    kinds = [one.kind for one in history]
    assert kinds == [EventKind.PLACED, EventKind.PAID, EventKind.WAITING, EventKind.RELEASED]
    found = await desk.see(ids[0])
    assert (found.state, found.payment_status, found.paid_minor) == (OrderState.READY, PaymentStatus.PAID, 23_700)
    assert found.payment_id == captures[0].payment_id
    assert found.paid_at == captures[0].paid_at


async def test_an_unpaid_order_ends_with_its_payment_and_gives_its_stock_back(desk: Desk) -> None:
    order = await desk.place(**await desk.stocked(4))
    sku = order.lines[0].sku_id
    assert sku is not None
    assert await stock_row(desk.services, desk.brand, sku) == (10, 4)

    async with desk.services.database.connection(desk.brand.id) as tx:
        assert await api.close(tx, order_ids=[order.id, new_id()], reason="buyer") == 1
    # Paying may be faster than closing: it is not over before payments says so.
    assert (await desk.see(order.id)).state is OrderState.CREATED
    assert (await desk.payment(order)).state is PaymentState.CLOSING
    await desk.tell(closed(order), closed(order))
    await desk.tell(closed(order))

    found = await desk.see(order.id)
    assert (found.state, found.close_reason) == (OrderState.CLOSED, "buyer")
    assert await stock_row(desk.services, desk.brand, sku) == (10, 0)
    assert [one["reason"] for one in await desk.told("closed")] == ["buyer"]


async def test_paying_faster_than_closing_makes_a_paid_order(desk: Desk) -> None:
    order = await desk.place()
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.close(tx, order_ids=[order.id], reason="buyer")
    await desk.pay(order)
    await desk.tell(closed(order))

    found = await desk.see(order.id)
    assert (found.state, found.close_reason) == (OrderState.PAID, "")
    assert await desk.told("closed") == []


async def test_money_that_is_not_the_orders_is_never_booked_as_if_it_were(desk: Desk) -> None:
    order, gone = await desk.place(), await desk.place()
    capture = await desk.capture(order)
    for wrong in ({"amount_minor": 1}, {"currency": "USD"}):
        with pytest.raises(PaymentNotExpected):
            await desk.tell(msgspec.structs.replace(capture, **wrong))
    with pytest.raises(OrderUnknown):
        await desk.tell(msgspec.structs.replace(capture, subject_id=new_id()))
    assert (await desk.see(order.id)).state is OrderState.CREATED

    # Money for an order that is over goes back.
    late = await desk.capture(gone)
    await desk.tell(closed(gone))
    await desk.tell(late)
    assert (await desk.see(gone.id)).state is OrderState.CLOSED
    assert (await desk.payment(gone)).reserved_minor == gone.total_minor
    await desk.tell(*await desk.arrive())
    assert (await desk.see(gone.id)).refunded_minor == 0
    assert await desk.told("refunded") == []


async def test_a_cancelled_group_pays_everybody_back_whole(desk: Desk) -> None:
    held = await desk.stocked(3)
    orders = [await desk.place(**held), await desk.place(), await desk.place()]
    sku = orders[0].lines[0].sku_id
    assert sku is not None
    for order in orders[:2]:
        await desk.pay(order)
    ids = [order.id for order in orders]
    async with desk.services.database.connection(desk.brand.id) as tx:
        cancelled = await api.cancel_paid(tx, order_ids=ids, reason="group_failed", refund_reason="拼团未成团")
        assert cancelled == sorted(ids[:2])
        assert await api.cancel_paid(tx, order_ids=ids, reason="group_failed") == []
    assert await stock_row(desk.services, desk.brand, sku) == (10, 0)
    assert [one["reason"] for one in await desk.told("cancelled")] == ["group_failed"] * 2

    arrivals = await desk.arrive()
    await desk.tell(*arrivals, *arrivals)
    await desk.tell(*arrivals)

    for order in orders[:2]:
        found = await desk.see(order.id)
        assert (found.state, found.payment_status) == (OrderState.CANCELLED, PaymentStatus.REFUNDED)
        assert [one.refunded_minor for one in found.lines] == [one.total_minor for one in found.lines]
        assert [one.refunded_quantity for one in found.lines] == [one.quantity for one in found.lines]
    refunded = await desk.told("refunded")
    assert sorted(one["amount_minor"] for one in refunded) == sorted(order.total_minor for order in orders[:2])
    assert {one["was_released"] for one in refunded} == {False}
    assert (await desk.see(orders[2].id)).state is OrderState.CREATED


async def test_a_refund_that_is_told_before_its_payment_books_both(desk: Desk) -> None:
    order = await desk.place()
    capture = await desk.capture(order)
    payment = await desk.payment(order)
    await _ask(desk, payment.id, 3_700)
    arrivals = await desk.arrive()

    await desk.tell(*arrivals)
    await desk.tell(capture, *arrivals)

    found = await desk.see(order.id)
    assert (found.state, found.paid_minor, found.refunded_minor) == (OrderState.PAID, 23_700, 3_700)
    assert found.payment_status is PaymentStatus.REFUNDED_PARTLY
    assert len(await desk.told("paid")) == len(await desk.told("refunded")) == 1


async def test_refunds_of_one_order_at_once_on_separate_connections_lose_nothing(desk: Desk) -> None:
    order = await desk.ready(lines=(line(333), line(100, 3), line(1)), shipping_minor=66)
    payment = await desk.payment(order)
    amounts = [1, 99, 50, 100, 150, 7, 93, 200]
    assert sum(amounts) == order.total_minor
    for amount in amounts:
        await _ask(desk, payment.id, amount)
    arrivals = await desk.arrive()

    await asyncio.gather(*(desk.tell(one) for one in [*arrivals, *arrivals]))

    found = await desk.see(order.id)
    assert (found.refunded_minor, found.state) == (700, OrderState.CANCELLED)
    assert [one.refunded_minor for one in found.lines] == [333, 300, 1]
    assert [one.refunded_quantity for one in found.lines] == [1, 3, 1]
    events = await desk.told("refunded")
    assert sorted(one["amount_minor"] for one in events) == sorted(amounts)
    for one in events:
        assert sum(part["amount_minor"] for part in one["lines"]) == one["amount_minor"]
        assert one["was_released"]
    assert sum(part["amount_minor"] for one in events for part in one["lines"] if part["line_no"] == 0) == 66
    assert len(await desk.told("cancelled")) == 1


async def test_hq_pays_back_pieces_of_a_line_an_amount_and_the_rest(desk: Desk) -> None:
    order = await desk.ready(lines=(line(3_333, 3), line(5_000)))

    pieces = RefundWanted(reason="一支破损", pieces={1: 1})
    assert await _refund(desk, order, pieces) == 3_333
    await desk.tell(*await desk.arrive())
    found = await desk.see(order.id)
    assert [(one.refunded_quantity, one.refunded_minor) for one in found.lines] == [(1, 3_333), (0, 0)]
    assert found.state is OrderState.READY

    for wrong in (RefundWanted(reason="x", amount_minor=11_667), RefundWanted(reason="x", amount_minor=0)):
        with pytest.raises(RefundTooLarge):
            await _refund(desk, order, wrong)
    assert await _refund(desk, order, RefundWanted(reason="补差价", amount_minor=1_000)) == 1_000
    assert await _refund(desk, order, RefundWanted(reason="不要了")) == 10_666
    assert (await desk.see(order.id)).state is OrderState.CANCELLED
    await desk.tell(*await desk.arrive())

    found = await desk.see(order.id)
    assert found.payment_status is PaymentStatus.REFUNDED
    assert [(one.refunded_quantity, one.refunded_minor) for one in found.lines] == [(3, 9_999), (1, 5_000)]
    async with desk.services.database.connection(desk.brand.id) as tx:
        rows = await refunding.of_order(tx, order_id=order.id)
    assert [one.reason for one in rows] == ["一支破损", "补差价", "不要了"]
    assert all(one.refunded_at for one in rows)
    assert {one.requested_by for one in rows} == {desk.clerk.id}


async def test_before_the_release_only_the_whole_order_is_paid_back(desk: Desk) -> None:
    order = await desk.place()
    with pytest.raises(OrderNotOpen):
        await _refund(desk, order, RefundWanted(reason="x"))
    await desk.pay(order)
    with pytest.raises(OrderNotOpen):
        await _refund(desk, order, RefundWanted(reason="x", amount_minor=100))

    assert await _refund(desk, order, RefundWanted(reason="买错了")) == order.total_minor
    assert (await desk.see(order.id)).close_reason == "refunded"
    with pytest.raises(RefundTooLarge):
        await _refund(desk, order, RefundWanted(reason="again"))


async def _ask(desk: Desk, payment_id: uuid.UUID, amount_minor: int) -> None:
    """As somebody does on the payment's own page."""
    async with desk.services.database.connection(desk.brand.id) as tx:
        await payments.request_refund(tx, payment_id=payment_id, amount_minor=amount_minor, reason="补差价")


async def _refund(desk: Desk, order: OrderView, wanted: RefundWanted) -> int:
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        return await refunding.request(session, order_id=order.id, wanted=wanted, actor=desk.clerk)
