"""A group from its first seat to its end, on the real tables of every room."""

import asyncpg
import pytest

from groupbuy.errors import GroupOver, LeaveTooLate, SeatUnknown, ShopNotIncluded, TooManyPieces
from groupbuy.handlers import end_groups_of_shop
from groupbuy.service import campaigns, ending
from groupbuy.types import Checkout, ItemFields, Wanted
from stores.events import ShopClosed
from tests.groupbuy.kit import GROUP_PRICE, Fair, other_shop
from yundian.attribution import api as attribution
from yundian.attribution.types import CreditRule, CreditView, Subject
from yundian.orders import api as orders
from yundian.payments import api as payments
from yundian.payments.service import orphans as hq
from yundian.payments.types import PaymentStanding, RefundWish
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio


async def credit_of(fair: Fair, made: Checkout) -> CreditView:
    async with fair.services.database.connection(fair.brand.id) as tx:
        return await attribution.get_credit(tx, subject=Subject("order", made.order_id))


async def leave(fair: Fair, made: Checkout, member_id: object) -> None:
    async with fair.services.database.connection(fair.brand.id) as tx:
        await ending.leave(tx, seat_id=made.seat_id, member_id=member_id, now=clock.now())  # type: ignore[arg-type]


async def test_three_who_pay_fill_a_group_and_it_stays_filled_when_one_is_refunded(fair: Fair) -> None:
    campaign = await fair.sell()
    leader, second, third = await fair.customers(3)

    first = await fair.start(campaign, leader)
    assert (await fair.group(first.group_code))["state"] == "opening"
    joined = [await fair.join(first.group_code, member) for member in (second, third)]
    # The leader pays last.
    await fair.pay(joined[0])
    await fair.work()
    group = await fair.group(first.group_code)
    assert (group["state"], group["taken"], group["paid"]) == ("open", 3, 1)
    assert await fair.order_states() == ["created", "waiting", "created"]
    await fair.pay(joined[1], first)
    await fair.work()

    group = await fair.group(first.group_code)
    assert (group["state"], group["taken"], group["paid"]) == ("succeeded", 3, 3)
    assert await fair.seats(first.group_code) == ["confirmed"] * 3
    assert await fair.order_states() == ["ready"] * 3
    assert (await fair.quota(), await fair.stock()) == ((0, 3), (1000, 3))
    [filled] = await fair.events("filled")
    assert len(filled["seats"]) == 3
    assert filled["is_short"] is False
    assert (await credit_of(fair, joined[0])).state.value == "final"

    with pytest.raises(LeaveTooLate):
        await leave(fair, first, leader)
    async with fair.services.database.connection(fair.brand.id) as tx:
        await orders.cancel_paid(tx, order_ids=[joined[0].order_id], reason="after_sale")
    await fair.work()
    await fair.arrive()
    await fair.work()

    assert await fair.seats(first.group_code) == ["confirmed", "refunded_after", "confirmed"]
    assert (await fair.group(first.group_code))["state"] == "succeeded"
    assert (await credit_of(fair, joined[0])).state.value == "reversed"
    assert len(await fair.events("filled")) == 1


async def test_a_deadline_waits_for_whoever_may_be_paying_and_then_pays_everybody_back(fair: Fair) -> None:
    campaign = await fair.sell()
    leader, second = await fair.customers(2)
    first = await fair.start(campaign, leader)
    paying = await fair.join(first.group_code, second)
    await fair.pay(first)
    number = await fair.attempt(paying)
    await fair.work()

    await fair.reach_deadline(first.group_code)
    await fair.work()

    assert (await fair.group(first.group_code))["state"] == "open"
    [payment] = await fair.rows("SELECT state FROM payments_payment WHERE brand_id = $1 AND state <> 'succeeded'")
    assert payment["state"] == "closing"
    with pytest.raises(GroupOver):
        await fair.join(first.group_code, (await fair.customers(1))[0])

    # She was faster: her money counts, and still they are only two.
    await fair.say(number, paying, PaymentStanding.PAID)
    await fair.work()

    assert (await fair.group(first.group_code))["state"] == "refunding"
    assert await fair.order_states() == ["cancelled"] * 2
    assert await fair.arrive() == 2
    await fair.work()
    group = await fair.group(first.group_code)
    assert (group["state"], group["end_reason"]) == ("failed", "deadline")
    assert await fair.seats(first.group_code) == ["refunded"] * 2
    assert (await fair.quota(), await fair.stock()) == ((0, 0), (1000, 0))
    assert (await credit_of(fair, first)).state.value == "reversed"
    assert len(await fair.events("failed")) == 1


