"""A shop's links by the API: what it may share, one link for each way, and what came of it."""

import httpx
import pytest

from tests.groupbuy.kit import Fair
from tests.people import sign_in_as
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio


async def test_an_owner_takes_one_link_to_a_campaign_however_often_and_sees_who_opened_it(
    fair: Fair, client: httpx.AsyncClient
) -> None:
    campaign = await fair.sell()
    owner = await sign_in_as(fair.services, fair.brand.id, Role.SHOP_OWNER, shop_id=fair.shop.id)
    code, shop = campaign.campaign.code, str(fair.shop.id)

    offers = (await client.get(f"/v1/shop-campaigns?shop_id={shop}", headers=owner.headers)).json()
    assert [one["code"] for one in offers] == [code]
    path = f"/v1/shop-campaigns/{code}/links"
    first, again, own, poster = [
        (await client.post(path, headers=owner.headers, json={"shop_id": shop, **more})).json()
        for more in ({}, {}, {"is_own": True}, {"channel": "poster"})
    ]
    onward = await client.post(path, headers=owner.headers, json={"shop_id": shop, "channel": "onward"})
    assert onward.status_code == 400
    assert first == again
    assert len({first["token"], own["token"], poster["token"]}) == 3
    assert first["url"] == f"https://testserver/s/{first['token']}"
    assert (first["staff_id"], own["staff_id"]) == (None, str(owner.id))

    await client.get(first["url"], headers={"User-Agent": "Mozilla/5.0 (iPhone) Mobile Safari"})
    listed = (await client.get(f"/v1/shop-links?shop_id={shop}", headers=owner.headers)).json()["items"]
    assert {one["link"]["token"]: one["opens"] for one in listed} == {
        poster["token"]: 0,
        own["token"]: 0,
        first["token"]: 1,
    }
