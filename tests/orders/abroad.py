"""Orders of other systems, merged as the room of sales channels merges them."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from typing import Any

from tests.orders.makers import Desk
from yundian.orders import api
from yundian.orders.types import StagedLines, StagedOrder, StagedReturn
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id


@dataclass
class Sold:
    quantity: int
    unit_minor: int
    total_minor: int
    discount_minor: int = 0
    sku: str = "LIP-9"
    name: str = "天猫口红"
    line_id: str = "1"


async def merge(desk: Desk, *, refunded_minor: int = 0, pieces: int = 2, **said: Any) -> uuid.UUID:
    """An order with one line of ``pieces`` and, where something was paid back, one refund of it; its id."""
    now = clock.now()
    order_id, unit = new_id(), 10_00
    sold = Sold(quantity=pieces, unit_minor=unit, total_minor=unit * pieces)
    lines = [StagedLines(order_id, "CNY", [sold])] if pieces else []
    goods = unit * pieces
    values: dict[str, Any] = {
        "order_id": order_id, "is_known": False, "number": f"X{order_id.hex[-12:]}".upper(), "channel": "tmall",
        "external_shop": "", "external_id": f"6001-{order_id.hex[-6:]}", "source_state": "交易成功",
        "state": "completed", "close_reason": "", "member_id": desk.customer.id, "shop_id": desk.shop.id,
        "currency": "CNY", "goods_minor": goods, "discount_minor": 0, "shipping_minor": 0, "total_minor": goods,
        "difference_minor": 0, "paid_minor": goods, "placed_at": now - dt.timedelta(days=2),
        "paid_at": now - dt.timedelta(days=2), "released_at": now - dt.timedelta(days=2),
        "completed_at": None if "state" in said else now - dt.timedelta(days=1), "closed_at": None,
        "country": "CN", "province": "浙江省",
        "is_backfill": False, "first_name": "天猫口红", "pieces": pieces,
    }  # fmt: skip
    order = StagedOrder(**(values | said))
    back = StagedReturn(
        return_id=new_id(), is_own=False, has_before=False, channel=order.channel,
        external_shop=order.external_shop, external_id="R1", order_external_id=order.external_id,
        order_id=order_id, member_id=None,
        shop_id=order.shop_id, number="R1", amount_minor=refunded_minor, currency="CNY", refunded_at=now,
        is_estimated=True, country="", province="", lines=json.dumps([]),
    )  # fmt: skip
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.merge_documents(tx, orders=[order], lines=lines, returns=[back] if refunded_minor else [])
    return order_id
