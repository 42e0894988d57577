"""What the catalog tells other rooms."""

import datetime as dt
import uuid

from yundian.platform.outbox.declare import Event


class ProductPutOnSale(Event, frozen=True, kw_only=True, tag="catalog.product_put_on_sale.v1"):
    product_id: uuid.UUID


class ProductWithdrawn(Event, frozen=True, kw_only=True, tag="catalog.product_withdrawn.v1"):
    product_id: uuid.UUID


class SkuPriceChanged(Event, frozen=True, kw_only=True, tag="catalog.price_changed.v1"):
    """Both prices in minor units; a changed currency shows as two different codes."""

    sku_id: uuid.UUID
    product_id: uuid.UUID
    old_price_minor: int
    old_currency: str
    price_minor: int
    currency: str
    changed_at: dt.datetime


class SkuWithdrawn(Event, frozen=True, kw_only=True, tag="catalog.sku_withdrawn.v1"):
    sku_id: uuid.UUID
    product_id: uuid.UUID


EVENTS = (ProductPutOnSale, ProductWithdrawn, SkuPriceChanged, SkuWithdrawn)
