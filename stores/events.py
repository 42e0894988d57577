"""What others may want to know of shops and their stock."""

import uuid

from yundian.platform.outbox.declare import Event


class ShopAdded(Event, frozen=True, kw_only=True, tag="stores.shop_added.v1"):
    """A shop is known now; it may not be open yet."""

    shop_id: uuid.UUID


class ShopChanged(Event, frozen=True, kw_only=True, tag="stores.shop_changed.v1"):
    """Its name, address, place, zone or hours changed."""

    shop_id: uuid.UUID


class ShopOpened(Event, frozen=True, kw_only=True, tag="stores.shop_opened.v1"):
    """It serves customers from now on (for the first time, or again after a pause)."""

    shop_id: uuid.UUID


class ShopPaused(Event, frozen=True, kw_only=True, tag="stores.shop_paused.v1"):
    """It serves nobody for a while."""

    shop_id: uuid.UUID


class ShopClosed(Event, frozen=True, kw_only=True, tag="stores.shop_closed.v1"):
    """It is gone."""

    shop_id: uuid.UUID


class StockReplenished(Event, frozen=True, kw_only=True, tag="stores.stock_replenished.v1"):
    """A SKU that could not be sold in this shop can be sold again; ``available`` pieces are free."""

    shop_id: uuid.UUID
    sku_id: uuid.UUID
    available: int


EVENTS = (ShopAdded, ShopChanged, ShopOpened, ShopPaused, ShopClosed, StockReplenished)
