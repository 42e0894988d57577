"""Who may look at files of appointments by JSON, and see and forget what their words mean."""

from dataclasses import replace

from tests.architecture.matrix.cells import Build, Call, Caller, Row, World, send
from tests.architecture.matrix.rows_appointments_imports import MAPPING, make_look, make_upload, new_upload
from tests.architecture.matrix.rows_appointments_setup import ADMINS, file, read, seen, written

_IMPORTS = "/v1/appointment-imports"


async def by_api(world: World, caller: Caller) -> Call:
    return replace(await new_upload(world, caller), path=f"{_IMPORTS}/looks")


def looked(path: str) -> Build:
    """A look of the first brand's, read."""

    async def build(world: World, _caller: Caller) -> Call:
        made = await make_look(world)
        return Call(path=f"{_IMPORTS}/{made}/look{path}", target="")

    return build


ROWS: dict[str, Row] = {
    "appointments_look_at_file": Row(call=by_api, may=ADMINS),
    "appointments_look_at_import": written(file(make_upload, "{id}/look")),
    "appointments_get_look": read(looked("")),
    "appointments_list_look_words": read(looked("/words?kind=shop")),
    "appointments_answer_look": written(file(make_look, "{id}/look/answers", answers=[])),
    "appointments_look_with_columns": written(file(make_look, "{id}/look/columns", mapping=MAPPING)),
    "appointments_import_look": written(file(make_look, "{id}/look/import")),
    "appointments_list_drafts": seen(f"{_IMPORTS}/drafts"),
    "appointments_confirm_drafts": Row(
        call=send("POST", f"{_IMPORTS}/drafts/confirm", json={"ids": []}), may=ADMINS
    ),
    "appointments_list_import_words": seen(f"{_IMPORTS}/words"),
    "appointments_forget_import_words": Row(
        call=send("POST", f"{_IMPORTS}/words/forget", json={"keys": []}), may=ADMINS
    ),
}
