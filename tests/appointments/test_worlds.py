"""Set-ups, exceptions, zones and bookings drawn at random: every offered time can be booked, and no other can."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from appointments.service import setup
from appointments.service.booking import Wish, take
from appointments.states import DayKind, DayRule, SpanKind
from appointments.types import PlanLine, ShopDayView, StaffDayFields
from stores.types import Interval
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

ZONES = (
    "Asia/Shanghai",
    "Europe/Paris",
    "Australia/Lord_Howe",
    "America/New_York",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
CELL = dt.timedelta(minutes=5)


class Undone(Exception):
    """What was booked is not kept."""


async def draw_salon(services: Services, brand: BrandView, dice: random.Random) -> Salon:
    """One to three people with weeks, breaks and caps of their own, in a shop that may never close."""
    fields = service_fields(
        duration_min=dice.choice([15, 30, 60, 95]),
        buffer_before_min=dice.choice([0, 0, 10, 30]),
        buffer_after_min=dice.choice([0, 15, 45]),
        step_min=dice.choice([5, 15, 30, 60]),
        chair_kind=dice.choice(["化妆椅", ""]),
        seats=dice.choice([1, 1, 3]),
        notice_min=dice.choice([0, 60, 600]),
        horizon_days=dice.choice([1, 2, 60]),
    )
    whole_day = tuple(Interval(day, 0, 1440) for day in range(1, 8))
    hours = dice.choice([whole_day, tuple(Interval(day, 480, 1320) for day in range(1, 8))])
    salon = await make_salon(
        services, brand, people=dice.randint(1, 3), chairs=dice.randint(1, 2), fields=fields, hours=hours,
        zone=dice.choice(ZONES), cap=dice.choice([0, 0, 2]),
    )  # fmt: skip
    for person in salon.staff:
        starts = dice.randrange(0, 1200, 5)
        lines = [
            _line(salon, day, SpanKind.WORK, starts, starts + dice.randrange(60, 1440, 5)) for day in range(1, 8)
        ]
        pause = dice.randrange(0, 1380, 5)
        lines += [_line(salon, day, SpanKind.BREAK, pause, pause + 60) for day in range(1, 8)]
        async with services.database.unit_of_work(brand.id) as session:
            await setup.put_plan(session, staff_id=person, lines=lines[: dice.choice([7, 14])])
    return salon


def _line(salon: Salon, day: int, kind: SpanKind, starts: int, ends: int) -> PlanLine:
    return PlanLine(shop_id=salon.shop_id, weekday=day, kind=kind, starts=starts, ends=ends)


async def change(salon: Salon, day: dt.date, dice: random.Random) -> None:
    """Something is said of a day: of somebody, of the shop, or of all holidays."""
    person = dice.choice(salon.staff)
    kind = dice.choice(list(DayKind))
    starts = dice.randrange(0, 1300, 5)
    ends = starts + dice.randrange(30, 1400, 5)
    span = (None, None) if kind is DayKind.OFF else (starts, ends)
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        what = dice.randrange(3)
        if what == 0:
            fields = StaffDayFields(first=day, last=day, kind=kind, starts=span[0], ends=span[1])
            await setup.put_days(session, staff_id=person, fields=fields)
        elif what == 1:
            opens = dice.choice([None, 600])
            await setup.put_shop_day(
                session,
                shop_id=salon.shop_id,
                day=ShopDayView(day=day, opens=opens, closes=opens and 900, reason=""),
            )
        else:
            await setup.put_shop_rule(
                session, shop_id=salon.shop_id, holidays=dice.choice(list(DayRule)), workdays=DayRule.AS_USUAL
            )


async def can_be_had(salon: Salon, start: dt.datetime) -> bool:
    wish = Wish(shop_id=salon.shop_id, service_id=salon.service.id, start=start)
    try:
        async with salon.services.database.connection(salon.brand.id) as tx:
            await take(tx, wish=wish, now=clock.now())
            raise Undone
    except Undone:
        return True
    except DomainError:
        return False


async def assert_agreed(salon: Salon, day: dt.date) -> int:
    """Each five minutes of a day are tried for real, and nothing is kept; how many could be had."""
    offered = set(await salon.starts(day))
    zone = ZoneInfo(salon.zone)
    first, last = [
        clock.first_moment(dt.datetime.combine(each, dt.time()), zone)
        for each in (day, day + dt.timedelta(days=1))
    ]
    cells = [first + CELL * n for n in range(int((last - first) / CELL))]
    assert {at for at in cells if await can_be_had(salon, at)} == offered
    return len(offered)


async def in_a_world(services: Services, brand: BrandView, dice: random.Random) -> int:
    salon = await draw_salon(services, brand, dice)
    day = clock.business_day(clock.now(), salon.zone) + dt.timedelta(days=dice.choice([0, 1, 1, 2]))
    found = await assert_agreed(salon, day)
    for _ in range(3):
        starts = await salon.starts(day)
        for start in dice.sample(starts, k=min(2, len(starts))):
            try:
                await salon.book(start, member_id=(await make_customer(services, brand)).id)
            except DomainError:
                # The one before took its time.
                assert start not in await salon.starts(day)
        await change(salon, day, dice)
        found += await assert_agreed(salon, day)
    assert await overlaps(salon) == 0
    return found


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(30))
async def test_every_offered_time_of_a_world_can_be_booked_and_no_other(
    services: Services, brand: BrandView, seed: int
) -> None:
    await in_a_world(services, brand, random.Random(seed))
