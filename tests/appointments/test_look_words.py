"""What words of files mean: by JSON from the look to the way back, of many words in parts, and forgotten again."""

import re
import uuid
from typing import Any

import httpx
import pytest

from appointments.service import meanings
from appointments.service.imports import FILES
from tests.appointments.hq import PATH, Hq
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_hq_json import IMPORTS, Api
from tests.appointments.test_looks import filled, listed, upload, worked
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.files.service import working

pytestmark = pytest.mark.anyio

ROWS = [
    ["浦东店", "2024-03-05", "14:30", "60", "试妆", "Amy", "已完成", "张三"],
    ["浦东店", "2024-03-06", "10:00", "90", "试妆", "Amy", "改签了", "李四"],
    ["静安店", "2024-03-05", "21:00", "30", "修眉", "Bea", "爽约", "王五"],
]


@pytest.fixture
async def salon(services: Services, brand: BrandView) -> Salon:
    return await make_salon(services, brand, fields=service_fields(code="TRIAL", chair_kind=""))


class Token(Api):
    """A token beside a browser of the same client: it knows no cookies."""

    async def __call__(self, method: str, path: str, expected: int = 200, /, **body: Any) -> Any:
        self.client.cookies.clear()
        return await super().__call__(method, path, expected, **body)


@pytest.fixture
async def api(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Api:
    return Token(client, (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers)


@pytest.fixture
async def hq(client: httpx.AsyncClient, api: Api, salon: Salon) -> Hq:
    client.headers.update(api.headers)
    return Hq(client, salon, "")


async def sent(api: Api, data: bytes, **form: str) -> Any:
    api.client.cookies.clear()
    answer = await api.client.post(
        f"{IMPORTS}/looks", files={"file": ("预约.csv", data, "text/csv")}, data=form, headers=api.headers
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def work(salon: Salon, file: Any) -> str:
    """The worker does it; where the file is."""
    await working.work_off(salon.services.settings, FILES, salon.brand.id, uuid.UUID(file["upload_id"]))
    return f"{IMPORTS}/{file['upload_id']}"


async def words(api: Api, look: str, kind: str, standing: str = "open") -> dict[str, Any]:
    """All of a kind, a page of one each."""
    found: dict[str, Any] = {}
    cursor = ""
    while True:
        page = await api("GET", f"{look}/look/words?kind={kind}&standing={standing}&limit=1{cursor}")
        found |= {one["word"]: one for one in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


async def test_a_file_is_looked_at_answered_brought_in_and_taken_back_by_json(api: Api, salon: Salon) -> None:
    look_file = await sent(api, listed(ROWS))
    waiting = f"{IMPORTS}/{look_file['upload_id']}/look"
    assert (look_file["is_look"], (await api("GET", waiting))["found"]) == (True, None)
    for path in ("words?kind=shop",):
        assert await api("GET", f"{waiting}/{path}", 409) == "appointments.look_running"
    assert await api("POST", f"{waiting}/import", 409) == "appointments.look_running"
    look = await work(salon, look_file)

    found = (await api("GET", f"{look}/look"))["found"]
    assert found["layout"]["columns"]["starts_at"] == ["日期", "开始时间"]
    assert {kind: one["open"] for kind, one in found["words"].items()} == {
        "shop": 2, "service": 2, "staff": 2, "state": 1
    }  # fmt: skip
    assert found["words"]["shop"]["rows"] == 3

    # Another name of the system: the file is looked at again, once, and the old look leads there.
    layout = found["layout"] | {
        "name": "旧系统",
        "formats": {k: v[0] for k, v in found["layout"]["formats"].items()},
    }
    assert await api("POST", f"{look}/look/columns", 400, **layout | {"zone": "Mars/Base"}) == "core.invalid_input"
    again = await api("POST", f"{look}/look/columns", 201, **layout)
    assert (await api("POST", f"{look}/look/columns", 201, **layout))["upload_id"] == again["upload_id"]
    assert (await api("GET", f"{look}/look"))["next_upload_id"] == again["upload_id"]
    look = await work(salon, again)

    shops, services, people = [await words(api, look, kind) for kind in ("shop", "service", "staff")]
    [state] = (await words(api, look, "state")).values()
    assert {word: (one["to"], one["rows"]) for word, one in shops.items()} == {
        "浦东店": ("new", 2),
        "静安店": ("new", 1),
    }
    assert services["试妆"]["minutes"] == 60
    wrong = [{"key": shops["浦东店"]["key"], "to": str(salon.brand.id)}]
    assert await api("POST", f"{look}/look/answers", 400, answers=wrong) == "core.invalid_input"
    answers = [
        {"key": shops["浦东店"]["key"], "to": str(salon.shop_id)},
        {"key": shops["静安店"]["key"], "to": "new", "code": "JA", "name": "静安"},
        {"key": services["试妆"]["key"], "to": str(salon.service.id)},
        {"key": services["修眉"]["key"], "to": "new", "minutes": 45},
        {"key": people["Amy"]["key"], "to": str(salon.staff[0])},
        {"key": people["Bea"]["key"], "to": "new"},
        {"key": state["key"], "to": "completed"},
        {"key": "shop-99", "to": "new"},
    ]
    told = await api("POST", f"{look}/look/answers", answers=answers)
    twice = await api("POST", f"{look}/look/answers", answers=answers)
    assert told == {"drafts": 3, "left": ["shop-99"]}
    assert (twice["drafts"], len(twice["left"])) == (0, 8), "what was said has another key"
    now = (await api("GET", f"{look}/look"))["found"]
    assert (now["is_clear"], now["words"]["staff"]["said"]) == (True, 2)
    assert {one["to"] for one in (await words(api, look, "state", "said")).values()} == {"completed"}

    file = await api("POST", f"{look}/look/import")
    assert (await api("POST", f"{look}/look/import"))["upload_id"] == file["upload_id"]
    done = await api("GET", await work(salon, file))
    assert (done["is_look"], done["here"], done["counts"]["quarantined"]) == (False, 3, 0)
    bookings = await salon.rows("SELECT state, staff_id::text FROM appointments_booking WHERE brand_id = $1")
    assert sorted(str(one["state"]) for one in bookings) == ["completed", "completed", "no_show"]
    assert [one["staff_id"] for one in bookings].count(str(salon.staff[0])) == 2

    # Drafts: one is confirmed; what it was made for is taken back, and it stays.
    drafts = {one["kind"]: one for one in await api("GET", f"{IMPORTS}/drafts")}
    assert {kind: one["name"] for kind, one in drafts.items()} == {
        "shop": "静安",
        "service": "修眉",
        "staff": "Bea",
    }
    confirm = [drafts["service"]["id"]]
    assert await api("POST", f"{IMPORTS}/drafts/confirm", ids=confirm) == {"confirmed": 1}
    assert await api("POST", f"{IMPORTS}/drafts/confirm", ids=confirm) == {"confirmed": 0}
    run = f"{IMPORTS}/runs/{done['run_id']}"
    await api("POST", f"{run}/undo")
    await Hq(api.client, salon, "").take_back(done["run_id"])
    gone = await api("GET", run)
    assert (gone["here"], gone["taking_back"]["kept"]) == (0, {"confirmed": 1})
    assert await api("GET", f"{IMPORTS}/drafts") == []

    # A file that is in can be looked at once more.
    other = await api("POST", f"{IMPORTS}/{file['upload_id']}/look", 201)
    assert (await api("GET", f"{await work(salon, other)}/look"))["found"]["words"]["shop"]["open"] == 1
    assert await api("GET", f"{IMPORTS}/{file['upload_id']}/look", 404) == "core.not_found"


async def test_words_are_remembered_listed_and_forgotten_and_the_next_file_asks_for_them_again(
    hq: Hq, api: Api, salon: Salon
) -> None:
    empty = await hq.page(f"{PATH}/words")
    look = await work(salon, await sent(api, listed(ROWS)))
    answers = [
        {"key": one["key"], "to": to}
        for kind, of_word in (
            ("shop", {"浦东店": str(salon.shop_id), "静安店": "new"}),
            ("service", {"试妆": str(salon.service.id)}),
            ("staff", {"Amy": str(salon.staff[0])}),
            ("state", {"改签了": "cancelled"}),
        )
        for word, one in (await words(api, look, kind)).items()
        if (to := of_word.get(word))
    ]
    await api("POST", f"{look}/look/answers", answers=answers)
    listed_ = await api("GET", f"{IMPORTS}/words?limit=2")
    more = await api("GET", f"{IMPORTS}/words?limit=200&cursor={listed_['next_cursor']}")
    found = {one["word"]: one for one in (*listed_["items"], *more["items"])}
    page, chinese = await hq.page(f"{PATH}/words"), await hq.page(f"{PATH}/words", "zh-CN")
    narrowed = await hq.page(f"{PATH}/words?kind=state&q=改签")
    nothing = await hq.page(f"{PATH}/words?q=没有")

    assert "No words remembered" in empty
    assert {word: (one["kind"], one["name"]) for word, one in found.items()} == {
        "浦东店": ("shop", await shop_name(salon)), "静安店": ("shop", "静安店"),
        "试妆": ("service", salon.service.name), "amy": ("staff", "化妆师 1"),
        "改签了": ("state", ""),
    }  # fmt: skip
    assert found["amy"]["shop_id"] == str(salon.shop_id)
    assert page.count('name="word"') == 5
    assert "化妆师 1" in page
    assert "Cancelled" in page
    assert "已取消" in chinese
    assert narrowed.count('name="word"') == 1
    assert "No word is like this" in nothing
    assert f'href="{PATH}/words"' in await hq.page(f"{PATH}/imports")

    done = await hq.post(f"{PATH}/words", word=found["amy"]["key"])
    gone = await api("POST", f"{IMPORTS}/words/forget", keys=[found["改签了"]["key"], found["amy"]["key"]])
    assert done.status_code == 303
    assert gone == {"forgotten": 1}, "one was forgotten on the page already"
    assert await api("POST", f"{IMPORTS}/words/forget", 400, keys=["x"]) == "core.invalid_input"
    left = await api("GET", f"{IMPORTS}/words")
    assert {one["word"] for one in left["items"]} == {"浦东店", "静安店", "试妆"}
    asked = (await api("GET", f"{look}/look"))["found"]["words"]
    assert (asked["staff"]["open"], asked["state"]["open"], asked["shop"]["open"]) == (2, 1, 0)


async def test_of_many_words_every_one_can_be_answered_part_by_part(
    hq: Hq, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meanings, "ASKED", 3)
    rows = [
        ["浦东店", f"2024-03-{day:02}", "10:00", "60", f"项目{chr(65 + day)}", "Amy", "已完成", "x"]
        for day in range(1, 9)
    ]
    look = await upload(hq, listed(rows))
    action = look.replace("imports", "looks")
    first = await hq.page(look)
    seen = [name for name in filled(first) if re.fullmatch(r"service-\d+", name)]
    values = filled(first)
    values |= dict.fromkeys(seen, str(salon.service.id)) | {"shop-0": str(salon.shop_id)}
    values |= {"staff-0": str(salon.staff[0]), "then": "more"}
    second = await hq.post(action, **values)
    next_page = await hq.page(str(second.headers["location"]))
    rest = [name for name in filled(next_page) if re.fullmatch(r"service-\d+", name)]
    third = await hq.post(action, **filled(next_page), part="1", then="more")
    last = await hq.page(str(third.headers["location"]))
    back = await hq.page(look)

    assert seen == ["service-0", "service-1", "service-2"]
    assert "3 of 8; the others are in the other parts." in first
    assert second.headers["location"] == f"{action}?number=1"
    assert rest == ["service-3", "service-4", "service-5"]
    assert third.headers["location"] == f"{action}?number=2"
    assert [name for name in filled(last) if re.fullmatch(r"service-\d+", name)] == ["service-6", "service-7"]
    assert 'value="more"' not in last
    assert f"{action}?number=0" in back, "what was said in the first part can be seen again"
    made = await hq.salon.rows("SELECT id FROM appointments_booking WHERE brand_id = $1")
    assert made == []

    await worked(hq, await hq.post(action, **filled(last)))
    states = await hq.states()
    assert list(states.values()) == ["completed"] * 8
    said = await salon.rows("SELECT said FROM appointments_import_word WHERE brand_id = $1 AND kind = 'service'")
    assert len(said) == 8


async def shop_name(salon: Salon) -> str:
    [row] = await salon.rows("SELECT name FROM stores_shop WHERE brand_id = $1 AND id = $2", salon.shop_id)
    return str(row["name"])


async def test_an_example_says_what_stands_in_the_file_and_nothing_of_ours(hq: Hq) -> None:
    names = ["Cancel Date", "Code", "Service", "Staff", "Booking Date"]
    look = await upload(hq, listed([["2018-05-22", "MASA01", "CFC", "JOANNE", "2018-05-24"]], names))
    page = await hq.page(look)

    assert "Line 2: 2018-05-24 · CFC · JOANNE<" in page


async def test_where_there_are_too_many_to_choose_from_any_of_them_can_be_written(
    hq: Hq, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meanings, "_CHOICES", 0)
    look = await upload(hq, listed(ROWS[:1]))
    page = await hq.page(look)
    action = look.replace("imports", "looks")
    [label] = re.findall(r'<datalist id="names-service"><option value="([^"]*)">', page)
    values = filled(page) | {"shop-0": str(salon.shop_id), "staff-0": str(salon.staff[0])}
    wrong = await hq.post(action, **values | {"service-0-other": "没有这个"})
    await hq.post(action, **values | {"service-0-other": label})
    meant = await salon.rows("SELECT means FROM appointments_import_word WHERE brand_id = $1 AND kind = 'service'")

    assert wrong.status_code == 400
    assert 'id="error-service-0"' in wrong.text
    assert meant == [{"means": str(salon.service.id)}]


async def test_a_list_of_days_alone_comes_in_when_hq_says_what_became_of_them(hq: Hq) -> None:
    names = ["Date", "Code", "Service", "Staff"]
    look = await upload(hq, listed([["2018-07-27", "AMAB01", "SHCM", "KELLY"]], names))
    page = await hq.page(look)
    columns = {
        "column-day": "Date",
        "column-client": "Code",
        "column-service_code": "Service",
        "column-staff": "Staff",
    }
    said = {"state": "no_show", "zone": "America/Toronto", "name": "salon"}
    action = look.replace("imports", "looks")
    again = await hq.page(await worked(hq, await hq.post(f"{action}/columns", **columns, **said)))

    assert "choose “Status of all rows” below" in page
    assert "choose “Status of all rows” below" not in again
    assert "Rows that will be held back" not in again


async def test_a_taken_code_is_told_beside_its_word_and_a_list_without_shops_goes_where_the_last_one_went(
    hq: Hq, salon: Salon
) -> None:
    [shop] = await salon.rows("SELECT code FROM stores_shop WHERE brand_id = $1")
    look = await upload(hq, listed(ROWS[:1]))
    action, values = look.replace("imports", "looks"), filled(await hq.page(look))
    shop_taken = await hq.post(action, **values | {"shop-0-code": str(shop["code"])})
    nameless = [[day, "MASA01", "CFC", "JOANNE", day] for day in ("2018-05-24", "2018-05-25")]
    names = ["Cancel Date", "Code", "Service", "Staff", "Booking Date"]
    other = await upload(hq, listed(nameless[:1], names))
    await worked(
        hq, await hq.post(other.replace("imports", "looks"), **(filled(await hq.page(other)) | {"shop-0": "new"}))
    )
    [made] = await salon.rows("SELECT id::text FROM stores_shop WHERE brand_id = $1 AND code = 'IMPORT'")
    await salon.rows("DELETE FROM appointments_import_word WHERE brand_id = $1 RETURNING said")
    second = filled(await hq.page(await upload(hq, listed(nameless, names))))

    assert shop_taken.status_code == 400
    assert 'id="error-shop-0"' in shop_taken.text
    assert second["shop-0"] == made["id"]
