"""Hand-over: the right code in the right shop, once, whoever is at the counter at the same time."""

import asyncio
import datetime as dt
import uuid

import pytest

from tests.orders.makers import Desk, code_of
from tests.orders.makers import hand_over as confirm
from tests.stores.makers import make_shop, shop_fields, stock_row
from yundian.orders import api
from yundian.orders.errors import (
    CodeMistyped,
    CodeUnknown,
    CodeUsed,
    NotReady,
    OrderUnknown,
    RefundOpen,
    UndoTooLate,
)
from yundian.orders.handlers import complete
from yundian.orders.rules import new_code, read_code
from yundian.orders.service import handing_over, lists, refunding
from yundian.orders.states import ActorKind, EventKind, OrderState
from yundian.orders.types import Actor, OrderView, RefundWanted
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.declare import DueTimer

pytestmark = pytest.mark.anyio


async def preview(desk: Desk, text: str, *shop_ids: uuid.UUID) -> OrderView:
    shops = frozenset(shop_ids or {desk.shop.id})
    async with desk.services.database.connection(desk.brand.id) as tx:
        return await handing_over.preview(tx, keyring=desk.services.keyring, shop_ids=shops, text=text)


async def undo(desk: Desk, order: OrderView, *, shop_id: uuid.UUID | None = None) -> OrderView:
    shops = frozenset({shop_id or desk.shop.id})
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        return await handing_over.undo(session, order_id=order.id, shop_ids=shops, actor=desk.clerk)


async def test_a_code_is_looked_at_confirmed_once_and_takes_the_goods_out_of_the_shop(desk: Desk) -> None:
    order = await desk.ready(**await desk.stocked(4))
    sku = order.lines[0].sku_id
    assert sku is not None
    code = await code_of(desk, order)
    assert code == await code_of(desk, order)

    spoken = f"{code[:3]} {code[3:6]}-{code[6:]}"
    assert (await preview(desk, spoken)).id == order.id
    assert (await desk.see(order.id)).state is OrderState.READY
    assert await stock_row(desk.services, desk.brand, sku) == (10, 4)
    done = await confirm(desk, spoken)

    assert done.state is OrderState.COLLECTED
    assert await stock_row(desk.services, desk.brand, sku) == (6, 0)
    [event] = await desk.told("collected")
    assert (event["shop_id"], event["staff_id"]) == (str(desk.shop.id), str(desk.clerk.id))
    for step in (preview, confirm):
        with pytest.raises(CodeUsed) as refused:
            await step(desk, code)
        assert refused.value.facts["at"] == done.handed_over_at
    async with desk.services.database.connection(desk.brand.id) as tx:
        assert await handing_over.pick_up_code(tx, keyring=desk.services.keyring, order=done) is None
        stored = await tx.fetch("SELECT code_hash, code_sealed, facts::text FROM orders_handover, orders_event")
    assert not any(code in str(row) or code.encode() in bytes(row["code_sealed"]) for row in stored)


async def test_two_clerks_with_one_code_hand_it_over_once(desk: Desk) -> None:
    order = await desk.ready(**await desk.stocked(4))
    code = await code_of(desk, order)

    outcomes = await asyncio.gather(*(confirm(desk, code) for _ in range(6)), return_exceptions=True)

    assert sum(isinstance(one, OrderView) for one in outcomes) == 1
    assert sum(isinstance(one, CodeUsed) for one in outcomes) == 5
    assert len(await desk.told("collected")) == 1
    assert order.lines[0].sku_id is not None
    assert await stock_row(desk.services, desk.brand, order.lines[0].sku_id) == (6, 0)


async def test_a_code_means_nothing_in_another_shop_or_brand_and_a_slip_is_told_apart(desk: Desk) -> None:
    other = await make_shop(desk.services, desk.brand, fields=shop_fields("S-OTHER"))
    order = await desk.ready()
    code = await code_of(desk, order)

    with pytest.raises(CodeUnknown):
        await preview(desk, code, other.id)
    with pytest.raises(CodeUnknown):
        await confirm(desk, code, shop_id=other.id)
    assert (await preview(desk, code, other.id, desk.shop.id)).id == order.id
    with pytest.raises(CodeUnknown):
        await preview(desk, new_code().digits)
    slip = code[:4] + str((int(code[4]) + 1) % 10) + code[5:]
    for wrong in (slip, code[:-1], "", "abcdefghi", "１２３４５６７８９", code + "0"):
        with pytest.raises(CodeMistyped):
            await preview(desk, wrong)


def test_codes_are_random_and_every_slip_of_one_digit_is_noticed() -> None:
    codes = {new_code().digits for _ in range(1_000)}
    assert len(codes) >= 997, "of a hundred million, two of a thousand are the same once in two hundred times"
    code = codes.pop()
    for place in range(len(code)):
        for digit in set("0123456789") - {code[place]}:
            with pytest.raises(CodeMistyped):
                read_code(code[:place] + digit + code[place + 1 :])
    swapped = [code[:n] + code[n + 1] + code[n] + code[n + 2 :] for n in range(8) if code[n] != code[n + 1]]
    for one in swapped:
        with pytest.raises(CodeMistyped):
            read_code(one)


