"""A brand that has nothing yet brings its appointments: a look, what words mean, drafts, and the way back."""

import csv
import io
import os
import re
import signal
import uuid
from collections.abc import Sequence

import anyio
import httpx
import pytest

from appointments.service.imports import FILES
from tests import nursery
from tests.appointments.hq import PATH, Hq
from tests.appointments.makers import Salon
from tests.appointments.test_booking import tomorrow
from tests.helpers import csrf_token
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.files.service import working

pytestmark = pytest.mark.anyio

NAMES = ["门店", "日期", "开始时间", "时长", "项目", "技师", "状态", "客户"]


@pytest.fixture
async def empty(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Hq:
    """An administrator's browser, before a brand without a shop."""
    nobody = Salon(
        services=services, brand=brand, shop_id=brand.id, service=None, staff=[], chairs=[], zone="Asia/Shanghai"  # type: ignore[arg-type]
    )  # fmt: skip
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    client.headers.update(person.headers)
    return Hq(client, nobody, "")


def listed(rows: Sequence[Sequence[str]], names: Sequence[str] = NAMES) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([names, *rows])
    return out.getvalue().encode("gb18030")


async def upload(hq: Hq, data: bytes, name: str = "预约.csv", **fields: str) -> str:
    """The page of the look."""
    form = {"_csrf_token": await csrf_token(hq.client), "look": "1", **fields}
    sent = await hq.client.post(
        f"{PATH}/imports", data=form, files={"file": (name, data, "text/csv")}, headers={"Accept": "text/html"}
    )
    assert sent.status_code == 303, sent.text
    return await worked(hq, sent)


async def worked(hq: Hq, answer: httpx.Response) -> str:
    """The worker does what was asked for."""
    assert answer.status_code == 303, answer.text
    url = str(answer.headers["location"])
    upload_id = uuid.UUID(url.rsplit("/", 1)[-1])
    await working.work_off(hq.salon.services.settings, FILES, hq.salon.brand.id, upload_id)
    return url


def filled(page: str) -> dict[str, str]:
    """The form of words, as a browser would send it untouched."""
    start = re.search(r'action="/hq/appointments/looks/[^"/]*"', page)
    assert start, page
    form = page[start.start() :]
    values = {}
    for shown in re.findall(r'<input class="input"[^>]*>', form):
        name, value = re.search(r'name="([^"]*)"', shown), re.search(r'value="([^"]*)"', shown)
        assert name
        assert value
        values[name[1]] = value[1]
    for name, options in re.findall(r'<select class="input" name="([^"]+)"[^>]*>(.*?)</select>', form):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        values[str(name)] = chosen[1] if chosen else ""
    return values


async def test_a_brand_without_anything_brings_its_list_in_confirms_what_was_made_and_takes_it_back(
    empty: Hq,
) -> None:
    coming = tomorrow(days=3)
    rows = [
        ["浦东店", "2024-03-05", "14:30", "60", "试妆", "Amy", "已完成", "张三"],
        ["浦东店", "2024-03-06", "10:00", "90分钟", "试妆", "Amy", "已完成", "李四"],
        ["浦东店", "2024-03-07", "10:00", "90", "试妆", "Amy", "改签了", "李四"],
        ["静安店", "2024-03-05", "21:00", "30", "修眉", "Amy", "爽约", "王五"],
        ["静安店", f"{coming:%Y-%m-%d}", "15:00", "30", "修眉", "Bea", "已预约", "王五"],
        ["静安店", "2024-33-05", "21:00", "30", "修眉", "Amy", "爽约", "王五"],
        ["合计", "", "", "", "", "", "", ""],
    ]
    look = await upload(empty, listed(rows))
    page = await empty.page(look)
    values = filled(page)
    listing = await empty.page(f"{PATH}/imports")

    assert values["shop-0"] == values["shop-1"] == values["service-0"] == values["staff-0"] == "new"
    [open_state] = [name for name in values if name.startswith("state-")]
    assert values[open_state] == ""
    assert values["service-0-minutes"] == "90"
    assert "2024-33-05" in page
    assert "Looked at, not brought in yet" in listing
    assert await empty.salon.rows("SELECT id FROM stores_shop WHERE brand_id = $1") == []

    action = look.replace("imports", "looks")
    url = await worked(empty, await empty.post(action, **values))
    twice = await empty.post(action, **values)
    assert twice.headers["location"] == url
    after = await empty.page(url)
    services = await empty.salon.rows(
        "SELECT code, duration_min, status FROM appointments_service WHERE brand_id = $1"
    )
    people = await empty.salon.rows("SELECT display_name, status FROM appointments_staff WHERE brand_id = $1")
    assert {(one["code"], one["duration_min"], one["status"]) for one in services} == {
        ("试妆", 90, "retired"), ("修眉", 30, "retired")
    }  # fmt: skip
    assert sorted((one["display_name"], one["status"]) for one in people) == [
        ("Amy", "retired"), ("Amy", "retired"), ("Bea", "retired")
    ]  # fmt: skip
    hours = await empty.salon.rows(
        "SELECT h.weekday, h.opens, h.closes FROM stores_opening_hours h JOIN stores_shop s ON s.id = h.shop_id"
        " WHERE s.brand_id = $1 AND s.code = '浦东店' AND s.status = 'opening' ORDER BY 1"
    )
    assert hours == [
        {"weekday": 2, "opens": 870, "closes": 930}, {"weekday": 3, "opens": 600, "closes": 690},
        {"weekday": 4, "opens": 600, "closes": 690},
    ]  # fmt: skip
    states = sorted((await empty.states()).values())
    assert states == ["completed", "completed", "confirmed", "no_show"]
    assert "nobody said yet what this state means: 1" in after
    assert "wait to be checked" in after

    # The word that was left open: said now, the same file comes in again, and nothing is made twice.
    again = await worked(empty, await empty.post(f"{PATH}/looks/{url.rsplit('/', 1)[-1]}/again"))
    values = filled(await empty.page(again))
    assert [name for name in values if not name.startswith("said-")] == [open_state]
    values[open_state] = "completed"
    second = await worked(empty, await empty.post(again.replace("imports", "looks"), **values))
    assert sorted((await empty.states()).values()) == ["completed"] * 3 + ["confirmed", "no_show"]
    assert "Unchanged" in await empty.page(second)
    assert len(await empty.salon.rows("SELECT id FROM appointments_staff WHERE brand_id = $1")) == 3

    # The next file of this kind is read alike, and knows its words.
    third = await empty.page(await upload(empty, listed([["浦东店", "2024-03-09", *rows[0][2:]]])))
    assert "as the last file like this one was" in third
    assert "Every shop, service, person and status of the file is known here." in third

    # HQ confirms Jing'an; then the first import is taken back: what is not confirmed goes with it.
    drafts = await empty.page(f"{PATH}/drafts")
    for path, number in (("staff", 3), ("services", 2)):
        assert (await empty.page(f"{PATH}/{path}")).count("Draft of an import") == number, path
    [jingan] = await empty.salon.rows("SELECT id::text FROM stores_shop WHERE brand_id = $1 AND code = '静安店'")
    assert drafts.count('name="draft"') == 7
    await empty.post(f"{PATH}/drafts", draft=str(jingan["id"]))
    for page_url in (second, url):
        run = re.search(r"/runs/([0-9a-f-]{36})/undo", await empty.page(page_url))
        assert run
        await empty.post(f"{PATH}/runs/{run[1]}/undo")
        await empty.take_back(run[1])
    assert await empty.states() == {}
    shops = await empty.salon.rows("SELECT code, status FROM stores_shop WHERE brand_id = $1")
    assert shops == [{"code": "静安店", "status": "open"}]
    for table in ("appointments_service", "appointments_staff", "appointments_plan_span"):
        assert await empty.salon.rows(f"SELECT id FROM {table} WHERE brand_id = $1") == []
    words = await empty.salon.rows(
        "SELECT kind, said FROM appointments_import_word WHERE brand_id = $1 ORDER BY 1"
    )
    assert words == [{"kind": "shop", "said": "静安店"}, {"kind": "state", "said": "改签了"}]
    assert "were confirmed: 1<" in await empty.page(url)


async def test_two_who_bring_the_same_list_in_at_once_make_everything_once_and_a_killed_look_is_looked_at_again(
    empty: Hq,
) -> None:
    data = listed([["浦东店", "2024-03-05", "14:30", "60", "试妆", "Amy", "已完成", str(n)] for n in range(3)])
    names = {"_csrf_token": await csrf_token(empty.client), "look": "1"}
    sent = [
        await empty.client.post(f"{PATH}/imports", data=names, files={"file": ("a.csv", data, "text/csv")})
        for _ in range(2)
    ]
    looks = [str(one.headers["location"]) for one in sent]
    dead = await anyio.to_thread.run_sync(lambda: _die_in_a_look(empty, looks[0].rsplit("/", 1)[-1]))
    going = await empty.page(looks[0])
    await empty.salon.rows("UPDATE channels_upload SET held_until = now() - interval '1 s' WHERE brand_id = $1")
    for look in looks:
        upload_id = uuid.UUID(look.rsplit("/", 1)[-1])
        await working.work_off(empty.salon.services.settings, FILES, empty.salon.brand.id, upload_id)
    values = [filled(await empty.page(look)) for look in looks]
    answers: list[httpx.Response] = []

    async def bring_in(look: str, form: dict[str, str]) -> None:
        answers.append(await empty.post(look.replace("imports", "looks"), **form))

    async with anyio.create_task_group() as group:
        for look, form in zip(looks, values, strict=True):
            group.start_soon(bring_in, look, form)
    urls = [await worked(empty, answer) for answer in answers]

    assert dead == -signal.SIGKILL
    assert 'hx-trigger="every 2s"' in going
    assert "3 rows read" in going
    for table in ("stores_shop", "appointments_service", "appointments_staff"):
        assert len(await empty.salon.rows(f"SELECT id FROM {table} WHERE brand_id = $1")) == 1, table
    # Of one time of one person the first row counts; both files held the other two.
    assert list((await empty.states()).values()) == ["completed"]
    assert len(await empty.held()) == 2
    assert "this person is in another appointment then: 2" in await empty.page(urls[-1])


async def test_an_answer_that_cannot_be_used_is_told_beside_its_word_and_nothing_is_made(empty: Hq) -> None:
    look = await upload(empty, listed([["浦东店", "2024-03-05", "14:30", "60", "试妆", "Amy", "已完成", "1"]]))
    values = filled(await empty.page(look))
    action = look.replace("imports", "looks")

    wrong = await empty.post(action, **values | {"service-0-minutes": "7"})
    stranger = await empty.post(action, **values | {"shop-0": str(empty.salon.brand.id)})
    # A word of another kind of column: the list is looked at anew, and the old look leads there.
    layout = {"column-shop_code": "门店", "column-service_code": "客户", "column-staff": "技师",
              "column-day": "日期", "state": "no_show", "zone": "Europe/London", "name": "old"}  # fmt: skip
    again = await worked(empty, await empty.post(f"{action}/columns", **layout))
    bad_zone = await empty.post(f"{action}/columns", **layout | {"zone": "Mars/Base"})
    page = await empty.page(again)

    assert (wrong.status_code, stranger.status_code) == (400, 400)
    assert 'id="error-service-0"' in wrong.text
    assert 'id="error-shop-0"' in stranger.text
    assert await empty.salon.rows("SELECT id FROM stores_shop WHERE brand_id = $1") == []
    assert filled(page)["service-0-name"] == "1"
    assert bad_zone.status_code == 400
    assert again in await empty.page(look)


def _die_in_a_look(hq: Hq, upload_id: str) -> int:
    settings = hq.salon.services.settings
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_TEST_DIE_AT": "appointments.looked_at",
    }
    words = (str(hq.salon.brand.id), upload_id)
    code, _ = nursery.run("tests.appointments.look_worker", *words, environment=environment)
    return code
