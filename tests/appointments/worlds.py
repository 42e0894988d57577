"""Shops of all kinds on days of all kinds, and the slow and plain answer to when one can come."""

import datetime as dt
import uuid
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from appointments.errors import HolidaysUnknown
from appointments.rules.days import cell_of, instant_of, week_day
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

UNKNOWN = -1
ANNA, BERTA = uuid.UUID(int=1), uuid.UUID(int=2)
CHAIRS = (uuid.UUID(int=11), uuid.UUID(int=12))
# Clocks that jump by an hour, by half an hour, by two, over midnight, over a whole day, and never; days on which a
# festival begins, and before a year whose holidays nobody knows.
ZONES = {
    "Asia/Shanghai": (dt.date(2026, 3, 10), dt.date(2026, 2, 14), dt.date(2026, 2, 16), dt.date(2029, 12, 31)),
    "Europe/Paris": (dt.date(2026, 3, 29), dt.date(2026, 10, 25)),
    "America/New_York": (dt.date(2026, 11, 1), dt.date(2026, 3, 8)),
    "Australia/Lord_Howe": (dt.date(2026, 4, 5), dt.date(2026, 10, 4)),
    "Africa/Cairo": (dt.date(2026, 4, 24), dt.date(2026, 10, 29)),
    "Africa/Casablanca": (dt.date(2026, 2, 15), dt.date(2026, 3, 22)),
    "Antarctica/Troll": (dt.date(2026, 3, 29), dt.date(2026, 10, 25)),
    "Pacific/Apia": (dt.date(2011, 12, 29), dt.date(2011, 12, 30), dt.date(2011, 12, 31)),
    "Asia/Kathmandu": (dt.date(2026, 3, 10),),
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


spans = st.tuples(st.integers(0, 287), st.integers(1, 200)).map(
    lambda s: (s[0] * 5, min(s[0] * 5 + s[1] * 5, s[0] * 5 + 1440))
)
busy = st.lists(st.tuples(st.integers(-50, 900), st.integers(1, 40)), max_size=6)


@dataclass(frozen=True)
class Drawn:
    """What a shop has set up, and the day and the moment it is looked at."""

    plans: Plans
    zone: str
    day: dt.date
    hours: tuple[int, int]
    now: dt.datetime

    def weigh(self, at: dt.datetime | None = None) -> Openings:
        return weigh(self.plans, self.day, self.day, zone=self.zone, hours=self.hours, now=self.now, at=at)


@st.composite
def worlds(draw: st.DrawFn) -> Drawn:
    zone = draw(st.sampled_from(sorted(ZONES)))
    day = draw(st.sampled_from(ZONES[zone]))
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

    def sessions() -> tuple[SessionPlan, ...]:
        starts = draw(st.lists(st.integers(200, 700), max_size=2, unique=True))
        return tuple(
            SessionPlan(
                uuid.UUID(int=100 + n), draw(st.sampled_from([ANNA, BERTA])), instant_of(origin + at),
                draw(st.integers(0, 2)),
            )
            for n, at in enumerate(starts)
        )  # fmt: skip

    plans = Plans(
        service=service(
            duration_min=draw(st.sampled_from([5, 30, 45, 90, 600, 1320])),
            buffer_before_min=draw(st.sampled_from([0, 5, 20, 90])),
            buffer_after_min=draw(st.sampled_from([0, 15, 30])),
            step_min=draw(st.sampled_from([5, 15, 60, 90])),
            chair_kind=draw(st.sampled_from(["", "chair"])),
            notice_min=draw(st.sampled_from([0, 0, 45, 1440])),
            horizon_days=draw(st.sampled_from([365, 365, 1])),
        ),
        sessions=sessions(),
        holidays=draw(st.sampled_from(DayRule)) if zone == "Asia/Shanghai" else DayRule.AS_USUAL,
        workdays=draw(st.sampled_from(DayRule)) if zone == "Asia/Shanghai" else DayRule.AS_USUAL,
        staff=tuple(person(who) for who in (ANNA, BERTA)),
        chairs=tuple(ChairPlan(chair, cells()) for chair in CHAIRS),
        shop_days=tuple(
            ShopDayEntry(day, *draw(st.one_of(st.just((None, None)), spans)))
            for _ in range(draw(st.integers(0, 1)))
        ),
        member_busy=cells(),
    )
    hours = draw(st.one_of(st.just((0, 1440)), spans))
    now = instant_of(origin) + dt.timedelta(minutes=draw(st.one_of(st.just(-1440), st.integers(0, 2880))))
    return Drawn(plans, zone, day, hours, now)


class Plain:
    """The same question answered slowly: minute by minute, in wall clocks and instants."""

    def __init__(self, drawn: Drawn) -> None:
        self.plans, self.zone, self.hours = drawn.plans, ZoneInfo(drawn.zone), drawn.hours
        self.now = drawn.now
        self.sessions = {each.starts_at: each for each in drawn.plans.sessions}
        # Asked of each moment once: services overlap.
        self._works, self._is_open = cache(self._at_work), cache(self._within_hours)

    def can_begin(self, at: dt.datetime, who: uuid.UUID | None = None) -> bool:
        one = self.plans.service
        wall = at.astimezone(self.zone)
        last_day = self.now.astimezone(self.zone).date() + dt.timedelta(days=one.horizon_days)
        if at < self.now + dt.timedelta(minutes=one.notice_min) or wall.date() > last_day:
            return False
        if self._week_day(wall.date()) == UNKNOWN:
            return False
        end = at + dt.timedelta(minutes=one.duration_min)
        first = at - dt.timedelta(minutes=one.buffer_before_min)
        last = end + dt.timedelta(minutes=one.buffer_after_min)
        if (wall.hour * 60 + wall.minute) % one.step_min or not self._all(at, end, self._is_open):
            return False
        if self._hits(self.plans.member_busy, at, end):
            return False
        session = self.sessions.get(at)
        if session is not None:
            return session.left > 0 and who in (None, session.staff_id)
        chairs = [c for c in self.plans.chairs if not self._hits(c.busy, first, last)]
        if one.chair_kind and not chairs:
            return False
        people = [each for each in self.plans.staff if who in (None, each.id)]
        return any(self._can_serve(each, first, last, wall.date()) for each in people)

    def _can_serve(self, one: StaffPlan, first: dt.datetime, last: dt.datetime, day: dt.date) -> bool:
        if one.cap and one.booked.get(day, 0) >= one.cap:
            return False
        return not self._hits(one.busy, first, last) and self._all(first, last, lambda at: self._works(one.id, at))

    def _at_work(self, who: uuid.UUID, at: dt.datetime) -> bool:
        [one] = [each for each in self.plans.staff if each.id == who]
        works = pauses = False
        for day in self._days(at):
            special = [each for each in one.days if each.day == day]
            plan = [each for each in one.plan if each.weekday == self._week_day(day)]
            if not any(each.kind is not DayKind.BREAK for each in special):
                works |= any(self._in(day, e.starts, e.ends, at) for e in plan if e.kind is SpanKind.WORK)
            works |= any(
                self._in(day, e.starts, e.ends, at) for e in special if e.kind is DayKind.WORK and e.is_here
            )
            pauses |= any(self._in(day, e.starts, e.ends, at) for e in plan if e.kind is SpanKind.BREAK)
            pauses |= any(self._in(day, e.starts, e.ends, at) for e in special if e.kind is DayKind.BREAK)
        return works and not pauses

    def _within_hours(self, at: dt.datetime) -> bool:
        special = {each.day: (each.opens, each.closes) for each in self.plans.shop_days}
        usual = {day: self.hours if self._week_day(day) in range(1, 8) else (None, None) for day in self._days(at)}
        return any(self._in(day, *special.get(day, usual[day]), at) for day in self._days(at))

    def _week_day(self, day: dt.date) -> int | None:
        try:
            return week_day(day, holidays=self.plans.holidays, workdays=self.plans.workdays)
        except HolidaysUnknown:
            return UNKNOWN

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
