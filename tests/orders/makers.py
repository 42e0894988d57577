"""Makes orders for tests, through the room's own api, and looks at what became of them."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stores.types import ShopView
from tests.members.makers import Customer, make_customer
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.orders import api
from yundian.orders.service import life, lists
from yundian.orders.states import OrderState
from yundian.orders.types import NewLine, NewOrder, OrderView, SUBJECT
from yundian.payments.events import PaymentCaptured, PaymentRefunded
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.services import Services


def line(unit_minor: int = 12_900, quantity: int = 1, **changes: Any) -> NewLine:
    values: dict[str, Any] = {
        "sku_id": new_id(),
        "sku_code": "LIP-01-A",
        "name": "云雾丝绒唇釉 Velvet Lip",
        "shade_name": "枫叶红",
        "quantity": quantity,
        "unit_minor": unit_minor,
    }
    return NewLine(**(values | changes))


def new_order(**changes: Any) -> NewOrder:
    """An order of a group-buy, unless something else is said."""
    now = clock.now()
    values: dict[str, Any] = {
        "number": api.new_number(at=now),
        "channel": "groupbuy",
        "currency": "CNY",
        "lines": (line(), line(5_900, 2, discount_minor=1_000)),
        "origin_type": "groupbuy.seat",
        "origin_id": new_id(),
        "placed_at": now,
    }
    return NewOrder(**(values | changes))
