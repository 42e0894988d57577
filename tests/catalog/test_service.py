import asyncio

import msgspec
import pytest
from sqlalchemy.orm.exc import StaleDataError

from tests.catalog.makers import events_of, make_product, product_fields, sku_fields
from yundian.brands.types import BrandView
from yundian.catalog import api
from yundian.catalog.errors import BarcodeTaken, NothingToSell, ProductCodeTaken, ProductUnknown, SkuCodeTaken
from yundian.catalog.service import editing as service
from yundian.catalog.states import ProductStatus, SkuStatus
from yundian.catalog.types import ProductFilter, ProductView, SkuEdit, SkuFields, SkuView
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.states import IllegalTransition
from yundian.platform.db.counting import counted
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def _get(services: Services, brand: BrandView, product: ProductView) -> ProductView:
    async with services.database.unit_of_work(brand.id) as session:
        return await service.get_product(session, product_id=product.id)


async def _codes(services: Services, brand: BrandView, **wanted: object) -> list[str]:
    async with services.database.unit_of_work(brand.id) as session:
        page = await service.list_products(session, wanted=ProductFilter(**wanted))  # type: ignore[arg-type]
    return [product.code for product in page.items]


def _edit(sku: SkuView, **changes: object) -> SkuEdit:
    fields = msgspec.convert(sku, SkuFields, from_attributes=True)
    return SkuEdit(id=sku.id, version=sku.version, fields=msgspec.structs.replace(fields, **changes))


async def test_a_new_product_is_a_draft_with_its_skus_and_tags(services: Services, brand: BrandView) -> None:
    fields = product_fields(tags=("vegan", "matte"))

    made = await make_product(services, brand, fields=fields, skus=(sku_fields(), sku_fields("B", position=1)))

    found = await _get(services, brand, made)
    assert found.status is ProductStatus.DRAFT
    assert [sku.code for sku in found.skus] == ["LIP-01-A", "B"]
    assert found.tags == ("matte", "vegan")
    assert await events_of(services, brand) == []


async def test_a_code_that_another_product_has_is_refused(services: Services, brand: BrandView) -> None:
    await make_product(services, brand)

    with pytest.raises(ProductCodeTaken):
        await make_product(services, brand, skus=())


async def test_two_who_create_the_same_code_at_once_get_one_product(services: Services, brand: BrandView) -> None:
    answers = await asyncio.gather(
        *(make_product(services, brand, skus=()) for _ in range(6)), return_exceptions=True
    )

    assert sum(isinstance(answer, ProductView) for answer in answers) == 1
    assert sum(isinstance(answer, ProductCodeTaken) for answer in answers) == 5
    assert await _codes(services, brand) == ["LIP-01"]


async def test_of_two_editors_one_is_told_that_somebody_else_saved(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand)
    ready = asyncio.Barrier(2)

    async def save(name: str) -> None:
        async with services.database.unit_of_work(brand.id) as session:
            await service.get_product(session, product_id=product.id)
            # If the other one never comes, this one must not wait for ever.
            async with asyncio.timeout(10):
                await ready.wait()
            await service.save_product(
                session, product_id=product.id, version=product.version, fields=product_fields(name=name)
            )

    answers = await asyncio.gather(save("A"), save("B"), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, VersionConflict | StaleDataError)]
    assert len(refused) == 1
    saved = await _get(services, brand, product)
    assert saved.name == ("B" if isinstance(answers[0], Exception) else "A")
    assert saved.version == product.version + 1


async def test_a_stale_sku_row_refuses_the_whole_form(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand)
    async with services.database.unit_of_work(brand.id) as session:
        await service.change_price(
            session, sku_id=product.skus[0].id, version=1, price_minor=9_900, currency="CNY"
        )

    with pytest.raises(VersionConflict):
        async with services.database.unit_of_work(brand.id) as session:
            await service.save_product(
                session,
                product_id=product.id,
                version=product.version,
                fields=product_fields(name="New name"),
                sku_edits=[_edit(product.skus[0], price_minor=11_900)],
            )

    found = await _get(services, brand, product)
    assert (found.name, found.skus[0].price_minor) == (product.name, 9_900)


