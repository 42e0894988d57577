"""Many at the same time, on separate connections: never one too many, never one too few."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest

from groupbuy.errors import AlreadyIn, GroupFull, LimitReached, SoldOut
from groupbuy.types import Checkout, ItemFields
from stores.errors import OutOfStock
from tests.groupbuy.kit import GROUP_PRICE, Fair
from yundian.payments.types import PaymentStanding
from yundian.platform.core.errors import DomainError

pytestmark = pytest.mark.anyio


async def outcome(wanted: Awaitable[Checkout]) -> str:
    """What became of one of them: a seat, or the code of the refusal."""
    try:
        made = await wanted
    except DomainError as refused:
        return refused.code
    return "seat" if made.is_new else "seat again"


async def outcomes(*wanted: Awaitable[Checkout]) -> Counter[str]:
    return Counter(await asyncio.gather(*(outcome(one) for one in wanted)))


async def test_fifty_buyers_of_the_last_five_seats_are_five_with_one(fair: Fair) -> None:
    campaign = await fair.sell(size=8)
    members = await fair.customers(53)
    first = await fair.start(campaign, members[0])
    for member in members[1:3]:
        await fair.join(first.group_code, member)

    found = await outcomes(*(fair.join(first.group_code, member) for member in members[3:]))

    assert found == {"seat": 5, GroupFull.code: 45}
    group = await fair.group(first.group_code)
    assert (group["taken"], group["paid"]) == (8, 0)
    assert await fair.seats(first.group_code) == ["reserved"] * 8
    assert await fair.order_states() == ["created"] * 8
    assert await fair.stock() == (1000, 8)
    assert await fair.quota() == (8, 0)


async def test_sixteen_buyers_of_five_pieces_are_five_with_one(fair: Fair) -> None:
    await fair.rows("UPDATE stores_stock SET on_hand = 5 WHERE brand_id = $1")
    campaign = await fair.sell(size=50)
    members = await fair.customers(16)

    found = await outcomes(*(fair.start(campaign, member) for member in members))

    assert found == {"seat": 5, OutOfStock.code: 11}
    assert await fair.stock() == (5, 5)
    assert await fair.quota() == (5, 0)
    groups = await fair.rows("SELECT taken FROM groupbuy_group WHERE brand_id = $1")
    assert [row["taken"] for row in groups] == [1] * 5


async def test_two_groups_share_a_quota_to_the_last_piece(fair: Fair) -> None:
    items = (ItemFields(sku_id=fair.sku_ids[0], group_price_minor=GROUP_PRICE, quota=7),)
    campaign = await fair.sell(size=50, items=items)
    members = await fair.customers(20)
    codes = [(await fair.start(campaign, member)).group_code for member in members[:2]]

    found = await outcomes(*(fair.join(codes[n % 2], member) for n, member in enumerate(members[2:])))

    assert found == {"seat": 5, SoldOut.code: 13}
    assert await fair.quota() == (7, 0)
    taken = await fair.rows("SELECT sum(taken)::int AS taken FROM groupbuy_group WHERE brand_id = $1")
    assert taken == [{"taken": 7}]


async def test_one_buyer_who_comes_many_times_at_once_gets_one_seat(fair: Fair) -> None:
    campaign = await fair.sell(size=9)
    leader, keen = await fair.customers(2)
    group = await fair.start(campaign, leader)

    found = await outcomes(
        *(fair.join(group.group_code, keen) for _ in range(6)), *(fair.start(campaign, keen) for _ in range(6))
    )

    assert found["seat"] == 1
    assert set(found) <= {"seat", "seat again", AlreadyIn.code}
    assert len(await fair.order_states()) == 2
    assert await fair.quota() == (2, 0)


async def test_the_limit_per_person_holds_also_while_her_group_fills(fair: Fair) -> None:
    campaign = await fair.sell(size=2, per_member_limit=2)
    members = await fair.customers(3)
    for other in members[1:]:
        first = await fair.start(campaign, members[0])
        second = await fair.join(first.group_code, other)
        await fair.pay(first, second)
        await fair.work()

    found = await outcomes(*(fair.start(campaign, members[0]) for _ in range(4)))

    assert found == {LimitReached.code: 4}


async def test_paying_and_expiring_at_the_same_moment_ends_in_one_of_both(fair: Fair) -> None:
    campaign = await fair.sell(size=50, late_policy="refund")
    made = [await fair.start(campaign, member) for member in await fair.customers(6)]
    numbers = [await fair.attempt(one) for one in made]

    async def both(number: str, one: Checkout) -> None:
        await asyncio.gather(fair.say(number, one, PaymentStanding.PAID), fair.close_payments([one.payment_id]))

    await asyncio.gather(*(both(number, one) for number, one in zip(numbers, made, strict=True)))
    await fair.work()
    await fair.arrive()
    await fair.work()

    money = await ledger(fair)
    seats = await fair.rows("SELECT state, count(*)::int AS n FROM groupbuy_seat WHERE brand_id = $1 GROUP BY 1")
    states = {row["state"]: row["n"] for row in seats}
    assert set(states) <= {"paid", "overflow"}
    assert states.get("paid", 0) * GROUP_PRICE + money["refunded"] == 6 * GROUP_PRICE
    assert await fair.quota() == (states.get("paid", 0), 0)
    assert await fair.stock() == (1000, states.get("paid", 0))


async def test_three_hundred_groups_that_expire_at_once_pay_everybody_back(fair: Fair) -> None:
    campaign = await fair.sell(size=3)
    members = await fair.customers(300)
    made = [await fair.start(campaign, member) for member in members]
    await pay_all(fair, made)
    await fair.work()
    assert await fair.quota() == (300, 0)

    await fair.reach_deadline()
    await fair.work(rounds=40)
    assert await fair.arrive() == 300
    await fair.work(rounds=40)

    groups = await fair.rows("SELECT state, count(*)::int AS n FROM groupbuy_group WHERE brand_id = $1 GROUP BY 1")
    assert groups == [{"state": "failed", "n": 300}]
    assert (await ledger(fair))["refunded"] == 300 * GROUP_PRICE
    assert await fair.quota() == (0, 0)
    assert await fair.stock() == (1000, 0)


async def pay_all(fair: Fair, made: list[Checkout]) -> None:
    """As ``fair.pay`` of all of them, faster."""
    for start in range(0, len(made), 50):
        await asyncio.gather(*(fair.pay(one) for one in made[start : start + 50]))


async def ledger(fair: Fair) -> dict[str, Any]:
    """Money that stays in payments, and money that went back, of payments and of orphans."""
    [row] = await fair.rows(
        "SELECT (SELECT coalesce(sum(captured_minor - refunded_minor), 0)::bigint FROM payments_payment"
        " WHERE brand_id = $1) AS kept, (SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments_refund"
        " WHERE brand_id = $1 AND state = 'succeeded') AS refunded"
    )
    return row
