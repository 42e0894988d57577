"""A chunk costs its own size, not the backlog's, also with statistics made while nothing was pending."""

import uuid

import pytest

from tests.courier_kit import Courier
from tests.courier_room import Noted
from yundian.platform.outbox import deliveries, outbox
from yundian.platform.outbox.deliveries import DELIVERIES

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("sql", "more"),
    [
        (deliveries._LOCK_DELIVERIES, ()),
        (deliveries._FINISH_DELIVERIES, ()),
        (DELIVERIES.tries, ()),
        (DELIVERIES.start, (20.0,)),
        (DELIVERIES.rest, (20.0,)),
    ],
    ids=["lock", "finish", "tries", "start", "rest"],
)
async def test_named_deliveries_are_found_by_their_key(
    courier: Courier, sql: str, more: tuple[float, ...]
) -> None:
    async with courier.database.connection(courier.brand) as tx:
        await outbox.record(tx, *(Noted(number=n) for n in range(500)))
    await courier.relay()

    async with courier.database.connection(courier.brand) as tx:
        await tx.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await tx.execute("SET LOCAL enable_seqscan = off")
        ids = [uuid.UUID(int=n) for n in range(3)]
        plan = await tx.fetch(f"EXPLAIN {sql}", courier.brand, "test.single", ids, *more)

    text = "\n".join(row[0] for row in plan)
    assert "pk_outbox_delivery" in text
    assert "ix_outbox_delivery_due" not in text
