"""Who may set up appointments by JSON, read their numbers, and bring those of other systems in."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from appointments.repository import replacements
from appointments.service import setup
from tests.architecture.matrix.cells import HQ, HQ_ADMINS, OTHER_BRAND, Build, Call, Caller, Row, World, get, send
from tests.architecture.matrix.rows_appointments import a_stand
from tests.architecture.matrix.rows_appointments_flow import on_new_offer
from tests.architecture.matrix.rows_appointments_imports import (
    MAPPING,
    make_discarded,
    make_held,
    make_run,
    make_upload,
    new_upload,
)
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code

READERS, ADMINS = HQ | OTHER_BRAND, HQ_ADMINS | OTHER_BRAND
_SETUP, _NUMBERS, _IMPORTS = "/v1/appointment-setup", "/v1/appointment-numbers", "/v1/appointment-imports"
_PERSON, _SHOP = f"{_SETUP}/people/{{staff}}", f"{_SETUP}/shops/{{shop}}"


def at(method: str, path: str, *, is_fresh: bool = False, **body: Any) -> Build:
    """A request about the shop, a service of it, or somebody who serves there; names in it are filled in."""

    async def build(world: World, _caller: Caller) -> Call:
        stand = await a_stand(world, is_fresh=is_fresh)
        names = {
            "{shop}": str(world.shop_id), "{service}": str(stand.service_id), "{staff}": str(stand.staff_id),
            "{chair}": str(stand.chair_id), "{new}": readable_code(10), "{id}": str(new_id()),
        }  # fmt: skip
        text = json.dumps([path, body])
        for name, value in names.items():
            text = text.replace(name, value)
        filled, said = json.loads(text)
        if said.get("version") == "person":
            async with world.services.database.unit_of_work(world.brand.id) as session:
                said["version"] = (await setup.get_staff(session, staff_id=stand.staff_id)).version
        return Call(method=method, path=filled, json=said if body else None)

    return build


def on_replacement(path: str) -> Build:
    """What is given to others of somebody who is away."""

    async def build(world: World, _caller: Caller) -> Call:
        stand = await a_stand(world)
        async with world.services.database.connection(world.brand.id) as tx:
            bookings = [(new_id(), stand.staff_id)]
            made = await replacements.start(
                tx, staff_id=stand.staff_id, shop_id=None, actor_id=None, bookings=bookings, now=clock.now()
            )
        return Call(path=f"{path}/{made}")

    return build


async def new_offer(world: World, caller: Caller) -> Call:
    form = (await on_new_offer(world, caller)).form or {}
    path = f"{_SETUP}/group-offers/{form['campaign']}"
    return Call(method="PUT", path=path, json={"service_id": form["service"]})


async def by_api(world: World, caller: Caller) -> Call:
    return replace(await new_upload(world, caller), path=_IMPORTS)


def file(make: Callable[[World], Awaitable[str]], path: str, **body: Any) -> Build:
    """The same thing that the pages are asked about."""

    async def build(world: World, _caller: Caller) -> Call:
        made = await make(world)
        is_read = path.endswith("{id}")
        return Call(
            method="GET" if is_read else "POST",
            path=f"{_IMPORTS}/{path.replace('{id}', made)}",
            json=None if is_read else body,
            target=made,
        )

    return build


def read(call: Build) -> Row:
    return Row(call=call, may=HQ, unknown=OTHER_BRAND)


def written(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND)


def seen(path: str) -> Row:
    """Everybody's own brand."""
    return Row(call=get(path), may=READERS)


_SERVICE: dict[str, Any] = {"code": "{new}", "name": "M", "duration_min": 30}
_HER: dict[str, Any] = {"display_name": "M", "home_shop_id": "{shop}"}
_DAY = "2031-01-01"
_LINE = {"weekday": 1, "shop_id": "{shop}", "starts": "09:00", "ends": "18:00"}

