"""The screens of group-buys: what a customer, a shop and HQ see and do."""

import io
import re
from urllib.parse import unquote

import httpx
import pytest
from litestar import Litestar
from PIL import Image

from groupbuy.types import ItemFields
from tests.catalog.makers import make_picture
from tests.groupbuy.kit import GROUP_PRICE, Fair
from tests.helpers import csrf_token, make_client
from tests.people import sign_in_as
from yundian.catalog import api as catalog
from yundian.catalog.service import pictures
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html", "Accept-Language": "en"}


async def send(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], key: str = "", **data: str
) -> httpx.Response:
    """A form as a page of ours sends it."""
    fields = {"_csrf_token": await csrf_token(client), **data} | ({"_idempotency_key": key} if key else {})
    return await client.post(path, data=fields, headers=HTML | headers)


async def test_a_customer_comes_back_from_signing_in_chooses_and_goes_on_to_paying(
    fair: Fair, client: httpx.AsyncClient
) -> None:
    campaign = await fair.sell(size=3, pieces_per_seat=2)
    anna, berta = await fair.customer(), await fair.customer()
    base, code = f"/m/{fair.brand.code}", campaign.campaign.code
    wanted = {"sku_id": str(fair.sku_ids[0]), "pickup_shop_id": str(fair.shop.id)}

    page = await client.get(f"{base}/c/{code}", headers=HTML)
    assert page.status_code == 200
    assert f"{base}/c/{code}/start" in page.text
    away = await client.get(f"{base}/c/{code}/start?via=x", headers=HTML)
    assert away.status_code in (302, 303)
    assert unquote(away.headers["location"]) == f"{base}/sign-in?next={base}/c/{code}/start?via=x"

    chosen = await client.get(f"{base}/c/{code}/start", headers=HTML | anna.headers)
    assert fair.shop.name in chosen.text
    too_many = await send(client, f"{base}/c/{code}/start", anna.headers, **wanted, quantity="3")
    assert too_many.status_code == 409
    assert "more pieces than one seat" in too_many.text
    key = str(new_id())
    paid_at = [
        (await send(client, f"{base}/c/{code}/start", anna.headers, key, **wanted, quantity="2")) for _ in range(2)
    ]
    assert [answer.status_code for answer in paid_at] == [303, 303]
    assert paid_at[0].headers["location"] == paid_at[1].headers["location"]
    assert paid_at[0].headers["location"].startswith("/pay/")
    [order] = await fair.rows("SELECT total_minor FROM orders_order WHERE brand_id = $1")
    assert order["total_minor"] == 2 * GROUP_PRICE

    [group] = await fair.rows("SELECT code FROM groupbuy_group WHERE brand_id = $1")
    where = f"{base}/g/{group['code']}"
    hers = await client.get(where, headers=HTML | anna.headers)
    assert "Your seat is kept" in hers.text
    seen = re.search(r"progress\?seen=([^\"]+)", hers.text)
    assert seen is not None
    same = await client.get(f"{where}/progress?seen={seen[1]}", headers=HTML | anna.headers)
    assert "HX-Refresh" not in same.headers
    joined = await send(client, f"{where}/join", berta.headers, **wanted)
    assert joined.headers["location"].startswith("/pay/")
    again = await send(client, f"{base}/c/{code}/start", berta.headers, **wanted)
    assert again.headers["location"] == joined.headers["location"]

    left = await send(client, f"{where}/leave", anna.headers)
    assert left.headers["location"] == where
    await fair.finish_closing()
    await fair.work()
    later = await client.get(f"{where}/progress?seen={seen[1]}", headers=HTML | anna.headers)
    assert later.headers["HX-Refresh"] == "true"
    stranger = await client.get(where, headers=HTML)
    assert "Join this group" in stranger.text
    assert str(anna.id) not in stranger.text


