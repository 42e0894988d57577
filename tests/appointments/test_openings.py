"""The one function that says which times can be had, against a slow and plain one; changed clocks; holidays."""

import datetime as dt
import itertools
import uuid
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appointments.errors import HolidaysUnknown, OffGrid, OutsideHours, TooFar, TooSoon
from appointments.rules.days import cell_of, week_day
from appointments.rules.openings import Openings, openings
from appointments.states import DayKind, DayRule, SpanKind, Status, WaitMode
from appointments.types import (
    ChairPlan,
    DayEntry,
    HoursEntry,
    PlanEntry,
    Plans,
    ServiceView,
    SessionPlan,
    ShopDayEntry,
    StaffPlan,
    Stretch,
)
from yundian.platform.core import clock

ANNA, BERTA = uuid.UUID(int=1), uuid.UUID(int=2)
CHAIRS = (uuid.UUID(int=11), uuid.UUID(int=12))
# Clocks that jump by an hour, by half an hour, over midnight, and never.
ZONES = {
    "Asia/Shanghai": dt.date(2026, 3, 10),
    "Europe/Paris": dt.date(2026, 3, 29),
    "America/New_York": dt.date(2026, 11, 1),
    "Australia/Lord_Howe": dt.date(2026, 4, 5),
    "Africa/Cairo": dt.date(2026, 4, 24),
}


def service(**changes: object) -> ServiceView:
    values: dict[str, object] = {
        "id": uuid.UUID(int=99),
        "code": "x",
        "name": "x",
        "category": "",
        "description": "",
        "status": Status.ACTIVE,
        "duration_min": 60,
        "buffer_before_min": 0,
        "buffer_after_min": 0,
        "step_min": 30,
        "seats": 1,
        "chair_kind": "",
        "price_minor": 0,
        "deposit_minor": 0,
        "no_show_deposit_minor": 0,
        "currency": "CNY",
        "needs_approval": False,
        "notice_min": 0,
        "horizon_days": 365,
        "cutoff_min": 0,
        "hold_min": 10,
        "grace_min": 15,
        "is_late_cancel_charged": False,
        "is_no_show_charged": False,
        "no_show_limit": 0,
        "wait_mode": WaitMode.OFF,
        "offer_min": 30,
        "version": 1,
    }
    return ServiceView(**(values | changes))  # type: ignore[arg-type]


def every_day(starts: int, ends: int, kind: SpanKind = SpanKind.WORK) -> tuple[PlanEntry, ...]:
    return tuple(PlanEntry(day, kind, starts, ends) for day in range(1, 8))


def weigh(
    plans: Plans,
    first: dt.date,
    last: dt.date,
    *,
    zone: str = "Asia/Shanghai",
    hours: tuple[int, int] = (0, 1440),
    now: dt.datetime | None = None,
    at: dt.datetime | None = None,
) -> Openings:
    return openings(
        plans,
        zone=zone,
        hours=[HoursEntry(day, *hours) for day in range(1, 8)],
        is_in_business=True,
        stretch=Stretch(first, last),
        now=now or dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        at=at,
    )


def walls(found: list[dt.datetime], zone: str) -> list[str]:
    return [at.astimezone(ZoneInfo(zone)).strftime("%H:%M%z") for at in found]


spans = st.tuples(st.integers(0, 287), st.integers(1, 200)).map(
    lambda s: (s[0] * 5, min(s[0] * 5 + s[1] * 5, s[0] * 5 + 1440))
)
busy = st.lists(st.tuples(st.integers(-50, 900), st.integers(1, 40)), max_size=6)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Plans, str, dt.date, tuple[int, int]]:
    zone = draw(st.sampled_from(sorted(ZONES)))
    day = ZONES[zone]
    origin = cell_of(clock.first_moment(dt.datetime.combine(day, dt.time()), ZoneInfo(zone))) - 288

    def cells() -> tuple[tuple[int, ...], tuple[int, ...]]:
        pairs = draw(busy)
        return tuple(origin + a for a, _ in pairs), tuple(origin + a + n for a, n in pairs)

    def person(who: uuid.UUID) -> StaffPlan:
        plan = [PlanEntry(d, SpanKind.WORK, *draw(spans)) for d in draw(st.lists(st.integers(1, 7), max_size=5))]
        plan += [PlanEntry(d, SpanKind.BREAK, *draw(spans)) for d in draw(st.lists(st.integers(1, 7), max_size=2))]
        days = []
        for kind in draw(st.lists(st.sampled_from(DayKind), max_size=2)):
            on = day + dt.timedelta(days=draw(st.integers(-1, 1)))
            starts, ends = draw(spans)
            is_off = kind is DayKind.OFF
            is_here = draw(st.booleans())
            days.append(DayEntry(on, kind, None if is_off else starts, None if is_off else ends, is_here))
        booked = {day: draw(st.integers(0, 2))}
        return StaffPlan(who, "", draw(st.integers(0, 2)), tuple(plan), tuple(days), cells(), booked)

    plans = Plans(
        service=service(
            duration_min=draw(st.sampled_from([5, 30, 45, 90])),
            buffer_before_min=draw(st.sampled_from([0, 5, 20])),
            buffer_after_min=draw(st.sampled_from([0, 15])),
            step_min=draw(st.sampled_from([5, 15, 60, 90])),
            chair_kind=draw(st.sampled_from(["", "chair"])),
        ),
        staff=tuple(person(who) for who in (ANNA, BERTA)),
        chairs=tuple(ChairPlan(chair, cells()) for chair in CHAIRS),
        shop_days=tuple(
            ShopDayEntry(day, *draw(st.one_of(st.just((None, None)), spans)))
            for _ in range(draw(st.integers(0, 1)))
        ),
        member_busy=cells(),
    )
    return plans, zone, day, draw(spans)


