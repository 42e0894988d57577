"""Who may call what channels offers."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from tests.architecture.matrix.cells import (
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    Actor,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
    send,
)
from yundian.channels.service import channels, receiving
from yundian.channels.service.importing import ORDERS
from yundian.channels.states import ChannelKind
from yundian.channels.types import ChannelFields, OrderDocument, Received
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Tx
from yundian.platform.files.service import uploads
from yundian.platform.files.types import NewFile

KIND = "channels.orders"
MAPPING = """
kind = "channels.orders"
name = "m"
[fields.external_id]
column = "no"
[fields.placed_at]
column = "at"
type = "datetime"
formats = ["%Y-%m-%d"]
zone = "Asia/Shanghai"
[fields.total_minor]
column = "total"
type = "integer"
[fields.currency]
constant = "CNY"
"""
_FORM = {
    "name_zh": "收银",
    "name_en": "Till",
    "kind": "till",
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "is_active": "on",
}


async def make_channel(world: World) -> str:
    """A channel of the first brand, made for this cell."""
    fields = ChannelFields(name_zh="收银", name_en="Till", kind=ChannelKind.TILL)
    code = f"c{readable_code(8).lower()}"
    async with world.services.database.unit_of_work(world.brand.id) as session:
        return (await channels.create_channel(session, code=code, fields=fields)).code


async def make_document(world: World) -> str:
    code = await make_channel(world)
    raw = b'{"external_id": "1", "placed_at": "2026-05-20T10:00:00Z", "currency": "CNY", "total_minor": 100}'
    document = msgspec.json.decode(raw, type=OrderDocument)
    async with world.services.database.connection(world.brand.id) as tx:
        received = [Received(document=document, raw=raw.decode())]
        await receiving.take_in(tx, keyring=world.services.keyring, channel=code, received=received)
        return str(await tx.fetchval("SELECT id FROM channels_document WHERE channel = $1", code))


async def make_order(world: World) -> str:
    """The order of a document."""
    document_id = await make_document(world)
    async with world.services.database.connection(world.brand.id) as tx:
        sql = "SELECT subject_id FROM channels_document WHERE id = $1"
        return str(await tx.fetchval(sql, uuid.UUID(document_id)))


async def make_upload(world: World) -> str:
    """A file that nobody works on: it failed."""

    async def parts() -> AsyncIterator[bytes]:
        yield readable_code(20).encode()

    code = await make_channel(world)
    async with world.services.database.connection(world.brand.id) as tx:
        upload_id = await uploads.keep(tx, kind=ORDERS, new=NewFile(code, "orders.csv", MAPPING), parts=parts())
        await tx.execute("UPDATE channels_upload SET state = 'failed' WHERE id = $1", upload_id)
        await tx.execute("UPDATE outbox_timer SET state = 'cancelled' WHERE key = $1", str(upload_id))
    return str(upload_id)


async def make_run(world: World) -> str:
    code = await make_channel(world)
    async with world.services.database.connection(world.brand.id) as tx:
        return str(await _run(tx, code))


async def make_held(world: World, *, state: str = "open") -> str:
    code, held_id = await make_channel(world), new_id()
    async with world.services.database.connection(world.brand.id) as tx:
        run_id = await _run(tx, code)
        await tx.execute(
            "INSERT INTO intake_quarantine (brand_id, id, created_at, run_id, kind, line, column_name, code,"
            " reason, raw, source, content_hash, state) VALUES ($1, $2, now(), $3, $4, 1, '', 'x', 'x', 'raw',"
            ' \'{"no": "1", "at": "2026-05-20", "total": "100"}\'::jsonb, $5, $6)',
            world.brand.id,
            held_id,
            run_id,
            KIND,
            held_id.bytes,
            state,
        )
    return str(held_id)


async def make_discarded(world: World) -> str:
    return await make_held(world, state="discarded")


async def _run(tx: Tx, code: str) -> uuid.UUID:
    run_id = new_id()
    await tx.execute(
        "INSERT INTO intake_run (brand_id, id, created_at, kind, scope, file_name, file_sha256, mapping_name,"
        " mapping_sha256, mapping, state, records_read, applied, unchanged, quarantined, error)"
        " VALUES ($1, $2, now(), $3, $4, 'f', $5, 'm', '', $6, 'finished', 1, 0, 0, 1, '')",
        tx.brand,
        run_id,
        KIND,
        code,
        hashlib.sha256(run_id.bytes).hexdigest(),
        MAPPING,
    )
    return run_id


def on(
    make: Callable[[World], Awaitable[str]],
    path: str,
    *,
    form: dict[str, str] | None = None,
    is_named: bool = True,
) -> Build:
    """A thing of the first brand, made for this cell; ``{id}`` stands for it. With a form it is a POST."""

    async def build(world: World, _caller: Caller) -> Call:
        made = await make(world)
        method = "GET" if form is None else "POST"
        return Call(method=method, path=path.replace("{id}", made), form=form, target=made if is_named else "")

    return build


async def new_channel(_world: World, _caller: Caller) -> Call:
    return Call(method="POST", path="/hq/channels", form={**_FORM, "code": f"c{readable_code(8).lower()}"})


async def new_upload(world: World, _caller: Caller) -> Call:
    code = await make_channel(world)
    body = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
        for name, more, value in (
            ("channel", "", code),
            ("mapping", "", MAPPING),
            ("file", '; filename="orders.csv"', readable_code(20)),
        )
    )
    return Call(
        method="POST",
        path="/hq/channels/imports",
        content=f"{body}--b--\r\n".encode(),
        content_type="multipart/form-data; boundary=b",
    )


async def same_file(world: World, _caller: Caller) -> Call:
    form = {"channel": await make_channel(world), "mapping": MAPPING}
    return Call(method="POST", path=f"/hq/channels/imports/{await make_upload(world)}/again", form=form)


async def send_batch(_world: World, _caller: Caller) -> Call:
    return Call(method="POST", path="/v1/orders/sync", content=b"{}")


def read(call: Build) -> Row:
    return Row(call=call, may=HQ, unknown=OTHER_BRAND, is_page=True)


def written(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True)


def of_any_brand(call: Build, may: frozenset[Actor]) -> Row:
    return Row(call=call, may=may | OTHER_BRAND, is_page=True)


CHECK = {"mapping": MAPPING}
REPLAY = {"code": "none", "channel": "none", "run": ""}

ROWS: dict[str, Row] = {
    # Only by a key with the scope, and signed: tests/channels/test_sync.py.
    "channels_sync_orders": Row(call=send_batch, may=frozenset()),
    "channels_count_documents": Row(
        call=on(make_channel, "/v1/orders/sync/{id}/counts"), may=HQ, unknown=OTHER_BRAND
    ),
    "channels.list": of_any_brand(get("/hq/channels"), HQ),
    "channels.totals": of_any_brand(get("/hq/channels/totals"), HQ),
    "channels.adjustments": of_any_brand(get("/hq/channels/adjustments?from=2026-05-01&to=2026-05-31"), HQ),
    "channels.adjustments_csv": of_any_brand(
        get("/hq/channels/adjustments/csv?from=2026-05-01&to=2026-05-31"), HQ
    ),
    "channels.new": of_any_brand(get("/hq/channels/new"), HQ_ADMINS),
    "channels.create": of_any_brand(new_channel, HQ_ADMINS),
    "channels.one": read(on(make_channel, "/hq/channels/{id}")),
    "channels.numbers": read(on(make_channel, "/hq/channels/{id}/numbers", is_named=False)),
    "channels.edit": written(on(make_channel, "/hq/channels/{id}/edit")),
    "channels.save": written(on(make_channel, "/hq/channels/{id}", form={**_FORM, "version": "1"})),
    "channels.document": read(on(make_document, "/hq/channels/documents/{id}", is_named=False)),
    "channels.order_documents": read(on(make_order, "/hq/channels/documents/of-order/{id}", is_named=False)),
    "channels.imports": of_any_brand(get("/hq/channels/imports"), HQ),
    "channels.imports.list": of_any_brand(get("/hq/channels/imports/list"), HQ),
    "channels.import.new": of_any_brand(get("/hq/channels/imports/new"), HQ_ADMINS),
    "channels.import.mapping": of_any_brand(get("/hq/channels/imports/mapping"), HQ_ADMINS),
    "channels.import.check": of_any_brand(send("POST", "/hq/channels/imports/check", form=CHECK), HQ_ADMINS),
    "channels.import.upload": written(new_upload),
    "channels.import": read(on(make_upload, "/hq/channels/imports/{id}")),
    "channels.import.progress": read(on(make_upload, "/hq/channels/imports/{id}/progress")),
    "channels.import.retry": written(on(make_upload, "/hq/channels/imports/{id}/retry", form={})),
    "channels.import.again": written(same_file),
    "channels.import_run": read(on(make_run, "/hq/channels/runs/{id}", is_named=False)),
    "channels.import_run.progress": read(on(make_run, "/hq/channels/runs/{id}/progress", is_named=False)),
    "channels.quarantine": of_any_brand(get("/hq/channels/quarantine"), HQ),
    "channels.quarantine.replay_all": of_any_brand(
        send("POST", "/hq/channels/quarantine/replay", form=REPLAY), HQ_ADMINS
    ),
    "channels.quarantine.record": read(on(make_held, "/hq/channels/quarantine/{id}")),
    "channels.quarantine.try": written(
        on(make_held, "/hq/channels/quarantine/{id}/try", form=CHECK, is_named=False)
    ),
    "channels.quarantine.replay": written(on(make_held, "/hq/channels/quarantine/{id}/replay", form=CHECK)),
    "channels.quarantine.discard": written(on(make_held, "/hq/channels/quarantine/{id}/discard", form={})),
    "channels.quarantine.undo": written(on(make_discarded, "/hq/channels/quarantine/{id}/undo", form={})),
}
