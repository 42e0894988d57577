"""HQ sets up appointments from nothing on its pages, told what is wrong and where; and how busy people were."""

import csv
import datetime as dt
import io
import re
import uuid
from zoneinfo import ZoneInfo

import httpx
import pytest

from appointments.service import reporting, setup
from appointments.states import DayKind, DayRule, SpanKind
from appointments.types import PlanLine, ShopDayView, StaffDayFields
from stores.types import Interval
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.payments.kit import add_account
from tests.people import sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.payments.types import WeChatPayAccount
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
HQ = "/hq/appointments"


def wrong(answer: httpx.Response) -> set[str]:
    """The fields that are marked."""
    return set(re.findall(r'class="error" id="error-([a-z_]+)"', answer.text))


async def test_a_new_brand_is_set_up_on_its_pages_and_told_what_is_missing_and_what_is_wrong(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers

    async def send(path: str, **form: object) -> httpx.Response:
        return await submit(client, f"{HQ}{path}", form, **hq)

    async def missing() -> list[str]:
        page = await client.get(f"{HQ}/shops?lang=en", headers={**HTML, **hq})
        return re.findall(r'badge-(?:warn|good)">([^<]+)<', page.text)

    empty = await client.get(f"{HQ}?lang=en", headers={**HTML, **hq})
    assert "/hq/appointments/shops" in empty.text
    # Where the step before is still to be done, a page leads there.
    nowhere = await client.get(f"{HQ}/staff/new", headers={**HTML, **hq})
    assert "/hq/shops/new" in nowhere.text
    assert "home_shop_id" not in nowhere.text
    shop = await make_shop(
        services, brand, fields=shop_fields("S-1"), hours=tuple(Interval(day, 540, 1260) for day in range(1, 8))
    )
    assert await missing() == ["Nobody serves here"]
    idle = await client.get(f"{HQ}/staff/new", headers={**HTML, **hq})
    assert f"{HQ}/services/new" in idle.text

    # A service: every wrong field is marked, all at once, and nothing typed is lost.
    typed = {"name": "试妆", "code": "TRY", "duration_min": "60", "price": "300", "chair_kind": "化妆椅"}
    for changes, fields in (
        ({"duration_min": "7", "seats": "0", "horizon_days": "9999"}, {"duration_min", "seats", "horizon_days"}),
        ({"name": "  ", "duration_min": ""}, {"name", "duration_min"}),
        ({"price": "1e5"}, {"price"}),
        ({"price": "1.999"}, {"price"}),
        ({"deposit": "500"}, {"deposit"}),
        ({"no_show_limit": "2"}, {"no_show_deposit"}),
        ({"is_no_show_charged": "on"}, {"deposit"}),
    ):
        refused = await send("/services/new", **{**typed, **changes, "description": "写好的说明"})
        assert (refused.status_code, wrong(refused)) == (400, fields), changes
        assert "写好的说明" in refused.text
    made = await send("/services/new", **typed)
    assert made.headers["location"] == f"{HQ}/services"
    taken = await send("/services/new", **typed)
    assert taken.status_code == 409
    async with services.database.unit_of_work(brand.id) as session:
        (service,) = await setup.list_services(session)

    # Somebody: an emptied name is marked, not filled in again from what was saved.
    person = {"display_name": "小美", "home_shop_id": str(shop.id), "service_ids": [str(service.id)]}
    assert wrong(await send("/staff/new", **{**person, "display_name": ""})) == {"display_name"}
    here = (await send("/staff/new", **person)).headers["location"].removeprefix(HQ)
    assert wrong(await send(here, **{**person, "display_name": "", "version": "1"})) == {"display_name"}
    assert await missing() == ["Nobody has a week", "No chair for the services"]
    # Which kind is missing is named, and spelt in the form as the service spells it.
    await send(f"/shops/{shop.id}/chairs", kind="化妆", name="A")
    assert await missing() == ["Nobody has a week", "No chair for the services"]
    chairs = (await client.get(f"{HQ}/shops/{shop.id}?lang=en", headers={**HTML, **hq})).text
    assert "performed here need: 化妆椅." in chairs
    assert re.findall(r'<option value="(化妆椅?)">', chairs) == ["化妆", "化妆椅"]
    assert re.search(r'name="kind"[^>]*value="化妆椅"', chairs)

    # Her week: one time alone, and work over midnight into other work, are refused; what was typed stays.
    line = {"weekday": ["1", "2"], "kind": ["work", "work"], "shop_id": [str(shop.id)] * 2}
    for starts, ends in ((["09:00", "10:00"], ["", "18:00"]), (["22:00", "01:00"], ["02:00", "05:00"])):
        refused = await send(f"{here}/plan", **line, starts=starts, ends=ends)
        assert (refused.status_code, wrong(refused)) == (400, {"lines"})
        assert f'value="{starts[1]}"' in refused.text
    week = {"weekday": ["1"], "kind": ["work"], "shop_id": [str(shop.id)], "same": "on"}
    old = re.findall(r'name="version" value="(\d+)"', (await client.get(f"{HQ}{here}", headers=hq)).text)[0]
    week |= {"starts": ["09:00"], "ends": ["18:00"]}
    assert (await send(f"{here}/plan", **week, version=old)).status_code == 303
    assert (await send(f"{here}/plan", **week, version=old)).status_code == 409
    async with services.database.unit_of_work(brand.id) as session:
        plan = await setup.plan_of(session, staff_id=uuid.UUID(here.rpartition("/")[2]))
    assert [(one.weekday, one.starts, one.ends) for one in plan] == [(day, 540, 1080) for day in range(1, 8)]
    for other, field in (({"kind": "work"}, "starts"), ({"kind": "break", "starts": "12:00"}, "ends")):
        away = {"first": "2027-01-04", "last": "2027-01-05", **other}
        assert wrong(await send(f"{here}/days", **away)) == {field}

    # One time of a special day alone is no closing.
    assert wrong(await send(f"/shops/{shop.id}/days", day="2027-01-04", opens="10:00")) == {"closes"}
    await send(f"/shops/{shop.id}/chairs", kind="化妆椅", name="1")
    assert await missing() == ["Can be booked"]
    assert "performed here need" not in (await client.get(f"{HQ}/shops/{shop.id}?lang=en", headers=hq)).text
    ready = await client.get(f"{HQ}/shops", headers={**HTML, **hq})
    assert f'href="/m/{brand.code}/book"' in ready.text

    # A deposit that nothing can take is said where it was asked for, and not before.
    assert "/hq/payment-accounts" not in ready.text
    await send(f"/services/{service.id}", **typed, deposit="50", version="1")
    for path in ("/services", "/shops"):
        assert "/hq/payment-accounts" in (await client.get(f"{HQ}{path}", headers={**HTML, **hq})).text
    account = WeChatPayAccount(app_id=f"wx{brand.code}", merchant_id=f"M{brand.code}", api_key="k" * 32)
    await add_account(services, brand.id, account)
    assert "/hq/payment-accounts" not in (await client.get(f"{HQ}/services", headers={**HTML, **hq})).text
    await send(f"/services/{service.id}", **typed, version="2")
    offered = await client.get(f"/m/{brand.code}/book/{shop.id}/{service.id}", headers=HTML)
    assert "slot-grid" in offered.text

    # Days that nobody can mean are no failure.
    for path in ("", "/csv", "/funnel", "/funnel/csv"):
        for asked in ("from=9999-12-31", "to=9999-12-31", "to=0001-01-01", "from=2026-12-01&to=2026-01-01"):
            assert (await client.get(f"{HQ}{path}?{asked}", headers={**HTML, **hq})).status_code == 200


def counted_by_hand(salon: Salon, first: dt.date, days: int) -> dict[uuid.UUID, int]:
    """Minutes that people are planned to work while the shop is open, minute by minute, by other means."""
    zone = ZoneInfo(salon.zone)
    found = dict.fromkeys(salon.staff, 0)
    begins = dt.datetime.combine(first, dt.time(), zone).astimezone(dt.UTC)
    ends = dt.datetime.combine(first + dt.timedelta(days=days), dt.time(), zone).astimezone(dt.UTC)
    at = begins
    while at < ends:
        local = at.astimezone(zone)
        minute, day = local.hour * 60 + local.minute, (local.date() - first).days
        is_open = 540 <= minute < 1260 and day != 3 and not (day == 4 and minute >= 720)
        for number, staff in enumerate(salon.staff):
            works = 600 <= minute < 1140 and not 780 <= minute < 840
            if number == 1:
                works = works and day != 1 and not (day == 2 and 900 <= minute < 930)
                works = works or (day == 5 and 540 <= minute < 720)
                works = works and not (day == 5 and minute >= 720)
            found[staff] += is_open and works
        at += dt.timedelta(minutes=1)
    return found


async def test_how_busy_people_were_adds_up_with_an_independent_count(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    zone = "America/New_York"
    hours = tuple(Interval(day, 540, 1260) for day in range(1, 8))
    salon = await make_salon(
        services, brand, people=2, chairs=2, zone=zone, hours=hours, fields=service_fields(seats=3, chair_kind="")
    )
    first = clock.business_day(clock.now(), zone) + dt.timedelta(days=1)

    def day(number: int) -> dt.date:
        return first + dt.timedelta(days=number)

    def line(weekday: int, kind: SpanKind, starts: int, ends: int) -> PlanLine:
        return PlanLine(shop_id=salon.shop_id, weekday=weekday, kind=kind, starts=starts, ends=ends)

    lines = [
        each
        for n in range(1, 8)
        for each in (line(n, SpanKind.WORK, 600, 1140), line(n, SpanKind.BREAK, 780, 840))
    ]
    async with services.database.unit_of_work(brand.id) as session:
        for staff in salon.staff:
            await setup.put_plan(session, staff_id=staff, lines=lines)
        other = salon.staff[1]
        for kind, on, span in (
            (DayKind.OFF, 1, (None, None)),
            (DayKind.BREAK, 2, (900, 930)),
            (DayKind.WORK, 5, (540, 720)),
        ):
            fields = StaffDayFields(first=day(on), last=day(on), kind=kind, starts=span[0], ends=span[1])
            await setup.put_days(session, staff_id=other, fields=fields)
        await setup.put_shop_rule(
            session, shop_id=salon.shop_id, holidays=DayRule.AS_USUAL, workdays=DayRule.AS_USUAL
        )
        for closed in (
            ShopDayView(day=day(3), opens=None, closes=None, reason=""),
            ShopDayView(day=day(4), opens=540, closes=720, reason=""),
        ):
            await setup.put_shop_day(session, shop_id=salon.shop_id, day=closed)
    # Three share a session: an hour of hers, three appointments; one of them is cancelled, and one stands alone.
    for hour, guests in ((10, 3), (15, 1)):
        start = tomorrow(zone, hour=hour)
        for _ in range(guests):
            await salon.book(start, member_id=(await make_customer(services, brand)).id, staff_id=salon.staff[0])
    await salon.rows(
        "UPDATE appointments_booking SET state = 'cancelled' WHERE id = (SELECT id FROM appointments_booking"
        " WHERE brand_id = $1 AND starts_at = $2 ORDER BY id LIMIT 1)",
        tomorrow(zone, hour=10),
    )

    async with services.database.unit_of_work(brand.id) as session:
        found = await reporting.busyness(session, first=first, last=day(6), shop_id=None)
    hq = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers
    sheet = await client.get(f"{HQ}/csv?from={first}&to={day(6)}&shop={salon.shop_id}", headers=hq)
    page = await client.get(f"{HQ}?from={first}&to={day(6)}&lang=en", headers={**HTML, **hq})

    rows = {one.staff_id: one for _shop, _person, one in found.rows}
    assert {staff: one.planned for staff, one in rows.items()} == counted_by_hand(salon, first, 7)
    assert [(rows[staff].booked, rows[staff].cancelled, rows[staff].minutes) for staff in salon.staff] == [
        (4, 1, 120),
        (0, 0, 0),
    ]
    assert found.by_hour == {(first.isoweekday(), 10): 2, (first.isoweekday(), 15): 1}
    [_head, *shown, total] = csv.reader(io.StringIO(sheet.content.decode("utf-8-sig")))
    assert [int(total[column]) for column in (2, 7, 8)] == [4, 120, sum(one.planned for one in rows.values())]
    assert len(shown) == 2
    assert "The most in one hour: 2." in page.text