async def test_enough_real_members_fill_a_group_at_its_deadline_where_the_campaign_says_so(fair: Fair) -> None:
    campaign = await fair.sell(size=5, short_fill_size=2)
    leader, second, third = await fair.customers(3)
    first = await fair.start(campaign, leader)
    joined = await fair.join(first.group_code, second)
    unpaid = await fair.join(first.group_code, third)
    await fair.pay(first, joined)
    await fair.work()

    await fair.reach_deadline(first.group_code)
    await fair.work()
    await fair.finish_closing()
    await fair.work()

    group = await fair.group(first.group_code)
    assert (group["state"], group["paid"], group["size"]) == ("succeeded", 2, 5)
    assert await fair.seats(first.group_code) == ["confirmed", "confirmed", "released"]
    [filled] = await fair.events("filled")
    assert filled["is_short"] is True
    assert unpaid.order_id not in {seat["order_id"] for seat in filled["seats"]}
    assert (await fair.quota(), await fair.stock()) == ((0, 2), (1000, 2))


async def test_a_leader_who_leaves_is_followed_by_who_paid_first_and_the_deadline_stays(fair: Fair) -> None:
    campaign = await fair.sell(size=5)
    leader, idle, second, third = await fair.customers(4)
    first = await fair.start(campaign, leader)
    unpaid = await fair.join(first.group_code, idle)
    made = [await fair.join(first.group_code, member) for member in (second, third)]
    # The third pays before the second, and who joined first does not pay.
    await fair.pay(first, made[1], made[0])
    await fair.work()
    deadline = (await fair.group(first.group_code))["deadline_at"]

    with pytest.raises(SeatUnknown):
        await leave(fair, first, second)
    await leave(fair, first, leader)
    await leave(fair, first, leader)
    await fair.work()
    await fair.arrive()
    await fair.work()

    group = await fair.group(first.group_code)
    assert (group["leader_member_id"], group["deadline_at"], group["state"]) == (third, deadline, "open")
    assert (group["taken"], group["paid"]) == (3, 2)
    assert await fair.seats(first.group_code) == ["refunded", "reserved", "paid", "paid"]
    await fair.expire(unpaid)

    again = await fair.join(first.group_code, leader)
    assert again.is_new
    await leave(fair, again, leader)
    await fair.finish_closing()
    await fair.work()
    async with fair.services.database.connection(fair.brand.id) as tx:
        await orders.cancel_paid(tx, order_ids=[made[1].order_id], reason="hq")
    await leave(fair, made[0], second)
    await fair.work()
    await fair.arrive()
    await fair.work()

    group = await fair.group(first.group_code)
    assert (group["state"], group["end_reason"], group["taken"]) == ("failed", "empty", 0)
    assert (await fair.quota(), await fair.stock()) == ((0, 0), (1000, 0))


@pytest.mark.parametrize("policy", ["open_new_group", "join_other_group", "refund"])
async def test_money_that_comes_late_gets_a_seat_as_the_campaign_says_or_goes_back(
    fair: Fair, policy: str
) -> None:
    campaign = await fair.sell(size=2, late_policy=policy)
    leader, late, other, filler = await fair.customers(4)
    link, visitor = await fair.touched(campaign, fair.shop)
    first = await fair.start(campaign, leader, visitor=visitor)
    elsewhere = await fair.start(campaign, other, visitor=visitor)
    lost = await fair.join(first.group_code, late)
    number = await fair.attempt(lost)
    await fair.pay(first, elsewhere)
    await fair.expire(lost)
    await fair.work()
    # Somebody else took her seat, and the group is complete.
    await fair.pay(await fair.join(first.group_code, filler))
    await fair.work()
    assert (await fair.group(first.group_code))["state"] == "succeeded"

    await fair.say(number, lost, PaymentStanding.PAID)
    await fair.work()
    await fair.arrive()
    await fair.work()

    seats = await fair.rows(
        "SELECT s.*, g.code, g.shop_id AS owner FROM groupbuy_seat s JOIN groupbuy_group g ON g.brand_id = $1"
        " AND g.id = s.group_id WHERE s.brand_id = $1 AND s.member_id = $2 ORDER BY s.id",
        late,
    )
    assert seats[0]["state"] == "overflow"
    [orphan] = await fair.rows("SELECT * FROM payments_orphan WHERE brand_id = $1")
    if policy == "refund":
        assert len(seats) == 1
        assert orphan["refunded_minor"] == GROUP_PRICE
        return
    assert (orphan["status"], orphan["refunded_minor"]) == ("adopted", 0)
    assert seats[0]["replaced_by"] == seats[1]["id"]
    assert seats[1]["owner"] == link.shop_id
    if policy == "open_new_group":
        assert (seats[1]["state"], seats[1]["code"]) not in {
            ("paid", first.group_code),
            ("paid", elsewhere.group_code),
        }
        assert (await fair.group(seats[1]["code"]))["state"] == "open"
    else:
        assert (seats[1]["state"], seats[1]["code"]) == ("confirmed", elsewhere.group_code)
    assert len(await fair.events("seat_moved")) == 1
    assert (await fair.quota())[0] + (await fair.quota())[1] == 4
    assert (await fair.stock())[1] == 4


