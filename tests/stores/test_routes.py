"""The API of stores, as each kind of caller meets it."""

import uuid
from typing import Any

import httpx
import pytest

from stores.states import ShopStatus
from tests.people import sign_in_as
from tests.stores.makers import make_shop, make_skus, receive, shop_fields, stock_row
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

NEW_SHOP = {"code": "SH-9", "name": "上海外滩店", "latitude": 31.24, "longitude": 121.49, "phone": "021-5555 0109"}


@pytest.fixture
async def admin(services: Services, brand: BrandView) -> dict[str, str]:
    return (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers


async def as_role(
    services: Services, brand: BrandView, role: Role, shop_id: uuid.UUID | None = None
) -> dict[str, str]:
    return (await sign_in_as(services, brand.id, role, shop_id=shop_id)).headers


async def test_hq_makes_opens_and_changes_a_shop(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    made = await client.post("/v1/shops", json=NEW_SHOP, headers=admin)
    assert (made.status_code, made.json()["shop"]["status"]) == (201, "opening")
    shop_id, version = made.json()["shop"]["id"], made.json()["shop"]["version"]

    opened = await client.put(
        f"/v1/shops/{shop_id}/status", json={"status": "open", "version": version}, headers=admin
    )
    week = [{"weekday": day, "opens": "10:00", "closes": "02:00"} for day in range(1, 8)]
    timed = await client.put(
        f"/v1/shops/{shop_id}/hours", json={"hours": week, "version": version + 1}, headers=admin
    )
    renamed = await client.patch(
        f"/v1/shops/{shop_id}", json={"name": "外滩旗舰店", "version": version + 2}, headers=admin
    )
    stale = await client.patch(f"/v1/shops/{shop_id}", json={"name": "x", "version": version}, headers=admin)

    assert (opened.status_code, timed.status_code, renamed.status_code) == (200, 200, 200)
    assert renamed.json()["hours"] == week
    assert renamed.json()["shop"]["latitude"] == 31.24
    assert (stale.status_code, stale.json()["code"]) == (409, "core.version_conflict")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"latitude": 91}, "latitude"),
        ({"latitude": None}, "longitude"),
        ({"time_zone": "Asia/Beijing"}, "time_zone"),
        ({"code": ""}, "code"),
        ({"colour": "red"}, "colour"),
        ({"name": "a\u0000b"}, ""),
    ],
)
async def test_a_wrong_field_is_a_400_that_names_it(
    client: httpx.AsyncClient, admin: dict[str, str], body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/shops", json=NEW_SHOP | body, headers=admin)

    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == "core.invalid_input"
    assert field in answer.text


async def test_overlapping_hours_are_refused(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    shop = await make_shop(services, brand)
    hours = [
        {"weekday": 7, "opens": "20:00", "closes": "03:00"},
        {"weekday": 1, "opens": "02:00", "closes": "05:00"},
    ]

    answer = await client.put(
        f"/v1/shops/{shop.id}/hours", json={"hours": hours, "version": shop.version}, headers=admin
    )

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "hours")


async def test_a_shops_people_see_their_own_shop_and_no_other(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    mine = await make_shop(services, brand, fields=shop_fields("MINE"))
    theirs = await make_shop(services, brand, fields=shop_fields("THEIRS"))
    foreign = await make_shop(services, other_brand)
    staff = await as_role(services, brand, Role.SHOP_STAFF, mine.id)

    listed = await client.get("/v1/shops", headers=staff)
    assert [item["shop"]["code"] for item in listed.json()["items"]] == ["MINE"]
    assert (await client.get(f"/v1/shops/{mine.id}", headers=staff)).status_code == 200
    for other in (theirs.id, foreign.id, uuid.UUID(int=0)):
        for path in ("", "/stock", f"/stock/{uuid.UUID(int=1)}/movements"):
            answer = await client.get(f"/v1/shops/{other}{path}", headers=staff)
            assert (answer.status_code, answer.json()["code"]) == (404, "stores.shop_unknown")


async def test_who_may_not_change_changes_nothing(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    other = await make_shop(services, brand, fields=shop_fields("OTHER"))
    [sku] = await make_skus(services, brand)
    await receive(services, brand, shop, sku, 5)
    patch = {"name": "x", "version": shop.version}
    adjust = {"lines": [{"sku_id": str(sku), "quantity": -1}], "reason": "broken"}

    async def status(headers: dict[str, str]) -> tuple[int, int]:
        changed = await client.patch(f"/v1/shops/{shop.id}", json=patch, headers=headers)
        moved = await client.post(f"/v1/shops/{shop.id}/stock/adjust", json=adjust, headers=headers)
        return changed.status_code, moved.status_code

    assert await status({}) == (401, 401)
    assert await status(await as_role(services, brand, Role.HQ_ANALYST)) == (403, 403)
    assert await status(await as_role(services, brand, Role.SHOP_OWNER, other.id)) == (403, 404)
    assert await status(await as_role(services, other_brand, Role.HQ_ADMIN)) == (404, 404)
    assert await stock_row(services, brand, sku) == (5, 0)
    assert await status(await as_role(services, brand, Role.SHOP_STAFF, shop.id)) == (403, 204)
    assert await stock_row(services, brand, sku) == (4, 0)


async def test_stock_is_received_listed_and_explained(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    sku, _other = await make_skus(services, brand, 2)
    owner = await as_role(services, brand, Role.SHOP_OWNER, shop.id)
    receipt = {"lines": [{"sku_id": str(sku), "quantity": 2}], "reference": "note-1"}

    for _ in range(2):
        answer = await client.post(f"/v1/shops/{shop.id}/stock/receive", json=receipt, headers=owner)
        assert answer.status_code == 204, answer.text
    unknown = {"lines": [{"sku_id": str(uuid.UUID(int=5)), "quantity": 2}]}
    refused = await client.post(f"/v1/shops/{shop.id}/stock/receive", json=unknown, headers=owner)
    marked = await client.put(f"/v1/shops/{shop.id}/stock/{sku}/low-mark", json={"low_at": 1}, headers=owner)
    listed = await client.get(f"/v1/shops/{shop.id}/stock", headers=owner)
    ledger = await client.get(f"/v1/shops/{shop.id}/stock/{sku}/movements", headers=owner)

    assert (refused.status_code, refused.json()["code"]) == (404, "stores.sku_not_in_catalog")
    assert marked.status_code == 204
    [row] = listed.json()["items"]
    assert (row["on_hand"], row["available"], row["is_low"]) == (2, 2, False)
    assert [(m["kind"], m["on_hand_delta"], m["reference"]) for m in ledger.json()["items"]] == [
        ("receive", 2, "note-1")
    ]


async def test_everybody_finds_the_nearest_shop_and_sees_only_public_columns(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    await make_shop(services, brand, fields=shop_fields("FAR", latitude=39.9, longitude=116.4))
    await make_shop(services, brand, fields=shop_fields("NEAR"))
    await make_shop(services, brand, fields=shop_fields("SHUT"), status=ShopStatus.CLOSED)
    await make_shop(services, other_brand, fields=shop_fields("THEIRS"))
    here = {"latitude": 31.2231, "longitude": 121.4628}
    url = f"/v1/brands/{brand.code}/shops/nearest"

    found = (await client.get(url, params=here)).json()["items"]
    close = (await client.get(url, params=here | {"within_km": 10, "datum": "gcj02"})).json()["items"]

    assert [(item["code"], item["is_open_now"]) for item in found] == [("NEAR", True), ("FAR", True)]
    assert found[0]["distance_m"] == 0
    assert 1_050_000 < found[1]["distance_m"] < 1_090_000
    assert not {"id", "version", "source", "source_ref", "brand_id", "status"} & set(found[0])
    assert [item["code"] for item in close] == ["NEAR"]
    assert 300 < close[0]["distance_m"] < 700
    assert close[0]["latitude"] != here["latitude"]


@pytest.mark.parametrize("params", [{}, {"latitude": 91, "longitude": 0}, {"latitude": "NaN", "longitude": 0}])
async def test_a_place_that_is_none_is_a_400(
    client: httpx.AsyncClient, brand: BrandView, params: dict[str, Any]
) -> None:
    assert (await client.get(f"/v1/brands/{brand.code}/shops/nearest", params=params)).status_code == 400


async def test_the_shops_of_an_unknown_brand_are_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/brands/nobody/shops/nearest", params={"latitude": 1, "longitude": 1})

    assert (answer.status_code, answer.json()["code"]) == (404, "brands.unknown")
