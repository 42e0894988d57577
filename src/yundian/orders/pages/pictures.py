"""What the lines of an order look like, where the catalogue has a picture of what was sold."""

import uuid

from yundian.catalog import api as catalog
from yundian.catalog.types import PictureView
from yundian.orders.types import OrderView
from yundian.platform.outbox.door import Door


async def pictures_of(door: Door, order: OrderView) -> dict[uuid.UUID, PictureView]:
    """By SKU. One statement; none for an order without known SKUs."""
    found = await catalog.pictures_of(door, sku_ids={line.sku_id for line in order.lines if line.sku_id})
    return {sku_id: views[0] for sku_id, views in found.items()}