async def test_late_money_finds_its_own_group_again_and_doubled_money_goes_back(fair: Fair) -> None:
    campaign = await fair.sell(size=3)
    leader, late = await fair.customers(2)
    first = await fair.start(campaign, leader)
    lost = await fair.join(first.group_code, late)
    numbers = [await fair.attempt(lost), await fair.attempt(first), await fair.attempt(first)]
    await fair.say(numbers[1], first, PaymentStanding.PAID)
    await fair.expire(lost)
    await fair.work()
    await fair.say(numbers[0], lost, PaymentStanding.PAID)
    await fair.say(numbers[2], first, PaymentStanding.PAID)
    await fair.work()
    await fair.arrive()
    await fair.work()

    group = await fair.group(first.group_code)
    assert (group["taken"], group["paid"]) == (2, 2)
    assert await fair.seats(first.group_code) == ["paid", "overflow", "paid"]
    orphans = await fair.rows(
        "SELECT reason, refunded_minor FROM payments_orphan WHERE brand_id = $1 ORDER BY reason"
    )
    assert [(one["reason"], one["refunded_minor"]) for one in orphans] == [
        ("duplicate", GROUP_PRICE),
        ("late", 0),
    ]


async def test_groups_end_with_their_shop_and_with_a_campaign_that_is_called_off(fair: Fair) -> None:
    there = await other_shop(fair, "SH-02")
    campaign = await fair.sell(size=3)
    members = await fair.customers(3)
    _, visitor = await fair.touched(campaign, there)
    theirs = await fair.start(campaign, members[0], visitor=visitor)
    _, visitor = await fair.touched(campaign, fair.shop)
    ours = await fair.start(campaign, members[1], visitor=visitor)
    unpaid = await fair.join(ours.group_code, members[2])
    await fair.pay(theirs, ours)
    await fair.work()

    async with fair.services.database.connection(fair.brand.id) as tx:
        await end_groups_of_shop.handle(tx, [Delivered(new_id(), ShopClosed(shop_id=there.id))])
    await fair.work()
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        current = await campaigns.get_campaign(session, campaign_id=campaign.campaign.id)
        await campaigns.close_campaign(
            session,
            campaign_id=campaign.campaign.id,
            version=current.campaign.version,
            now=clock.now(),
            ends_groups=True,
        )
    await fair.work()
    await fair.finish_closing()
    await fair.work()
    assert await fair.arrive() == 2
    await fair.work()

    for made, reason in ((theirs, "shop"), (ours, "campaign")):
        group = await fair.group(made.group_code)
        assert (group["state"], group["end_reason"]) == ("failed", reason)
    assert await fair.seats(ours.group_code) == ["refunded", "released"]
    assert unpaid.is_new
    assert (await fair.quota(), await fair.stock()) == ((0, 0), (1100, 0))


async def test_the_shop_whose_link_opened_a_group_gets_every_order_of_it(fair: Fair) -> None:
    there = await other_shop(fair, "SH-02")
    campaign = await fair.sell(size=3)
    leader, stray, plain = await fair.customers(3)
    link, visitor = await fair.touched(campaign, fair.shop)
    first = await fair.start(campaign, leader, visitor=visitor)
    other_link, other_visitor = await fair.touched(campaign, there)

    joined = await fair.join_as(first.group_code, stray, visitor=other_visitor, pickup_shop_id=there.id)
    alone = await fair.join(first.group_code, plain, pickup_shop_id=there.id)

    credits = [await credit_of(fair, made) for made in (first, joined, alone)]
    assert [credit.shop_id for credit in credits] == [fair.shop.id] * 3
    assert [credit.rule for credit in credits] == [CreditRule.LINK, CreditRule.GROUP_OWNER, CreditRule.GROUP_OWNER]
    assert credits[1].assist_link_id == other_link.id
    placed = await fair.rows(
        "SELECT attributed_shop_id, fulfil_shop_id FROM orders_order WHERE brand_id = $1 ORDER BY id"
    )
    assert [row["attributed_shop_id"] for row in placed] == [fair.shop.id] * 3
    assert [row["fulfil_shop_id"] for row in placed] == [fair.shop.id, there.id, there.id]
    group = await fair.group(first.group_code)
    assert (group["shop_id"], group["link_id"]) == (fair.shop.id, link.id)


