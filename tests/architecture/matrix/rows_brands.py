"""The matrix rows of the brand's policy and of the courier's screen."""

from typing import Any

from tests.architecture.matrix.cells import (
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    PEOPLE,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
)
from yundian.brands import api as brands
from yundian.brands.schemas import PolicyUpdate
from yundian.platform.core.ids import new_id

ADMINS = HQ_ADMINS | OTHER_BRAND


def policy(method: str, path: str, *, is_form: bool = False) -> Build:
    """The caller's own policy, saved as it stands."""

    async def build(world: World, caller: Caller) -> Call:
        brand_id = caller.person.brand_id if caller.person else world.brand.id
        async with world.services.database.unit_of_work(brand_id) as session:
            found = await brands.get_policy(session, brand_id=brand_id)
        body = {name: getattr(found, name) for name in PolicyUpdate.__struct_fields__}
        sent: dict[str, Any] = {"form": {k: str(v) for k, v in body.items()}} if is_form else {"json": body}
        return Call(method=method, path=path, **sent)

    return build


def on_parked(method: str, path: str, *, is_form: bool = False, with_id: bool = True) -> Build:
    """A delivery of the brand that gave up."""

    async def build(world: World, _caller: Caller) -> Call:
        event_id = new_id()
        async with world.services.database.connection(world.brand.id) as tx:
            await tx.execute(
                "INSERT INTO outbox_event (brand_id, id, tag, payload, expanded_at)"
                " VALUES ($1, $2, 'matrix.happened.v1', '{}', now())",
                world.brand.id,
                event_id,
            )
            await tx.execute(
                "INSERT INTO outbox_delivery (brand_id, event_id, subscriber, state, recorded_at, next_at)"
                " VALUES ($1, $2, 'matrix.react', 'parked', now(), now())",
                world.brand.id,
                event_id,
            )
        body = {"subscriber": "matrix.react"}
        if with_id:
            body |= {"kind": "delivery", "id": str(event_id)}
        sent: dict[str, Any] = {} if method == "GET" else {"form": body} if is_form else {"json": body}
        return Call(method=method, path=path, target=str(event_id), **sent)

    return build


ROWS: dict[str, Row] = {
    "brands_get_policy": Row(call=get("/v1/brand/policy"), may=PEOPLE),
    "brands_update_policy": Row(call=policy("PUT", "/v1/brand/policy"), may=ADMINS),
    "brands.policy": Row(call=get("/hq/settings"), may=HQ | OTHER_BRAND, is_page=True),
    "brands.policy.save": Row(call=policy("POST", "/hq/settings", is_form=True), may=ADMINS, is_page=True),
    "courier_get_health": Row(call=get("/v1/courier/health"), may=HQ | OTHER_BRAND),
    "courier_list_parked": Row(call=on_parked("GET", "/v1/courier/parked"), may=ADMINS),
    "courier_rerun": Row(
        call=on_parked("POST", "/v1/courier/parked/rerun"),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        # "Not parked" is what any id gets that is not waiting here, known or not.
        unknown_status=409,
    ),
    "courier_rerun_all": Row(call=on_parked("POST", "/v1/courier/parked/rerun-all", with_id=False), may=ADMINS),
    "courier.parked": Row(call=on_parked("GET", "/hq/courier"), may=ADMINS, is_page=True),
    "courier.panel": Row(call=get("/hq/panels/courier"), may=HQ | OTHER_BRAND, is_page=True),
    "courier.rerun": Row(call=on_parked("POST", "/hq/courier/rerun", is_form=True), may=ADMINS, is_page=True),
    "courier.rerun_all": Row(
        call=on_parked("POST", "/hq/courier/rerun-all", is_form=True, with_id=False), may=ADMINS, is_page=True
    ),
}
