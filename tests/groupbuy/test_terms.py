"""What HQ may change under the feet of buyers, and what a buyer may take back while her money is on its way."""

import asyncio

import pytest

from groupbuy.errors import QuotaBelowSold, SeatLifeTooShort, ShopNotIncluded, SoldOut, TermsAreFixed
from groupbuy.handlers import end_groups_of_shop
from groupbuy.service import campaigns, ending
from groupbuy.types import CampaignFields, CampaignWithItems, ItemFields
from stores.events import ShopClosed
from tests.groupbuy.kit import GROUP_PRICE, Fair, campaign_fields, other_shop
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api as attribution
from yundian.orders import api as orders
from yundian.payments.types import PaymentStanding
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio


async def edit(fair: Fair, whole: CampaignWithItems, *, price: int = GROUP_PRICE, quota: int, **more: int) -> None:
    """HQ saves the campaign as it stands, with this price and quota."""
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        now = await campaigns.get_campaign(session, campaign_id=whole.campaign.id)
        names = set(CampaignFields.__struct_fields__) - {"items", "shop_ids"}
        values = {name: getattr(now.campaign, name) for name in names}
        items = tuple(ItemFields(sku_id=item.sku_id, group_price_minor=price, quota=quota) for item in now.items)
        fields = CampaignFields(**{**values, **more}, items=items)
        await campaigns.edit_campaign(
            session, campaign_id=now.campaign.id, version=now.campaign.version, fields=fields
        )


async def test_a_seat_lives_two_minutes_at_least_where_wechat_is_paid_by(fair: Fair) -> None:
    with pytest.raises(SeatLifeTooShort):
        await fair.sell(seat_life_s=119)
    assert (await fair.sell(seat_life_s=120)).campaign.seat_life_s == 120

    await fair.rows("UPDATE payments_account SET status = 'retired' WHERE brand_id = $1 RETURNING id")
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        made = await campaigns.create_campaign(session, fields=campaign_fields(fair.sku_ids, seat_life_s=60))
    await fair.rows("UPDATE payments_account SET status = 'active' WHERE brand_id = $1 RETURNING id")
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        with pytest.raises(SeatLifeTooShort):
            await campaigns.publish_campaign(
                session, campaign_id=made.campaign.id, version=made.campaign.version, now=clock.now()
            )


async def test_the_links_of_a_campaign_end_when_it_is_closed(fair: Fair) -> None:
    whole = await fair.sell()
    link, _ = await fair.touched(whole, fair.shop)
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        await campaigns.close_campaign(
            session, campaign_id=whole.campaign.id, version=whole.campaign.version, now=clock.now()
        )
    async with fair.services.database.connection(fair.brand.id) as tx:
        found = await attribution.find_link(tx, link_id=link.id)
    assert link.is_live(clock.now())
    assert found is not None
    assert not found.is_live(clock.now())


async def test_terms_people_join_on_stay_and_a_quota_never_falls_below_what_is_taken(fair: Fair) -> None:
    whole = await fair.sell(size=2)
    members = await fair.customers(7)
    for member in members[:2]:
        await fair.start(whole, member)
    for changes in ({"price": 1}, {"size": 3}, {"seat_life_s": 60}, {"per_member_limit": 2}):
        with pytest.raises(TermsAreFixed):
            await edit(fair, whole, **{"quota": 1000, **changes})
    with pytest.raises(QuotaBelowSold):
        await edit(fair, whole, quota=1)

    # Five buyers and an editor at once: whoever is first, the quota holds.
    answers = await asyncio.gather(
        *(fair.start(whole, member) for member in members[2:]), edit(fair, whole, quota=3), return_exceptions=True
    )
    assert {type(one) for one in answers if isinstance(one, Exception)} <= {SoldOut, QuotaBelowSold}
    [item] = await fair.rows("SELECT reserved, quota FROM groupbuy_item WHERE brand_id = $1")
    seats = 2 + sum(one is not None and not isinstance(one, BaseException) for one in answers)
    assert item["reserved"] == seats <= item["quota"]


