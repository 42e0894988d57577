"""kill -9 at labelled steps of a group's life: nothing is lost, nothing is there twice, nothing is half."""

import os
import signal

import anyio
import pytest

from tests import nursery
from tests.groupbuy.kit import GROUP_PRICE, Fair
from tests.helpers import wait_until
from yundian.app.config import as_environment
from yundian.platform.core.settings import Settings

pytestmark = pytest.mark.anyio

FILLING = (
    "groupbuy.filled",
    "groupbuy.seats_paid",
    "orders.released",
    "groupbuy.released",
    "outbox.recorded:3",
)
ENDING = ("groupbuy.refunds_asked", "groupbuy.ended", "orders.cancelled", "outbox.recorded:2")
BUYING = ("groupbuy.seat_taken", "groupbuy.seat_committed")


def cells(steps: tuple[str, ...]) -> list[object]:
    """The first of each kind in every run, the others in the long ones."""
    return [pytest.param(step, marks=[pytest.mark.soak] if at else []) for at, step in enumerate(steps)]


async def die(settings: Settings, step: str, *words: object) -> None:
    """A process of its own does the work, and is killed at the step."""
    environment = {**os.environ, **as_environment(settings), "YUNDIAN_TEST_DIE_AT": step}
    code, said = await anyio.to_thread.run_sync(
        lambda: nursery.run("tests.groupbuy.victim", *map(str, words), environment=environment)
    )
    assert code == -signal.SIGKILL, said[-2000:]


async def go_on(fair: Fair) -> None:
    """Another worker takes over, as if the dead one's lease had passed."""
    await wait_until(lambda: _is_gone(fair), what="the dead worker's transaction")
    for _ in range(4):
        await fair.rows(
            "WITH d AS (UPDATE outbox_delivery SET next_at = now() WHERE brand_id = $1 AND state = 'pending')"
            " UPDATE outbox_timer SET next_at = due_at WHERE brand_id = $1 AND state = 'set'"
        )
        await fair.work(rounds=30, is_checked=False)


async def _is_gone(fair: Fair) -> bool:
    rows = await fair.rows(
        "SELECT count(*)::int AS n FROM pg_locks l WHERE l.relation = 'groupbuy_group'::regclass"
        " AND $1::uuid IS NOT NULL AND l.pid <> pg_backend_pid()"
    )
    return bool(rows[0]["n"] == 0)


async def count(fair: Fair, tag: str) -> int:
    rows = await fair.rows("SELECT id FROM outbox_event WHERE brand_id = $1 AND tag = $2", tag)
    return len(rows)


@pytest.mark.parametrize("step", cells(FILLING))
async def test_a_group_that_fills_while_its_worker_is_killed_is_filled_once(
    fair: Fair, migrated: Settings, step: str
) -> None:
    campaign = await fair.sell(size=2)
    members = await fair.customers(2)
    first = await fair.start(campaign, members[0])
    await fair.pay(first, await fair.join(first.group_code, members[1]))

    await die(migrated, step, "work", fair.brand.id)
    await go_on(fair)

    assert (await fair.group(first.group_code))["state"] == "succeeded"
    assert await fair.seats(first.group_code) == ["confirmed"] * 2
    assert await fair.order_states() == ["ready"] * 2
    assert (await fair.quota(), await fair.stock()) == ((0, 2), (1000, 2))
    credits = await fair.rows("SELECT state, amount_minor FROM attribution_credit WHERE brand_id = $1")
    assert [(row["state"], row["amount_minor"]) for row in credits] == [("final", GROUP_PRICE)] * 2
    told = {tag: await count(fair, tag) for tag in ("groupbuy.filled.v1", "orders.released.v1", "orders.paid.v1")}
    assert told == {"groupbuy.filled.v1": 1, "orders.released.v1": 2, "orders.paid.v1": 2}
    assert await count(fair, "attribution.credited.v1") == 2


@pytest.mark.parametrize("step", cells(ENDING))
async def test_a_group_that_ends_while_its_worker_is_killed_pays_back_once(
    fair: Fair, migrated: Settings, step: str
) -> None:
    campaign = await fair.sell(size=3)
    members = await fair.customers(2)
    first = await fair.start(campaign, members[0])
    await fair.pay(first, await fair.join(first.group_code, members[1]))
    await fair.work()
    await fair.reach_deadline(first.group_code)

    await die(migrated, step, "work", fair.brand.id)
    await go_on(fair)
    assert await fair.arrive() == 2
    await go_on(fair)

    assert (await fair.group(first.group_code))["state"] == "failed"
    assert await fair.order_states() == ["cancelled"] * 2
    assert (await fair.quota(), await fair.stock()) == ((0, 0), (1000, 0))
    refunds = await fair.rows("SELECT amount_minor FROM payments_refund WHERE brand_id = $1")
    assert [row["amount_minor"] for row in refunds] == [GROUP_PRICE] * 2
    assert (await count(fair, "groupbuy.ended.v1"), await count(fair, "groupbuy.failed.v1")) == (1, 1)


@pytest.mark.parametrize("step", cells(BUYING))
async def test_a_checkout_that_is_killed_is_whole_or_nothing(fair: Fair, migrated: Settings, step: str) -> None:
    campaign = await fair.sell(size=2)
    [member] = await fair.customers(1)

    words = (fair.brand.id, member, campaign.campaign.code, fair.shop.id, fair.sku_ids[0])
    await die(migrated, step, "checkout", *words)
    await wait_until(lambda: _is_gone(fair), what="the dead buyer's transaction")

    is_there = step == "groupbuy.seat_committed"
    tables = ("groupbuy_group", "groupbuy_seat", "orders_order", "payments_payment", "attribution_credit")
    counts = [len(await fair.rows(f"SELECT id FROM {table} WHERE brand_id = $1")) for table in tables]
    assert counts == [int(is_there)] * len(tables)
    assert (await fair.quota(), await fair.stock()) == ((int(is_there), 0), (1000, int(is_there)))

    again = await fair.start(campaign, member)
    assert again.is_new is not is_there
    assert len(await fair.order_states()) == 1
