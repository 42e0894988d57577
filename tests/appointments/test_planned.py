"""How long people were planned to work on days that are over stays what it was, whatever is planned later."""

import asyncio
import datetime as dt
import uuid
from zoneinfo import ZoneInfo

import pytest

from appointments.service import planned, reporting, setup
from appointments.states import DayKind, DayRule, Status
from appointments.types import ShopDayView, StaffDayFields, StaffFields
from stores.service import shops
from stores.states import ShopStatus
from stores.types import Interval
from tests.appointments.makers import Salon, make_salon, week
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_DAY = dt.timedelta(days=1)
# Some days back, so that it does not matter when a day ends while the test runs.
_ENTERED, _FIRST, _LAST = 20, 12, 3
_KEPT = "SELECT count(*) AS n, count(DISTINCT day) AS days FROM appointments_planned WHERE brand_id = $1"


async def since_long(services: Services, brand: BrandView, *, zone: str = "Asia/Shanghai") -> Salon:
    """Two people who were entered twenty days ago, of whom nothing was kept since: an outage, or an upgrade."""
    salon = await make_salon(services, brand, people=2, zone=zone)
    ago = _ENTERED * _DAY
    entered = (
        "UPDATE appointments_staff SET created_at = created_at - $2::interval WHERE brand_id = $1 AND id = ANY($3)"
    )
    await salon.rows(entered, ago, salon.staff)
    kept = "UPDATE appointments_planned_shop SET kept_until = kept_until - $2::interval"
    await salon.rows(f"{kept} WHERE brand_id = $1 AND shop_id = $3", ago, salon.shop_id)
    return salon


def days_of(salon: Salon) -> tuple[dt.date, dt.date]:
    today = clock.business_day(clock.now(), salon.zone)
    return today - _FIRST * _DAY, today - _LAST * _DAY


async def minutes(salon: Salon, first: dt.date, last: dt.date, shop_id: uuid.UUID | None = None) -> list[int]:
    """What the report says that the salon's people were planned to work."""
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        rows = await reporting.people(session, first=first, last=last, shop_id=shop_id)
    found = {one.staff_id: one.planned for _shop, _person, one in rows if one.shop_id == salon.shop_id}
    return [found.get(staff, 0) for staff in salon.staff]


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
async def test_a_plan_that_changes_leaves_the_days_that_are_over_alone(
    services: Services, brand: BrandView, zone: str
) -> None:
    salon = await since_long(services, brand, zone=zone)
    first, last = days_of(salon)
    ten_days = 10 * 660
    by_plan = await minutes(salon, first, last)
    assert by_plan == [ten_days, ten_days]

    # Nobody has kept them yet, and the plan changes: they are kept first.
    async with services.database.unit_of_work(brand.id) as session:
        await setup.put_plan(session, staff_id=salon.staff[0], lines=week(salon.shop_id, 600, 720))
    tomorrow = clock.business_day(clock.now(), zone) + 2 * _DAY
    assert await minutes(salon, first, last) == [ten_days, ten_days]
    assert await minutes(salon, tomorrow, tomorrow) == [120, 660]
    assert await minutes(salon, first, last, salon.shop_id) == [ten_days, ten_days]
    # Before they were entered nobody was planned.
    assert await minutes(salon, first - 30 * _DAY, first - 15 * _DAY) == [0, 0]

    # She leaves, the shop follows the holidays, and the week of the other is another shop's: the past stays.
    elsewhere = await make_salon(services, brand, zone=zone)
    async with services.database.unit_of_work(brand.id) as session:
        gone = await setup.get_staff(session, staff_id=salon.staff[0])
        left = StaffFields(display_name="A", home_shop_id=salon.shop_id, status=Status.RETIRED)
        await setup.save_staff(session, staff_id=gone.id, version=gone.version, fields=left)
        other = await setup.get_staff(session, staff_id=salon.staff[1])
        moved = StaffFields(display_name="B", home_shop_id=elsewhere.shop_id)
        await setup.save_staff(session, staff_id=other.id, version=other.version, fields=moved)
        await setup.put_shop_rule(
            session, shop_id=salon.shop_id, holidays=DayRule.CLOSED, workdays=DayRule.AS_MONDAY
        )
    assert await minutes(salon, first, last) == [ten_days, ten_days]
    assert await minutes(salon, tomorrow, tomorrow) == [0, 0]


