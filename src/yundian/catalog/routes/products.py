"""The catalog's JSON API: HQ admins write, everybody who works for the brand reads."""

import uuid
from typing import Annotated

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.catalog.errors import (
    BarcodeTaken,
    NothingToSell,
    ProductCodeTaken,
    ProductUnknown,
    SkuCodeTaken,
    SkuUnknown,
)
from yundian.catalog.schemas import (
    PriceChange,
    ProductCreate,
    ProductUpdate,
    SkuStatusChange,
    SkuUpdate,
    SkuWrite,
    StatusChange,
)
from yundian.catalog.service import editing as service
from yundian.catalog.states import ProductStatus
from yundian.catalog.types import ProductFilter, ProductSummary, ProductView, SkuView
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.core.states import IllegalTransition
from yundian.platform.db.paging import Page
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(*Role)
writers = requires(Role.HQ_ADMIN)

Label = Annotated[str, QueryParameter(max_length=80)]
Search = Annotated[
    str, QueryParameter(max_length=100, description="Beginnings of words, or any part of a Chinese name.")
]


class ProductController(Controller):
    path = "/products"

    @get(operation_id="catalog_list_products", guards=[readers])
    async def list_products(
        self,
        session: NamedDependency[AsyncSession],
        status: FromQuery[ProductStatus | None] = None,
        category: Label = "",
        product_type: Label = "",
        tag: Label = "",
        search: Search = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ProductSummary]:
        """List products by code, with the prices and swatches of their active SKUs."""
        wanted = ProductFilter(status=status, category=category, product_type=product_type, tag=tag, search=search)
        return await service.list_products(session, wanted=wanted, cursor=cursor, limit=limit)

    @get(
        "/{product_id:uuid}",
        operation_id="catalog_get_product",
        guards=[readers],
        responses=refusals(ProductUnknown),
    )
    async def get_product(
        self, product_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> ProductView:
        """Get a product with all its SKUs."""
        return await service.get_product(session, product_id=product_id)

    @post(
        operation_id="catalog_create_product",
        guards=[writers],
        responses=refusals(ProductCodeTaken, SkuCodeTaken, BarcodeTaken),
    )
    @idempotent
    async def create_product(
        self,
        data: JSONBody[ProductCreate],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> ProductView:
        """Create a product as a draft, with its SKUs."""
        return await service.create_product(
            session, brand_id=principal.brand, fields=data.fields(), sku_edits=data.sku_edits()
        )

    @put(
        "/{product_id:uuid}",
        operation_id="catalog_update_product",
        guards=[writers],
        responses=refusals(ProductUnknown, ProductCodeTaken, VersionConflict),
    )
    @idempotent
    async def update_product(
        self,
        product_id: FromPath[uuid.UUID],
        data: JSONBody[ProductUpdate],
        session: NamedDependency[AsyncSession],
    ) -> ProductView:
        """Replace what is said about the product; its SKUs and its status stay."""
        return await service.save_product(
            session, product_id=product_id, version=data.version, fields=data.fields()
        )

    @put(
        "/{product_id:uuid}/status",
        operation_id="catalog_change_product_status",
        guards=[writers],
        responses=refusals(ProductUnknown, NothingToSell, IllegalTransition, VersionConflict),
    )
    @idempotent
    async def change_status(
        self,
        product_id: FromPath[uuid.UUID],
        data: JSONBody[StatusChange],
        session: NamedDependency[AsyncSession],
    ) -> ProductView:
        """Put the product on sale, or withdraw it."""
        return await service.change_status(
            session, product_id=product_id, version=data.version, target=data.status
        )

    @post(
        "/{product_id:uuid}/skus",
        operation_id="catalog_add_sku",
        guards=[writers],
        responses=refusals(ProductUnknown, SkuCodeTaken, BarcodeTaken),
    )
    @idempotent
    async def add_sku(
        self,
        product_id: FromPath[uuid.UUID],
        data: JSONBody[SkuWrite],
        session: NamedDependency[AsyncSession],
    ) -> SkuView:
        """Add a variant to the product; it can be sold as soon as the product is on sale."""
        return await service.add_sku(session, product_id=product_id, fields=data.fields())


class SkuController(Controller):
    path = "/skus"

    @put(
        "/{sku_id:uuid}",
        operation_id="catalog_update_sku",
        guards=[writers],
        responses=refusals(SkuUnknown, SkuCodeTaken, BarcodeTaken, VersionConflict),
    )
    @idempotent
    async def update_sku(
        self,
        sku_id: FromPath[uuid.UUID],
        data: JSONBody[SkuUpdate],
        session: NamedDependency[AsyncSession],
    ) -> SkuView:
        """Replace what is said about the SKU; its status stays."""
        return await service.save_sku(session, sku_id=sku_id, version=data.version, fields=data.fields())

    @put(
        "/{sku_id:uuid}/price",
        operation_id="catalog_change_price",
        guards=[writers],
        responses=refusals(SkuUnknown, VersionConflict),
    )
    @idempotent
    async def change_price(
        self,
        sku_id: FromPath[uuid.UUID],
        data: JSONBody[PriceChange],
        session: NamedDependency[AsyncSession],
    ) -> SkuView:
        """Set the price; it holds for every order from now on."""
        return await service.change_price(
            session,
            sku_id=sku_id,
            version=data.version,
            price_minor=data.price_minor,
            currency=data.currency_code(),
        )

    @put(
        "/{sku_id:uuid}/status",
        operation_id="catalog_change_sku_status",
        guards=[writers],
        responses=refusals(SkuUnknown, IllegalTransition, VersionConflict),
    )
    @idempotent
    async def change_status(
        self,
        sku_id: FromPath[uuid.UUID],
        data: JSONBody[SkuStatusChange],
        session: NamedDependency[AsyncSession],
    ) -> SkuView:
        """Withdraw the SKU, or bring it back."""
        return await service.change_sku_status(session, sku_id=sku_id, version=data.version, target=data.status)
