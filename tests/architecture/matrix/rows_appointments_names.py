"""Who may say what a shop's people are called in English: its owner; HQ does so where it keeps the people."""

from appointments.service import setup
from tests.architecture.matrix.cells import Build, Call, Caller, Row, World, get
from tests.architecture.matrix.rows_appointments import make_stand
from tests.architecture.matrix.rows_stores import OTHER_OWNERS, OWNERS

_PANEL = "/shop/panels/english/{shop}"


def on_names(*, is_page: bool) -> Build:
    """Somebody whose home is the first shop."""

    async def build(world: World, _caller: Caller) -> Call:
        staff_id = (await make_stand(world)).staff_id
        async with world.services.database.unit_of_work(world.brand.id) as session:
            version = (await setup.get_staff(session, staff_id=staff_id)).version
        said = {"id": str(staff_id), "display_name_en": "M", "title_en": ""}
        if is_page:
            path = _PANEL.replace("{shop}", str(world.shop_id))
            return Call(method="POST", path=path, form={**said, "version": str(version)})
        body = {"people": [{**said, "version": version}]}
        return Call(method="PUT", path="/v1/shop-appointments/people/english", json=body)

    return build


def of_owner(call: Build, *, is_page: bool = False) -> Row:
    return Row(call=call, may=OWNERS, unknown=OTHER_OWNERS, is_page=is_page)


ROWS: dict[str, Row] = {
    "appointments.english": of_owner(get(_PANEL), is_page=True),
    "appointments.english.save": of_owner(on_names(is_page=True), is_page=True),
    "appointments_list_shop_people": of_owner(get("/v1/shop-appointments/people?shop_id={shop}")),
    "appointments_put_english_names": of_owner(on_names(is_page=False)),
}
