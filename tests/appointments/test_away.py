"""Who is away: from HQ's page to what the customer answers; and what was booked before plans were changed."""

import datetime as dt
import re
import uuid

import httpx
import pytest

from appointments.service import setup
from appointments.states import Attention, BookingState
from appointments.types import ShopDayView
from tests.appointments.makers import Salon, make_salon, service_fields, week
from tests.appointments.test_booking import overlaps, tomorrow
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
HQ = "/hq/appointments"


async def misfits(client: httpx.AsyncClient, path: str, headers: dict[str, str]) -> int:
    """How many the page warns of."""
    page = await client.get(f"{HQ}/{path}?lang=en", headers={**HTML, **headers})
    found = re.search(r"(\d+) appointments to come do not fit", page.text)
    return int(found[1]) if found else 0


async def stands(salon: Salon, *booking_ids: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    found = [await salon.see(each) for each in booking_ids]
    return [(one.staff_id, one.attention.value) for one in found]


async def test_somebody_is_away_and_her_customers_answer(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    fields = service_fields(cutoff_min=43_200, step_min=60)
    salon = await make_salon(services, brand, people=2, chairs=3, fields=fields)
    anna, berta = salon.staff
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    lucky, moves, ends = [await make_customer(services, brand) for _ in range(3)]
    given = await salon.book(tomorrow(hour=10), member_id=lucky.id, staff_id=anna)
    stuck = []
    for customer, hour in ((moves, 11), (ends, 13)):
        stuck.append(await salon.book(tomorrow(hour=hour), member_id=customer.id, staff_id=anna))
        await salon.book(tomorrow(hour=hour), staff_id=berta)
    day = clock.business_day(tomorrow(), salon.zone)
    away = {"first": str(day), "last": str(day), "kind": "off", "reason": "sick"}

    answer = await submit(client, f"{HQ}/staff/{anna}/days", away, **hq)
    assert answer.status_code == 303
    await salon.deliver()
    assert await stands(salon, given.booking_id, *(one.booking_id for one in stuck)) == [
        (berta, Attention.REASSIGNED.value),
        (anna, Attention.CHOOSE.value),
        (anna, Attention.CHOOSE.value),
    ]

    # Her page asks; by the terms it is too late for a change, and she may all the same.
    mine = f"/m/{brand.code}/appointments"
    page = await client.get(f"{mine}/{stuck[0].code}", headers={**HTML, **moves.headers})
    assert f"?move={stuck[0].code}" in page.text
    place = f"/m/{brand.code}/book/{salon.shop_id}/{salon.service.id}/confirm?move={stuck[0].code}"
    moved = await submit(client, place, {"start": tomorrow(hour=15).isoformat()}, **moves.headers)
    ended = await submit(client, f"{mine}/{stuck[1].code}/cancel", {"x": "y"}, **ends.headers)

    code = moved.headers["location"].rpartition("/")[2]
    (new,) = await salon.rows("SELECT id FROM appointments_booking WHERE brand_id = $1 AND code = $2", code)
    assert await stands(salon, new["id"]) == [(berta, "")]  # type: ignore[arg-type]
    assert ended.status_code == 303
    assert (await salon.see(stuck[1].booking_id)).state is BookingState.CANCELLED
    assert await overlaps(salon) == 0


async def test_what_was_booked_before_a_change_is_shown_and_settled_when_somebody_says_so(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=60))
    anna, berta = salon.staff
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    evening, closed = [
        (await salon.book(tomorrow(hour=hour, days=days), staff_id=anna)).booking_id
        for hour, days in ((17, 2), (10, 3))
    ]
    fits = (await salon.book(tomorrow(hour=10, days=2), staff_id=anna)).booking_id
    assert await misfits(client, f"staff/{anna}", hq) == 0

    async with services.database.unit_of_work(brand.id) as session:
        await setup.put_plan(session, staff_id=anna, lines=week(salon.shop_id, 540, 960))
        day = clock.business_day(tomorrow(days=3), salon.zone)
        shut = ShopDayView(day=day, opens=None, closes=None, reason="")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=shut)
    before = await stands(salon, evening, closed, fits)
    shown = [await misfits(client, path, hq) for path in (f"staff/{anna}", f"shops/{salon.shop_id}")]
    assert before == [(anna, "")] * 3
    assert shown == [2, 2]

    answer = await submit(client, f"{HQ}/staff/{anna}/replace", {"x": "y"}, **hq)
    assert answer.status_code == 303
    assert await stands(salon, evening, closed, fits) == [
        (berta, Attention.REASSIGNED.value),
        (anna, Attention.CHOOSE.value),
        (anna, ""),
    ]

    # Who serves no more: what is hers goes to others, too; what nobody can keep is shown until it is answered.
    await salon.rows("UPDATE appointments_staff SET status = 'retired' WHERE brand_id = $1 AND id = $2", anna)
    assert await misfits(client, f"shops/{salon.shop_id}", hq) == 2
    await submit(client, f"{HQ}/shops/{salon.shop_id}/replace", {"x": "y"}, **hq)
    assert await stands(salon, fits) == [(berta, Attention.REASSIGNED.value)]
    assert (await salon.see(closed)).starts_at - clock.now() > dt.timedelta(days=1)
    assert await misfits(client, f"shops/{salon.shop_id}", hq) == 1
