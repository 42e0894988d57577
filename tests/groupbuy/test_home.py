"""A brand's home for its customers: what a shop's link opened, and nothing that would be another shop's."""

import uuid

import httpx
import pytest
from litestar import Litestar

from groupbuy.types import CampaignWithItems
from stores.types import ShopView
from tests.groupbuy.kit import Fair
from tests.helpers import make_client
from tests.stores.makers import make_shop, receive, shop_fields
from yundian.attribution import api as attribution
from yundian.attribution.types import Channel, LinkKind, LinkTarget, LinkView

pytestmark = pytest.mark.anyio

PHONE = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36",
    "Accept": "text/html",
    "Accept-Language": "en",
}


async def link_of(fair: Fair, shop: ShopView, whole: CampaignWithItems | None) -> LinkView:
    """To one campaign, or to the shop itself."""
    base = f"/m/{fair.brand.code}"
    target = LinkTarget(
        kind=LinkKind.CAMPAIGN if whole else LinkKind.SHOP,
        target_type="groupbuy.campaign" if whole else "stores.shop",
        target_id=whole.campaign.id if whole else shop.id,
        target_path=f"{base}/c/{whole.campaign.code}" if whole else f"{base}/book/{shop.id}",
        title="x",
        campaign_id=whole.campaign.id if whole else None,
    )
    async with fair.services.database.connection(fair.brand.id) as tx:
        return await attribution.make_link(
            tx, keyring=fair.services.keyring, shop_id=shop.id, channel=Channel.SHARE, target=target
        )


async def offered(fair: Fair, browser: httpx.AsyncClient, **headers: str) -> str:
    answer = await browser.get(f"/m/{fair.brand.code}/panels/groups", headers=PHONE | headers)
    assert answer.status_code == 200
    return answer.text


async def test_the_home_offers_what_shops_links_led_to_and_the_sale_is_theirs(fair: Fair, app: Litestar) -> None:
    first, second = await fair.sell(title="First of all"), await fair.sell(title="Second of all")
    other = await make_shop(fair.services, fair.brand, fields=shop_fields("H-OTHER", name="The other shop"))
    await receive(fair.services, fair.brand, other, fair.sku_ids[0], 50)
    anna = await fair.customer()
    base = f"/m/{fair.brand.code}"
    async with make_client(app) as browser:
        home = await browser.get(base, headers=PHONE)
        assert home.status_code == 200
        assert "Sign in" in home.text
        assert f"{base}/panels/groups" in home.text
        assert f"{base}/panels/orders" not in home.text, "hers, once she is signed in"
        nobodys = await browser.get("/m/no-such-brand", headers=PHONE)
        assert nobodys.status_code == 404
        assert 'button-primary" href="/"' in nobodys.text
        lost = await browser.get(f"{base}/c/nosuch", headers=PHONE)
        assert f'button-primary" href="{base}"' in lost.text, "back to the brand's home"
        # Nobody's link led here: nothing is offered, however much runs.
        nothing = await offered(fair, browser)
        assert "Ask in your shop" in nothing
        assert "First of all" not in nothing

        link = await link_of(fair, fair.shop, first)
        await browser.get(link.path, headers=PHONE)
        one = await offered(fair, browser)
        assert f"{base}/c/{first.campaign.code}?via={link.token}" in one
        assert fair.shop.name in one
        assert "Second of all" not in one, "the link was to one campaign"

        # The other shop's own link counts for whatever she buys there from now on.
        wide = await link_of(fair, other, None)
        await browser.get(wide.path, headers=PHONE)
        both = await offered(fair, browser)
        assert f"{base}/c/{first.campaign.code}?via={wide.token}" in both
        assert f"{base}/c/{second.campaign.code}?via={wide.token}" in both
        assert link.token not in both, "the later visit is the one that is credited"

        # It is the shop that the order is credited to, and she finds her group at home.
        visitor = attribution.visitor_of(
            fair.services.settings, fair.services.keyring, dict(browser.cookies.items())
        )
        made = await fair.start(first, anna.id, visitor=visitor)
        [order] = await fair.rows("SELECT attributed_shop_id FROM orders_order WHERE brand_id = $1")
        assert order["attributed_shop_id"] == other.id
        hers = await offered(fair, browser, **anna.headers)
        assert f"{base}/g/{made.group_code}" in hers
        assert "Not paid yet" in hers
        assert f"{base}/c/{first.campaign.code}" not in hers
        mine = await browser.get(base, headers=PHONE | anna.headers)
        assert f"{base}/panels/orders" in mine.text
        orders = await browser.get(f"{base}/panels/orders", headers=PHONE | anna.headers)
        assert made.order_number in orders.text


async def test_a_robot_s_visit_and_a_closed_shop_offer_nothing(fair: Fair, app: Litestar) -> None:
    whole = await fair.sell(title="Seldom seen")
    link = await link_of(fair, fair.shop, whole)
    async with make_client(app) as browser:
        await browser.get(link.path, headers=PHONE | {"User-Agent": "Googlebot/2.1"})
        assert "Seldom seen" not in await offered(fair, browser)
        await browser.get(link.path, headers=PHONE)
        assert "Seldom seen" in await offered(fair, browser)
        await fair.rows("UPDATE stores_shop SET status = 'closed' WHERE brand_id = $1 AND id = $2", fair.shop.id)
        assert "Seldom seen" not in await offered(fair, browser)


async def test_at_the_checkout_the_nearest_shop_comes_first_with_a_map_and_the_list_works_without_it(
    fair: Fair, client: httpx.AsyncClient
) -> None:
    whole = await fair.sell()
    near = await make_shop(
        fair.services,
        fair.brand,
        fields=shop_fields("H-NEAR", name="Near shop", latitude=31.2301, longitude=121.4737),
    )
    anna = await fair.customer()
    start = f"/m/{fair.brand.code}/c/{whole.campaign.code}/start"
    plain = await client.get(start, headers=PHONE | anna.headers)
    assert plain.text.count('type="radio" name="pickup_shop_id"') == 2
    assert "near-map" not in plain.text
    assert "data-locate" in plain.text
    placed = await client.get(f"{start}?lat=31.23&lon=121.47", headers=PHONE | anna.headers)
    assert "near-map" in placed.text
    first = placed.text.index('name="pickup_shop_id"')
    assert str(near.id) in placed.text[first : first + 120]
    assert "checked" in placed.text[first : first + 140]
    assert (await client.get(f"{start}?lat=91&lon=0", headers=PHONE | anna.headers)).status_code == 400
    many = [await make_shop(fair.services, fair.brand, fields=shop_fields(f"H-{n}")) for n in range(8)]
    crowded = await client.get(start, headers=PHONE | anna.headers)
    assert 'type="radio" name="pickup_shop_id"' not in crowded.text
    assert all(_is_option(crowded.text, shop.id) for shop in many)


def _is_option(text: str, shop_id: uuid.UUID) -> bool:
    return f'<option value="{shop_id}"' in text