async def test_a_changed_price_is_told_once_with_both_prices(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand)
    sku = product.skus[0]

    async with services.database.unit_of_work(brand.id) as session:
        changed = await service.change_price(
            session, sku_id=sku.id, version=sku.version, price_minor=9_900, currency="CNY"
        )
    async with services.database.unit_of_work(brand.id) as session:
        await service.change_price(
            session, sku_id=sku.id, version=changed.version, price_minor=9_900, currency="CNY"
        )

    async with services.database.connection(brand.id) as tx:
        rows = await tx.fetch("SELECT tag, payload->>'old_price_minor', payload->>'price_minor' FROM outbox_event")
    assert [tuple(row) for row in rows] == [("catalog.price_changed.v1", "12900", "9900")]


async def test_a_product_without_anything_to_sell_stays_a_draft(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand, skus=())

    with pytest.raises(NothingToSell):
        async with services.database.unit_of_work(brand.id) as session:
            await service.change_status(session, product_id=product.id, version=1, target=ProductStatus.ON_SALE)

    assert (await _get(services, brand, product)).status is ProductStatus.DRAFT
    assert await events_of(services, brand) == []


async def test_a_product_goes_on_sale_leaves_and_comes_back(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand)
    version = product.version

    for target in (ProductStatus.ON_SALE, ProductStatus.WITHDRAWN, ProductStatus.ON_SALE):
        async with services.database.unit_of_work(brand.id) as session:
            view = await service.change_status(session, product_id=product.id, version=version, target=target)
        version = view.version
    with pytest.raises(IllegalTransition):
        async with services.database.unit_of_work(brand.id) as session:
            await service.change_status(
                session, product_id=product.id, version=version, target=ProductStatus.DRAFT
            )

    assert await events_of(services, brand) == [
        "catalog.product_put_on_sale.v1",
        "catalog.product_withdrawn.v1",
        "catalog.product_put_on_sale.v1",
    ]


async def test_only_what_is_on_sale_has_a_price_to_promise(services: Services, brand: BrandView) -> None:
    on_sale = await make_product(
        services, brand, status=ProductStatus.ON_SALE, skus=(sku_fields("A"), sku_fields("B", position=1))
    )
    draft = await make_product(services, brand, fields=product_fields("DRAFT"), skus=(sku_fields("C"),))
    first, second = on_sale.skus
    async with services.database.unit_of_work(brand.id) as session:
        await service.change_sku_status(session, sku_id=second.id, version=1, target=SkuStatus.WITHDRAWN)

    async with services.database.unit_of_work(brand.id) as session:
        prices = await api.take_prices(session, sku_ids={first.id, second.id, draft.skus[0].id})
        named = await api.find_skus(session, codes={"A", "B", "C", "D"})

    assert {sku_id: price.price_minor for sku_id, price in prices.items()} == {first.id: 12_900}
    assert {code: sku.is_sellable for code, sku in named.items()} == {"A": True, "B": False, "C": False}


async def test_a_sku_code_and_a_barcode_are_taken_once(services: Services, brand: BrandView) -> None:
    await make_product(services, brand, skus=(sku_fields("A", barcode="6901234567892"),))

    with pytest.raises(SkuCodeTaken):
        await make_product(services, brand, fields=product_fields("P2"), skus=(sku_fields("A"),))
    with pytest.raises(BarcodeTaken):
        await make_product(
            services, brand, fields=product_fields("P3"), skus=(sku_fields("B", barcode="6901234567892"),)
        )

    assert await _codes(services, brand) == ["LIP-01"]


async def test_the_list_is_searched_by_name_shade_code_and_barcode(services: Services, brand: BrandView) -> None:
    await make_product(services, brand, skus=(sku_fields("A", barcode="6901234567892"),))
    await make_product(
        services,
        brand,
        fields=product_fields("EYE-07", name="星河眼影盘", category="eyes", product_type="eyeshadow"),
        skus=(sku_fields("B", shade_name="雾霾蓝"),),
    )

    assert await _codes(services, brand, search="丝绒") == ["LIP-01"]
    assert await _codes(services, brand, search="velv 唇釉") == ["LIP-01"]
    assert await _codes(services, brand, search="霾蓝") == ["EYE-07"]
    assert await _codes(services, brand, search="eye-07") == ["EYE-07"]
    assert await _codes(services, brand, search="6901234567892") == ["LIP-01"]
    assert await _codes(services, brand, search="丝绒 眼影") == []
    assert await _codes(services, brand, search="%") == ["EYE-07", "LIP-01"]
    assert await _codes(services, brand, category="eyes") == ["EYE-07"]
    assert await _codes(services, brand, status=ProductStatus.ON_SALE) == []