class Plain:
    """The same question answered slowly: minute by minute, in wall clocks and instants."""

    def __init__(self, plans: Plans, zone: str, hours: tuple[int, int]) -> None:
        self.plans, self.zone, self.hours = plans, ZoneInfo(zone), hours

    def can_begin(self, at: dt.datetime) -> bool:
        one = self.plans.service
        wall = at.astimezone(self.zone)
        end = at + dt.timedelta(minutes=one.duration_min)
        first = at - dt.timedelta(minutes=one.buffer_before_min)
        last = end + dt.timedelta(minutes=one.buffer_after_min)
        if (wall.hour * 60 + wall.minute) % one.step_min or not self._all(at, end, self._is_open):
            return False
        if self._hits(self.plans.member_busy, at, end):
            return False
        chairs = [c for c in self.plans.chairs if not self._hits(c.busy, first, last)]
        if one.chair_kind and not chairs:
            return False
        return any(self._can_serve(each, first, last, wall.date()) for each in self.plans.staff)

    def _can_serve(self, one: StaffPlan, first: dt.datetime, last: dt.datetime, day: dt.date) -> bool:
        if one.cap and one.booked.get(day, 0) >= one.cap:
            return False
        return not self._hits(one.busy, first, last) and self._all(first, last, lambda at: self._works(one, at))

    def _works(self, one: StaffPlan, at: dt.datetime) -> bool:
        works = pauses = False
        for day in self._days(at):
            special = [each for each in one.days if each.day == day]
            plan = [each for each in one.plan if each.weekday == day.isoweekday()]
            if not any(each.kind is not DayKind.BREAK for each in special):
                works |= any(self._in(day, e.starts, e.ends, at) for e in plan if e.kind is SpanKind.WORK)
            works |= any(
                self._in(day, e.starts, e.ends, at) for e in special if e.kind is DayKind.WORK and e.is_here
            )
            pauses |= any(self._in(day, e.starts, e.ends, at) for e in plan if e.kind is SpanKind.BREAK)
            pauses |= any(self._in(day, e.starts, e.ends, at) for e in special if e.kind is DayKind.BREAK)
        return works and not pauses

    def _is_open(self, at: dt.datetime) -> bool:
        special = {each.day: (each.opens, each.closes) for each in self.plans.shop_days}
        return any(self._in(day, *special.get(day, self.hours), at) for day in self._days(at))

    def _in(self, day: dt.date, starts: int | None, ends: int | None, at: dt.datetime) -> bool:
        if starts is None or ends is None:
            return False
        midnight = dt.datetime.combine(day, dt.time())
        begin, end = (clock.first_moment(midnight + dt.timedelta(minutes=m), self.zone) for m in (starts, ends))
        return begin <= at < end

    def _days(self, at: dt.datetime) -> list[dt.date]:
        today = at.astimezone(self.zone).date()
        return [today + dt.timedelta(days=n) for n in (-1, 0, 1)]

    @staticmethod
    def _all(first: dt.datetime, last: dt.datetime, holds: object) -> bool:
        count = int((last - first).total_seconds()) // 300
        return all(holds(first + dt.timedelta(minutes=5 * n)) for n in range(count))  # type: ignore[operator]

    @staticmethod
    def _hits(cells: tuple[tuple[int, ...], tuple[int, ...]], first: dt.datetime, last: dt.datetime) -> bool:
        return any(a < cell_of(last) and cell_of(first) < b for a, b in zip(*cells, strict=True))


@settings(max_examples=60)
@given(worlds())
def test_what_is_offered_is_what_the_plain_answer_says(world: tuple[Plans, str, dt.date, tuple[int, int]]) -> None:
    plans, zone, day, hours = world
    found = weigh(plans, day, day, zone=zone, hours=hours)
    offered, plain = found.starts(), Plain(plans, zone, hours)
    begin, end = (
        clock.first_moment(dt.datetime.combine(d, dt.time()), ZoneInfo(zone))
        for d in (day, day + dt.timedelta(days=1))
    )
    cells = range(cell_of(begin), cell_of(end))

    instants = [dt.datetime.fromtimestamp(cell * 300, dt.UTC) for cell in cells]
    assert offered == [at for at in instants if plain.can_begin(at)]
    assert found.by_day() == ({day: offered} if offered else {})
    for at in instants:
        assert (found.refusal(at) is None) is (at in set(offered))
        if at in set(offered):
            people, chairs = found.candidates(at, None)
            assert people
            assert chairs or not plans.service.chair_kind
    for at in instants[:: len(instants) // 24]:
        alone = weigh(plans, day, day, zone=zone, hours=hours, at=at)
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
    assert isinstance(found.refusal(dt.datetime(2030, 1, 1, 4, tzinfo=dt.UTC)), HolidaysUnknown)


def test_the_least_recently_booked_is_asked_first() -> None:
    day = dt.date(2026, 3, 10)
    times = [None, dt.datetime(2026, 1, 2, tzinfo=dt.UTC), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]
    people = tuple(
        StaffPlan(uuid.UUID(int=n), "", 0, every_day(0, 1440), last_booked_at=at) for n, at in enumerate(times, 1)
    )
    found = weigh(Plans(service=service(), staff=people), day, day)

    assert [each.int for each in found.candidates(found.starts()[0], None)[0]] == [1, 3, 2]
    assert len(list(itertools.groupby(found.starts()))) == len(found.starts())
