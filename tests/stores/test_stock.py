"""Stock never goes below nothing, whoever comes at the same time."""

import asyncio
import uuid

import pytest

from stores import api
from stores.errors import OutOfStock, SkuNotInCatalog, StockBelowReserved
from stores.service import stock
from stores.types import ShopView, StockLine
from tests.catalog.makers import events_of
from tests.stores.makers import make_shop, make_skus, receive, shop_fields, stock_row
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.db.counting import counted
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def reserve(
    services: Services, brand: BrandView, shop: ShopView, sku_id: uuid.UUID, reference: str, pieces: int = 1
) -> bool:
    """As an order would, through the hot door: whether it got them."""
    try:
        async with services.database.connection(brand.id) as tx:
            lines = [StockLine(sku_id, pieces)]
            await api.reserve_stock(tx, shop_id=shop.id, lines=lines, reference=reference, now=clock.now())
    except OutOfStock:
        return False
    return True


async def test_sixteen_buyers_of_five_pieces_leave_exactly_five_with_one(
    services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    [sku] = await make_skus(services, brand)
    await receive(services, brand, shop, sku, 5)

    got = await asyncio.gather(*(reserve(services, brand, shop, sku, f"order:{n}") for n in range(16)))

    assert sum(got) == 5
    assert await stock_row(services, brand, sku) == (5, 5)


async def test_the_same_order_reserves_once_however_often_it_tries(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    [sku] = await make_skus(services, brand)
    await receive(services, brand, shop, sku, 5)

    assert await reserve(services, brand, shop, sku, "order:1", 2)
    assert await reserve(services, brand, shop, sku, "order:1", 2)

    assert await stock_row(services, brand, sku) == (5, 2)


async def test_an_order_gets_all_its_lines_or_none(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    plenty, scarce = await make_skus(services, brand, 2)
    await receive(services, brand, shop, plenty, 9)
    await receive(services, brand, shop, scarce, 1)
    never = new_id()
    lines = [StockLine(plenty, 2), StockLine(scarce, 2), StockLine(never, 1)]

    with pytest.raises(OutOfStock) as refused:
        async with services.database.unit_of_work(brand.id) as session:
            await api.reserve_stock(session, shop_id=shop.id, lines=lines, reference="o", now=clock.now())

    shortages = refused.value.facts["shortages"]
    assert isinstance(shortages, list)
    assert {s["sku_id"]: s["available"] for s in shortages} == {str(scarce): 1, str(never): 0}
    assert await stock_row(services, brand, plenty) == (9, 0)


async def test_orders_with_crossed_lines_do_not_deadlock(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    skus = await make_skus(services, brand, 4)
    for sku in skus:
        await receive(services, brand, shop, sku, 100)

    async def order(number: int) -> None:
        lines = [StockLine(sku, 1) for sku in (skus if number % 2 else reversed(skus))]
        async with services.database.connection(brand.id) as tx:
            await api.reserve_stock(tx, shop_id=shop.id, lines=lines, reference=f"o{number}", now=clock.now())

    await asyncio.gather(*(order(number) for number in range(24)))

    assert [await stock_row(services, brand, sku) for sku in skus] == [(100, 24)] * 4


async def test_what_is_released_and_committed_at_once_happens_once(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    [sku] = await make_skus(services, brand)
    await receive(services, brand, shop, sku, 10)
    for number in range(6):
        await reserve(services, brand, shop, sku, f"o{number}")

    async def settle(number: int, is_commit: bool) -> int:
        act = api.commit_stock if is_commit else api.release_stock
        async with services.database.connection(brand.id) as tx:
            return await act(tx, shop_id=shop.id, reference=f"o{number}", now=clock.now())

    done = await asyncio.gather(*(settle(n, is_commit) for n in range(6) for is_commit in (True, False, True)))

    assert sum(done) == 6
    on_hand, reserved = await stock_row(services, brand, sku)
    assert reserved == 0
    assert 4 <= on_hand <= 10
    assert await settle(0, is_commit=True) == 0


async def test_an_order_costs_one_statement(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    skus = await make_skus(services, brand, 3)
    for sku in skus:
        await receive(services, brand, shop, sku, 5)

    with counted() as statements:
        async with services.database.connection(brand.id) as tx:
            lines = [StockLine(sku, 1) for sku in skus]
            await api.reserve_stock(tx, shop_id=shop.id, lines=lines, reference="o", now=clock.now())

    assert len(statements) == 1


async def test_a_delivery_note_is_received_once_and_tells_that_stock_is_back(
    services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    [sku] = await make_skus(services, brand)

    for _ in range(2):
        async with services.database.unit_of_work(brand.id) as session:
            await api.receive_stock(session, shop_id=shop.id, lines=[StockLine(sku, 4)], reference="note-7")
    await receive(services, brand, shop, sku, 1)

    assert await stock_row(services, brand, sku) == (5, 0)
    assert (await events_of(services, brand)).count("stores.stock_replenished.v1") == 1


async def test_an_adjustment_cannot_take_what_customers_reserved(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    [sku] = await make_skus(services, brand)
    await receive(services, brand, shop, sku, 5)
    await reserve(services, brand, shop, sku, "o", 3)

    async def adjust(pieces: int, reason: str = "broken") -> None:
        async with services.database.unit_of_work(brand.id) as session:
            lines = [StockLine(sku, pieces)]
            await stock.adjust(session, shop_id=shop.id, lines=lines, reason=reason, actor_id=None)

    await adjust(-2)
    assert await stock_row(services, brand, sku) == (3, 3)
    with pytest.raises(StockBelowReserved):
        await adjust(-1)
    with pytest.raises(InvalidInput):
        await adjust(1, reason=" ")
    assert await stock_row(services, brand, sku) == (3, 3)


async def test_a_shop_that_never_had_a_sku_cannot_lose_it(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    [sku] = await make_skus(services, brand)
    lines = [StockLine(sku, -1)]

    with pytest.raises(StockBelowReserved):
        async with services.database.unit_of_work(brand.id) as session:
            await stock.adjust(session, shop_id=shop.id, lines=lines, reason="counted", actor_id=None)
    with pytest.raises(SkuNotInCatalog):
        async with services.database.unit_of_work(brand.id) as session:
            await stock.check_skus(session, sku_ids={sku, brand.id})


async def test_the_list_and_the_ledger_say_what_happened(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    sku, other = await make_skus(services, brand, 2)
    await receive(services, brand, shop, sku, 4)
    await receive(services, brand, shop, other, 40)
    await reserve(services, brand, shop, sku, "o", 1)

    async with services.database.unit_of_work(brand.id) as session:
        page = await stock.list_stock(session, shop_id=shop.id, limit=1)
        rest = await stock.list_stock(session, shop_id=shop.id, limit=1, cursor=page.next_cursor)
        low = await stock.low_stock(session, shop_id=shop.id)
        ledger = await stock.list_movements(session, shop_id=shop.id, sku_id=sku)

    assert [view.sku_id for view in (*page.items, *rest.items)] == sorted([sku, other])
    assert rest.next_cursor is None
    assert [(v.sku_id, v.available, v.is_low) for v in low] == [(sku, 3, True)]
    assert [(m.kind.value, m.on_hand_delta, m.reserved_delta) for m in ledger.items] == [
        ("reserve", 0, 1),
        ("receive", 4, 0),
    ]


async def test_many_references_give_their_pieces_back_in_two_statements_and_once(
    services: Services, brand: BrandView
) -> None:
    shop, other = await make_shop(services, brand), await make_shop(services, brand, fields=shop_fields("SH-02"))
    lip, tint = await make_skus(services, brand, 2)
    for sku in (lip, tint):
        await receive(services, brand, shop, sku, 20)
    await receive(services, brand, other, lip, 20)
    for number in range(6):
        assert await reserve(services, brand, shop, (lip, tint)[number % 2], f"order:{number}", 3)
    assert await reserve(services, brand, other, lip, "order:0", 5)
    async with services.database.connection(brand.id) as tx:
        await api.commit_stock(tx, shop_id=shop.id, reference="order:5", now=clock.now())
    wanted = [(shop.id, f"order:{number}") for number in (4, 0, 1, 5, 9)]

    async def give_back(references: list[tuple[uuid.UUID, str]]) -> int:
        async with services.database.connection(brand.id) as tx:
            return await api.release_stock_of(tx, references=references, now=clock.now())

    with counted() as statements:
        assert await give_back(wanted) == 2
    assert len(statements) == 2
    # Backwards, in halves, at once, and in other orders of the SKUs: nobody waits for ever, nothing comes twice.
    await asyncio.gather(*(give_back(part) for part in (wanted, wanted[::-1], wanted[:2], [(shop.id, "order:2")])))

    rows = {}
    async with services.database.connection(brand.id) as tx:
        for row in await tx.fetch("SELECT shop_id, sku_id, on_hand, reserved FROM stores_stock"):
            rows[row["shop_id"], row["sku_id"]] = (row["on_hand"], row["reserved"])
        ledger = await tx.fetch(
            "SELECT shop_id, sku_id, sum(on_hand_delta)::int AS on_hand, sum(reserved_delta)::int AS reserved"
            " FROM stores_stock_movement GROUP BY 1, 2"
        )
    assert rows == {(shop.id, lip): (20, 0), (shop.id, tint): (17, 3), (other.id, lip): (20, 5)}
    assert {(one["shop_id"], one["sku_id"]): (one["on_hand"], one["reserved"]) for one in ledger} == rows