async def test_a_renamed_product_is_found_by_its_new_name_only(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand)

    async with services.database.unit_of_work(brand.id) as session:
        await service.save_product(
            session,
            product_id=product.id,
            version=product.version,
            fields=product_fields(name="晨露唇膏", tags=("new",)),
        )

    assert await _codes(services, brand, search="丝绒") == []
    assert await _codes(services, brand, search="晨露") == ["LIP-01"]
    assert await _codes(services, brand, tag="new") == ["LIP-01"]


async def test_pages_follow_each_other_without_gap_or_repeat(services: Services, brand: BrandView) -> None:
    codes = [f"P-{number:02d}" for number in range(7)]
    for code in reversed(codes):
        await make_product(services, brand, fields=product_fields(code), skus=(sku_fields(f"{code}-A"),))

    seen: list[str] = []
    cursor = None
    for _ in range(3):
        async with services.database.unit_of_work(brand.id) as session:
            with counted() as statements:
                page = await service.list_products(session, wanted=ProductFilter(), cursor=cursor, limit=3)
        assert len(statements) == 3
        seen += [product.code for product in page.items]
        cursor = page.next_cursor

    assert seen == codes
    assert cursor is None


async def test_a_list_shows_what_the_active_skus_cost_and_look_like(services: Services, brand: BrandView) -> None:
    skus = (
        sku_fields("A", price_minor=9_900, shade_hex="#112233"),
        sku_fields("B", price_minor=15_900, shade_hex=None, position=1),
        sku_fields("C", price_minor=12_900, shade_hex="#445566", position=2),
    )
    await make_product(services, brand, skus=skus)

    async with services.database.unit_of_work(brand.id) as session:
        (summary,) = (await service.list_products(session, wanted=ProductFilter())).items

    assert (summary.sku_count, summary.price_from_minor, summary.price_to_minor) == (3, 9_900, 15_900)
    assert summary.swatches == ("#112233", "#445566")


async def test_another_brand_sees_nothing_and_may_use_the_same_codes(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    product = await make_product(services, brand, status=ProductStatus.ON_SALE)
    theirs = await make_product(services, other_brand)

    assert theirs.code == product.code
    async with services.database.unit_of_work(other_brand.id) as session:
        assert await api.get_skus(session, ids={product.skus[0].id}) == {}
        assert await api.take_prices(session, sku_ids={product.skus[0].id}) == {}
        with pytest.raises(ProductUnknown):
            await service.get_product(session, product_id=product.id)
        with pytest.raises(ProductUnknown):
            await service.save_product(session, product_id=product.id, version=1, fields=product_fields())
    assert (await _get(services, brand, product)).status is ProductStatus.ON_SALE


async def test_skus_are_searched_by_name_shade_code_and_barcode_and_the_nearest_comes_first(
    services: Services, brand: BrandView
) -> None:
    shades = ("枫叶红", "山茶粉", "莓果紫")
    skus = tuple(sku_fields(f"LIP-1{n}", shade_name=name) for n, name in enumerate(shades))
    short = sku_fields("LIP-1", shade_name="山茶", barcode="6901234567892")
    await make_product(services, brand, skus=(*skus, short))
    gone = await make_product(services, brand, fields=product_fields("OLD"), skus=(sku_fields("LIP-19"),))
    async with services.database.unit_of_work(brand.id) as session:
        await service.change_sku_status(
            session, sku_id=gone.skus[0].id, version=gone.skus[0].version, target=SkuStatus.WITHDRAWN
        )

    async def found(text: str) -> list[str]:
        async with services.database.unit_of_work(brand.id) as session:
            return [one.sku.code for one in await api.search_skus(session, search=text)]

    assert await found("LIP-1") == ["LIP-1", "LIP-10", "LIP-11", "LIP-12"]
    assert (await found("lip-12"))[0] == "LIP-12"
    assert (await found("丝绒 山茶"))[:2] == ["LIP-11", "LIP-1"]
    assert (await found("6901234567892"))[0] == "LIP-1"
    assert await found("唇釉 没有") == []
    assert await found(" ! ") == []
