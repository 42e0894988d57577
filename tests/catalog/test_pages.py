import httpx
import pytest

from tests.catalog.makers import events_of, make_product, product_fields, sku_fields
from tests.html_forms import fields_of, filled, submit
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.catalog.service import editing as service
from yundian.catalog.states import ProductStatus
from yundian.catalog.types import ProductView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


@pytest.fixture
async def admin(services: Services, brand: BrandView) -> dict[str, str]:
    return (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | {"Accept": "text/html"}


async def _english(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> str:
    client.cookies.set("locale", "en")
    answer = await client.get(url, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def _product(services: Services, brand: BrandView, product: ProductView) -> ProductView:
    async with services.database.unit_of_work(brand.id) as session:
        return await service.get_product(session, product_id=product.id)


async def test_an_empty_catalogue_says_how_to_begin(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    html = await _english(client, "/hq/products", admin)

    assert "No products yet" in html
    assert 'href="/hq/products/new"' in html


async def test_the_list_shows_shades_as_pictures_and_is_searched(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    await make_product(services, brand)
    await make_product(
        services,
        brand,
        fields=product_fields("EYE", name="<b>星河</b>"),
        skus=(sku_fields("E", shade_hex="#102030"),),
    )

    everything = await _english(client, "/hq/products", admin)
    found = await _english(client, "/hq/products?q=丝绒", admin)
    nothing = await _english(client, "/hq/products?q=丝绒&status=on_sale", admin)

    assert 'fill="#a03020"' in everything
    assert "&lt;b&gt;星河&lt;/b&gt;" in everything
    assert "¥129.00" in everything
    assert "LIP-01" in found
    assert "EYE" not in found
    assert "No product fits" in nothing


async def test_pages_of_a_long_list_are_linked(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    for number in range(51):
        await make_product(services, brand, fields=product_fields(f"P{number:03d}"), skus=())

    first = await _english(client, "/hq/products?q=velvet", admin)

    assert "P049" in first
    assert "P050" not in first
    link = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "q=velvet" in link
    second = await _english(client, link, admin)
    assert "P050" in second
    assert 'rel="next"' not in second


async def test_a_product_is_made_with_two_shades_and_prices_in_yuan(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    fields = fields_of(await _english(client, "/hq/products/new", admin), having="sku")
    more = fields_of("<form>" + await _english(client, "/hq/products/sku-row", admin) + "</form>", having="sku")
    first, second = dict(fields)["sku"], dict(more)["sku"]
    typed = filled(
        fields + more,
        code="LIP-01",
        name="云雾唇釉",
        tags="new, matte",
        **{
            f"sku-{first}-code": "A",
            f"sku-{first}-price": "129",
            f"sku-{first}-shade_hex": "#A03020",
            f"sku-{second}-code": "B",
            f"sku-{second}-price": "￥1,139.5",
            f"sku-{second}-shade_name": "樱花粉",
        },
    )

    answer = await submit(client, "/hq/products/new", typed, headers=admin)
    again = await submit(client, "/hq/products/new", typed, headers=admin)

    assert answer.status_code == 303, answer.text
    assert again.headers["location"] == answer.headers["location"]
    html = await _english(client, answer.headers["location"], admin)
    assert 'value="129.00"' in html
    assert 'value="1139.50"' in html
    assert "Draft" in html
    page = await _english(client, "/hq/products", admin)
    assert "2 SKUs" in page


async def test_a_product_says_its_words_in_english_too_and_is_found_by_them(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    product = await make_product(services, brand, fields=product_fields("P1", name="云雾唇釉"))
    key = product.skus[0].id
    typed = filled(
        fields_of(await _english(client, f"/hq/products/{product.id}", admin), having="sku"),
        name_en="Misty Gloss",
        description_en="As light as mist",
        **{f"sku-{key}-shade_name_en": "Sakura", f"sku-{key}-option_text_en": "Small"},
    )

    saved = await submit(client, f"/hq/products/{product.id}", typed, headers=admin)
    page = await _english(client, f"/hq/products/{product.id}", admin)
    found = [await _english(client, f"/hq/products?q={q}", admin) for q in ("misty", "sakura", "云雾")]
    told = (await client.get(f"/v1/products/{product.id}", headers=admin | {"Accept": "application/json"})).json()

    assert saved.status_code == 303, saved.text
    assert "Misty Gloss</h1>" in page
    assert 'name="name" type="text" value="云雾唇釉"' in page
    assert 'value="Sakura"' in page
    assert ["Misty Gloss" in one for one in found] == [True] * 3
    assert (told["name"], told["name_en"], told["description_en"]) == (
        "云雾唇釉",
        "Misty Gloss",
        "As light as mist",
    )
    assert (told["skus"][0]["shade_name_en"], told["skus"][0]["option_text_en"]) == ("Sakura", "Small")
    assert told["skus"][0]["shade_name"] == product.skus[0].shade_name


async def test_a_third_decimal_is_refused_beside_its_field_and_what_was_typed_stays(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    product = await make_product(services, brand, skus=(sku_fields("A"), sku_fields("B", position=1)))
    first, second = product.skus
    fields = fields_of(await _english(client, f"/hq/products/{product.id}", admin), having="sku")

    typed = filled(
        fields,
        name="New name",
        **{f"sku-{first.id}-price": "12.345", f"sku-{second.id}-barcode": "6901234567890"},
    )
    answer = await submit(client, f"/hq/products/{product.id}", typed, headers=admin)

    assert answer.status_code == 400
    assert f'id="error-sku-{first.id}-price"' in answer.text
    assert "More decimals than the currency has" in answer.text
    assert f'id="error-sku-{second.id}-barcode"' in answer.text
    assert 'value="12.345"' in answer.text
    assert 'value="New name"' in answer.text
    assert (await _product(services, brand, product)).name == product.name


async def test_who_saves_a_form_that_somebody_else_changed_is_told_and_keeps_what_was_typed(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    product = await make_product(services, brand)
    url = f"/hq/products/{product.id}"
    fields = fields_of(await _english(client, url, admin), having="sku")
    others = fields_of(await _english(client, url, admin), having="sku")

    first = await submit(client, url, filled(others, name="Theirs"), headers=admin)
    stale = await submit(client, url, filled(fields, name="Mine"), headers=admin)

    assert (first.status_code, stale.status_code) == (303, 409)
    assert "Somebody else saved this product while you were editing" in stale.text
    assert 'value="Mine"' in stale.text
    assert (await _product(services, brand, product)).name == "Theirs"


async def test_a_price_saved_in_the_editor_and_a_withdrawn_shade_are_told(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    product = await make_product(services, brand, skus=(sku_fields("A"), sku_fields("B", position=1)))
    first, second = product.skus
    url = f"/hq/products/{product.id}"
    fields = fields_of(await _english(client, url, admin), having="sku")

    typed = filled(fields, **{f"sku-{first.id}-price": "99.90", f"sku-{second.id}-status": "withdrawn"})
    answer = await submit(client, url, typed, headers=admin)

    assert answer.status_code == 303
    saved = await _product(services, brand, product)
    assert [(sku.price_minor, sku.status.value) for sku in saved.skus] == [
        (9_990, "active"),
        (12_900, "withdrawn"),
    ]
    assert await events_of(services, brand) == ["catalog.price_changed.v1", "catalog.sku_withdrawn.v1"]


async def test_a_product_goes_on_sale_by_a_button_and_one_without_skus_says_why_not(
    client: httpx.AsyncClient, services: Services, brand: BrandView, admin: dict[str, str]
) -> None:
    product = await make_product(services, brand)
    bare = await make_product(services, brand, fields=product_fields("BARE"), skus=())
    answers = []
    for item in (product, bare):
        url = f"/hq/products/{item.id}"
        fields = fields_of(await _english(client, url, admin), having="status")
        answers.append(await submit(client, f"{url}/status", fields, headers=admin))

    assert [answer.status_code for answer in answers] == [303, 409]
    assert "Add a SKU before putting the product on sale" in answers[1].text
    assert (await _product(services, brand, product)).status is ProductStatus.ON_SALE
    assert (await _product(services, brand, bare)).status is ProductStatus.DRAFT


async def test_a_colour_shows_its_picture_while_it_is_typed(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    shown = await _english(client, "/hq/products/swatch?sku-n1-shade_hex=%23AABBCC", admin)
    nothing = await _english(client, "/hq/products/swatch?sku-n1-shade_hex=red", admin)

    assert 'fill="#aabbcc"' in shown
    assert "<svg" not in nothing


async def test_an_analyst_reads_the_editor_but_cannot_save(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    product = await make_product(services, brand)
    headers = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers | {"Accept": "text/html"}

    html = await _english(client, f"/hq/products/{product.id}", headers)
    fields = filled(fields_of(html, having="sku"), name="Changed")
    answer = await submit(client, f"/hq/products/{product.id}", fields, headers=headers)

    assert "Add a shade" not in html
    assert answer.status_code == 403
    assert (await _product(services, brand, product)).name == product.name
