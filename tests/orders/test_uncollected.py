"""What nobody collects: announced, paid back in time, and only if the brand wants it so."""

import asyncio
import datetime as dt

import httpx
import msgspec
import pytest

from tests.helpers import submit
from tests.orders.abroad import merge
from tests.orders.makers import Desk, code_of, hand_over
from tests.orders.test_screens import look
from tests.people import sign_in_as
from yundian.messaging.handlers import tell_order_uncollected
from yundian.orders.events import OrderUncollected
from yundian.orders.service import handing_over, uncollected
from yundian.orders.states import OrderState
from yundian.orders.types import OrderView
from yundian.platform.core.principal import Role
from yundian.platform.outbox.door import fetch

pytestmark = pytest.mark.anyio


async def set_policy(desk: Desk, days: int) -> None:
    async with desk.services.database.connection(desk.brand.id) as tx:
        await tx.execute("UPDATE brand_policy SET uncollected_days = $1", days)


async def let_wait(desk: Desk, order: OrderView, days: float) -> None:
    """It was placed and released so long ago."""
    async with desk.services.database.connection(desk.brand.id) as tx:
        await tx.execute(
            "UPDATE orders_order SET placed_at = now() - $2::interval, released_at = now() - $2::interval"
            " WHERE id = $1",
            order.id, dt.timedelta(days=days),
        )  # fmt: skip


async def run(desk: Desk) -> int:
    async with desk.services.database.connection(desk.brand.id) as tx:
        return await uncollected.step_of_brand(tx)


async def time_is_over(desk: Desk) -> None:
    async with desk.services.database.connection(desk.brand.id) as tx:
        await tx.execute("UPDATE orders_uncollected SET refund_at = now() - interval '1 s'")


async def told(desk: Desk) -> int:
    async with desk.services.database.connection(desk.brand.id) as tx:
        found: int = await tx.fetchval("SELECT count(*) FROM outbox_event WHERE tag = 'orders.uncollected.v1'")
    return found


async def tell_customers(desk: Desk) -> None:
    """Each customer gets one message, which is asked about again before it goes."""
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        rows = await fetch(session, "SELECT payload::text FROM outbox_event WHERE tag = 'orders.uncollected.v1'")
        for row in rows:
            await tell_order_uncollected.handle(session, msgspec.json.decode(row[0], type=OrderUncollected))
        found = await fetch(
            session,
            "SELECT recheck FROM messaging_message WHERE template = 'order.uncollected' AND brand_id = $1",
            desk.brand.id,
        )  # fmt: skip
    assert [one[0] for one in found] == ["orders.still_ready"] * len(rows)


async def test_what_nobody_collects_is_announced_and_paid_back_once(client: httpx.AsyncClient, desk: Desk) -> None:
    hers = desk.customer.headers
    late, fresh, collected, foreign = await desk.ready(), await desk.ready(), await desk.ready(), await merge(desk)
    for order, days in [(late, 30.0), (fresh, 3.0), (collected, 30.0)]:
        await let_wait(desk, order, days)
    # Off, unless the brand wants it.
    assert await run(desk) == 0
    await set_policy(desk, 14)
    assert await run(desk) == 2
    assert (await run(desk), await told(desk)) == (0, 2)
    # However long it waited: first the announcement, then three days.
    async with desk.services.database.connection(desk.brand.id) as tx:
        notice = await tx.fetchval("SELECT min(refund_at - reminded_at) FROM orders_uncollected")
    assert notice == dt.timedelta(days=3)
    assert "Please come before" in await look(client, f"/m/{desk.brand.code}/orders/{late.number}", hers)
    await tell_customers(desk)
    await hand_over(desk, await code_of(desk, collected))

    await time_is_over(desk)
    await asyncio.gather(*(run(desk) for _ in range(4)))
    assert (await desk.see(late.id)).state is OrderState.CANCELLED
    assert (await desk.see(collected.id)).state is OrderState.COLLECTED
    assert [(await desk.see(one)).state.value for one in (fresh.id, foreign)] == ["ready", "completed"]
    async with desk.services.database.connection(desk.brand.id) as tx:
        refunds = await tx.fetchval("SELECT count(*) FROM payments_refund")
    assert refunds == 1
    await desk.tell(*await desk.arrive())
    gone = await look(client, f"/m/{desk.brand.code}/orders/{late.number}", hers)
    assert "Not collected in time" in gone
    assert (await desk.see(late.id)).refunded_minor == late.total_minor


async def test_headquarters_lets_an_order_wait_until_it_is_paid_back(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    admin = (await sign_in_as(desk.services, desk.brand.id, Role.HQ_ADMIN)).headers
    kept, lost, undone = await desk.ready(), await desk.ready(), await desk.ready()
    await set_policy(desk, 7)
    for order in (kept, lost, undone):
        await let_wait(desk, order, 5)
    assert await run(desk) == 3
    assert "Nobody came for it yet" in await look(client, f"/hq/orders/{kept.id}", admin)
    await submit(client, f"/hq/orders/{kept.id}/keep", {}, **admin)
    assert "lets this order wait" in await look(client, f"/hq/orders/{kept.id}", admin)
    # Handed over by mistake and taken back: it begins anew, with an announcement.
    await hand_over(desk, await code_of(desk, undone))
    assert await run(desk) == 0
    await time_is_over(desk)
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        await handing_over.undo(session, order_id=undone.id, shop_ids=None, actor=desk.clerk)
    assert await run(desk) == 1
    states = [(await desk.see(one.id)).state for one in (kept, lost, undone)]
    assert states == [OrderState.READY, OrderState.CANCELLED, OrderState.READY]
    assert await told(desk) == 4
    late = await submit(client, f"/hq/orders/{lost.id}/keep", {}, **admin)
    assert late.status_code == 303
    assert (await desk.see(lost.id)).state is OrderState.CANCELLED

    # The brand thinks better of it: nothing that was announced happens.
    await time_is_over(desk)
    await set_policy(desk, 0)
    assert await run(desk) == 0
    await set_policy(desk, 7)
    assert await run(desk) == 1
    assert (await desk.see(undone.id)).state is OrderState.READY
