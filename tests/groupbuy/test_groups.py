"""A group from its first seat to its end, on the real tables of every room."""

import pytest

from tests.groupbuy.kit import GROUP_PRICE, Fair

pytestmark = pytest.mark.anyio


async def test_three_who_pay_fill_a_group_and_their_orders_are_released(fair: Fair) -> None:
    campaign = await fair.sell()
    leader, second, third = await fair.customers(3)

    first = await fair.start(campaign, leader)
    assert (await fair.group(first.group_code))["state"] == "opening"
    joined = [await fair.join(first.group_code, member) for member in (second, third)]
    await fair.pay(first)
    await fair.work()
    group = await fair.group(first.group_code)
    assert (group["state"], group["taken"], group["paid"]) == ("open", 3, 1)
    await fair.pay(*joined)
    await fair.work()

    group = await fair.group(first.group_code)
    assert (group["state"], group["taken"], group["paid"]) == ("succeeded", 3, 3)
    assert await fair.seats(first.group_code) == ["confirmed"] * 3
    assert await fair.order_states() == ["ready"] * 3
    assert await fair.quota() == (0, 3)
    assert await fair.stock() == (1000, 3)
    [filled] = await fair.events("filled")
    assert len(filled["seats"]) == 3
    assert filled["is_short"] is False
    assert first.total_minor == GROUP_PRICE
