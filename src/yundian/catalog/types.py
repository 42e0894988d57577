"""What ``catalog.api`` and the service take and return."""

import datetime as dt
import uuid

import msgspec

from yundian.catalog.states import ProductStatus, SkuStatus


class SkuView(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU. ``shade_hex`` is ``#rrggbb`` in small letters."""

    id: uuid.UUID
    product_id: uuid.UUID
    code: str
    shade_name: str
    shade_hex: str | None
    option_text: str
    barcode: str | None
    price_minor: int
    currency: str
    status: SkuStatus
    position: int
    version: int


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    """A product with its tags and all its SKUs, in their order."""

    id: uuid.UUID
    code: str
    name: str
    product_line: str
    category: str
    product_type: str
    description: str
    status: ProductStatus
    tags: tuple[str, ...]
    skus: tuple[SkuView, ...]
    version: int
    updated_at: dt.datetime


class ProductSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A product in a list. Counts, prices (minor units) and swatches are those of its active SKUs."""

    id: uuid.UUID
    code: str
    name: str
    product_line: str
    category: str
    product_type: str
    status: ProductStatus
    version: int
    sku_count: int
    price_from_minor: int | None
    price_to_minor: int | None
    currency: str | None
    swatches: tuple[str, ...]


class NamedSku(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU as upper rooms show it: with the name of its product. ``is_sellable``: both are on sale."""

    id: uuid.UUID
    product_id: uuid.UUID
    code: str
    product_code: str
    product_name: str
    category: str
    shade_name: str
    shade_hex: str | None
    option_text: str
    barcode: str | None
    price_minor: int
    currency: str
    is_sellable: bool


class PriceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a SKU costs at one moment, to be kept by whoever promised it."""

    sku_id: uuid.UUID
    price_minor: int
    currency: str
    taken_at: dt.datetime


class ProductFields(msgspec.Struct, frozen=True, kw_only=True):
    """What an editor says about a product; already trimmed and checked (``rules``)."""

    code: str
    name: str
    product_line: str = ""
    category: str = ""
    product_type: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()


class SkuFields(msgspec.Struct, frozen=True, kw_only=True):
    """What an editor says about a SKU; already trimmed and checked (``rules``)."""

    code: str
    price_minor: int
    currency: str
    shade_name: str = ""
    shade_hex: str | None = None
    option_text: str = ""
    barcode: str | None = None
    position: int = 0


class SkuEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the editor: a new SKU (no id), or an existing one as of ``version``."""

    fields: SkuFields
    status: SkuStatus = SkuStatus.ACTIVE
    id: uuid.UUID | None = None
    version: int = 0


class ProductFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which products a list shows; empty means no limit."""

    status: ProductStatus | None = None
    category: str = ""
    product_type: str = ""
    tag: str = ""
    search: str = ""