async def test_what_is_said_later_of_a_day_that_is_over_corrects_it(services: Services, brand: BrandView) -> None:
    salon = await since_long(services, brand)
    first, last = days_of(salon)
    await planned.keep_all(services.database)
    ill, early, storm = first + _DAY, first + 2 * _DAY, first + 4 * _DAY
    she = salon.staff[0]
    async with services.database.unit_of_work(brand.id) as session:
        await setup.put_days(session, staff_id=she, fields=StaffDayFields(first=ill, last=ill, kind=DayKind.OFF))
        stayed = StaffDayFields(first=early, last=early, kind=DayKind.WORK, starts=540, ends=600)
        await setup.put_days(session, staff_id=she, fields=stayed)
    assert await minutes(salon, first, last) == [8 * 660 + 60, 10 * 660]
    assert [await minutes(salon, day, day) for day in (ill, early)] == [[0, 660], [60, 660]]

    # The shop was closed after all; what is true of one day is taken back.
    async with services.database.unit_of_work(brand.id) as session:
        closed = ShopDayView(day=storm, opens=None, closes=None, reason="台风")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=closed)
        [entry] = [one for one in await setup.days_of(session, staff_id=she, since=ill) if one.day == ill]
        await setup.forget_day(session, staff_id=she, day_id=entry.id)
    assert [await minutes(salon, day, day) for day in (ill, storm)] == [[660, 660], [0, 0]]
    async with services.database.unit_of_work(brand.id) as session:
        shorter = ShopDayView(day=storm, opens=540, closes=720, reason="台风")
        await setup.put_shop_day(session, shop_id=salon.shop_id, day=shorter)
    assert await minutes(salon, storm, storm) == [180, 180]
    assert await minutes(salon, first, last) == [8 * 660 + 60 + 180, 9 * 660 + 180]


async def test_days_are_kept_once_whoever_keeps_them_while_plans_change(
    services: Services, brand: BrandView
) -> None:
    salons = [await since_long(services, brand) for _ in range(2)]
    first, last = days_of(salons[0])

    async def change(salon: Salon, staff: uuid.UUID, ends: int) -> None:
        async with services.database.unit_of_work(brand.id) as session:
            await setup.put_plan(session, staff_id=staff, lines=week(salon.shop_id, 600, ends))

    changes = [change(one, staff, 660 + 60 * n) for one in salons for n, staff in enumerate(one.staff)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(planned.keep_all(services.database) for _ in range(3)), *changes)

    assert [await minutes(one, first, last) for one in salons] == [[10 * 660, 10 * 660]] * 2
    await planned.keep_all(services.database)
    before = await salons[0].rows(_KEPT)
    await planned.keep_all(services.database)
    assert await salons[0].rows(_KEPT) == before == [{"n": 4 * _ENTERED, "days": _ENTERED}]


async def test_hours_that_change_after_a_day_has_ended_are_not_that_day_s(
    services: Services, brand: BrandView
) -> None:
    """Nobody has kept the days yet: the worker's turn comes later, or there was none for days."""
    salon = await since_long(services, brand)
    first, last = days_of(salon)
    assert await minutes(salon, first, last) == [10 * 660] * 2

    async def change(hours: tuple[Interval, ...]) -> None:
        async with services.database.unit_of_work(brand.id) as session:
            one = await shops.get_shop(session, brand_id=brand.id, shop_id=salon.shop_id, visible=None)
            await shops.put_hours(
                session, brand_id=brand.id, shop_id=salon.shop_id, version=one.shop.version, hours=hours
            )

    half = tuple(Interval(day, 600, 720) for day in range(1, 8))
    await change(half)
    await change(half[:6])
    assert await minutes(salon, first, last) == [10 * 660] * 2, "by the plan of then"
    later = clock.business_day(clock.now(), salon.zone) + 2 * _DAY
    assert await minutes(salon, later, later + 6 * _DAY) == [6 * 120] * 2
    # As if the first change had been made in the middle of those days: what had ended before it had the old hours.
    middle = clock.first_moment(dt.datetime.combine(first + 4 * _DAY, dt.time(12)), ZoneInfo(salon.zone))
    await salon.rows(
        "UPDATE stores_past_hours SET created_at = $2 WHERE brand_id = $1 AND id ="
        " (SELECT id FROM stores_past_hours WHERE brand_id = $1 ORDER BY id LIMIT 1)",
        middle,
    )
    expected = [4 * 660 + 6 * 120] * 2
    assert await minutes(salon, first, last) == expected
    await planned.keep_all(services.database)
    assert await minutes(salon, first, last) == expected

    # It closes after a day has ended: that day was planned all the same.
    await change(half)
    today = clock.business_day(clock.now(), salon.zone)
    async with services.database.unit_of_work(brand.id) as session:
        one = await shops.get_shop(session, brand_id=brand.id, shop_id=salon.shop_id, visible=None)
        status = ShopStatus.PAUSED
        await shops.change_status(
            session, brand_id=brand.id, shop_id=salon.shop_id, version=one.shop.version, status=status
        )
    await salon.rows(
        "UPDATE appointments_planned_shop SET kept_until = $3 WHERE brand_id = $1 AND shop_id = $2",
        salon.shop_id, today - 2 * _DAY,
    )  # fmt: skip
    await salon.rows("DELETE FROM appointments_planned WHERE brand_id = $1 AND day = $2", today - _DAY)
    await salon.rows(
        "DELETE FROM stores_past_hours WHERE brand_id = $1 AND id <>"
        " (SELECT id FROM stores_past_hours WHERE brand_id = $1 ORDER BY id DESC LIMIT 1)"
    )
    assert await minutes(salon, today - _DAY, today - _DAY) == [120, 120]
