"""Whose link brought the order, as people go: links are opened and seats are taken over HTTP, and HQ asks why."""

import datetime as dt
from typing import Any

import httpx
import pytest
from litestar import Litestar

from groupbuy.types import CampaignWithItems
from stores.service import shops
from stores.states import ShopStatus
from stores.types import ShopView
from tests.groupbuy.kit import Fair, other_shop
from tests.helpers import csrf_token, make_client
from tests.members.makers import Customer
from tests.people import Person, sign_in_as
from yundian.attribution.types import LinkView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio

_WECHAT = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.44"


class Phone:
    """One browser of somebody's: it keeps what links leave in it."""

    def __init__(self, fair: Fair, client: httpx.AsyncClient, member: Customer) -> None:
        self.fair, self.client, self.member = fair, client, member

    async def open(self, link: LinkView, *, staff: Person | None = None) -> str:
        """Follow a link; what the page says on arrival."""
        headers = {"User-Agent": _WECHAT, "Accept": "text/html", "Accept-Language": "en"}
        answer = await self.client.get(link.path, headers=headers | (staff.headers if staff else {}))
        assert answer.status_code == 303
        said = self.client.cookies.get("toast") or ""
        self.client.cookies.delete("toast") if said else None
        return said

    async def take_seat(self, **aim: str) -> dict[str, Any]:
        """Her seat in a new group or in one that is there."""
        wish = {
            **aim,
            "lines": [{"sku_id": str(self.fair.sku_ids[0]), "quantity": 1}],
            "pickup_shop_id": str(self.fair.shop.id),
        }
        headers = {**self.member.headers, "Idempotency-Key": str(new_id())}
        headers["X-CSRF-Token"] = await csrf_token(self.client)
        made = await self.client.post("/v1/group-seats", json=wish, headers=headers)
        assert made.status_code == 201, made.text
        return dict(made.json())


class Street:
    """Two shops with links to one campaign, HQ, and people with phones."""

    def __init__(self, app: Litestar, fair: Fair, campaign: CampaignWithItems, two: list[ShopView], hq: Person):
        self.app, self.fair, self.campaign, self.hq = app, fair, campaign, hq
        self.east, self.west = two

    @property
    def code(self) -> str:
        return self.campaign.campaign.code

    async def link(self, shop: ShopView) -> LinkView:
        link, _ = await self.fair.touched(self.campaign, shop)
        return link

    async def phone(self) -> Phone:
        return Phone(self.fair, make_client(self.app), await self.fair.customer())

    async def why(self, made: dict[str, Any]) -> dict[str, Any]:
        """What HQ is told about the order's shop."""
        async with make_client(self.app) as client:
            path = f"/v1/credits/order/{made['order_id']}"
            told = await client.get(path, headers={**self.hq.headers, "Accept-Language": "en"})
        assert told.status_code == 200, told.text
        return dict(told.json())


@pytest.fixture
async def street(fair: Fair, app: Litestar) -> Street:
    two = [await other_shop(fair, code) for code in ("EAST", "WEST")]
    hq = await sign_in_as(fair.services, fair.brand.id, Role.HQ_ANALYST)
    return Street(app, fair, await fair.sell(size=3), two, hq)


def verdicts(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(touch["verdict"], touch["shop_id"]) for touch in told["touches"]]


async def test_of_two_shops_links_in_one_browser_the_later_counts_and_its_group_stays_its_own(
    street: Street,
) -> None:
    east, west = await street.link(street.east), await street.link(street.west)
    first, second = await street.phone(), await street.phone()
    await first.open(east)
    await first.open(west)
    opened = await first.take_seat(campaign_code=street.code)
    await second.open(east)
    joined = await second.take_seat(group_code=opened["group_code"])

    told = await street.why(opened)
    assert (told["rule"], told["shop_id"], told["marks"]) == ("link", str(street.west.id), ["two_shops"])
    assert verdicts(told) == [("won", str(street.west.id)), ("assist", str(street.east.id))]
    told = await street.why(joined)
    assert (told["rule"], told["shop_id"], told["marks"]) == ("group_owner", str(street.west.id), ["two_shops"])
    # Where it is collected and whose it is are two things.
    orders = await street.fair.rows(
        "SELECT attributed_shop_id, fulfil_shop_id FROM orders_order WHERE brand_id = $1"
    )
    assert [tuple(row.values()) for row in orders] == [(street.west.id, street.fair.shop.id)] * 2


async def test_the_link_of_a_shop_that_closed_leads_there_says_so_and_credits_it_nothing(street: Street) -> None:
    link, phone = await street.link(street.east), await street.phone()
    brand_id, shop = street.fair.brand.id, street.east
    async with street.fair.services.database.unit_of_work(brand_id) as session:
        await shops.change_status(
            session, brand_id=brand_id, shop_id=shop.id, status=ShopStatus.CLOSED, version=shop.version
        )

    assert "closed" in await phone.open(link)
    told = await street.why(await phone.take_seat(campaign_code=street.code))

    assert (told["rule"], told["shop_id"]) == ("fulfil_shop", str(street.fair.shop.id))
    assert told["marks"] == ["closed_shop"]
    assert verdicts(told) == [("shop_closed", str(street.east.id))]


async def test_a_link_that_expired_leads_there_and_counts_only_for_who_came_before(street: Street) -> None:
    link, early, late = await street.link(street.east), await street.phone(), await street.phone()
    assert await early.open(link) == ""
    at = clock.now() + dt.timedelta(milliseconds=1)
    await street.fair.rows("UPDATE attribution_link SET expires_at = $2 WHERE brand_id = $1", at)

    assert "ended" in await late.open(link)
    told = await street.why(await late.take_seat(campaign_code=street.code))
    assert (told["rule"], told["shop_id"]) == ("fulfil_shop", str(street.fair.shop.id))
    assert (told["marks"], verdicts(told)) == (["expired_link"], [("link_expired", str(street.east.id))])
    told = await street.why(await early.take_seat(campaign_code=street.code))
    assert (told["rule"], told["shop_id"], told["marks"]) == ("link", str(street.east.id), [])


async def test_who_buys_by_the_link_of_her_own_shop_is_credited_and_marked(street: Street) -> None:
    link, phone = await street.link(street.east), await street.phone()
    own = await sign_in_as(street.fair.services, street.fair.brand.id, Role.SHOP_STAFF, shop_id=street.east.id)
    colleague = await sign_in_as(
        street.fair.services, street.fair.brand.id, Role.SHOP_STAFF, shop_id=street.west.id
    )

    await phone.open(link, staff=own)
    told = await street.why(await phone.take_seat(campaign_code=street.code))
    assert (told["rule"], told["shop_id"], told["marks"]) == ("link", str(street.east.id), ["self_purchase"])

    other = await street.phone()
    await other.open(link, staff=colleague)
    told = await street.why(await other.take_seat(campaign_code=street.code))
    assert (told["shop_id"], told["marks"]) == (str(street.east.id), [])
