"""The stores' JSON API: HQ edits shops, a shop's people keep its stock, everybody finds the nearest one."""

import uuid
from typing import Annotated

from litestar import Controller, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.errors import ShopCodeTaken, ShopUnknown, SkuNotInCatalog, StockBelowReserved
from stores.rules.places import HALF_CIRCUMFERENCE_M, to_wgs84
from stores.schemas import (
    Adjustment,
    HoursChange,
    LowMark,
    NearbyShops,
    PublicShop,
    Receipt,
    ShopCreate,
    ShopEnglish,
    ShopPatch,
    ShopRead,
    StatusChange,
)
from stores.service import nearest, stock
from stores.service import shops as service
from stores.states import ShopStatus
from stores.types import Datum, MovementView, ShopFilter, StockView
from yundian.brands import api as brands
from yundian.brands.errors import BrandUnknown
from yundian.platform.auth.guards import anyone, requires
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.core.states import IllegalTransition
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(*Role)
writers = requires(Role.HQ_ADMIN)
STOCK_KEEPERS = (Role.HQ_ADMIN, Role.SHOP_OWNER, Role.SHOP_STAFF)
stock_keepers = requires(*STOCK_KEEPERS)
NAMERS = (Role.HQ_ADMIN, Role.SHOP_OWNER)
namers = requires(*NAMERS)

Label = Annotated[str, QueryParameter(max_length=60)]
Search = Annotated[str, QueryParameter(max_length=60, description="Beginning of a code, a name or a city.")]
Km = Annotated[float, QueryParameter(gt=0, le=20_038, description="How far away at most.")]
Few = Annotated[int, QueryParameter(ge=1, le=nearest.MAX_LIMIT, description="How many at most")]
DatumIn = Annotated[Datum, QueryParameter(description="Of the given point and of the answer.")]
AskedLatitude = Annotated[float, QueryParameter(ge=-90, le=90)]
AskedLongitude = Annotated[float, QueryParameter(ge=-180, le=180)]


