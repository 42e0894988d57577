"""The one function that says which times can be had, against a slow and plain one; changed clocks; holidays."""

import datetime as dt
import itertools
import uuid
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from appointments.errors import HolidaysUnknown, OffGrid, OutsideHours, TooFar, TooSoon
from appointments.rules.days import cell_of, week_day
from appointments.states import DayRule
from appointments.types import Plans, SessionPlan, ShopDayEntry, StaffPlan
from tests.appointments.worlds import ANNA, BERTA, Drawn, Plain, every_day, service, weigh, worlds
from yundian.platform.core import clock


def walls(found: list[dt.datetime], zone: str) -> list[str]:
    return [at.astimezone(ZoneInfo(zone)).strftime("%H:%M%z") for at in found]


@settings(max_examples=12)
@given(worlds())
def test_what_is_offered_is_what_the_plain_answer_says(drawn: Drawn) -> None:
    check(drawn)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@settings(max_examples=3_000)
@given(worlds())
def test_what_is_offered_is_what_the_plain_answer_says_for_long(drawn: Drawn) -> None:
    check(drawn)


def check(drawn: Drawn) -> None:
    """Every cell of the day is weighed in three ways, which must agree."""
    plans, day = drawn.plans, drawn.day
    found = drawn.weigh()
    offered, plain = found.starts(), Plain(drawn)
    begin, end = (
        clock.first_moment(dt.datetime.combine(d, dt.time()), ZoneInfo(drawn.zone))
        for d in (day, day + dt.timedelta(days=1))
    )
    cells = range(cell_of(begin), cell_of(end))

    instants = [dt.datetime.fromtimestamp(cell * 300, dt.UTC) for cell in cells]
    assert offered == [at for at in instants if plain.can_begin(at)]
    for who in (ANNA, BERTA):
        assert found.starts(who) == [at for at in instants if plain.can_begin(at, who)]
    assert found.by_day() == ({day: offered} if offered else {})
    for at in instants:
        assert (found.refusal(at) is None) is (at in set(offered))
        if at in set(offered):
            people, chairs = found.candidates(at, None)
            is_joined = found.session_at(at) is not None
            assert people or is_joined
            assert chairs or is_joined or not plans.service.chair_kind
    for at in instants[:: max(1, len(instants) // 24)]:
        alone = drawn.weigh(at)
        assert type(alone.refusal(at)) is type(found.refusal(at)), "a booking looks at its own hour only"
        if found.refusal(at) is None:
            assert alone.candidates(at, None) == found.candidates(at, None)


def test_the_hour_that_spring_skips_is_not_offered_and_autumn_s_comes_twice() -> None:
    anna = StaffPlan(ANNA, "", 0, every_day(60, 240))
    plans = Plans(service=service(duration_min=30), staff=(anna,))
    zone = "Europe/Paris"

    spring = weigh(plans, dt.date(2026, 3, 29), dt.date(2026, 3, 29), zone=zone)
    autumn = weigh(plans, dt.date(2026, 10, 25), dt.date(2026, 10, 25), zone=zone)

    assert walls(spring.starts(), zone) == ["01:00+0100", "01:30+0100", "03:00+0200", "03:30+0200"]
    assert walls(autumn.starts(), zone) == [
        "01:00+0200", "01:30+0200", "02:00+0200", "02:30+0200",
        "02:00+0100", "02:30+0100", "03:00+0100", "03:30+0100",
    ]  # fmt: skip


def test_a_buffer_may_reach_past_closing_but_not_past_her_work() -> None:
    plans = Plans(
        service=service(duration_min=60, buffer_after_min=30, step_min=30),
        staff=(StaffPlan(ANNA, "", 0, every_day(600, 1110)),),
    )
    day = dt.date(2026, 3, 10)

    last = weigh(plans, day, day, hours=(600, 1080)).starts()[-1]

    assert walls([last], "Asia/Shanghai") == ["17:00+0800"]
    assert walls([weigh(plans, day, day, hours=(600, 1440)).starts()[-1]], "Asia/Shanghai") == ["17:00+0800"]


def test_every_refusal_says_why() -> None:
    plans = Plans(
        service=service(notice_min=120, horizon_days=10),
        staff=(StaffPlan(ANNA, "", 0, every_day(600, 720)),),
    )
    now = dt.datetime(2026, 3, 10, 2, tzinfo=dt.UTC)  # ten in Shanghai
    found = weigh(plans, dt.date(2026, 3, 10), dt.date(2026, 3, 25), now=now, hours=(540, 1200))

    def refused(day: int, hour: int, minute: int = 0) -> object:
        wall = dt.datetime(2026, 3, day, hour, minute, tzinfo=ZoneInfo("Asia/Shanghai"))
        return type(found.refusal(wall.astimezone(dt.UTC)))

    assert refused(10, 11) is TooSoon
    assert refused(11, 8) is OutsideHours
    assert refused(11, 15) is OutsideHours
    assert refused(11, 10, 10) is OffGrid
    assert refused(24, 10) is TooFar
    assert refused(11, 10) is type(None)


def test_a_group_session_is_joined_while_it_has_seats_and_not_opened_beside() -> None:
    day = dt.date(2026, 3, 10)
    at = dt.datetime(2026, 3, 10, 2, tzinfo=dt.UTC)
    anna = StaffPlan(ANNA, "", 0, every_day(600, 660), busy=((cell_of(at),), (cell_of(at) + 12,)))
    berta = StaffPlan(BERTA, "", 0, every_day(600, 660))

    def starts(left: int) -> list[dt.datetime]:
        session = SessionPlan(uuid.UUID(int=5), ANNA, at, left)
        plans = Plans(service=service(seats=4), staff=(anna, berta), sessions=(session,))
        return weigh(plans, day, day).starts()

    assert starts(2) == [at]
    assert starts(0) == []


def test_holidays_close_a_shop_and_make_up_workdays_open_it() -> None:
    closed, monday, usual = DayRule.CLOSED, DayRule.AS_MONDAY, DayRule.AS_USUAL
    festival, makeup, plain = dt.date(2026, 2, 17), dt.date(2026, 2, 14), dt.date(2026, 3, 11)

    assert week_day(festival, holidays=closed, workdays=monday) is None
    assert week_day(makeup, holidays=closed, workdays=monday) == 1
    assert week_day(plain, holidays=closed, workdays=monday) == 3
    assert week_day(dt.date(2026, 3, 14), holidays=closed, workdays=monday) == 6
    assert week_day(festival, holidays=usual, workdays=usual) == 2


def test_a_year_without_a_table_of_holidays_is_refused_by_name_and_offers_nothing() -> None:
    plans = Plans(service=service(), staff=(StaffPlan(ANNA, "", 0, every_day(0, 1440)),), holidays=DayRule.CLOSED)
    found = weigh(plans, dt.date(2029, 12, 31), dt.date(2030, 1, 2), now=dt.datetime(2029, 12, 30, tzinfo=dt.UTC))

    with pytest.raises(HolidaysUnknown):
        week_day(dt.date(2030, 1, 1), holidays=DayRule.CLOSED, workdays=DayRule.AS_USUAL)
    assert found.starts() == []
    for new_year in (dt.datetime(2030, 1, 1, 4, tzinfo=dt.UTC), dt.datetime(2029, 12, 31, 16, tzinfo=dt.UTC)):
        refusal = found.refusal(new_year)
        assert isinstance(refusal, HolidaysUnknown)
        assert refusal.facts["year"] == 2030, "the shop's"


def test_nobody_waits_for_a_day_on_which_the_shop_is_closed_though_she_is_busy_then() -> None:
    anna = StaffPlan(ANNA, "", 0, every_day(600, 1200))
    day, other = dt.date(2026, 3, 10), dt.date(2026, 3, 11)
    first = cell_of(dt.datetime(2026, 3, 9, 16, tzinfo=dt.UTC))
    plans = Plans(
        service=service(),
        staff=(anna,),
        shop_days=(ShopDayEntry(day, None, None),),
        member_busy=((first,), (first + 2 * 288,)),
    )

    found = weigh(plans, day, other)

    assert found.starts() == [], "she is busy on both"
    assert found.open_days() == {other}


def test_the_least_recently_booked_is_asked_first() -> None:
    day = dt.date(2026, 3, 10)
    times = [None, dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]
    people = tuple(
        StaffPlan(uuid.UUID(int=n), "", 0, every_day(0, 1440), last_booked_at=at) for n, at in enumerate(times, 1)
    )
    found = weigh(Plans(service=service(), staff=people), day, day)

    assert [each.int for each in found.candidates(found.starts()[0], None)[0]] == [1, 3, 2]
    assert len(list(itertools.groupby(found.starts()))) == len(found.starts())
