"""HQ edits shops: versions, states, hours, lists, and the wall between brands."""

import asyncio

import pytest

from stores.errors import ShopCodeTaken, ShopUnknown
from stores.rules.hours import parse
from stores.service import shops as service
from stores.states import ShopStatus
from stores.types import ShopEdit, ShopFilter
from tests.catalog.makers import events_of
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core.errors import DomainError, InvalidInput, VersionConflict
from yundian.platform.core.states import IllegalTransition
from yundian.platform.db.counting import counted
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def codes(services: Services, brand: BrandView, **wanted: object) -> list[str]:
    async with services.database.unit_of_work(brand.id) as session:
        filters = ShopFilter(**wanted)  # type: ignore[arg-type]
        page = await service.list_shops(session, brand_id=brand.id, wanted=filters)
    return [one.shop.code for one in page.items]


async def test_a_shop_is_announced_then_opened_paused_and_closed(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand, status=ShopStatus.OPENING)
    version = shop.version

    for status in (ShopStatus.OPEN, ShopStatus.OPEN, ShopStatus.PAUSED, ShopStatus.CLOSED):
        async with services.database.unit_of_work(brand.id) as session:
            changed = await service.change_status(
                session, brand_id=brand.id, shop_id=shop.id, version=version, status=status
            )
            assert changed.is_open_now is (status is ShopStatus.OPEN)
            version = changed.shop.version

    with pytest.raises(IllegalTransition):
        async with services.database.unit_of_work(brand.id) as session:
            await service.change_status(
                session, brand_id=brand.id, shop_id=shop.id, version=version, status=ShopStatus.OPEN
            )
    kinds = ["added", "changed", "opened", "paused", "closed"]
    assert await events_of(services, brand) == [f"stores.shop_{kind}.v1" for kind in kinds]


async def test_of_two_editors_at_once_one_is_told_to_read_again(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)

    async def rename(name: str) -> DomainError | Exception | None:
        try:
            async with services.database.unit_of_work(brand.id) as session:
                edit = ShopEdit(name=name)
                await service.update_shop(
                    session, brand_id=brand.id, shop_id=shop.id, version=shop.version, edit=edit
                )
        except Exception as error:
            return error
        return None

    outcomes = await asyncio.gather(rename("东门店"), rename("西门店"))

    assert sorted(outcome is None for outcome in outcomes) == [False, True]
    assert isinstance(await rename("南门店"), VersionConflict)


async def test_an_edit_that_changes_nothing_is_no_event(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    before = await events_of(services, brand)

    async with services.database.unit_of_work(brand.id) as session:
        same = await service.update_shop(
            session, brand_id=brand.id, shop_id=shop.id, version=shop.version, edit=ShopEdit(name=shop.name)
        )

    assert same.shop.version == shop.version
    assert await events_of(services, brand) == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "GMT+08:00 Asia/Beijing"}, "time_zone"),
        ({"country": "cn"}, "country"),
        ({"phone": "call me"}, "phone"),
        ({"longitude": None}, "longitude"),
        ({"name": "  "}, "name"),
    ],
)
async def test_an_impossible_field_is_named(
    services: Services, brand: BrandView, changes: dict[str, object], field: str
) -> None:
    shop = await make_shop(services, brand)
    edit = ShopEdit(**changes)  # type: ignore[arg-type]

    with pytest.raises(InvalidInput) as refused:
        async with services.database.unit_of_work(brand.id) as session:
            await service.update_shop(session, brand_id=brand.id, shop_id=shop.id, version=shop.version, edit=edit)

    assert refused.value.facts["errors"][0]["field"] == field  # type: ignore[index]


async def test_of_two_shops_with_one_code_made_at_once_one_is_refused(
    services: Services, brand: BrandView
) -> None:
    made = await asyncio.gather(
        make_shop(services, brand, fields=shop_fields("X")),
        make_shop(services, brand, fields=shop_fields("X")),
        return_exceptions=True,
    )

    assert [type(one) for one in made if isinstance(one, BaseException)] == [ShopCodeTaken]
    assert await codes(services, brand) == ["X"]


async def test_lists_filter_search_by_prefix_and_page(services: Services, brand: BrandView) -> None:
    await make_shop(
        services, brand, fields=shop_fields("B-1", name="北京国贸店", city="北京市", province="北京市")
    )
    await make_shop(services, brand, fields=shop_fields("S-1"), status=ShopStatus.CLOSED)
    third = await make_shop(services, brand, fields=shop_fields("S-2", name="上海外滩店"))

    assert await codes(services, brand) == ["B-1", "S-1", "S-2"]
    assert await codes(services, brand, status=ShopStatus.CLOSED) == ["S-1"]
    assert await codes(services, brand, province="北京市") == ["B-1"]
    assert await codes(services, brand, search="上海外") == ["S-2"]
    assert await codes(services, brand, search="S-") == ["S-1", "S-2"]
    assert await codes(services, brand, search="100%_") == []
    assert await codes(services, brand, shop_ids=frozenset({third.id})) == ["S-2"]
    assert await codes(services, brand, shop_ids=frozenset()) == []
    async with services.database.unit_of_work(brand.id) as session:
        with counted() as statements:
            first = await service.list_shops(session, brand_id=brand.id, wanted=ShopFilter(), limit=2)
        assert len(statements) == 2
        rest = await service.list_shops(
            session, brand_id=brand.id, wanted=ShopFilter(), limit=2, cursor=first.next_cursor
        )
    assert [one.shop.code for one in (*first.items, *rest.items)] == ["B-1", "S-1", "S-2"]
    assert rest.next_cursor is None


async def test_another_shop_and_another_brands_shop_are_unknown(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    theirs = await make_shop(services, other_brand)

    for visible, shop_id in ((frozenset({theirs.id}), shop.id), (None, theirs.id)):
        with pytest.raises(ShopUnknown):
            async with services.database.unit_of_work(brand.id) as session:
                await service.get_shop(session, brand_id=brand.id, shop_id=shop_id, visible=visible)


async def test_hours_are_replaced_whole_and_count_as_an_edit(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)

    async with services.database.unit_of_work(brand.id) as session:
        saved = await service.put_hours(
            session, brand_id=brand.id, shop_id=shop.id, version=shop.version, hours=parse("Mo-Fr 10:00-22:00")
        )
    with pytest.raises(VersionConflict):
        async with services.database.unit_of_work(brand.id) as session:
            await service.put_hours(
                session, brand_id=brand.id, shop_id=shop.id, version=shop.version, hours=parse("24/7")
            )

    assert saved.shop.version == shop.version + 1
    async with services.database.unit_of_work(brand.id) as session:
        again = await service.get_shop(session, brand_id=brand.id, shop_id=shop.id, visible=None)
    assert again.hours == parse("Mo-Fr 10:00-22:00")