async def test_what_is_sold_out_or_not_for_customers_is_said_or_not_there(
    fair: Fair, client: httpx.AsyncClient
) -> None:
    items = (ItemFields(sku_id=fair.sku_ids[0], group_price_minor=GROUP_PRICE, quota=1),)
    campaign = await fair.sell(items=items)
    anna, base = await fair.customer(), f"/m/{fair.brand.code}"
    await fair.start(campaign, (await fair.customers(1))[0])

    page = await client.get(f"{base}/c/{campaign.campaign.code}", headers=HTML)
    assert "Sold out" in page.text
    wanted = {"sku_id": str(fair.sku_ids[0]), "pickup_shop_id": str(fair.shop.id)}
    refused = await send(client, f"{base}/c/{campaign.campaign.code}/start", anna.headers, **wanted)
    assert refused.status_code == 409
    assert "Sold out" in refused.text
    for path in (f"{base}/c/nothere", f"{base}/g/nothere", f"{base}/c/nothere/start"):
        assert (await client.get(path, headers=HTML | anna.headers)).status_code == 404


async def test_headquarters_drafts_previews_publishes_and_closes_and_the_shop_shares(
    fair: Fair, app: Litestar
) -> None:
    admin = await sign_in_as(fair.services, fair.brand.id, Role.HQ_ADMIN)
    owner = await sign_in_as(fair.services, fair.brand.id, Role.SHOP_OWNER, shop_id=fair.shop.id)
    form = {
        "name": "Autumn",
        "title": "Autumn lips",
        "size": "3",
        "starts_at": "2026-01-01T10:00",
        "ends_at": "2036-01-01T10:00",
        "group_hours": "1.5",
        "seat_minutes": "15",
        "per_member_limit": "1",
        "pieces_per_seat": "1",
        "is_all_shops": "on",
        "sku": "LIP-00",
        "price": "99.90",
        "quota": "50",
    }
    async with make_client(app) as client:
        for wrong, text in (({"price": "a lot"}, "99.90"), ({"sku": "NOPE"}, "No such SKU"), ({"size": "1"}, "2")):
            refused = await send(client, "/hq/campaigns/new", admin.headers, **(form | wrong))
            assert refused.status_code == 400
            assert text in refused.text
        made = await send(client, "/hq/campaigns/new", admin.headers, **form)
        # Nothing is saved by looking for a SKU, with or without a script.
        token = {"X-CSRF-Token": await csrf_token(client)} | HTML | admin.headers
        found = await client.get("/hq/campaigns/skus?q=LIP-0", headers=token)
        assert 'value="LIP-00"' in found.text
        assert "<!doctype" not in found.text
        added = await client.post(
            "/hq/campaigns/items", data=form | {"add": "LIP-01"}, headers=token | {"HX-Request": "true"}
        )
        assert re.findall(r'name="sku" value="([^"]+)"', added.text) == ["LIP-00", "LIP-01"]
        assert 'name="price" value="99.90"' in added.text
        step = await client.post("/hq/campaigns/items", data=form | {"q": "lip", "find": "1"}, headers=token)
        assert 'name="add" value="LIP-00"' in step.text
        assert 'value="Autumn lips"' in step.text
        dropped = await client.post("/hq/campaigns/items", data=form | {"drop": "LIP-00"}, headers=token)
        assert 'name="sku"' not in dropped.text
        here = made.headers["location"]
        preview = await client.get(f"{here}/preview", headers=HTML | admin.headers)
        assert "A preview" in preview.text
        draft = re.search(r"/c/(\w+)/", preview.text)
        assert draft is None
        published = await send(client, f"{here}/publish", admin.headers, version="1")
        assert published.status_code == 303
        page = await client.get(here, headers=HTML | admin.headers)
        assert "¥99.90" in page.text

        edit = await client.get(f"{here}/edit", headers=HTML | admin.headers)
        fields = dict(re.findall(r'name="(\w+)"[^>]*value="([^"]*)"', edit.text))
        assert fields["starts_at"] == "2026-01-01T10:00:00"
        changed = form | {"starts_at": fields["starts_at"], "version": "2", "quota": "60", "title": "Autumn!"}
        assert (await send(client, f"{here}/edit", admin.headers, **changed)).status_code == 303
        fixed = await send(client, f"{here}/edit", admin.headers, **(changed | {"version": "3", "size": "4"}))
        assert fixed.status_code == 409
        assert "People have joined on these terms" in fixed.text

        offers = await client.get("/shop/groups", headers=HTML | owner.headers)
        assert "Autumn!" in offers.text
        share = {"campaign_id": here.rpartition("/")[2], "shop_id": str(fair.shop.id)}
        links = [await send(client, "/shop/groups/share", owner.headers, **share) for _ in range(2)]
        assert links[0].headers["location"] == links[1].headers["location"]
        assert links[0].headers["location"].startswith("/shop/links/")
        closed = await send(client, f"{here}/close", admin.headers, version="3")
        assert closed.status_code == 303
        gone = await send(client, "/shop/groups/share", owner.headers, **share)
        assert gone.status_code == 404