async def test_what_a_seat_may_hold_and_where_it_is_collected_is_the_campaigns_say(fair: Fair) -> None:
    there = await other_shop(fair, "SH-02")
    items = (ItemFields(sku_id=fair.sku_ids[0], group_price_minor=GROUP_PRICE, quota=10),)
    campaign = await fair.sell(is_all_shops=False, shop_ids=(fair.shop.id,), pieces_per_seat=2, items=items)
    members = await fair.customers(2)

    with pytest.raises(ShopNotIncluded):
        await fair.start(campaign, members[0], pickup_shop_id=there.id)
    with pytest.raises(TooManyPieces):
        await fair.start(campaign, members[0], lines=(Wanted(fair.sku_ids[0], 3),))
    made = await fair.start(campaign, members[0], lines=(Wanted(fair.sku_ids[0], 2),))

    assert made.total_minor == 2 * GROUP_PRICE
    assert (await fair.quota(), await fair.stock()) == ((2, 0), (1100, 2))


async def test_the_database_itself_refuses_one_seat_too_many(fair: Fair) -> None:
    campaign = await fair.sell(size=2)
    first = await fair.start(campaign, (await fair.customers(1))[0])

    for change in ("taken = 3", "paid = 2", "taken = -1"):
        with pytest.raises(asyncpg.CheckViolationError):
            await fair.rows(f"UPDATE groupbuy_group SET {change} WHERE brand_id = $1")
    with pytest.raises(asyncpg.CheckViolationError):
        await fair.rows("UPDATE groupbuy_item SET sold = quota WHERE brand_id = $1")
    assert (await fair.group(first.group_code))["taken"] == 1


async def test_money_that_hq_takes_in_hand_first_is_left_to_hq(fair: Fair) -> None:
    campaign = await fair.sell(size=2)
    strict = await fair.sell(size=2, late_policy="refund")
    members = await fair.customers(3)
    lost = [await fair.start(campaign, member) for member in members]
    lost.append(await fair.start(strict, members[0]))
    numbers = [await fair.attempt(one) for one in lost]
    await fair.expire(*lost)
    await fair.work()
    for number, one in zip(numbers, lost, strict=True):
        await fair.say(number, one, PaymentStanding.PAID)
    orphans = await fair.rows("SELECT id FROM payments_orphan WHERE brand_id = $1 ORDER BY id")
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        await hq.refund(session, orphan_id=orphans[0]["id"], reason="hq", actor_id=None)
        for orphan in (orphans[1], orphans[3]):
            await hq.resolve(session, orphan_id=orphan["id"], text="paid back in cash", actor_id=None)
    await fair.work()
    await fair.arrive()
    await fair.work()

    found = await fair.rows(
        "SELECT status, reserved_minor, refunded_minor FROM payments_orphan WHERE brand_id = $1 ORDER BY id"
    )
    assert [tuple(one.values()) for one in found] == [
        ("open", GROUP_PRICE, GROUP_PRICE),
        ("resolved", 0, 0),
        ("adopted", 0, 0),
        ("resolved", 0, 0),
    ]
    assert len(await fair.events("seat_moved")) == 1
    assert (await fair.quota(), await fair.stock()) == ((1, 0), (1000, 1))


@pytest.mark.parametrize("is_over", [False, True], ids=["while it fills", "when its time is up"])
async def test_money_that_is_back_before_its_seat_is_over_leaves_no_group_waiting(
    fair: Fair, is_over: bool
) -> None:
    campaign = await fair.sell(size=3)
    [leader] = await fair.customers(1)
    made = await fair.start(campaign, leader)
    await fair.pay(made)
    await fair.work()
    async with fair.services.database.connection(fair.brand.id) as tx:
        await payments.request_refunds(tx, refunds=[RefundWish(payment_id=made.payment_id, reason="hq")])
    await fair.arrive()
    if is_over:
        await fair.reach_deadline(made.group_code)
    # What tells of the money overtakes what tells of the order's end.
    await fair.work(first=("orders.apply_refund", "groupbuy.take_back", "groupbuy.deadline", "groupbuy.give_back"))

    group = await fair.group(made.group_code)
    assert (group["state"], await fair.seats(made.group_code)) == ("failed", ["refunded"])
    assert (await fair.quota(), await fair.stock()) == ((0, 0), (1000, 0))