class ShopController(Controller):
    path = "/shops"

    @get(operation_id="stores_list_shops", guards=[readers])
    async def list_shops(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        status: FromQuery[ShopStatus | None] = None,
        province: Label = "",
        city: Label = "",
        search: Search = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ShopRead]:
        """List shops by code: HQ every one, a shop's people their own."""
        wanted = ShopFilter(shop_ids=principal.shops(), status=status, province=province, city=city, search=search)
        found = await service.list_shops(
            session, brand_id=principal.brand, wanted=wanted, cursor=cursor, limit=limit
        )
        return Page([ShopRead.of(one) for one in found.items], found.next_cursor)

    @get("/{shop_id:uuid}", operation_id="stores_get_shop", guards=[readers], responses=refusals(ShopUnknown))
    async def get_shop(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ShopRead:
        """Get a shop with its hours."""
        return ShopRead.of(
            await service.get_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=principal.shops())
        )

    @post(operation_id="stores_create_shop", guards=[writers], responses=refusals(ShopCodeTaken))
    @idempotent
    async def create_shop(
        self,
        data: JSONBody[ShopCreate],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ShopRead:
        """Announce a shop; it is not open yet."""
        return ShopRead.of(await service.create_shop(session, brand_id=principal.brand, fields=data.fields()))

    @patch(
        "/{shop_id:uuid}",
        operation_id="stores_update_shop",
        guards=[writers],
        responses=refusals(ShopUnknown, ShopCodeTaken, VersionConflict),
    )
    @idempotent
    async def update_shop(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[ShopPatch],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ShopRead:
        """Change what is said about the shop; fields that are left out stay."""
        return ShopRead.of(
            await service.update_shop(
                session, brand_id=principal.brand, shop_id=shop_id, version=data.version, edit=data.edit()
            )
        )

    @put(
        "/{shop_id:uuid}/status",
        operation_id="stores_change_shop_status",
        guards=[writers],
        responses=refusals(ShopUnknown, IllegalTransition, VersionConflict),
    )
    @idempotent
    async def change_status(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[StatusChange],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ShopRead:
        """Open, pause, close or announce the shop."""
        return ShopRead.of(
            await service.change_status(
                session, brand_id=principal.brand, shop_id=shop_id, version=data.version, status=data.status
            )
        )

    @put(
        "/{shop_id:uuid}/english",
        operation_id="stores_put_shop_english",
        guards=[namers],
        responses=refusals(ShopUnknown, VersionConflict),
    )
    @idempotent
    async def put_english(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[ShopEnglish],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ShopRead:
        """Say name and address of a shop in English: HQ of any, an owner of her own."""
        mine = principal.shops(*NAMERS)
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=mine)
        return ShopRead.of(
            await service.update_shop(
                session, brand_id=principal.brand, shop_id=shop_id, version=data.version, edit=data.edit()
            )
        )

    @put(
        "/{shop_id:uuid}/hours",
        operation_id="stores_put_shop_hours",
        guards=[writers],
        responses=refusals(ShopUnknown, VersionConflict),
    )
    @idempotent
    async def put_hours(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[HoursChange],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ShopRead:
        """Replace the weekly opening hours."""
        return ShopRead.of(
            await service.put_hours(
                session,
                brand_id=principal.brand,
                shop_id=shop_id,
                version=data.version,
                hours=[one.interval() for one in data.hours],
            )
        )


class StockController(Controller):
    path = "/shops/{shop_id:uuid}/stock"

    @get(operation_id="stores_list_stock", guards=[readers], responses=refusals(ShopUnknown))
    async def list_stock(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[StockView]:
        """List the stock of a shop."""
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=principal.shops())
        return await stock.list_stock(session, shop_id=shop_id, cursor=cursor, limit=limit)

    @get(
        "/{sku_id:uuid}/movements",
        operation_id="stores_list_stock_movements",
        guards=[readers],
        responses=refusals(ShopUnknown),
    )
    async def list_movements(
        self,
        shop_id: FromPath[uuid.UUID],
        sku_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[MovementView]:
        """List why the stock of a SKU moved, the newest first."""
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=principal.shops())
        return await stock.list_movements(session, shop_id=shop_id, sku_id=sku_id, cursor=cursor, limit=limit)

    @post(
        "/receive",
        operation_id="stores_receive_stock",
        guards=[stock_keepers],
        status_code=204,
        responses=refusals(ShopUnknown, SkuNotInCatalog),
    )
    @idempotent
    async def receive(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[Receipt],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Take in pieces that arrived. A delivery note's number counts once."""
        mine = principal.shops(*STOCK_KEEPERS)
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=mine)
        lines = data.stock_lines()
        await stock.check_skus(session, sku_ids={line.sku_id for line in lines})
        await stock.receive(
            session,
            shop_id=shop_id,
            lines=lines,
            reference=data.reference,
            reason=data.reason,
            actor_id=principal.id,
        )

    @post(
        "/adjust",
        operation_id="stores_adjust_stock",
        guards=[stock_keepers],
        status_code=204,
        responses=refusals(ShopUnknown, SkuNotInCatalog, StockBelowReserved),
    )
    @idempotent
    async def adjust(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[Adjustment],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Correct what is on hand: counted, broken, found."""
        mine = principal.shops(*STOCK_KEEPERS)
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=mine)
        lines = data.stock_lines()
        await stock.check_skus(session, sku_ids={line.sku_id for line in lines})
        await stock.adjust(
            session,
            shop_id=shop_id,
            lines=lines,
            reason=data.reason,
            reference=data.reference,
            actor_id=principal.id,
        )

    @put(
        "/{sku_id:uuid}/low-mark",
        operation_id="stores_set_low_mark",
        guards=[stock_keepers],
        status_code=204,
        responses=refusals(ShopUnknown, SkuNotInCatalog),
    )
    @idempotent
    async def set_low_mark(
        self,
        shop_id: FromPath[uuid.UUID],
        sku_id: FromPath[uuid.UUID],
        data: JSONBody[LowMark],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Say from how many free pieces on the SKU counts as low in this shop."""
        mine = principal.shops(*STOCK_KEEPERS)
        await service.see_shop(session, brand_id=principal.brand, shop_id=shop_id, visible=mine)
        await stock.set_low_at(session, shop_id=shop_id, sku_id=sku_id, low_at=data.low_at)


class NearestController(Controller):
    path = "/brands/{brand_code:str}/shops"

    @get("/nearest", operation_id="stores_nearest_shops", guards=[anyone], responses=refusals(BrandUnknown))
    async def nearest_shops(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        latitude: AskedLatitude,
        longitude: AskedLongitude,
        datum: DatumIn = Datum.WGS84,
        within_km: Km = HALF_CIRCUMFERENCE_M / 1000,
        limit: Few = 10,
    ) -> NearbyShops:
        """Find the nearest shops of a brand that are in business. Needs no sign-in."""
        async with services.database.unit_of_work(None) as session:
            brand = await brands.find_brand(session, code=brand_code)
        place = to_wgs84(latitude=latitude, longitude=longitude, datum=datum)
        async with services.database.unit_of_work(brand.id) as session:
            found = await nearest.nearest_shops(
                session, brand_id=brand.id, place=place, within_m=within_km * 1000, limit=limit
            )
        return NearbyShops(items=[PublicShop.of(near, datum=datum) for near in found])
