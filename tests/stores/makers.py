"""Makes shops and things to sell for tests, through the room's own service."""

import uuid

from stores.service import shops as service
from stores.service import stock
from stores.states import ShopStatus
from stores.types import Interval, ShopFields, ShopView, StockLine
from tests.catalog.makers import make_product, product_fields, sku_fields
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services

ALL_DAY = tuple(Interval(day, 0, 1440) for day in range(1, 8))


def shop_fields(code: str = "SH-01", **changes: object) -> ShopFields:
    values: dict[str, object] = {
        "code": code,
        "name": "上海淮海路店",
        "province": "上海市",
        "city": "上海市",
        "address": "淮海中路 1 号",
        "phone": "021-5555 0101",
        "latitude": 31.2231,
        "longitude": 121.4628,
        "time_zone": "Asia/Shanghai",
    }
    return ShopFields(**(values | changes))  # type: ignore[arg-type]


async def make_shop(
    services: Services,
    brand: BrandView,
    *,
    fields: ShopFields | None = None,
    status: ShopStatus = ShopStatus.OPEN,
    hours: tuple[Interval, ...] = ALL_DAY,
) -> ShopView:
    """A committed shop; open around the clock when nothing is said."""
    async with services.database.unit_of_work(brand.id) as session:
        made = await service.create_shop(session, brand_id=brand.id, fields=fields or shop_fields())
        shop_id = made.shop.id
        made = await service.put_hours(session, brand_id=brand.id, shop_id=shop_id, version=1, hours=hours)
        if status is not ShopStatus.OPENING:
            made = await service.change_status(
                session, brand_id=brand.id, shop_id=shop_id, version=made.shop.version, status=status
            )
    return made.shop


async def make_skus(services: Services, brand: BrandView, count: int = 1) -> list[uuid.UUID]:
    """SKUs of one product, in their order."""
    skus = tuple(sku_fields(f"LIP-{number:02d}") for number in range(count))
    product = await make_product(services, brand, fields=product_fields(), skus=skus)
    return [sku.id for sku in product.skus]


async def receive(services: Services, brand: BrandView, shop: ShopView, sku_id: uuid.UUID, pieces: int) -> None:
    async with services.database.unit_of_work(brand.id) as session:
        await stock.receive(session, shop_id=shop.id, lines=[StockLine(sku_id, pieces)])


async def stock_row(services: Services, brand: BrandView, sku_id: uuid.UUID) -> tuple[int, int]:
    """On hand and reserved, which the ledger must sum up to."""
    async with services.database.connection(brand.id) as tx:
        row = await tx.fetchrow("SELECT on_hand, reserved FROM stores_stock WHERE sku_id = $1", sku_id)
        ledger = await tx.fetchrow(
            "SELECT coalesce(sum(on_hand_delta), 0)::int, coalesce(sum(reserved_delta), 0)::int"
            " FROM stores_stock_movement WHERE sku_id = $1",
            sku_id,
        )
    assert row is not None
    assert ledger is not None
    assert tuple(row) == tuple(ledger)
    return row["on_hand"], row["reserved"]
