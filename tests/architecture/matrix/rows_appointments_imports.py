"""Who may bring appointments of other systems in."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from appointments.repository import surveys
from appointments.rules.surveyed import Found
from appointments.service.imports import FILES
from appointments.service.surveys import FOUND
from tests.architecture.matrix.cells import HQ, HQ_ADMINS, OTHER_BRAND, Build, Call, Caller, Row, World, get, send
from tests.architecture.matrix.rows_appointments import make_stand
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.files.service import uploads
from yundian.platform.files.types import NewFile

MAPPING = FILES.shipped_mappings()["yundian"]
_FITTING = """
SELECT json_build_object('external_id', $3::text, 'shop_code', s.code, 'service_code', v.code, 'staff', $4::text,
    'state', 'cancelled', 'day', '2026-03-01')
FROM stores_shop s, appointments_service v WHERE s.brand_id = $1 AND s.id = $2 AND v.brand_id = $1 AND v.id = $5
"""


async def make_upload(world: World) -> str:
    """A file that nobody works on: it failed."""

    async def parts() -> AsyncIterator[bytes]:
        yield readable_code(20).encode()

    async with world.services.database.connection(world.brand.id) as tx:
        upload_id = await uploads.keep(tx, kind=FILES, new=NewFile("", "a.csv", MAPPING), parts=parts())
        await tx.execute("UPDATE channels_upload SET state = 'failed' WHERE id = $1", upload_id)
        await tx.execute("UPDATE outbox_timer SET state = 'cancelled' WHERE key = $1", str(upload_id))
    return str(upload_id)


async def make_look(world: World) -> str:
    """A file that was looked at and holds nothing unknown."""
    survey_id, found = new_id(), msgspec.json.encode(Found(header=["a"])).decode()
    async with world.services.database.connection(world.brand.id) as tx:
        upload_id = uuid.UUID(await make_upload(world))
        await tx.execute(
            "UPDATE channels_upload SET state = 'done', channel = $2 WHERE id = $1", upload_id, survey_id.hex
        )
        await surveys.start(tx, survey_id=survey_id, now=clock.now())
        await surveys.keep(
            tx, survey_id=survey_id, mapping=MAPPING, header_hash="", layout=None, rows_read=0,
            found=world.services.keyring.seal(FOUND, found),
        )  # fmt: skip
    return str(upload_id)


async def make_run(world: World) -> str:
    run_id = new_id()
    async with world.services.database.connection(world.brand.id) as tx:
        await tx.execute(
            "INSERT INTO intake_run (brand_id, id, created_at, kind, file_name, file_sha256, mapping_name,"
            " mapping_sha256, mapping, state, records_read, applied, unchanged, quarantined, error)"
            " VALUES ($1, $2, now(), $3, 'f', $4, 'm', '', $5, 'finished', 1, 0, 0, 1, '')",
            tx.brand, run_id, FILES.name, hashlib.sha256(run_id.bytes).hexdigest(), MAPPING,
        )  # fmt: skip
    return str(run_id)


async def make_held(world: World, *, state: str = "open") -> str:
    """A record that can be taken in now."""
    run_id, held_id, name = await make_run(world), new_id(), readable_code(10)
    stand = await make_stand(world, name=name)
    async with world.services.database.connection(world.brand.id) as tx:
        source = await tx.fetchval(_FITTING, tx.brand, world.shop_id, str(held_id), name, stand.service_id)
        await tx.execute(
            "INSERT INTO intake_quarantine (brand_id, id, created_at, run_id, kind, line, column_name, code,"
            " reason, raw, source, content_hash, state) VALUES ($1, $2, now(), $3::text::uuid, $4, 1, '', 'x',"
            " 'x', 'raw', $5::text::jsonb, $6, $7)",
            tx.brand, held_id, run_id, FILES.name, source, held_id.bytes, state,
        )  # fmt: skip
    return str(held_id)


async def make_discarded(world: World) -> str:
    return await make_held(world, state="discarded")


def on(make: Callable[[World], Awaitable[str]], path: str, *, form: dict[str, str] | None = None) -> Build:
    """A thing of the first brand, made for this cell; with a form it is a POST."""

    async def build(world: World, _caller: Caller) -> Call:
        made = await make(world)
        method = "GET" if form is None else "POST"
        return Call(method=method, path=f"/hq/appointments/{path.replace('{id}', made)}", form=form, target=made)

    return build


async def new_upload(_world: World, _caller: Caller) -> Call:
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
        for name, more, value in (
            ("mapping", "", MAPPING),
            ("file", '; filename="list.csv"', readable_code(20)),
        )
    )
    return Call(
        method="POST",
        path="/hq/appointments/imports",
        content=f"{body}--b--\r\n".encode(),
        content_type="multipart/form-data; boundary=b",
    )


def read(call: Build) -> Row:
    return Row(call=call, may=HQ, unknown=OTHER_BRAND, is_page=True)


def written(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True)


def seen(path: str) -> Row:
    """Everybody's own brand."""
    return Row(call=get(f"/hq/appointments/{path}"), may=HQ | OTHER_BRAND, is_page=True)


def of_admins(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS | OTHER_BRAND, is_page=True)


_CHECK = send("POST", "/hq/appointments/imports/check", form={"mapping": MAPPING})
_REPLAY = send("POST", "/hq/appointments/quarantine/replay", form={"run": ""})

ROWS: dict[str, Row] = {
    "appointments.imports": seen("imports"),
    "appointments.imports.list": seen("imports/list"),
    "appointments.import.new": of_admins(get("/hq/appointments/imports/new")),
    "appointments.import.mapping": of_admins(get("/hq/appointments/imports/mapping?shipped=yundian")),
    "appointments.import.check": of_admins(_CHECK),
    "appointments.import.upload": of_admins(new_upload),
    "appointments.import": read(on(make_upload, "imports/{id}")),
    "appointments.import.progress": read(on(make_upload, "imports/{id}/progress")),
    "appointments.import.retry": written(on(make_upload, "imports/{id}/retry", form={})),
    "appointments.import.again": written(on(make_upload, "imports/{id}/again", form={"mapping": MAPPING})),
    "appointments.import_run": read(on(make_run, "runs/{id}")),
    "appointments.import_run.progress": read(on(make_run, "runs/{id}/progress")),
    "appointments.import_run.undo": written(on(make_run, "runs/{id}/undo", form={})),
    "appointments.look.progress": read(on(make_look, "looks/{id}/progress")),
    "appointments.look.part": read(on(make_look, "looks/{id}")),
    "appointments.look.bring_in": written(on(make_look, "looks/{id}", form={})),
    "appointments.look.columns": written(on(make_look, "looks/{id}/columns", form={"mapping": MAPPING})),
    "appointments.look.again": written(on(make_upload, "looks/{id}/again", form={})),
    "appointments.drafts": seen("drafts"),
    "appointments.drafts.confirm": of_admins(send("POST", "/hq/appointments/drafts", form={})),
    "appointments.words": seen("words"),
    "appointments.words.forget": of_admins(send("POST", "/hq/appointments/words", form={})),
    "appointments.held": seen("quarantine"),
    "appointments.held.replay_all": of_admins(_REPLAY),
    "appointments.held.record": read(on(make_held, "quarantine/{id}")),
    "appointments.held.replay": written(on(make_held, "quarantine/{id}/replay", form={})),
    "appointments.held.discard": written(on(make_held, "quarantine/{id}/discard", form={})),
    "appointments.held.undo": written(on(make_discarded, "quarantine/{id}/undo", form={})),
}
