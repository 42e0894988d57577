"""Taking a seat: one statement, whoever comes at the same time, however often."""

from typing import Any

import asyncpg
import httpx
import pytest

from groupbuy.types import Wanted
from tests.groupbuy.kit import GROUP_PRICE, Fair, open_fair
from tests.groupbuy.oracle import books, check_out_plainly
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.db.counting import counted
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


def body(fair: Fair, **where: Any) -> dict[str, Any]:
    lines = [{"sku_id": str(fair.sku_ids[0]), "quantity": 1}]
    return {"lines": lines, "pickup_shop_id": str(fair.shop.id)} | where


async def test_a_checkout_is_at_most_six_statements_and_a_retry_gets_the_same_answer(
    fair: Fair, client: httpx.AsyncClient
) -> None:
    campaign = await fair.sell()
    anna, berta = await fair.customer(), await fair.customer()
    key = {"Idempotency-Key": str(new_id())}

    with counted() as statements:
        started = await client.post(
            "/v1/group-seats", json=body(fair, campaign_code=campaign.campaign.code), headers=anna.headers | key
        )
    assert started.status_code == 201, started.text
    assert len(statements) <= 6, statements
    group_code = started.json()["group_code"]
    with counted() as statements:
        joined = await client.post(
            "/v1/group-seats", json=body(fair, group_code=group_code), headers=berta.headers
        )
    assert joined.status_code == 201, joined.text
    assert len(statements) <= 6, statements

    again = await client.post(
        "/v1/group-seats", json=body(fair, campaign_code=campaign.campaign.code), headers=anna.headers | key
    )
    other = await client.post(
        "/v1/group-seats", json=body(fair, group_code=group_code), headers=anna.headers | key
    )
    keyless = await client.post("/v1/group-seats", json=body(fair, group_code=group_code), headers=anna.headers)

    assert (again.status_code, again.json()) == (201, started.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "web.idempotency_key_reused")
    assert (keyless.status_code, keyless.json()["is_new"]) == (200, False)
    assert keyless.json()["seat_id"] == started.json()["seat_id"]
    assert started.json()["total_minor"] == GROUP_PRICE
    assert len(await fair.order_states()) == 2
    assert await fair.stock() == (1000, 2)


async def test_the_one_statement_writes_exactly_what_the_plain_steps_write(
    fair: Fair, services: Services, other_brand: BrandView, relay_pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    there = await open_fair(services, other_brand, relay_pool)
    written = []
    for place in (fair, there):
        campaign = await place.sell(pieces_per_seat=3)
        anna, berta = await place.customers(2)
        lines = (Wanted(place.sku_ids[0], 2),)
        if place is fair:
            made = await place.start(campaign, anna, lines=lines)
            await place.join(made.group_code, berta)
        else:
            code = await check_out_plainly(place, campaign, anna, lines)
            await check_out_plainly(place, campaign, berta, (Wanted(place.sku_ids[0]),), code)
        names = {
            place.brand.id: "brand",
            campaign.campaign.id: "campaign",
            campaign.items[0].id: "item",
            place.sku_ids[0]: "sku",
            place.shop.id: "shop",
            anna: "anna",
            berta: "berta",
        }
        written.append(await books(place, names, code=campaign.campaign.code))

    for table, rows in written[0].items():
        assert rows == written[1][table], table
    assert len(written[0]["orders_line"]) == 2
