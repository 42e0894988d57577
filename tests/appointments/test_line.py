"""Who waits is served in the order they came, whatever they wait for; and also when nothing was given back."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.events import SlotFreed
from appointments.service import line, setup, waiting
from appointments.states import DayKind, DayRule, Status, WaitMode
from appointments.tasks import TIMERS
from appointments.types import ServiceFields, ServiceView, ShopDayView, StaffDayFields, StaffFields
from stores.service import shops as stores_service
from stores.types import Interval
from tests.appointments.makers import Salon, make_salon, service_fields, week
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_life import end
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.services import Services
from yundian.platform.outbox import timers
from yundian.platform.outbox.declare import DueTimer

pytestmark = pytest.mark.anyio

_CHANGED = "SELECT id, payload FROM outbox_event WHERE brand_id = $1 AND tag = 'appointments.plans_changed.v1'"
_WOKEN = "SELECT key, due_at FROM outbox_timer WHERE brand_id = $1 AND name = 'appointments.wake_line'"


async def more_service(salon: Salon, **changes: object) -> ServiceView:
    """Another service of the same people on the same chairs."""
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        service = await setup.save_service(
            session, service_id=None, version=None, fields=service_fields(**{"step_min": 30, **changes})
        )
    await salon.rows(
        "INSERT INTO appointments_skill (brand_id, id, created_at, staff_id, service_id)"
        " SELECT $1, gen_random_uuid(), now(), id, $2 FROM appointments_staff WHERE brand_id = $1",
        service.id,
    )
    return service


async def wait(
    salon: Salon,
    start: dt.datetime,
    service: ServiceView | None = None,
    *,
    staff_id: uuid.UUID | None = None,
    window: tuple[int, int] = (0, 1440),
) -> uuid.UUID:
    """Somebody new, at the end of the line of that day; her place."""
    customer = await make_customer(salon.services, salon.brand)
    async with salon.services.database.connection(salon.brand.id) as tx:
        await waiting.join(
            tx, member_id=customer.id, shop_id=salon.shop_id, service_id=(service or salon.service).id,
            staff_id=staff_id, day=clock.business_day(start, salon.zone), window=window, now=clock.now(),
        )  # fmt: skip
    [row] = await salon.rows(
        "SELECT id FROM appointments_wait WHERE brand_id = $1 AND member_id = $2", customer.id
    )
    return uuid.UUID(str(row["id"]))


async def offered(salon: Salon, *waits: uuid.UUID) -> list[dt.datetime | str]:
    """When each was offered, else how her place stands."""
    rows = await salon.rows("SELECT id, state, offered_start FROM appointments_wait WHERE brand_id = $1")
    stand = {row["id"]: row["offered_start"] if row["state"] == "offered" else row["state"] for row in rows}
    return [stand[one] for one in waits]  # type: ignore[misc]


async def quiet(salon: Salon) -> int:
    """The seconds pass after which what was changed is looked at; how many lines were called."""
    rung = 0
    await salon.deliver()
    while keys := [str(row["key"]) for row in await salon.rows(f"{_WOKEN} AND state = 'set'")]:
        for key in keys:
            async with salon.services.database.unit_of_work(salon.brand.id) as session:
                await timers.take_back(session, name=line.WAKE_TIMER, key=key)
                (handler,) = [one for one in TIMERS if one.name == line.WAKE_TIMER]
                await handler.handle(session, DueTimer(salon.brand.id, line.WAKE_TIMER, key, {}))
            rung += 1
        await salon.deliver()
    return rung


async def full(salon: Salon, *hours: int, days: int = 2) -> list[uuid.UUID]:
    """Everybody is booked at these hours."""
    return [(await salon.book(tomorrow(hour=hour, days=days))).booking_id for hour in hours for _ in salon.chairs]


async def morning_salon(services: Services, brand: BrandView, *, people: int = 1, **changes: object) -> Salon:
    """Work is from nine to twelve."""
    fields = service_fields(**{"wait_mode": WaitMode.SEQUENTIAL, **changes})
    salon = await make_salon(services, brand, people=people, chairs=people, fields=fields)
    await salon.rows("UPDATE appointments_plan_span SET ends = 720 WHERE brand_id = $1")
    return salon


async def test_a_freed_time_goes_to_who_came_first_of_all_whom_it_fits(
    services: Services, brand: BrandView
) -> None:
    salon = await morning_salon(services, brand)
    nine, ten, eleven = await full(salon, 9, 10, 11)
    short = await more_service(salon, duration_min=30, buffer_after_min=0)
    long = await more_service(salon, duration_min=120)
    off = await more_service(salon)
    at = tomorrow(hour=10, days=2)
    half = dt.timedelta(minutes=30)
    await salon.rows(
        "UPDATE appointments_service SET wait_mode = 'sequential' WHERE brand_id = $1 AND id = $2", off.id
    )
    nobody = await wait(salon, at, off)
    await salon.rows("UPDATE appointments_service SET wait_mode = 'off' WHERE brand_id = $1 AND id = $2", off.id)
    whole, late = await wait(salon, at, long), await wait(salon, at, short, window=(630, 660))
    first, second, third = [await wait(salon, at, short) for _ in range(3)]
    same = await wait(salon, at)

    await end(salon, ten)
    await salon.deliver()
    places = (nobody, whole, late, first, second, third, same)
    assert await offered(salon, *places) == [
        "waiting", "waiting", at + half, at, "waiting", "waiting", "waiting",
    ], "an hour is too short for the first in line, and one offer a time"  # fmt: skip

    await end(salon, nine)
    await salon.deliver()
    assert await offered(salon, whole, second, third, same) == [
        "waiting", at - 2 * half, at - half, "waiting",
    ]  # fmt: skip
    await end(salon, eleven)
    await salon.deliver()
    assert await offered(salon, whole, same) == ["waiting", tomorrow(hour=11, days=2)]

    # Two hours at once are hers who came first, and nobody's who came later.
    day = tomorrow(hour=9, days=3)
    other = await full(salon, 9, 10, 11, days=3)
    whole, after = await wait(salon, day, long), await wait(salon, day, short)
    for one in other[1:]:
        await end(salon, one)
    await salon.deliver()
    assert await offered(salon, whole, after) == [tomorrow(hour=10, days=3), "waiting"]


async def test_who_waits_for_somebody_is_offered_her_time_and_no_other_day_or_shop_hears_of_it(
    services: Services, brand: BrandView
) -> None:
    salon = await morning_salon(services, brand, people=2)
    anna, berta = salon.staff
    booked = {(await salon.see(one)).staff_id: one for one in await full(salon, 9)}
    await full(salon, 10, 11)
    at = tomorrow(hour=9, days=2)
    hers, anybody = await wait(salon, at, staff_id=berta), await wait(salon, at)
    tomorrow_only = await wait(salon, at + dt.timedelta(days=1))

    await end(salon, booked[anna])
    await salon.deliver()
    assert await offered(salon, hers, anybody, tomorrow_only) == ["waiting", at, "waiting"]
    await end(salon, booked[berta])
    await salon.deliver()
    assert await offered(salon, hers, tomorrow_only) == [at, "waiting"]
    [busy] = await salon.rows(
        "SELECT count(*)::int AS n FROM appointments_booking WHERE brand_id = $1 AND state = 'held'"
    )
    assert busy["n"] == 2


async def test_what_was_told_to_all_is_held_for_nobody_until_nobody_took_it(
    services: Services, brand: BrandView
) -> None:
    salon = await morning_salon(services, brand, wait_mode=WaitMode.BROADCAST)
    [_, ten, _] = await full(salon, 9, 10, 11)
    held = await more_service(salon, duration_min=60, wait_mode=WaitMode.SEQUENTIAL)
    at = tomorrow(hour=10, days=2)
    told, single, also = await wait(salon, at), await wait(salon, at, held), await wait(salon, at)

    await end(salon, ten)
    await salon.deliver()
    assert await offered(salon, told, single, also) == [at, "waiting", at]
    [other] = await full(salon, 9, days=3)
    await end(salon, other)
    await quiet(salon)
    assert await offered(salon, single) == ["waiting"]

    for one in (told, also):
        async with services.database.connection(brand.id) as tx:
            await waiting.lapse(tx, wait_id=one)
    assert await quiet(salon) == 1
    assert await offered(salon, told, single, also) == ["lapsed", at, "lapsed"]


async def test_two_who_serve_a_line_at_once_pass_nobody_over(services: Services, brand: BrandView) -> None:
    """Each has a time that became free; whoever one of them looks at is not lost to the other."""
    salon = await morning_salon(services, brand, people=3)
    booked = await full(salon, 9, 10)
    await full(salon, 11)
    at = tomorrow(hour=9, days=2)
    waits = [await wait(salon, at) for _ in range(6)]
    for one in booked:
        await end(salon, one)
    rows = await salon.rows("SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag LIKE '%slot_freed%'")
    freed = [msgspec.json.decode(str(row["payload"]), type=SlotFreed) for row in rows]
    assert len(freed) == 6

    async def serve(one: SlotFreed) -> None:
        async with services.database.connection(brand.id) as tx:
            await line.serve_freed(tx, freed=[one], now=clock.now())

    await asyncio.gather(*(serve(one) for one in freed))

    assert sorted(map(str, await offered(salon, *waits))) == sorted(str(one.starts_at) for one in freed)


async def test_what_gives_more_time_serves_who_waits_once_however_much_is_changed(
    services: Services, brand: BrandView
) -> None:
    salon = await morning_salon(services, brand)
    at = tomorrow(hour=9, days=2)
    day = clock.business_day(at, salon.zone)
    await full(salon, 9, 10, 11)
    first, second, third = [await wait(salon, at) for _ in range(3)]
    assert await quiet(salon) == 1
    assert await offered(salon, first) == ["waiting"], "nothing is new that fits"

    due: set[object] = set()
    # Hours are edited ten times; in between she is offered nothing of what does not stand.
    for ends in (*range(720, 990, 30), 840):
        async with services.database.unit_of_work(brand.id) as session:
            await setup.put_plan(session, staff_id=salon.staff[0], lines=week(salon.shop_id, 540, ends))
        await salon.deliver()
        due.add((await salon.rows(f"{_WOKEN} AND state = 'set'"))[0]["due_at"])
    assert await offered(salon, first) == ["waiting"]
    assert len(due) == 1, "who goes on changing puts nobody off"
    assert await quiet(salon) == 1
    times = [tomorrow(hour=hour, days=2) for hour in (12, 13)]
    assert await offered(salon, first, second, third) == [*times, "waiting"]

    # Somebody is back who was away, on a chair that is there again.
    async with services.database.unit_of_work(brand.id) as session:
        fields = StaffFields(
            display_name="小北", home_shop_id=salon.shop_id, service_ids=(salon.service.id,), daily_cap=1
        )
        berta = (await setup.save_staff(session, staff_id=None, version=None, fields=fields)).id
        away = StaffDayFields(first=day, last=day, kind=DayKind.OFF)
        await setup.put_days(session, staff_id=berta, fields=away)
        await setup.put_plan(session, staff_id=berta, lines=week(salon.shop_id))
        chair = await setup.add_resource(session, shop_id=salon.shop_id, kind="化妆椅", name="新椅")
    assert await quiet(salon) == 1
    assert await offered(salon, third) == ["waiting"]
    async with services.database.unit_of_work(brand.id) as session:
        [absence] = await setup.days_of(session, staff_id=berta, since=day)
        await setup.forget_day(session, staff_id=berta, day_id=absence.id)
    assert await quiet(salon) == 1
    fourth = await wait(salon, at)
    assert await offered(salon, third, fourth) == [at, "waiting"]
    assert await quiet(salon) == 0, "she came when nothing was changed"

    async def told(change: Awaitable[object]) -> set[str]:
        before = {row["id"] for row in await salon.rows(_CHANGED)}
        await change
        rows = [row for row in await salon.rows(_CHANGED) if row["id"] not in before]
        return {str(one) for row in rows for one in msgspec.json.decode(str(row["payload"]))["shop_ids"]}

    async def do(change: Callable[[AsyncSession], Awaitable[object]]) -> None:
        async with services.database.unit_of_work(brand.id) as session:
            await change(session)

    shop, usual = salon.shop_id, DayRule.AS_USUAL
    raised = msgspec.structs.replace(fields, daily_cap=5)
    lasting = msgspec.convert(salon.service, ServiceFields, from_attributes=True)
    closed = ShopDayView(day=day, opens=None, closes=None, reason="")
    for change in (
        lambda s: setup.put_shop_day(s, shop_id=shop, day=day),
        lambda s: setup.put_shop_rule(s, shop_id=shop, holidays=usual, workdays=usual),
        lambda s: setup.set_resource_status(s, shop_id=shop, resource_id=chair.id, status=Status.ACTIVE),
        lambda s: setup.save_service(s, service_id=salon.service.id, version=None, fields=lasting),
        lambda s: setup.save_staff(s, staff_id=berta, version=None, fields=raised),
    ):
        assert await told(do(change)) == {str(shop)}
    assert await told(do(lambda s: setup.put_shop_day(s, shop_id=shop, day=closed))) == set(), "no time to offer"
    await do(lambda s: setup.put_shop_day(s, shop_id=shop, day=day))
    assert await quiet(salon) == 1
    assert await offered(salon, fourth) == [tomorrow(hour=10, days=2)], "she may take more in a day than one"


async def test_a_long_line_is_served_in_parts_and_nobody_is_left(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    salon = await morning_salon(services, brand)
    days = range(2, 5)
    for number in days:
        await full(salon, 9, 10, 11, days=number)
    waits = [await wait(salon, tomorrow(days=number)) for number in days for _ in range(3)]
    assert await quiet(salon) == 1
    monkeypatch.setattr(line, "_HELD", 2)
    monkeypatch.setattr(line, "_DAYS", 2)
    async with services.database.unit_of_work(brand.id) as session:
        shop = await stores_service.get_shop(session, brand_id=brand.id, shop_id=salon.shop_id, visible=None)
        hours = tuple(Interval(day, 0, 1440) for day in range(1, 7))
        await stores_service.put_hours(
            session, brand_id=brand.id, shop_id=salon.shop_id, version=shop.shop.version, hours=hours
        )
        await setup.put_plan(session, staff_id=salon.staff[0], lines=week(salon.shop_id, 540, 900))
    await salon.rows("DELETE FROM appointments_staff_day WHERE brand_id = $1")
    assert await quiet(salon) == 1

    stand = await offered(salon, *waits)
    open_days = [
        number for number in days if clock.business_day(tomorrow(days=number), salon.zone).isoweekday() < 7
    ]
    assert [one for one in stand if one != "waiting"] == [
        tomorrow(hour=hour, days=number) for number in open_days for hour in (12, 13, 14)
    ]
    [called] = await salon.rows(
        "SELECT count(*)::int AS n FROM outbox_event WHERE brand_id = $1 AND tag LIKE '%line_called%'"
    )
    assert int(str(called["n"])) > 2
