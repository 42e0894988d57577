"""Uploaded files: kept in pieces, taken in by one worker at a time, gone on with after a kill, then removed."""

import gzip
import os
import re
import signal
import uuid
from typing import Any

import anyio
import httpx
import pytest

from tests import nursery
from tests.channels.makers import make_channel
from tests.helpers import csrf_token
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.channels import tasks as channels
from yundian.channels.service.importing import ORDERS
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.files.service import uploads, working
from yundian.platform.outbox.declare import DueTimer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

PATH = "/hq/channels/imports"

MAPPING = """
kind = "channels.orders"
name = "till"
[source]
format = "csv"
[fields.external_id]
column = "no"
required = true
[fields.placed_at]
column = "at"
type = "datetime"
formats = ["%Y-%m-%d"]
zone = "Asia/Shanghai"
required = true
[fields.total_minor]
column = "total"
type = "integer"
scale = 2
required = true
[fields.currency]
constant = "CNY"
[fields.shop_code]
column = "shop"
"""


def csv_of(count: int, *more: str) -> bytes:
    lines = [f"A{number:05d},2026-03-01,{number % 90 + 1}.50," for number in range(count)]
    return "\n".join(["no,at,total,shop", *lines, *more, ""]).encode()


class Hq:
    """An administrator's browser."""

    def __init__(self, client: httpx.AsyncClient, services: Services, brand: BrandView) -> None:
        self.client, self.services, self.brand = client, services, brand

    async def upload(self, data: bytes, *, name: str = "orders.csv", **fields: str) -> httpx.Response:
        token = await csrf_token(self.client)
        form = {"_csrf_token": token, "channel": "pos", "mapping": MAPPING} | fields
        files = {"file": (name, data, "text/csv")}
        return await self.client.post(PATH, data=form, files=files, headers={"Accept": "text/html"})

    async def keep(self, data: bytes, **more: str) -> uuid.UUID:
        answer = await self.upload(data, **more)
        assert answer.status_code == 303, answer.text
        return uuid.UUID(answer.headers["location"].rsplit("/", 1)[-1])

    async def post(self, url: str, **fields: str) -> httpx.Response:
        token = await csrf_token(self.client)
        return await self.client.post(url, data={"_csrf_token": token} | fields, headers={"Accept": "text/html"})

    async def page(self, url: str) -> str:
        answer = await self.client.get(url, headers={"Accept": "text/html", "Accept-Language": "en"})
        assert answer.status_code == 200, answer.text
        return re.sub(r"\s+", " ", answer.text)

    async def work(self, upload_id: uuid.UUID) -> None:
        await working.work_off(self.services.settings, ORDERS, self.brand.id, upload_id)

    async def rows(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        async with self.services.database.connection(self.brand.id) as tx:
            return [tuple(row.values()) for row in await tx.fetch(sql, *args)]

    async def state(self, upload_id: uuid.UUID) -> tuple[Any, ...]:
        found = await self.rows("SELECT state, error_code, attempts FROM channels_upload WHERE id = $1", upload_id)
        return found[0]


@pytest.fixture
async def hq(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Hq:
    await make_channel(services, brand, "pos")
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    client.headers.update(person.headers)
    return Hq(client, services, brand)


async def test_a_file_goes_in_by_a_worker_and_its_page_tells_what_came_of_it(hq: Hq) -> None:
    data = csv_of(1_200, "B1,2026-03-01,ten,", "B2,2026-03-01,1.00,nowhere")
    upload_id = await hq.keep(gzip.compress(data), name="../März & 三月.csv.gz")

    same = await hq.upload(gzip.compress(data, mtime=0), name="again.csv.gz")
    waiting = await hq.page(f"{PATH}/{upload_id}")
    async with anyio.create_task_group() as group:
        group.start_soon(hq.work, upload_id)
        group.start_soon(hq.work, upload_id)
    done = await hq.page(f"{PATH}/{upload_id}")
    progress = await hq.page(f"{PATH}/{upload_id}/progress")
    everything = await hq.page(PATH)

    assert same.status_code == 303
    assert "Waiting for a worker" in waiting
    assert "every 2s" in waiting
    assert await hq.state(upload_id) == ("done", "", 1)
    assert await hq.rows("SELECT count(*) FROM orders_order") == [(1_200,)]
    for page in (done, progress):
        assert "every 2s" not in page
        assert "<dt>Taken in</dt><dd>1,200</dd>" in page
        assert "<dt>Quarantined</dt><dd>2</dd>" in page
        assert "intake.not_a_number" in page
        assert "channels.unknown_shop" in page
    assert "März _ 三月.csv.gz" in everything
    held = await hq.rows("SELECT id FROM intake_quarantine ORDER BY line")
    assert all(f"/hq/channels/quarantine/{one[0]}" in done for one in held)


async def test_what_is_wrong_with_a_file_or_its_mapping_is_told(hq: Hq) -> None:
    bad = [
        await hq.upload(b""),
        await hq.upload(csv_of(1), mapping="kind ="),
        await hq.upload(csv_of(1), mapping=MAPPING.replace("[fields.currency]", "[fields.curency]")),
        await hq.upload(csv_of(1), channel="unknown"),
        await hq.post(PATH, channel="pos", mapping=MAPPING),
    ]
    upload_id = await hq.keep(b"no such columns,here\n1,2\n")
    await hq.work(upload_id)
    failed = await hq.page(f"{PATH}/{upload_id}")
    retried = await hq.post(f"{PATH}/{upload_id}/retry")
    early = await hq.post(f"{PATH}/{upload_id}/retry")
    other = await hq.post(
        f"{PATH}/{upload_id}/again", channel="pos", mapping=MAPPING.replace('"no"', '"no such columns"')
    )
    refused = await hq.post(f"{PATH}/{upload_id}/again", channel="pos", mapping="nonsense")

    assert [one.status_code for one in bad] == [400, 400, 400, 404, 400]
    assert "kind =" in bad[1].text
    assert await hq.rows("SELECT count(*) FROM channels_upload_chunk") == [(2,)]
    assert "intake.unusable_file" in failed
    assert (retried.status_code, early.status_code) == (303, 409)
    assert (other.status_code, refused.status_code) == (303, 400)
    assert len(await hq.rows("SELECT id FROM channels_upload")) == 2


async def test_a_mapping_is_checked_while_it_is_written(hq: Hq) -> None:
    good = await hq.post(f"{PATH}/check", mapping=MAPPING)
    bad = await hq.post(f"{PATH}/check", mapping=MAPPING.replace("scale = 2", 'scale = "two"'))
    unknown = await hq.post(f"{PATH}/check", mapping=MAPPING.replace("[fields.shop_code]", "[fields.shop]"))
    shipped = await hq.page(f"{PATH}/mapping?shipped=uci_online_retail")

    assert "notice-good" in good.text
    assert "<code>total</code>" in good.text
    assert "fields.total_minor" in bad.text
    assert "fields.shop" in unknown.text
    assert "shop_code" in unknown.text
    assert "InvoiceNo" in shipped


async def test_a_killed_worker_is_missed_and_the_next_one_goes_on_where_it_stopped(hq: Hq) -> None:
    """Killed with -9 after its first batch: nobody else may take the file while it could still live."""
    upload_id = await hq.keep(csv_of(6_000))

    code = await anyio.to_thread.run_sync(lambda: _die_at(hq, upload_id, "intake.batch_committed"))
    after_kill = await hq.rows("SELECT records_read, applied FROM intake_run")
    await hq.work(upload_id)
    still = await hq.state(upload_id)
    await hq.rows("UPDATE channels_upload SET held_until = now() - interval '1 second' RETURNING id")
    await _look(hq, upload_id)
    for work in list(working.imports._works.values()):
        await anyio.to_thread.run_sync(work.thread.join)

    assert code == -signal.SIGKILL
    (read, applied), *others = after_kill
    assert others == []
    assert 0 < read == applied < 6_000
    assert still == ("running", "", 1)
    assert await hq.state(upload_id) == ("done", "", 2)
    assert await hq.rows("SELECT records_read, applied, unchanged FROM intake_run") == [(6_000, 6_000, 0)]
    assert await hq.rows("SELECT count(*) FROM orders_order") == [(6_000,)]
    timers = await hq.rows("SELECT state, due_at > now() FROM outbox_timer WHERE key = $1", str(upload_id))
    assert timers == [("set", True)]


async def test_a_file_that_kills_every_worker_is_given_up(hq: Hq) -> None:
    upload_id = await hq.keep(csv_of(3))
    await hq.rows("UPDATE channels_upload SET attempts = $1 RETURNING id", uploads.MAX_ATTEMPTS)

    await hq.work(upload_id)

    assert await hq.state(upload_id) == ("failed", "channels.upload_given_up", uploads.MAX_ATTEMPTS + 1)
    assert "channels.upload_given_up" in await hq.page(f"{PATH}/{upload_id}")


async def test_the_bytes_go_after_a_week_and_what_is_known_stays(hq: Hq) -> None:
    done, waiting = await hq.keep(csv_of(2)), await hq.keep(csv_of(3))
    await hq.work(done)
    await hq.rows("UPDATE channels_upload SET created_at = now() - interval '8 days' RETURNING id")

    await uploads.remove_old(hq.services.database, brand=hq.brand.id)

    kept = await hq.rows("SELECT upload_id FROM channels_upload_chunk")
    assert kept == [(waiting,)]
    assert "removed" in await hq.page(f"{PATH}/{done}")
    assert (await hq.post(f"{PATH}/{done}/retry")).status_code == 409
    again = await hq.post(f"{PATH}/{done}/again", channel="pos", mapping=MAPPING)
    assert again.status_code == 409


async def test_a_file_beyond_the_bounds_is_refused_and_nothing_is_kept(
    hq: Hq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_FILE_BYTES", 1_000)
    large = await hq.upload(csv_of(100))
    monkeypatch.setattr(uploads, "MAX_KEPT_BYTES", 10)
    full = await hq.upload(csv_of(2))

    assert (large.status_code, full.status_code) == (413, 409)
    assert await hq.rows("SELECT count(*) FROM channels_upload") == [(0,)]


async def _look(hq: Hq, upload_id: uuid.UUID) -> None:
    async with hq.services.database.unit_of_work(hq.brand.id) as session:
        timer = DueTimer(hq.brand.id, ORDERS.timer, str(upload_id), {})
        await channels.import_upload.handle(session, timer)


def _die_at(hq: Hq, upload_id: uuid.UUID, label: str) -> int:
    settings = hq.services.settings
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_TEST_DIE_AT": label,
    }
    words = (str(hq.brand.id), str(upload_id))
    code, _ = nursery.run("tests.channels.upload_worker", *words, environment=environment)
    return code
