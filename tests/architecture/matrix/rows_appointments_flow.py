"""Who may call the JSON of appointments, what they lead to, and groups that buy them."""

import datetime as dt
import uuid
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.service import life, moving, parties, setup
from appointments.service.moving import NewTime
from appointments.service.parties import GroupStart
from appointments.types import Actor, ServiceFields, StaffFields
from groupbuy import api as groups
from groupbuy.api import Buyer
from groupbuy.states import LatePolicy
from stores.service import stock
from stores.types import StockLine
from tests.appointments.makers import week
from tests.architecture.matrix.cells import (
    CUSTOMERS,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    OTHER_SHOP,
    OWN_SHOP,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
    send,
)
from tests.architecture.matrix.rows_appointments import (
    ADMINS,
    a_booking,
    a_stand,
    a_start,
    of_customer,
    of_shop,
    on_booking,
    on_shop,
    public,
)
from tests.architecture.matrix.rows_orders import on_order
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.groupbuy.kit import campaign_fields
from tests.members.makers import make_customer
from yundian.catalog.states import ProductStatus
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code


def by_json(build: Build, **body: Any) -> Build:
    """The same request with a body of JSON, its names filled in as those of a form are."""

    async def changed(world: World, caller: Caller) -> Call:
        call = await build(world, caller)
        filled = call.form or {}
        return Call(
            method=call.method,
            path=call.path,
            json={name: filled.get(name, value) for name, value in body.items()},
            target=call.target,
        )

    return changed


async def on_tried(world: World, _caller: Caller) -> Call:
    """A product of somebody who has come."""
    stand = await a_stand(world, is_fresh=True)
    soon = clock.now() + dt.timedelta(minutes=30)
    start = soon - dt.timedelta(seconds=soon.timestamp() % 300)
    booked = await a_booking(world, stand, None, start=start)
    async with world.services.database.connection(world.brand.id) as tx:
        one = await life.see(tx, booking_id=booked.booking_id, is_locked=True)
        await life.check_in(tx, one, actor_id=None, now=clock.now())
    code = readable_code(8)
    product = await make_product(
        world.services, world.brand, fields=product_fields(code), skus=(sku_fields(code),)
    )
    form = {"sku": product.skus[0].code}
    return Call(method="POST", path=f"/shop/appointments/{booked.booking_id}/tried", form=form)


async def on_tried_json(world: World, caller: Caller) -> Call:
    call = await on_tried(world, caller)
    path = call.path.replace("/shop/appointments", "/v1/shop-appointments")
    return Call(method="POST", path=path, json={"sku_code": (call.form or {})["sku"]})


async def on_group(world: World, _caller: Caller) -> Call:
    """The start of a group that buys a session."""
    return await _on_group(world, "GET", "/m/{brand}/book/group/{code}/start")


async def on_group_open(world: World, _caller: Caller) -> Call:
    return await _on_group(world, "POST", "/m/{brand}/book/group/{code}/start")


async def on_group_json(world: World, _caller: Caller) -> Call:
    call = await _on_group(world, "POST", "/v1/appointment-groups")
    return Call(method="POST", path=call.path, json=call.json)


async def on_group_when(world: World, _caller: Caller) -> Call:
    code, sku, _service = await group_offer(world)
    member = await make_customer(world.services, world.brand)
    wish = GroupStart(campaign_code=code, sku_id=sku, shop_id=world.shop_id, start=a_start())
    made = await parties.open_group(
        world.services.database,
        keyring=world.services.keyring,
        buyer=Buyer(world.brand.id, world.brand.code, member.id),
        wish=wish,
    )
    return Call(path=f"/m/{world.brand.code}/book/group/{made.group_code}/when")


async def _on_group(world: World, method: str, path: str) -> Call:
    code, sku, _service = await group_offer(world)
    start, shop = a_start().isoformat(), str(world.shop_id)
    return Call(
        method=method,
        path=path.replace("{brand}", world.brand.code).replace("{code}", code),
        form={"shop": shop, "start": start} if method == "POST" else None,
        json={"campaign_code": code, "sku_id": str(sku), "shop_id": shop, "start": start},
    )


_offers: dict[uuid.UUID, tuple[str, uuid.UUID, uuid.UUID]] = {}


async def group_offer(world: World) -> tuple[str, uuid.UUID, uuid.UUID]:
    """A running campaign whose groups buy a session in the matrix's shop: its code, its SKU, the service."""
    if world.shop_id in _offers:
        return _offers[world.shop_id]
    product = await make_product(
        world.services,
        world.brand,
        fields=product_fields(readable_code(8)),
        skus=(sku_fields(readable_code(8)),),
        status=ProductStatus.ON_SALE,
    )
    sku_id = product.skus[0].id
    fields = ServiceFields(code=readable_code(10), name="矩阵", duration_min=5, step_min=5, notice_min=0, seats=2)
    async with world.services.database.unit_of_work(world.brand.id) as session:
        await stock.receive(session, shop_id=world.shop_id, lines=[StockLine(sku_id, 10_000)])
        service = await setup.save_service(session, service_id=None, version=None, fields=fields)
        person = StaffFields(display_name="G", home_shop_id=world.shop_id, service_ids=(service.id,))
        staff = await setup.save_staff(session, staff_id=None, version=None, fields=person)
        await setup.put_plan(session, staff_id=staff.id, lines=week(world.shop_id, 0, 1440))
        made = await groups.create_campaign(
            session, fields=campaign_fields([sku_id], size=2, late_policy=LatePolicy.REFUND)
        )
        whole = await parties_offer(session, made.campaign.id, service.id)
    _offers[world.shop_id] = (whole, sku_id, service.id)
    return _offers[world.shop_id]