async def test_a_picture_of_the_product_stands_wherever_the_campaign_is_shown(fair: Fair, app: Litestar) -> None:
    campaign = await fair.sell(size=3)
    async with fair.services.database.unit_of_work(fair.brand.id) as session:
        sku = (await catalog.get_skus(session, ids={fair.sku_ids[0]}))[fair.sku_ids[0]]
    picture = await make_picture(fair.services, fair.brand, sku.product_id)
    owner = await sign_in_as(fair.services, fair.brand.id, Role.SHOP_OWNER, shop_id=fair.shop.id)
    share = {"campaign_id": str(campaign.campaign.id), "shop_id": str(fair.shop.id)}
    async with make_client(app) as client:
        shown = await client.get(f"/m/{fair.brand.code}/c/{campaign.campaign.code}", headers=HTML)
        link = (await send(client, "/shop/groups/share", owner.headers, **share)).headers["location"]
        poster = await client.get(f"{link}/poster.png", headers=owner.headers)
        token = re.findall(
            r'value="https?://[^"]*/s/(\w+)"', (await client.get(link, headers=HTML | owner.headers)).text
        )
        asked = {"token": token[0], "url": f"https://testserver/m/{fair.brand.code}/c/{campaign.campaign.code}"}
        headers = {"X-CSRF-Token": await csrf_token(client)}
        card = (await client.post("/v1/share-card", json=asked, headers=headers)).json()
        async with fair.services.database.connection(fair.brand.id) as tx:
            await pictures.remove_picture(tx, picture_id=picture.id)
        without = await client.get(f"{link}/poster.png", headers=owner.headers)

    assert f'src="{picture.large}"' in shown.text
    assert card["picture"] == f"https://testserver{picture.card}"
    red = Image.open(io.BytesIO(poster.content)).convert("RGB").getpixel((375, 300))
    assert isinstance(red, tuple)
    assert red[0] > 140 > 60 > red[2]
    assert Image.open(io.BytesIO(without.content)).height < Image.open(io.BytesIO(poster.content)).height


async def test_who_reads_english_reads_campaign_items_and_her_order_in_english(
    fair: Fair, client: httpx.AsyncClient
) -> None:
    campaign = await fair.sell(title_en="Three together", description="老词", description_en="With two friends")
    anna, base = await fair.customer(), f"/m/{fair.brand.code}"
    await fair.rows(
        "UPDATE catalog_product SET name_en = 'Misty Gloss' WHERE brand_id = $1 RETURNING id",
    )
    await fair.rows("UPDATE catalog_sku SET shade_name_en = 'Sakura' WHERE brand_id = $1 RETURNING id")
    wanted = {"sku_id": str(fair.sku_ids[0]), "pickup_shop_id": str(fair.shop.id)}
    code = campaign.campaign.code
    assert (await send(client, f"{base}/c/{code}/start", anna.headers, **wanted)).status_code == 303
    item = campaign.items[0]

    hers, places = HTML | anna.headers, (f"/c/{code}", f"/c/{code}/start", "/orders")
    english = {one: (await client.get(f"{base}{one}?lang=en", headers=hers)).text for one in places}
    chinese = {one: (await client.get(f"{base}{one}?lang=zh_CN", headers=hers)).text for one in places}

    for place in places[:1]:
        assert "Three together" in english[place]
        assert "With two friends" in english[place]
        assert (campaign.campaign.title in english[place], "Three together" in chinese[place]) == (False, False)
    assert "Misty Gloss" in english["/orders"] or "Sakura" in english["/orders"]
    for place in places:
        assert item.name not in english[place]
        assert "Misty Gloss" not in chinese[place]

    await fair.rows("UPDATE catalog_product SET name = '改名了' WHERE brand_id = $1 RETURNING id")
    renamed = await client.get(f"{base}/orders?lang=en", headers=HTML | anna.headers)
    assert item.name in renamed.text, "what it was sold as is not what this name in English means"
