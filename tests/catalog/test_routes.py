import asyncio

import httpx
import pytest

from tests.catalog.makers import events_of, make_product
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

SKU = {"code": "A", "price_minor": 1, "currency": "CNY"}
LIP = {
    "code": "LIP-01",
    "name": "云雾丝绒唇釉",
    "category": "lips",
    "tags": ["matte"],
    "skus": [
        {
            "code": "LIP-01-A",
            "price_minor": 12_900,
            "currency": "CNY",
            "shade_name": "枫叶红",
            "shade_hex": "#A03020",
        }
    ],
}


async def test_hq_makes_a_product_puts_it_on_sale_and_changes_its_price(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    made = await client.post("/v1/products", json=LIP, headers=headers)
    assert (made.status_code, made.json()["status"]) == (201, "draft")
    product, sku = made.json(), made.json()["skus"][0]
    assert sku["shade_hex"] == "#a03020"
    on_sale = await client.put(
        f"/v1/products/{product['id']}/status", json={"status": "on_sale", "version": 1}, headers=headers
    )
    assert on_sale.json()["status"] == "on_sale"
    priced = await client.put(
        f"/v1/skus/{sku['id']}/price",
        json={"price_minor": 9_900, "currency": "CNY", "version": 1},
        headers=headers,
    )
    assert (priced.status_code, priced.json()["price_minor"]) == (200, 9_900)

    page = (
        await client.get("/v1/products", params={"search": "丝绒", "status": "on_sale"}, headers=headers)
    ).json()
    assert [(item["code"], item["price_from_minor"]) for item in page["items"]] == [("LIP-01", 9_900)]
    assert page["next_cursor"] is None
    assert await events_of(services, brand) == ["catalog.product_put_on_sale.v1", "catalog.price_changed.v1"]


async def test_a_product_and_its_skus_are_edited_one_by_one(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    product = await make_product(services, brand)

    renamed = await client.put(
        f"/v1/products/{product.id}", json={"code": "L2", "name": "晨露", "version": 1}, headers=headers
    )
    added = await client.post(
        f"/v1/products/{product.id}/skus",
        json={"code": "L2-B", "price_minor": 100, "currency": "CNY"},
        headers=headers,
    )
    sku = added.json()
    changed = await client.put(
        f"/v1/skus/{sku['id']}",
        json={
            "code": "L2-C",
            "price_minor": 200,
            "currency": "CNY",
            "barcode": "6901234567892",
            "version": sku["version"],
        },
        headers=headers,
    )
    gone = await client.put(
        f"/v1/skus/{sku['id']}/status",
        json={"status": "withdrawn", "version": changed.json()["version"]},
        headers=headers,
    )

    assert [answer.status_code for answer in (renamed, added, changed, gone)] == [200, 201, 200, 200]
    view = (await client.get(f"/v1/products/{product.id}", headers=headers)).json()
    assert (view["code"], view["name"], view["tags"]) == ("L2", "晨露", [])
    assert [(row["code"], row["status"]) for row in view["skus"]] == [
        ("LIP-01-A", "active"),
        ("L2-C", "withdrawn"),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "  "}, "name"),
        ({"code": "two words"}, "code"),
        ({"category": "x" * 81}, "category"),
        ({"colour": "red"}, "colour"),
        ({"skus": [{"code": "A", "price_minor": 1}]}, "skus.0.currency"),
        ({"skus": [SKU | {"price_minor": 0}]}, "skus.0.price_minor"),
        ({"skus": [SKU | {"price_minor": 12.5}]}, "skus.0.price_minor"),
        ({"skus": [SKU | {"price_minor": 1, "currency": "YUA"}]}, "skus.0.currency"),
        ({"skus": [SKU | {"price_minor": 1, "shade_hex": "red"}]}, "skus.0.shade_hex"),
        ({"skus": [SKU | {"price_minor": 1, "barcode": "6901234567890"}]}, "skus.0.barcode"),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_made(
    client: httpx.AsyncClient, services: Services, brand: BrandView, change: dict[str, object], field: str
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    answer = await client.post("/v1/products", json=LIP | change, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, "core.invalid_input")
    assert answer.json()["errors"][0]["field"] == field
    assert (await client.get("/v1/products", headers=headers)).json()["items"] == []


async def test_a_stale_version_is_refused(client: httpx.AsyncClient, services: Services, brand: BrandView) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    product = await make_product(services, brand)
    body = {"code": "LIP-01", "name": "First", "version": product.version}

    answers = await asyncio.gather(
        *(
            client.put(f"/v1/products/{product.id}", json=body | {"name": name}, headers=headers)
            for name in ("A", "B", "C")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    assert refused == ["core.version_conflict"] * 2


async def test_one_key_makes_one_product(client: httpx.AsyncClient, services: Services, brand: BrandView) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | {"Idempotency-Key": "make-1"}

    first = await client.post("/v1/products", json=LIP, headers=headers)
    again = await client.post("/v1/products", json=LIP, headers=headers)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()


async def test_staff_of_shops_and_analysts_read_but_do_not_write(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    product = await make_product(services, brand)
    for role in (Role.HQ_ANALYST, Role.SHOP_OWNER, Role.SHOP_STAFF):
        headers = (await sign_in_as(services, brand.id, role, shop_id=new_id())).headers

        read = await client.get(f"/v1/products/{product.id}", headers=headers)
        write = await client.post("/v1/products", json=LIP | {"code": role.value}, headers=headers)

        assert (read.status_code, write.status_code) == (200, 403)
    assert (await client.get("/v1/products")).status_code == 401


async def test_what_another_brand_sells_is_unknown(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    theirs = await make_product(services, other_brand)
    sku_id = theirs.skus[0].id
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    answers = [
        await client.get(f"/v1/products/{theirs.id}", headers=headers),
        await client.get(f"/v1/products/{new_id()}", headers=headers),
        await client.put(
            f"/v1/products/{theirs.id}", json={"code": "X", "name": "X", "version": 1}, headers=headers
        ),
        await client.put(
            f"/v1/skus/{sku_id}/price", json={"price_minor": 1, "currency": "CNY", "version": 1}, headers=headers
        ),
        await client.get("/v1/products", headers=headers),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404, 404, 200]
    assert answers[0].json()["code"] == answers[1].json()["code"] == "catalog.product_unknown"
    assert answers[4].json()["items"] == []