async def test_who_leaves_while_her_money_is_on_its_way_keeps_the_seat_she_paid(fair: Fair) -> None:
    whole = await fair.sell(size=2)
    leader, second = await fair.customers(2)
    first = await fair.start(whole, leader)
    made = await fair.join(first.group_code, second)
    number = await fair.attempt(made)
    async with fair.services.database.connection(fair.brand.id) as tx:
        await ending.leave(tx, seat_id=made.seat_id, member_id=second, now=clock.now())
    await fair.say(number, made, PaymentStanding.PAID)
    await fair.pay(first)
    await fair.finish_closing()
    await fair.work()

    assert (await fair.group(first.group_code))["state"] == "succeeded"
    assert await fair.seats(first.group_code) == ["confirmed", "confirmed"]
    assert await fair.order_states() == ["ready", "ready"]
    assert await fair.rows("SELECT 1 FROM payments_orphan WHERE brand_id = $1") == []


@pytest.mark.parametrize("is_all_shops", [True, False])
async def test_without_a_choice_it_is_collected_where_the_group_is(fair: Fair, is_all_shops: bool) -> None:
    other = await make_shop(fair.services, fair.brand, fields=shop_fields(code="OTHER"))
    shops = () if is_all_shops else (fair.shop.id, other.id)
    whole = await fair.sell(size=2, has_pickup_choice=False, is_all_shops=is_all_shops, shop_ids=shops)
    leader, second = await fair.customers(2)
    first = await fair.start(whole, leader)

    with pytest.raises(ShopNotIncluded):
        await fair.join(first.group_code, second, pickup_shop_id=other.id)

    assert (await fair.join(first.group_code, second)).is_new


async def test_whoever_would_collect_in_a_shop_that_closes_gets_her_money_back_and_the_group_goes_on(
    fair: Fair,
) -> None:
    there = await other_shop(fair, "SH-02")
    campaign = await fair.sell(size=3)
    leader, staying, unpaid = await fair.customers(3)
    _, visitor = await fair.touched(campaign, fair.shop)
    led = await fair.start(campaign, leader, visitor=visitor, pickup_shop_id=there.id)
    stays = await fair.join(led.group_code, staying)
    away = await fair.join(led.group_code, unpaid, pickup_shop_id=there.id)
    await fair.pay(led, stays)
    await fair.work()

    async with fair.services.database.connection(fair.brand.id) as tx:
        for _ in range(2):
            await end_groups_of_shop.handle(tx, [Delivered(new_id(), ShopClosed(shop_id=there.id))])
    await fair.work()
    await fair.expire(away)
    await fair.work()
    assert await fair.arrive() == 1
    await fair.work()

    group = await fair.group(led.group_code)
    assert (group["state"], group["taken"], group["paid"]) == ("open", 1, 1)
    assert (group["leader_member_id"], await fair.seats(led.group_code)) == (
        staying,
        ["refunded", "paid", "released"],
    )
    assert (await fair.quota(), (await fair.stock())[1]) == ((1, 0), 1)


async def test_an_order_that_hq_cancels_before_its_seat_is_paid_takes_none(fair: Fair) -> None:
    campaign = await fair.sell(size=2)
    alone, leader, friend = await fair.customers(3)
    made = [await fair.start(campaign, alone), await fair.start(campaign, leader)]
    made.append(await fair.join(made[1].group_code, friend))
    await fair.pay(*made)
    # What pays the seats is late: it comes after the cancellation, and after the money is back.
    await fair.work(rounds=1, is_whole=False)
    async with fair.services.database.connection(fair.brand.id) as tx:
        gone = [made[0].order_id, made[2].order_id]
        assert await orders.cancel_paid(tx, order_ids=gone, reason="hq") == gone
    assert await fair.arrive() == 2
    await fair.work(first=("groupbuy.note_cancelled", "orders.apply_refund", "groupbuy.take_back"))

    assert (await fair.group(made[0].group_code))["state"] == "failed"
    group = await fair.group(made[1].group_code)
    assert (group["state"], group["taken"], group["paid"]) == ("open", 1, 1)
    assert [await fair.seats(one.group_code) for one in made[:2]] == [["refunded"], ["paid", "refunded"]]
    assert (await fair.quota(), await fair.stock()) == ((1, 0), (1000, 1))
