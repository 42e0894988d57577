"""Somebody with many appointments is away: each is seen to once in the background, whatever kills the worker."""

import asyncio
import datetime as dt
import os
import signal
import uuid

import anyio
import httpx
import pytest

from appointments.repository import bookings
from appointments.service import life, replacing, setup
from appointments.states import DayKind
from appointments.types import StaffDayFields
from tests import nursery
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps, tomorrow
from tests.helpers import submit, wait_until
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import DueTimer

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
HQ = "/hq/appointments"


async def stretch(salon: Salon, run_id: str) -> bool:
    """The worker's part, as the courier does it; whether a timer was set for it."""
    sql = "UPDATE outbox_timer SET state = 'done' WHERE brand_id = $1 AND name = $2 AND key = $3 AND state = 'set'"
    if not await salon.rows(f"{sql} RETURNING id", replacing.TIMER, run_id):
        return False
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        await replacing.go_on(session, DueTimer(salon.brand.id, replacing.TIMER, run_id, {}))
    return True


async def reassigned(salon: Salon) -> list[uuid.UUID]:
    """Whose customers were told of it, one each time."""
    rows = await salon.rows(
        "SELECT payload->'booking'->>'booking_id' AS id FROM outbox_event"
        " WHERE brand_id = $1 AND tag = 'appointments.reassigned.v1'"
    )
    return sorted(uuid.UUID(str(row["id"])) for row in rows)


def _die_in_a_stretch(salon: Salon, run_id: str) -> int:
    settings = salon.services.settings
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_TEST_DIE_AT": "appointments.replaced",
    }
    code, _ = nursery.run(
        "tests.appointments.replace_worker", str(salon.brand.id), run_id, environment=environment
    )
    return code


async def test_many_appointments_of_who_is_away_are_given_to_others_whatever_kills_the_worker(
    client: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "AT_ONCE", 3)
    monkeypatch.setattr(replacing, "STRETCH_S", 0.0)
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=60))
    anna, berta = salon.staff
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    hours = range(10, 15)
    hers = [(await salon.book(tomorrow(hour=hour, days=2), staff_id=anna)).booking_id for hour in hours]
    await salon.book(tomorrow(hour=11, days=2), staff_id=berta)
    day = str(clock.business_day(tomorrow(days=2), salon.zone))
    path = f"{HQ}/staff/{anna}"

    answer = await submit(client, f"{path}/days", {"first": day, "last": day, "kind": "off"}, **hq)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    [row] = await salon.rows("SELECT id FROM appointments_replacement WHERE brand_id = $1")
    run_id = str(row["id"])
    part = f"{HQ}/replacements/{run_id}"
    begun = (await client.get(f"{path}?lang=en", headers={**HTML, **hq})).text
    assert "0 of 5 appointments seen to" in begun
    assert f'hx-get="{part}"' in begun
    assert f'action="{path}/replace"' not in begun, "what is seen to is not asked for again"

    # Killed behind the first: the next worker goes on with the second.
    code = await anyio.to_thread.run_sync(lambda: _die_in_a_stretch(salon, run_id))
    assert code == -signal.SIGKILL
    assert "1 of 5 appointments seen to" in (await client.get(f"{part}?lang=en", headers={**HTML, **hq})).text
    rounds = 0
    while await stretch(salon, run_id):
        rounds += 1
    assert rounds == 5, "one each, and one that finds all done"

    found = [await salon.see(one) for one in hers]
    assert [(one.staff_id, one.attention.value) for one in found] == [
        (anna, "choose") if hour == 11 else (berta, "reassigned") for hour in hours
    ]
    assert await reassigned(salon) == sorted(hers)
    ended = (await client.get(f"{part}?lang=en", headers={**HTML, **hq})).text
    assert "All 5 appointments were seen to: 4 were given to others, 1 customers are asked to choose" in ended
    assert "hx-trigger" not in ended
    read = (await client.get(f"/v1/appointment-setup/replacements/{run_id}", headers=hq)).json()
    assert [read[name] for name in ("total", "done", "given", "asked")] == [5, 5, 4, 1]
    assert read["ended_at"] is not None
    assert await overlaps(salon) == 0