ROWS: dict[str, Row] = {
    "appointments_list_all_services": seen(f"{_SETUP}/services"),
    "appointments_create_service": Row(call=at("POST", f"{_SETUP}/services", **_SERVICE), may=ADMINS),
    "appointments_get_service": read(at("GET", f"{_SETUP}/services/{{service}}")),
    "appointments_update_service": written(
        at("PUT", f"{_SETUP}/services/{{service}}", is_fresh=True, version=1, **_SERVICE)
    ),
    "appointments_list_group_offers": seen(f"{_SETUP}/group-offers"),
    "appointments_put_group_offer": written(new_offer),
    "appointments_get_policy": seen(f"{_SETUP}/policy"),
    "appointments_put_policy": Row(
        call=send("PUT", f"{_SETUP}/policy", json={"purchase_days": 30, "viewing_days": 90}), may=ADMINS
    ),
    "appointments_list_people": seen(f"{_SETUP}/people"),
    "appointments_create_person": written(at("POST", f"{_SETUP}/people", **_HER)),
    "appointments_get_person": read(at("GET", _PERSON)),
    "appointments_update_person": written(at("PUT", _PERSON, is_fresh=True, version="person", **_HER)),
    "appointments_get_week": read(at("GET", f"{_PERSON}/week")),
    "appointments_put_week": written(at("PUT", f"{_PERSON}/week", is_fresh=True, version="person", lines=[_LINE])),
    "appointments_list_other_days": read(at("GET", f"{_PERSON}/days")),
    "appointments_put_other_days": written(
        at("POST", f"{_PERSON}/days", is_fresh=True, first=_DAY, last=_DAY, kind="off")
    ),
    "appointments_forget_other_day": written(at("DELETE", f"{_PERSON}/days/{{id}}")),
    "appointments_list_person_misfits": read(at("GET", f"{_PERSON}/misfits")),
    "appointments_replace_person": written(at("POST", f"{_PERSON}/replace", is_fresh=True)),
    "appointments_get_replacement": read(on_replacement(f"{_SETUP}/replacements")),
    "appointments.replacement": replace(read(on_replacement("/hq/appointments/replacements")), is_page=True),
    "appointments_get_feed": read(at("GET", f"{_PERSON}/calendar-feed")),
    "appointments_renew_feed": written(at("POST", f"{_PERSON}/calendar-feed", is_fresh=True)),
    "appointments_list_shop_setups": seen(f"{_SETUP}/shops"),
    "appointments_get_shop_setup": read(at("GET", _SHOP)),
    "appointments_put_holidays": written(at("PUT", f"{_SHOP}/holidays", holidays="as_usual", workdays="as_usual")),
    "appointments_put_shop_day": written(at("PUT", f"{_SHOP}/days/{_DAY}", reason="M")),
    "appointments_forget_shop_day": written(at("DELETE", f"{_SHOP}/days/{_DAY}")),
    "appointments_list_shop_misfits": read(at("GET", f"{_SHOP}/misfits")),
    "appointments_replace_in_shop": written(at("POST", f"{_SHOP}/replace", is_fresh=True)),
    "appointments_add_chair": written(at("POST", f"{_SHOP}/chairs", kind="M", name="{new}")),
    "appointments_set_chair_status": written(
        at("PUT", f"{_SHOP}/chairs/{{chair}}/status", is_fresh=True, status="retired")
    ),
    "appointments_usage": seen(f"{_NUMBERS}/usage"),
    "appointments_funnel": seen(f"{_NUMBERS}/funnel"),
    "appointments_list_counted": seen(f"{_NUMBERS}/appointments"),
    "appointments_count": seen(f"{_NUMBERS}/appointments/total"),
    # No order followed anything here.
    "appointments_followed_by_order": Row(call=at("GET", f"{_NUMBERS}/orders/{{id}}"), may=READERS, ok_status=404),
    "appointments_list_imports": seen(_IMPORTS),
    "appointments_import": Row(call=by_api, may=ADMINS),
    "appointments_list_import_mappings": Row(call=get(f"{_IMPORTS}/mappings"), may=ADMINS),
    "appointments_check_import_mapping": Row(
        call=send("POST", f"{_IMPORTS}/mappings/check", json={"mapping": MAPPING}), may=ADMINS
    ),
    "appointments_get_import": read(file(make_upload, "{id}")),
    "appointments_retry_import": written(file(make_upload, "{id}/retry")),
    "appointments_import_again": written(file(make_upload, "{id}/again", mapping=MAPPING)),
    "appointments_get_import_run": read(file(make_run, "runs/{id}")),
    "appointments_undo_import": written(file(make_run, "runs/{id}/undo")),
    "appointments_list_held": seen(f"{_IMPORTS}/held"),
    "appointments_replay_all_held": Row(call=send("POST", f"{_IMPORTS}/held/replay", json={}), may=ADMINS),
    "appointments_get_held": read(file(make_held, "held/{id}")),
    "appointments_replay_held": written(file(make_held, "held/{id}/replay")),
    "appointments_discard_held": written(file(make_held, "held/{id}/discard")),
    "appointments_undo_discard_held": written(file(make_discarded, "held/{id}/undo")),
}