async def test_only_what_is_released_has_a_code_and_what_is_cancelled_has_none_any_more(desk: Desk) -> None:
    order = await desk.place()
    for step in (None, desk.pay):
        if step is not None:
            await step(order)
        async with desk.services.database.connection(desk.brand.id) as tx:
            keyring = desk.services.keyring
            assert await handing_over.pick_up_code(tx, keyring=keyring, order=await desk.see(order.id)) is None
    released = await desk.ready()
    code = await code_of(desk, released)

    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.cancel_paid(tx, order_ids=[released.id], reason="shop")
    with pytest.raises(NotReady):
        await confirm(desk, code)
    assert await desk.told("collected") == []


async def test_nothing_is_handed_over_while_a_refund_is_open(desk: Desk) -> None:
    order = await desk.ready()
    code = await code_of(desk, order)
    await _refund(desk, order, 100)

    for step in (preview, confirm):
        with pytest.raises(RefundOpen):
            await step(desk, code)
    await desk.tell(*await desk.arrive())
    assert (await confirm(desk, code)).state is OrderState.COLLECTED


async def test_a_refund_and_a_hand_over_at_once_never_both_win_in_the_wrong_order(desk: Desk) -> None:
    for _ in range(6):
        order = await desk.ready()
        code = await code_of(desk, order)

        outcomes = await asyncio.gather(confirm(desk, code), _refund(desk, order, None), return_exceptions=True)

        refused = [one for one in outcomes if isinstance(one, DomainError)]
        assert all(isinstance(one, RefundOpen | NotReady) for one in refused)
        found = await desk.see(order.id)
        # Handed over first and paid back after, or paid back and kept: never handed over after the refund began.
        if found.state is OrderState.CANCELLED:
            assert len(refused) == 1
            assert found.handed_over_at is None
        else:
            assert (found.state, refused) == (OrderState.COLLECTED, [])


async def test_an_owner_takes_a_mistaken_hand_over_back(desk: Desk) -> None:
    other = await make_shop(desk.services, desk.brand, fields=shop_fields("S-OTHER"))
    order = await desk.ready(**await desk.stocked(4))
    sku = order.lines[0].sku_id
    assert sku is not None
    code = await code_of(desk, order)
    with pytest.raises(UndoTooLate):
        await undo(desk, order)
    await confirm(desk, code)
    with pytest.raises(OrderUnknown):
        await undo(desk, order, shop_id=other.id)

    await undo(desk, order)
    assert (await desk.see(order.id)).state is OrderState.READY
    assert await stock_row(desk.services, desk.brand, sku) == (10, 4)
    assert await code_of(desk, order) == code
    await _complete(desk, order)
    assert (await desk.see(order.id)).state is OrderState.READY
    await confirm(desk, code)
    assert await stock_row(desk.services, desk.brand, sku) == (6, 0)

    async with desk.services.database.connection(desk.brand.id) as tx:
        history = await lists.history(tx, order_id=order.id)
        await tx.execute(
            "UPDATE orders_order SET handed_over_at = now() - interval '31 minutes'"
            " WHERE brand_id = $1 AND id = $2",
            desk.brand.id,
            order.id,
        )
    undone = [one for one in history if one.kind is EventKind.COLLECTION_UNDONE]
    assert [one.actor_id for one in undone] == [desk.clerk.id]
    with pytest.raises(UndoTooLate):
        await undo(desk, order)


async def test_a_collected_order_is_complete_when_the_after_sale_window_is_over(desk: Desk) -> None:
    order = await desk.ready()
    await confirm(desk, await code_of(desk, order))
    async with desk.services.database.connection(desk.brand.id) as tx:
        due = await tx.fetchval(
            "SELECT due_at FROM outbox_timer WHERE brand_id = $1 AND name = 'orders.complete' AND key = $2",
            desk.brand.id,
            str(order.id),
        )
    assert due - clock.now() > dt.timedelta(days=6, hours=23)

    await _complete(desk, order)
    await _complete(desk, order)

    found = await desk.see(order.id)
    assert found.state is OrderState.COMPLETED
    # It may still be paid back, and stays what it is.
    await _refund(desk, order, None)
    await desk.tell(*await desk.arrive())
    assert (await desk.see(order.id)).state is OrderState.COMPLETED


async def _complete(desk: Desk, order: OrderView) -> None:
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        await complete.handle(session, DueTimer(desk.brand.id, complete.name, str(order.id), {}))


async def _refund(desk: Desk, order: OrderView, amount_minor: int | None) -> None:
    actor = Actor(kind=ActorKind.STAFF, id=new_id())
    wanted = RefundWanted(reason="换色号", amount_minor=amount_minor)
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        await refunding.request(session, order_id=order.id, wanted=wanted, actor=actor)