async def parties_offer(session: AsyncSession, campaign_id: uuid.UUID, service_id: uuid.UUID) -> str:
    await parties.offer(session, campaign_id=campaign_id, service_id=service_id)
    now = await groups.get_campaign(session, campaign_id=campaign_id)
    whole = await groups.publish_campaign(
        session, campaign_id=campaign_id, version=now.campaign.version, now=clock.now()
    )
    return whole.campaign.code


async def on_new_offer(world: World, _caller: Caller) -> Call:
    """A draft whose groups are to buy a session."""
    _code, sku_id, service_id = await group_offer(world)
    async with world.services.database.unit_of_work(world.brand.id) as session:
        made = await groups.create_campaign(
            session, fields=campaign_fields([sku_id], size=2, late_policy=LatePolicy.REFUND)
        )
    form = {"campaign": str(made.campaign.id), "service": str(service_id)}
    return Call(method="POST", path="/hq/appointments/groups", form=form)


_JSON_BOOK: dict[str, Any] = {"shop_id": "{shop}", "service_id": "{service}", "start": "{at}"}
_OWN = "/v1/appointments/{code}"
_SHOP_JSON = "/v1/shop-appointments"


def json_of_shop(call: Build) -> Row:
    return Row(call=call, may=OWN_SHOP, unknown=OTHER_SHOP)


async def on_undo_json(world: World, caller: Caller) -> Call:
    """Of a move that a shop has just made."""
    call = await on_booking("POST", "{id}", start="{start}")(world, caller)
    start = dt.datetime.fromisoformat((call.form or {})["start"])
    to = NewTime(start=start, staff_id=None, by=Actor.SHOP, actor_id=None)
    moved = await moving.reschedule(
        world.services.database, brand_id=world.brand.id, booking_id=uuid.UUID(call.path), to=to
    )
    path = f"{_SHOP_JSON}/{moved.id}/undo"
    return Call(method="POST", path=path, json={"sequence": moved.sequence}, target=call.target)


ROWS: dict[str, Row] = {
    "appointments_list_services": Row(call=get("/v1/appointment-services"), may=CUSTOMERS),
    "appointments_list_shops": Row(call=on_shop("GET", "/v1/appointment-services/{service}/shops"), may=CUSTOMERS),
    "appointments_list_times": Row(
        call=on_shop("GET", "/v1/appointment-times?shop_id={shop}&service_id={service}&first={day}"), may=CUSTOMERS
    ),
    "appointments_book": Row(
        call=by_json(on_shop("POST", "/v1/appointments", **_JSON_BOOK), **_JSON_BOOK), may=CUSTOMERS
    ),
    "appointments_list_own": Row(call=on_booking("GET", "/v1/appointments"), may=CUSTOMERS),
    "appointments_get": Row(call=on_booking("GET", _OWN), may=CUSTOMERS),
    "appointments_move": Row(
        call=by_json(on_booking("POST", f"{_OWN}/move", start="{start}"), start=""), may=CUSTOMERS
    ),
    "appointments_cancel": Row(call=by_json(on_booking("POST", f"{_OWN}/cancel")), may=CUSTOMERS),
    "appointments_open_group": Row(call=on_group_json, may=CUSTOMERS),
    "appointments_list_board": json_of_shop(on_shop("GET", f"{_SHOP_JSON}?shop_id={{shop}}")),
    "appointments_check_in": json_of_shop(
        by_json(on_booking("POST", f"{_SHOP_JSON}/check-in", is_soon=True, code="{code}"), code="")
    ),
    "appointments_walk_in": json_of_shop(
        by_json(
            on_shop("POST", f"{_SHOP_JSON}/walk-ins", is_fresh=True, shop_id="{shop}", service_id="{service}"),
            shop_id="",
            service_id="",
        )
    ),
    "appointments_take_step": json_of_shop(
        by_json(on_booking("POST", f"{_SHOP_JSON}/{{id}}/steps"), step="cancel")
    ),
    "appointments_move_in_shop": json_of_shop(
        by_json(on_booking("POST", f"{_SHOP_JSON}/{{id}}/move", start="{start}"), start="")
    ),
    "appointments_undo_move": json_of_shop(on_undo_json),
    "appointments_list_tried": json_of_shop(on_booking("GET", f"{_SHOP_JSON}/{{id}}/tried")),
    "appointments_note_tried": json_of_shop(on_tried_json),
    "appointments.tried": of_shop(on_tried),
    "appointments.tried.remove": of_shop(
        on_booking("POST", f"/shop/appointments/{{id}}/tried/{uuid.UUID(int=7)}/remove")
    ),
    "appointments.group_start": of_customer(on_group),
    "appointments.group_start.open": of_customer(on_group_open),
    "appointments.group_when": public(on_group_when),
    "appointments.funnel": Row(call=get("/hq/appointments/funnel"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.funnel_csv": Row(call=get("/hq/appointments/funnel/csv"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.list": Row(call=get("/hq/appointments/list"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.list_csv": Row(call=get("/hq/appointments/list/csv"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.followed_by_order": Row(
        call=on_order("GET", "/hq/panels/orders/{id}/appointment"), may=HQ | OTHER_BRAND, is_page=True
    ),
    "appointments.booked_by_campaign": Row(
        call=get(f"/hq/panels/campaigns/{uuid.UUID(int=7)}/appointment"), may=HQ | OTHER_BRAND, is_page=True
    ),
    "appointments.funnel_policy": Row(
        call=send("POST", "/hq/appointments/funnel/policy", form={"purchase_days": "30"}),
        may=ADMINS,
        is_page=True,
    ),
    "appointments.group_offers": Row(call=get("/hq/appointments/groups"), may=HQ | OTHER_BRAND, is_page=True),
    "appointments.group_offer": Row(call=on_new_offer, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True),
}
