"""Other systems set appointments up for headquarters, read its numbers and bring files in: all of it by JSON."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from appointments.service.imports import FILES
from groupbuy import api as groups
from groupbuy.states import LatePolicy
from tests import factories
from tests.appointments.hq import Hq, csv_of
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.groupbuy.kit import campaign_fields
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.catalog.states import ProductStatus
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.files.service import working

pytestmark = pytest.mark.anyio

SETUP, NUMBERS, IMPORTS = "/v1/appointment-setup", "/v1/appointment-numbers", "/v1/appointment-imports"


@dataclass(frozen=True)
class Api:
    """An administrator's token at work."""

    client: httpx.AsyncClient
    headers: dict[str, str]

    async def __call__(self, method: str, path: str, expected: int = 200, /, **body: Any) -> Any:
        """The answer's body, or the code of its refusal."""
        answer = await self.client.request(
            method, path, headers=self.headers, json=body if method in ("POST", "PUT") else None
        )
        assert answer.status_code == expected, answer.text
        said: Any = answer.json() if answer.content else None
        return said["code"] if expected >= 400 else said


@pytest.fixture
async def api(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Api:
    return Api(client, (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers)


@pytest.fixture
async def stranger(client: httpx.AsyncClient, services: Services) -> Api:
    """The administrator of another brand."""
    other = await factories.make_brand(services.settings)
    return Api(client, (await sign_in_as(services, other.id, Role.HQ_ADMIN)).headers)


async def test_a_service_is_made_changed_and_refused_under_the_names_of_its_fields(
    api: Api, stranger: Api
) -> None:
    path, code = f"{SETUP}/services", readable_code(8)
    made = await api("POST", path, 201, code=f" {code} ", name="新娘试妆", duration_min=60, price_minor=30_000)
    one = f"{path}/{made['id']}"

    assert (made["code"], made["status"], made["currency"], made["version"]) == (code, "active", "CNY", 1)
    assert await api("GET", one) == made
    assert await api("GET", path) == [made]
    assert await api("POST", path, 409, code=code, name="x", duration_min=5) == "appointments.code_taken"
    write = {"code": code, "name": "x", "duration_min": 60}
    for wrong, field in (
        ({"price_minor": 100, "deposit_minor": 200}, "deposit_minor"),
        ({"no_show_limit": 2}, "no_show_deposit_minor"),
        ({"is_no_show_charged": True}, "deposit_minor"),
        ({"duration_min": 7}, "duration_min"),
        ({"name": "  "}, "name"),
        ({"prize": 1}, "prize"),
    ):
        answer = await api.client.put(one, headers=api.headers, json={**write, **wrong, "version": 1})
        assert (answer.status_code, answer.json()["code"]) == (400, "core.invalid_input"), wrong
        assert field in answer.text
    changed = await api("PUT", one, version=1, **{**write, "status": "retired"})
    assert (changed["status"], changed["price_minor"], changed["version"]) == ("retired", 0, 2)
    assert await api("PUT", one, 409, version=1, **write) == "core.version_conflict"
    assert await api("PUT", f"{path}/{new_id()}", 404, version=1, **write) == "appointments.service_unknown"
    assert await stranger("GET", one, 404) == "appointments.service_unknown"
    assert await stranger("PUT", one, 404, version=2, **write) == "appointments.service_unknown"
    assert await api("GET", one) == changed


async def test_somebody_is_entered_with_her_week_and_what_she_cannot_keep_goes_to_others(
    api: Api, stranger: Api, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=2)
    path, shop = f"{SETUP}/people", str(salon.shop_id)
    her = {
        "display_name": "Anna",
        "display_name_en": "Ann",
        "home_shop_id": shop,
        "service_ids": [str(salon.service.id)],
    }
    unknown = {**her, "service_ids": [str(new_id())]}
    assert await api("POST", path, 404, **unknown) == "appointments.service_unknown"
    assert await api("POST", path, 404, **{**her, "home_shop_id": str(new_id())}) == "stores.shop_unknown"
    made = await api("POST", path, 201, **her)
    one = f"{path}/{made['id']}"
    assert (made["display_name_en"], await api("GET", one)) == ("Ann", made)
    line = {"weekday": 1, "shop_id": shop, "starts": "09:00", "ends": "20:00", "kind": "work"}
    lines = [{**line, "weekday": day} for day in range(1, 8)]
    late = {**line, "starts": "22:00", "ends": "02:00"}

    week = await api("PUT", f"{one}/week", version=made["version"], lines=lines)
    assert week["lines"] == lines
    assert await api("GET", f"{one}/week") == week
    for wrong in ([line, line], [late, {**line, "weekday": 2, "starts": "01:00"}], [{**line, "ends": "24:30"}]):
        answer = await api("PUT", f"{one}/week", 400, version=week["version"], lines=wrong)
        assert answer == "core.invalid_input"
    breaks = [{**line, "kind": "break", "starts": "12:00", "ends": end} for end in ("12:30", "13:00")]
    assert await api("PUT", f"{one}/week", 409, version=week["version"], lines=breaks) == "appointments.span_taken"
    assert await api("PUT", f"{one}/week", 409, version=1, lines=[]) == "core.version_conflict"
    assert (await api("GET", f"{one}/week"))["lines"] == lines, "none of these left anything"

    start = tomorrow(days=2)
    customer = await make_customer(services, brand)
    booked = await salon.book(start, staff_id=uuid.UUID(made["id"]), member_id=customer.id)
    day = start.date().isoformat()
    assert await api("POST", f"{one}/days", 400, first=day, last=day, kind="work") == "core.invalid_input"
    assert await api("POST", f"{one}/days", 400, first="2031-01-02", last="2031-01-01", kind="off")
    assert await api("POST", f"{one}/days", first=day, last=day, kind="off", reason="病假") == {
        "given": 1,
        "asked": 0,
        "replacement_id": None,
    }
    assert await api("POST", f"{one}/days", first=day, last=day, kind="off") == {
        "given": 0,
        "asked": 0,
        "replacement_id": None,
    }
    assert (await salon.see(booked.booking_id)).staff_id == salon.staff[0]
    pause = {"first": day, "last": day, "kind": "break", "starts": "12:00", "ends": "12:30"}
    assert await api("POST", f"{one}/days", **pause) == {"given": 0, "asked": 0, "replacement_id": None}
    days = await api("GET", f"{one}/days?since={day}")
    assert sorted((each["kind"], each["starts"], each["day"]) for each in days) == [
        ("break", "12:00", day), ("off", None, day)
    ]  # fmt: skip
    for each in days:
        assert await stranger("DELETE", f"{one}/days/{each['id']}", 404) == "appointments.staff_unknown"
        await api("DELETE", f"{one}/days/{each['id']}", 204)
    assert await api("GET", f"{one}/days?since={day}") == []

    # Nobody else performs it any more: what does not fit is seen before anything is done about it.
    other = f"{path}/{salon.staff[0]}"
    stands = await api("GET", other)
    without = {"display_name": "B", "home_shop_id": shop, "version": stands["version"]}
    assert await api("PUT", other, 409, **{**without, "version": 1}) == "core.version_conflict"
    await api("PUT", other, **without)
    [misfit] = await api("GET", f"{other}/misfits")
    assert (misfit["id"], misfit["member_id"]) == (str(booked.booking_id), str(customer.id))
    assert await api("POST", f"{other}/replace") == {"given": 1, "asked": 0, "replacement_id": None}
    assert await api("GET", f"{other}/misfits") == await api("GET", f"{SETUP}/shops/{shop}/misfits") == []
    assert (await salon.see(booked.booking_id)).staff_id == uuid.UUID(made["id"])
    names = [each["display_name"] for each in await api("GET", f"{path}?shop_id={shop}")]
    assert sorted(names) == ["Anna", "B"]
    assert await api("GET", f"{path}?shop_id={new_id()}") == []
    for method, end in (
        ("GET", ""),
        ("GET", "/week"),
        ("GET", "/days"),
        ("GET", "/misfits"),
        ("POST", "/replace"),
    ):
        assert await stranger(method, f"{one}{end}", 404) == "appointments.staff_unknown"


async def test_the_address_of_a_calendar_is_told_renewed_and_ends_with_whoever_leaves(
    api: Api, stranger: Api, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    one = f"{SETUP}/people/{salon.staff[0]}"
    feed = f"{one}/calendar-feed"

    async def reads(url: str) -> int:
        return (await api.client.get(httpx.URL(url).path)).status_code

    first = (await api("GET", feed))["url"]
    assert await reads(first) == 200
    assert await stranger("GET", feed, 404) == await stranger("POST", feed, 404) == "appointments.staff_unknown"
    second = (await api("POST", feed))["url"]
    assert [await reads(url) for url in (first, second)] == [404, 200]
    stands = await api("GET", one)
    gone = {"display_name": "A", "home_shop_id": str(salon.shop_id), "status": "retired"}
    await api("PUT", one, version=stands["version"], **gone)
    assert await api("GET", feed) == {"url": None}
    assert await reads(second) == 404


async def test_a_shop_gets_chairs_holidays_and_other_hours_and_what_it_lacks_is_told(
    api: Api, stranger: Api, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=0)
    one, day = f"{SETUP}/shops/{salon.shop_id}", "2031-05-01"
    [ready] = await api("GET", f"{SETUP}/shops")
    assert (ready["shop_id"], ready["counts"]["people"], ready["lacks"]) == (str(salon.shop_id), 1, ["chairs"])

    chair = await api("POST", f"{one}/chairs", 201, kind="化妆椅", name=" 1 号椅 ")
    assert chair["name"] == "1 号椅"
    assert await api("POST", f"{one}/chairs", 409, kind="化妆椅", name="1 号椅") == "appointments.name_taken"
    assert await api("POST", f"{one}/chairs", 400, kind="化妆椅", name="  ") == "core.invalid_input"
    assert (await api("GET", f"{SETUP}/shops"))[0]["lacks"] == []
    shown = await api("PUT", f"{one}/chairs/{chair['id']}/status", status="retired")
    assert [each["status"] for each in shown["chairs"]] == ["retired"]
    unknown = await api("PUT", f"{one}/chairs/{new_id()}/status", 404, status="retired")
    assert unknown == "appointments.resource_unknown"
    shown = await api("PUT", f"{one}/holidays", holidays="closed", workdays="as_monday")
    assert (shown["holidays"], shown["workdays"]) == ("closed", "as_monday")
    assert await api("PUT", f"{one}/holidays", 400, holidays="never", workdays="as_usual") == "core.invalid_input"
    shown = await api("PUT", f"{one}/days/{day}", opens="10:00", closes="02:00", reason="五一")
    assert shown["days"] == [{"day": day, "opens": "10:00", "closes": "02:00", "reason": "五一"}]
    shown = await api("PUT", f"{one}/days/{day}")
    assert shown["days"] == [{"day": day, "opens": None, "closes": None, "reason": ""}]
    assert await api("PUT", f"{one}/days/{day}", 400, opens="10:00") == "core.invalid_input"
    assert (await api("DELETE", f"{one}/days/{day}"))["days"] == []
    for first in ("0001-01-01", "9999-12-31"):
        await api("PUT", f"{one}/days/{first}")
        await api("DELETE", f"{one}/days/{first}")
    assert await api("POST", f"{one}/replace") == {"given": 0, "asked": 0, "replacement_id": None}
    assert await stranger("GET", f"{SETUP}/shops") == []
    for method, end, body in (
        ("GET", "", {}),
        ("POST", "/chairs", {"kind": "x", "name": "x"}),
        ("PUT", f"/chairs/{chair['id']}/status", {"status": "active"}),
        ("PUT", "/holidays", {"holidays": "as_usual", "workdays": "as_usual"}),
        ("PUT", f"/days/{day}", {}),
        ("DELETE", f"/days/{day}", {}),
        ("GET", "/misfits", {}),
        ("POST", "/replace", {}),
    ):
        code = await stranger(method, f"{one}{end}", 404, **body)
        assert code in ("stores.shop_unknown", "appointments.resource_unknown"), end
    assert (await api("GET", one))["holidays"] == "closed"


async def test_a_campaign_s_groups_buy_a_session_and_the_days_that_count_are_decided(
    api: Api, stranger: Api, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(seats=3))
    product = await make_product(
        services, brand, fields=product_fields(readable_code(8)), skus=(sku_fields(readable_code(8)),),
        status=ProductStatus.ON_SALE,
    )  # fmt: skip
    async with services.database.unit_of_work(brand.id) as session:
        fields = campaign_fields([product.skus[0].id], size=3, late_policy=LatePolicy.REFUND)
        made = await groups.create_campaign(session, fields=fields)
    path, wish = f"{SETUP}/group-offers/{made.campaign.id}", {"service_id": str(salon.service.id)}
    small = await api("POST", f"{SETUP}/services", 201, code=readable_code(8), name="x", duration_min=60)

    assert await api("PUT", path, 400, service_id=small["id"]) == "core.invalid_input"
    assert await api("PUT", path, 404, service_id=str(new_id())) == "appointments.service_unknown"
    unknown = await api("PUT", f"{SETUP}/group-offers/{new_id()}", 404, **wish)
    assert unknown == "groupbuy.campaign_unknown"
    assert await stranger("PUT", path, 404, **wish) == "appointments.service_unknown"
    [offered] = await api("PUT", path, **wish)
    assert (offered["campaign_code"], offered["service_name"]) == (made.campaign.code, salon.service.name)
    assert await api("GET", f"{SETUP}/group-offers") == [offered]
    assert await stranger("GET", f"{SETUP}/group-offers") == []
    async with services.database.unit_of_work(brand.id) as session:
        stands = await groups.get_campaign(session, campaign_id=made.campaign.id)
        await groups.publish_campaign(
            session, campaign_id=made.campaign.id, version=stands.campaign.version, now=dt.datetime.now(dt.UTC)
        )
    assert await api("PUT", path, **wish) == [offered], "said again"
    other = await api("POST", f"{SETUP}/services", 201, code=readable_code(8), name="x", duration_min=60, seats=3)
    assert await api("PUT", path, 409, service_id=other["id"]) == "groupbuy.terms_are_fixed"
    assert await api("GET", f"{SETUP}/group-offers") == [offered]

    decided = {"purchase_days": 14, "viewing_days": 60}
    assert await api("PUT", f"{SETUP}/policy", **decided) == await api("GET", f"{SETUP}/policy") == decided
    assert await api("PUT", f"{SETUP}/policy", 400, purchase_days=0, viewing_days=60) == "core.invalid_input"
    assert await stranger("GET", f"{SETUP}/policy") != decided


async def test_numbers_and_the_appointments_behind_them_say_the_same(
    api: Api, stranger: Api, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2)
    start = tomorrow(days=1)
    codes = [
        (await salon.book(start + dt.timedelta(hours=n), member_id=(await make_customer(services, brand)).id)).code
        for n in range(3)
    ]
    day = start.date()
    query = f"from={day - dt.timedelta(days=1)}&to={day + dt.timedelta(days=1)}"

    usage = await api("GET", f"{NUMBERS}/usage?{query}")
    assert usage["total"]["booked"] == 3
    assert usage["total"]["minutes"] == sum(one["counts"]["minutes"] for one in usage["people"]) == 180
    assert [one["shop_id"] for one in usage["shops"]] == [str(salon.shop_id)]
    assert sum(one["count"] for one in usage["hours"]) == 3
    first = await api("GET", f"{NUMBERS}/appointments?{query}&limit=2")
    rest = await api("GET", f"{NUMBERS}/appointments?{query}&limit=2&cursor={first['next_cursor']}")
    assert [one["code"] for one in (*first["items"], *rest["items"])] == codes[::-1]
    assert (rest["next_cursor"], first["items"][0]["bought"]) == (None, [])
    total = await api("GET", f"{NUMBERS}/appointments/total?{query}&shop_id={salon.shop_id}")
    assert (total["count"], total["net_minor"]) == (3, {})
    assert (await api("GET", f"{NUMBERS}/appointments/total?{query}&what=served"))["count"] == 0
    today = dt.datetime.now(dt.UTC).date()
    asked = f"from={today - dt.timedelta(days=1)}&to={today + dt.timedelta(days=1)}"
    funnel = await api("GET", f"{NUMBERS}/funnel?{asked}&by=channel")
    assert (funnel["total"]["held"], funnel["total"]["booked"], funnel["total"]["net_minor"]) == (3, 3, {})
    assert (await api("GET", f"{NUMBERS}/appointments/total?{asked}&what=booked"))["count"] == 3
    assert await api("GET", f"{NUMBERS}/orders/{new_id()}", 404) == "appointments.booking_unknown"
    for wrong in ("weekday=8", "hour=24", "what=lost", "from=yesterday", "cursor=x"):
        assert await api("GET", f"{NUMBERS}/appointments?{wrong}", 400) == "core.invalid_input", wrong
    assert (await stranger("GET", f"{NUMBERS}/usage?{query}"))["total"]["booked"] == 0
    assert (await stranger("GET", f"{NUMBERS}/appointments?{query}"))["items"] == []


async def test_a_file_is_brought_in_mended_tried_again_and_taken_back(hq: Hq, api: Api, stranger: Api) -> None:
    mapping = FILES.shipped_mappings()["yundian"]
    rows = [hq.row(str(n), "cancelled", day="2026-03-02") for n in (1, 2)]
    rows += [hq.row("3", "no_show", day="2026-03-03", staff="谁"), hq.row("4", "cancelled", "yesterday")]

    async def send(data: bytes, *, status: int = 201, text: str = mapping) -> Any:
        answer = await hq.client.post(
            IMPORTS, files={"file": ("list.csv", data, "text/csv")}, data={"mapping": text}, headers=api.headers
        )
        assert answer.status_code == status, answer.text
        return answer.json()

    assert (await send(b"", status=400))["code"] == "channels.upload_empty"
    assert (await send(b"x", status=400, text="encoding = 1"))["code"] == "intake.bad_mapping"
    sent = await send(csv_of(rows).encode())
    assert (sent["standing"], sent["is_live"], sent["counts"]) == ("waiting", True, None)
    assert (await send(csv_of(rows).encode()))["upload_id"] == sent["upload_id"], "the same file, still at work"
    one = f"{IMPORTS}/{sent['upload_id']}"
    assert await api("POST", f"{one}/retry", 409) == "channels.upload_not_ended"
    await working.work_off(hq.salon.services.settings, FILES, hq.salon.brand.id, uuid.UUID(sent["upload_id"]))
    done = await api("GET", one)
    run = f"{IMPORTS}/runs/{done['run_id']}"
    assert (done["standing"], done["here"], done["counts"]["quarantined"]) == ("finished", 2, 2)
    assert await api("GET", run) == done
    assert [each["upload_id"] for each in await api("GET", IMPORTS)] == [sent["upload_id"]]

    held = await api("GET", f"{IMPORTS}/held?run_id={done['run_id']}&limit=1")
    more = await api("GET", f"{IMPORTS}/held?limit=1&cursor={held['next_cursor']}")
    by_code = {each["code"]: each["id"] for each in (*held["items"], *more["items"])}
    record = f"{IMPORTS}/held/{by_code['appointments.staff_unknown']}"
    assert (await api("GET", record))["source"]["staff"] == "谁"
    still = await api("POST", f"{record}/replay", columns={"staff": "谁呀"})
    assert (still["problem"]["code"], still["problem"]["column"]) == ("appointments.staff_unknown", "staff")
    assert await api("POST", f"{record}/replay", columns={"staff": "化妆师 2"}) == {"problem": None}
    assert await api("POST", f"{record}/replay", 409) == "intake.already_settled"
    wrong = f"{IMPORTS}/held/{next(key for code, key in by_code.items() if code.startswith('intake'))}"
    assert await api("POST", f"{IMPORTS}/held/replay", run_id=done["run_id"]) == {"taken_in": 0, "still_held": 1}
    assert (await api("POST", f"{wrong}/discard"))["state"] == "discarded"
    assert await api("POST", f"{wrong}/discard", 409) == "intake.already_settled"
    assert (await api("POST", f"{wrong}/undo"))["state"] == "open"
    assert await api("POST", f"{wrong}/undo", 409) == "intake.already_settled"
    assert (await api("GET", f"{IMPORTS}/held?state=replayed"))["items"][0]["id"] == record.rsplit("/", 1)[-1]

    other = await api("POST", f"{one}/again", 201, mapping=mapping.replace("yundian", "another"))
    assert other["upload_id"] != sent["upload_id"]
    assert await api("POST", f"{one}/again", 400, mapping="") == "intake.bad_mapping"
    checked = await api("POST", f"{IMPORTS}/mappings/check", mapping=mapping)
    assert (checked["problem"], "staff" in checked["fields"]) == ("", True)
    assert mapping in [each["mapping"] for each in await api("GET", f"{IMPORTS}/mappings")]
    back = await api("POST", f"{run}/undo")
    assert (back["here"], back["taking_back"]["is_running"]) == (3, True)
    await hq.take_back(done["run_id"])
    gone = await api("GET", run)
    assert (gone["here"], gone["taking_back"]["removed"], gone["taking_back"]["is_running"]) == (0, 3, False)

    waiting = f"{IMPORTS}/{other['upload_id']}"
    for method, path in (
        ("GET", one), ("POST", f"{one}/retry"), ("GET", run), ("POST", f"{run}/undo"), ("GET", record),
        ("POST", f"{record}/replay"), ("POST", f"{wrong}/discard"), ("POST", f"{wrong}/undo"), ("GET", waiting),
    ):  # fmt: skip
        assert await stranger(method, path, 404) == "core.not_found", path
    assert await stranger("POST", f"{one}/again", 404, mapping=mapping) == "core.not_found"
    assert await stranger("GET", IMPORTS) == (await stranger("GET", f"{IMPORTS}/held"))["items"] == []


@pytest.mark.parametrize("role", [Role.HQ_ANALYST, Role.SHOP_OWNER])
async def test_an_analyst_reads_and_writes_nothing_and_a_shop_does_neither(
    client: httpx.AsyncClient, services: Services, brand: BrandView, role: Role
) -> None:
    salon: Salon = await make_salon(services, brand)
    api = Api(client, (await sign_in_as(services, brand.id, role, shop_id=salon.shop_id)).headers)
    may_read = 200 if role is Role.HQ_ANALYST else 403

    await api("GET", f"{SETUP}/people/{salon.staff[0]}", may_read)
    await api("GET", f"{NUMBERS}/usage", may_read)
    for path in ("policy", f"people/{salon.staff[0]}", f"shops/{salon.shop_id}/holidays"):
        assert await api("PUT", f"{SETUP}/{path}", 403, x=1) == "auth.forbidden"
    assert await api("POST", f"{SETUP}/people/{salon.staff[0]}/calendar-feed", 403) == "auth.forbidden"
