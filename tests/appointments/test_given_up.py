"""What is given up before its time: a kept time by JSON, a secret address by its owner; and a break said twice."""

import asyncio
import datetime as dt
import re
import uuid

import httpx
import pytest

from appointments.states import BookingState
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_undo import kept, messages, move, undo
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
_HOUR = dt.timedelta(hours=1)


async def test_a_shop_s_app_gives_the_old_time_away(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(step_min=15))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    elsewhere = (await make_salon(services, brand)).shop_id
    stranger = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=elsewhere)).headers
    her = await make_customer(services, brand)
    start = tomorrow(days=2)
    first = await salon.book(start, member_id=her.id)
    await salon.deliver()
    moved = await move(salon, first.booking_id, start + 4 * _HOUR)
    path = f"/v1/shop-appointments/{moved.id}"

    refused = await client.post(f"{path}/stand", headers=stranger)
    assert (refused.status_code, len(await kept(salon))) == (404, 3)
    taps = await asyncio.gather(*(client.post(f"{path}/stand", headers=owner) for _ in range(2)))
    assert [(one.status_code, one.json()["appointment"]["id"]) for one in taps] == [(200, str(moved.id))] * 2
    await salon.deliver()
    assert (await kept(salon), (await messages(salon))["changed", "queued"]) == ([], 1)
    assert (await salon.book(start)).state is BookingState.CONFIRMED
    client.cookies.clear()
    late = await client.post(f"{path}/undo", json={"sequence": moved.sequence}, headers=owner)
    assert (late.status_code, late.json()["code"]) == (409, "appointments.too_late_to_undo")


async def test_whoever_shared_her_appointment_ends_the_link_wherever_it_was_moved(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(step_min=60))
    her, other = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=3)
    first = await salon.book(start, member_id=her.id)

    async def link(code: str) -> str:
        return str((await client.get(f"/v1/appointments/{code}/link", headers=her.headers)).json()["token"])

    async def opens(token: str) -> list[int]:
        paths = (f"/v1/appointment-links/{token}", f"/a/{token}", f"/a/{token}/calendar.ics")
        found = [(await client.get(path, headers=HTML)).status_code for path in paths]
        client.cookies.clear()  # The key of a page's forms: JSON has none.
        return found

    before = await link(first.code)
    moved = await undo(salon, await move(salon, first.booking_id, start + 2 * _HOUR))
    moved = await move(salon, moved.id, start + 3 * _HOUR)
    after = await link(moved.code)
    own = f"/v1/appointments/{moved.code}/link"
    assert (await client.post(own, headers=other.headers)).status_code == 404
    assert [await opens(one) for one in (before, after)] == [[200] * 3] * 2

    renewed = await client.post(own, headers=her.headers)
    assert renewed.status_code == 200
    fresh = renewed.json()["token"]
    assert fresh == await link(moved.code)
    assert [await opens(one) for one in (before, after)] == [[404] * 3] * 2
    assert await opens(fresh) == [200] * 3
    gone = await submit(client, f"/a/{after}/cancel", {"x": "y"})
    assert gone.status_code == 404
    assert (await salon.see(moved.id)).state is BookingState.CONFIRMED

    # Her own page shows it, asks first, and has another one then.
    mine = f"/m/{brand.code}/appointments/{moved.code}"
    shown = (await client.get(f"{mine}?lang=en", headers={**HTML, **her.headers})).text
    form = re.search(rf'<form[^>]*action="{mine}/link"[^>]*>', shown)
    assert form is not None
    assert "data-confirm" in form[0]
    assert f"/a/{fresh}" in shown
    ended = await submit(client, f"{mine}/link", {"x": "y"}, **her.headers)
    assert (ended.status_code, ended.headers["location"]) == (303, mine)
    assert await opens(fresh) == [404] * 3
    again = (await client.get(mine, headers={**HTML, **her.headers})).text
    assert f"/a/{await link(moved.code)}" in again
    assert (await submit(client, f"{mine}/link", {"x": "y"}, **other.headers)).status_code == 404


async def test_a_break_that_is_said_twice_is_one_break(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    staff: uuid.UUID = salon.staff[0]
    day = tomorrow(days=3).date()
    path = f"/v1/appointment-setup/people/{staff}/days"

    async def said() -> list[tuple[object, ...]]:
        rows = await salon.rows(
            "SELECT day, kind, starts, ends FROM appointments_staff_day WHERE brand_id = $1 ORDER BY day, starts"
        )
        return [tuple(row.values()) for row in rows]

    pause = {"first": str(day), "last": str(day + dt.timedelta(days=1)), "kind": "break", "starts": "12:00"}
    forms = [submit(client, f"/hq/appointments/staff/{staff}/days", {**pause, "ends": "12:30"}, **hq)]
    posts = [client.post(path, json={**pause, "ends": "12:30"}, headers=hq) for _ in range(3)]
    answers = await asyncio.gather(*posts, *forms)
    client.cookies.clear()  # The key of a page's forms: JSON has none.
    assert [one.status_code for one in answers] == [200, 200, 200, 303]
    days = [day, day + dt.timedelta(days=1)]
    assert await said() == [(each, "break", 720, 750) for each in days]

    # Another one, and one of another length, are others; to be away is said once, too.
    assert (await client.post(path, json={**pause, "ends": "12:45"}, headers=hq)).status_code == 200
    assert await said() == [(each, "break", 720, end) for each in days for end in (750, 765)]
    off = {"first": str(day), "last": str(day), "kind": "off"}
    answers = await asyncio.gather(*(client.post(path, json=off, headers=hq) for _ in range(3)))
    assert [one.status_code for one in answers] == [200] * 3
    assert await said() == [(day, "off", None, None), *((days[1], "break", 720, end) for end in (750, 765))]
