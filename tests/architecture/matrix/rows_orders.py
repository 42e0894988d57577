"""Who may call what orders offers."""

import uuid
from typing import Any

from stores import api as stores
from tests.architecture.matrix.cells import (
    CUSTOMERS,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    OTHER_SHOP,
    OWN_SHOP,
    PEOPLE,
    Actor,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
)
from tests.members.makers import Customer, make_customer
from tests.orders.makers import Desk, code_of, hand_over
from yundian.orders.types import OrderView

OWNER, OTHER_OWNER = frozenset({Actor.OWNER}), frozenset({Actor.OTHER_OWNER})


async def _desk(world: World, caller: Caller) -> Desk:
    """The counter of the first shop, and the caller as its customer if she is one."""
    async with world.services.database.unit_of_work(world.brand.id) as session:
        shop = (await stores.get_shop(session, shop_id=world.shop_id)).shop
    if caller.member_id is None:
        customer = await make_customer(world.services, world.brand)
    else:
        customer = Customer(brand_id=world.brand.id, id=caller.member_id, token="")
    return Desk(services=world.services, brand=world.brand, shop=shop, customer=customer)


_LOOKS = ("/v1/hand-overs/preview", "/shop/hand-over")
# What only looks may look at the same order again: brand, customer, how it stands.
_shared: dict[tuple[uuid.UUID, uuid.UUID | None, str], tuple[OrderView, str]] = {}


async def _order(world: World, caller: Caller, standing: str, *, is_looked_at: bool) -> tuple[OrderView, str]:
    key = (world.brand.id, caller.member_id, standing)
    if is_looked_at and key in _shared:
        return _shared[key]
    desk = await _desk(world, caller)
    if standing == "unpaid":
        return await desk.place(), ""
    order = await desk.ready()
    code = await code_of(desk, order)
    if standing == "announced":
        async with world.services.database.connection(world.brand.id) as tx:
            await tx.execute(
                "INSERT INTO orders_uncollected (brand_id, order_id, state, reminded_at, refund_at)"
                " VALUES ($1, $2, 'reminded', now(), now() + interval '3 days')",
                world.brand.id, order.id,
            )  # fmt: skip
    if standing == "collected":
        await hand_over(desk, code)
    if is_looked_at:
        _shared[key] = (order, code)
    return order, code


def on_order(method: str, path: str, *, standing: str = "ready", **body: Any) -> Build:
    """A request about an order of the first shop; ``{code}`` in a body is its pick-up code."""

    async def build(world: World, caller: Caller) -> Call:
        is_looked_at = method == "GET" or path in _LOOKS
        order, code = await _order(world, caller, standing, is_looked_at=is_looked_at)
        place = path.replace("{id}", str(order.id)).replace("{number}", order.number)
        place = place.replace("{brand}", world.brand.code)
        filled = {name: code if value == "{code}" else value for name, value in body.items()}
        is_json = path.startswith("/v1/")
        return Call(
            method=method,
            path=place,
            json=filled if is_json and method == "POST" else None,
            form=filled if filled and not is_json else None,
            target=order.number,
        )

    return build


NAMED = OTHER_SHOP | OTHER_BRAND
CODE = {"code": "{code}"}
BACK = {"what": "amount", "amount": "1", "reason": "补差价"}

ROWS: dict[str, Row] = {
    "orders_list_orders": Row(call=get("/v1/orders?shop_id={shop}"), may=PEOPLE),
    "orders_get_order": Row(call=on_order("GET", "/v1/orders/{id}"), may=HQ | OWN_SHOP, unknown=NAMED),
    "orders_refund_order": Row(
        call=on_order("POST", "/v1/orders/{id}/refunds", reason="补差价", amount_minor=100),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
    ),
    "orders_undo_hand_over": Row(
        call=on_order("POST", "/v1/orders/{id}/undo-hand-over", standing="collected"),
        may=HQ_ADMINS | OWNER,
        unknown=OTHER_OWNER | OTHER_BRAND,
    ),
    "orders_list_own": Row(call=get("/v1/member/orders"), may=CUSTOMERS),
    "orders_get_own": Row(call=on_order("GET", "/v1/member/orders/{number}"), may=CUSTOMERS),
    "orders_preview_hand_over": Row(
        call=on_order("POST", "/v1/hand-overs/preview", **CODE), may=OWN_SHOP, unknown=OTHER_SHOP
    ),
    "orders_confirm_hand_over": Row(
        call=on_order("POST", "/v1/hand-overs", **CODE), may=OWN_SHOP, unknown=OTHER_SHOP
    ),
    "orders.orders": Row(call=get("/hq/orders"), may=HQ | OTHER_BRAND, is_page=True),
    "orders.orders_csv": Row(call=get("/hq/orders/csv"), may=HQ | OTHER_BRAND, is_page=True),
    "orders.orders_xlsx": Row(call=get("/hq/orders/xlsx"), may=HQ | OTHER_BRAND, is_page=True),
    "orders.order": Row(call=on_order("GET", "/hq/orders/{id}"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "orders.order.refund": Row(
        call=on_order("POST", "/hq/orders/{id}/refunds", **BACK),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        is_page=True,
    ),
    "orders.order.keep": Row(
        call=on_order("POST", "/hq/orders/{id}/keep", standing="announced", go="1"),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        is_page=True,
    ),
    "orders.order.undo": Row(
        call=on_order("POST", "/hq/orders/{id}/undo", standing="collected", go="1"),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        is_page=True,
    ),
    "orders.mine": Row(call=on_order("GET", "/m/{brand}/orders"), may=CUSTOMERS, is_page=True),
    "orders.home_panel": Row(call=on_order("GET", "/m/{brand}/panels/orders"), may=CUSTOMERS, is_page=True),
    "orders.my_order": Row(call=on_order("GET", "/m/{brand}/orders/{number}"), may=CUSTOMERS, is_page=True),
    "orders.my_order.give_up": Row(
        call=on_order("POST", "/m/{brand}/orders/{number}/give-up", standing="unpaid", go="1"),
        may=CUSTOMERS,
        is_page=True,
    ),
    "orders.shop_orders": Row(call=get("/shop/orders"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "orders.shop_orders.all": Row(call=get("/shop/orders/all"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "orders.shop_order": Row(
        call=on_order("GET", "/shop/orders/{id}"), may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True
    ),
    "orders.shop_order.undo": Row(
        call=on_order("POST", "/shop/orders/{id}/undo", standing="collected", go="1"),
        may=OWNER,
        unknown=OTHER_OWNER,
        is_page=True,
    ),
    "orders.shop_panel": Row(call=get("/shop/panels/orders"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "orders.counter": Row(call=get("/shop/hand-over"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "orders.counter.preview": Row(
        call=on_order("POST", "/shop/hand-over", **CODE), may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True
    ),
    "orders.counter.confirm": Row(
        call=on_order("POST", "/shop/hand-over/confirm", **CODE),
        may=OWN_SHOP,
        unknown=OTHER_SHOP,
        is_page=True,
    ),
}