async def test_two_workers_see_to_each_appointment_once(
    client: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "AT_ONCE", 1)
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=60))
    anna, berta = salon.staff
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    hers = [(await salon.book(tomorrow(hour=hour, days=2), staff_id=anna)).booking_id for hour in range(10, 18)]
    day = clock.business_day(tomorrow(days=2), salon.zone)
    async with services.database.unit_of_work(brand.id) as session:
        off = StaffDayFields(first=day, last=day + dt.timedelta(days=1), kind=DayKind.OFF)
        await setup.put_days(session, staff_id=anna, fields=off)
    begun = await client.post(f"/v1/appointment-setup/people/{anna}/replace", headers=hq)
    assert begun.status_code == 200
    run_id = begun.json()["replacement_id"]
    assert begun.json() == {"given": 0, "asked": 0, "replacement_id": run_id}

    async def work() -> None:
        async with services.database.unit_of_work(brand.id) as session:
            await replacing.go_on(session, DueTimer(brand.id, replacing.TIMER, run_id, {}))

    await asyncio.gather(work(), work(), work())
    while await stretch(salon, run_id):
        pass
    read = (await client.get(f"/v1/appointment-setup/replacements/{run_id}", headers=hq)).json()
    assert [read[name] for name in ("total", "done", "given", "asked")] == [8, 8, 8, 0]
    assert {(await salon.see(one)).staff_id for one in hers} == {berta}
    assert await reassigned(salon) == sorted(hers)
    missing = await client.get(f"/v1/appointment-setup/replacements/{uuid.UUID(int=7)}", headers=hq)
    assert (missing.status_code, missing.json()["code"]) == (404, "appointments.replacement_unknown")

    # What is a few is answered at once, and a shop's as well.
    few = await client.post(f"/v1/appointment-setup/shops/{salon.shop_id}/replace", headers=hq)
    assert few.json() == {"given": 0, "asked": 0, "replacement_id": None}
    async with services.database.unit_of_work(brand.id) as session:
        await setup.put_days(session, staff_id=berta, fields=off)
    many = await client.post(f"/v1/appointment-setup/shops/{salon.shop_id}/replace", headers=hq)
    run_id = many.json()["replacement_id"]
    page = (await client.get(f"{HQ}/shops/{salon.shop_id}?lang=en", headers={**HTML, **hq})).text
    assert f'hx-get="{HQ}/replacements/{run_id}"' in page
    while await stretch(salon, run_id):
        pass
    page = (await client.get(f"{HQ}/shops/{salon.shop_id}?lang=en", headers={**HTML, **hq})).text
    assert "0 were given to others, 8 customers are asked to choose" in page


async def test_who_waits_for_an_appointment_that_is_given_to_somebody_else_finds_it_with_her(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2)
    anna, berta = salon.staff
    booked = (await salon.book(tomorrow(days=2), staff_id=anna)).booking_id
    database = services.database

    async def wait() -> uuid.UUID:
        async with database.connection(brand.id) as tx:
            return (await life.see(tx, booking_id=booked, is_locked=True)).staff_id

    async with database.connection(brand.id) as tx:
        one = await life.see(tx, booking_id=booked, is_locked=True)
        await bookings.set_people(tx, booking=one, staff_id=berta, resource_id=one.resource_id)
        waiting = asyncio.create_task(wait())
        await wait_until(lambda: _waits(salon), what="somebody who waits for the row")
    assert await waiting == berta


async def _waits(salon: Salon) -> bool:
    sql = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND $1::uuid IS NOT NULL"
    return bool((await salon.rows(sql))[0]["n"])
