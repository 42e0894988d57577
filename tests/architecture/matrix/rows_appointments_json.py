"""Who may call the JSON of waiting lists, secret links, groups' sessions, and shops' boards and sheets."""

import uuid

from appointments.repository.parties import key_of
from appointments.rules import life as rules
from appointments.service.booking import Booked
from tests.architecture.matrix.cells import ALL, CUSTOMERS, Build, Call, Caller, Row, World, get
from tests.architecture.matrix.rows_appointments import (
    SHOP_PEOPLE,
    a_booking,
    a_stand,
    on_booking,
    on_offer,
    on_shop,
    on_wait,
)
from tests.architecture.matrix.rows_appointments_flow import by_json, group_offer, json_of_shop, on_group_when
from tests.architecture.matrix.rows_orders import on_order
from yundian.platform.core.ids import new_id

_OWN = "/v1/appointments/{code}"
_SHOP = "/v1/shop-appointments"
_ONE = f"{_SHOP}/{{id}}"
_PAID = "UPDATE appointments_booking SET request_key = $3 WHERE brand_id = $1 AND id = $2"
_MEMBER = "SELECT member_id FROM orders_order WHERE brand_id = $1 AND id = $2"
_looked_at: dict[uuid.UUID, Booked] = {}
_paid: dict[str, str] = {}


def of_customer(call: Build) -> Row:
    return Row(call=call, may=CUSTOMERS)


def public(path: str, *, method: str = "GET") -> Row:
    """The address is the right."""

    async def build(world: World, _caller: Caller) -> Call:
        one = await somebody_s(world)
        keyring, brand_id = world.services.keyring, world.brand.id
        token = rules.link_token(keyring, kind="link", brand_id=brand_id, thing_id=one.booking_id)
        return Call(method=method, path=f"/v1/appointment-links/{token}{path}", target=one.code)

    return Row(call=build, may=ALL)


async def somebody_s(world: World) -> Booked:
    """A booking of the shop that cells only look at."""
    if world.shop_id not in _looked_at:
        _looked_at[world.shop_id] = await a_booking(world, await a_stand(world), None)
    return _looked_at[world.shop_id]


def on_one(method: str, path: str) -> Build:
    """A request about a booking that it leaves as it is, the caller's own where she is the customer."""

    async def build(world: World, caller: Caller) -> Call:
        if caller.member_id is not None:
            return await on_booking(method, path)(world, caller)
        one = await somebody_s(world)
        target = "" if "{code}" in path else one.code
        path_of_one = path.replace("{id}", str(one.booking_id)).replace("{code}", one.code)
        return Call(method=method, path=path_of_one, target=target)

    return build


async def on_own_order(world: World, caller: Caller) -> Call:
    """An order that paid for an appointment of the caller's."""
    order_id = new_id()
    if caller.member_id is not None:
        await paid_by(world, order_id, caller.member_id)
    return Call(path=f"/v1/appointment-orders/{order_id}")


async def on_shop_order(world: World, caller: Caller) -> Call:
    """An order of the shop that paid for an appointment."""
    order = (await on_order("GET", "{id}")(world, caller)).path
    if order not in _paid:
        async with world.services.database.connection(world.brand.id) as tx:
            member_id = await tx.fetchval(_MEMBER, tx.brand, uuid.UUID(order))
        _paid[order] = await paid_by(world, uuid.UUID(order), member_id)
    return Call(path=f"{_SHOP}/orders/{order}", target=_paid[order])


async def paid_by(world: World, order_id: uuid.UUID, member_id: uuid.UUID) -> str:
    """A member's appointment that an order paid for; its code."""
    made = await a_booking(world, await a_stand(world), member_id)
    async with world.services.database.connection(world.brand.id) as tx:
        await tx.execute(_PAID, tx.brand, made.booking_id, key_of(order_id))
    return made.code


async def on_wait_json(world: World, caller: Caller) -> Call:
    if caller.member_id is None:
        return Call(method="DELETE", path=f"/v1/appointment-waits/{new_id()}")
    call = await on_wait(world, caller)
    return Call(method="DELETE", path=f"/v1/appointment-waits/{call.path.split('/')[-2]}")


async def on_offer_json(world: World, caller: Caller) -> Call:
    if caller.member_id is None:
        return Call(method="POST", path=f"/v1/appointments/{(await somebody_s(world)).code}/accept")
    call = await on_offer(world, caller)
    return Call(method="POST", path=f"/v1/appointments/{call.path.split('/')[-2]}/accept")


def on_campaign(path: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        code, _sku, _service = await group_offer(world)
        return Call(path=f"/v1/appointment-campaigns/{code}{path.replace('{shop}', str(world.shop_id))}")

    return build


async def on_session(world: World, _caller: Caller) -> Call:
    call = await on_group_when(world, _caller)
    return Call(path=f"/v1/appointment-groups/{call.path.split('/')[-2]}")


ROWS: dict[str, Row] = {
    "appointments_list_bookable_shops": of_customer(get("/v1/appointment-shops")),
    "appointments_get_of_order": of_customer(on_own_order),
    "appointments_get_calendar": of_customer(on_one("GET", f"{_OWN}/calendar")),
    "appointments_get_link": of_customer(on_one("GET", f"{_OWN}/link")),
    "appointments_renew_link": of_customer(on_one("POST", f"{_OWN}/link")),
    "appointments_list_waits": of_customer(get("/v1/appointment-waits")),
    "appointments_join_wait": of_customer(
        by_json(
            on_shop("POST", "/v1/appointment-waits", shop_id="{shop}", service_id="{service}", day="{day}"),
            shop_id="",
            service_id="",
            day="",
        )
    ),
    "appointments_leave_wait": of_customer(on_wait_json),
    "appointments_accept_offer": of_customer(on_offer_json),
    "appointments_get_linked": public(""),
    "appointments_cancel_linked": public("/cancel", method="POST"),
    "appointments_get_linked_calendar": public("/calendar"),
    "appointments_get_group_offer": of_customer(on_campaign("")),
    "appointments_list_group_times": of_customer(on_campaign("/times?shop_id={shop}")),
    "appointments_get_group_session": of_customer(on_session),
    "appointments_list_own_shops": Row(call=get(f"{_SHOP}/shops"), may=SHOP_PEOPLE),
    "appointments_list_shop_services": json_of_shop(on_shop("GET", f"{_SHOP}/services?shop_id={{shop}}")),
    "appointments_get_shop_day": json_of_shop(on_shop("GET", f"{_SHOP}/day?shop_id={{shop}}")),
    "appointments_make_shop_link": json_of_shop(
        by_json(on_shop("POST", f"{_SHOP}/links", shop_id="{shop}"), shop_id="")
    ),
    "appointments_get_of_shop_order": json_of_shop(on_shop_order),
    "appointments_get_sheet": json_of_shop(on_one("GET", _ONE)),
    "appointments_list_places": json_of_shop(on_one("GET", f"{_ONE}/places?day=2026-01-01")),
    "appointments_place": json_of_shop(
        by_json(on_booking("POST", f"{_ONE}/place", start="{start}", lane_id="{staff}"), start="", lane_id="")
    ),
    "appointments_change_people": json_of_shop(by_json(on_booking("POST", f"{_ONE}/people"), staff_id=None)),
    "appointments_let_move_stand": json_of_shop(on_one("POST", f"{_ONE}/stand")),
    "appointments_remove_tried": json_of_shop(on_one("DELETE", f"{_ONE}/tried/{uuid.UUID(int=7)}")),
}
