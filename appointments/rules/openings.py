"""The one answer to "which times can be had": a screen reads it, and a booking is refused or made by it.

Time is a row of cells of five minutes, and a set of cells is one large integer, so that a month of twenty people
is a few hundred operations on such numbers. Between reading and writing the database's constraint decides.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from appointments.errors import (
    CapReached,
    HolidaysUnknown,
    NotOffered,
    OffGrid,
    OutsideHours,
    OwnOverlap,
    SlotTaken,
    TooFar,
    TooSoon,
)
from appointments.rules.cells import RUNS, bits_of, eroded, set_of, shifted, union
from appointments.rules.days import CELL_MIN, CELL_S, cell_of, days_of, instant_of, week_day
from appointments.states import DayKind, SpanKind
from appointments.types import Busy, DayEntry, HoursEntry, PlanEntry, Plans, SessionPlan, StaffPlan, Stretch
from yundian.platform.core.errors import DomainError

_ONE_DAY = dt.timedelta(days=1)
_Span = tuple[int, int]
# Of appointments of one person: some days of them.
_TOGETHER = 16
_CELL = dt.timedelta(seconds=CELL_S)
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


class Somebody(msgspec.Struct, frozen=True):
    """Where one of the staff could begin. ``able``: by her plan alone; ``free``: now."""

    plan: StaffPlan
    able: int
    capped: int
    free: int


@dataclass(frozen=True)
class Openings:
    """Sets of cells in which the service could begin, each for its own reason; bit 0 is ``base``."""

    plans: Plans
    base: int
    days: int
    known: int
    grid: int
    hours: int
    notice: int
    horizon: int
    member: int
    chairs: int
    staff: dict[uuid.UUID, Somebody]
    chair_of: dict[uuid.UUID, int]
    sessions: dict[int, SessionPlan] = field(default_factory=dict)
    days_asked: tuple[tuple[dt.date, int, int], ...] = ()
    is_offered: bool = True

    @property
    def rules(self) -> int:
        """What does not depend on who serves."""
        return self._open & self.member

    @property
    def _open(self) -> int:
        """The same for anybody."""
        return self.days & self.known & self.grid & self.hours & self.notice & self.horizon

    def starts(self, staff_id: uuid.UUID | None = None) -> list[dt.datetime]:
        """Every time that can be had, of anybody or of one, in order."""
        first = instant_of(self.base)
        return [first + bit * _CELL for bit in bits_of(self._offered(staff_id))]

    def by_day(self, staff_id: uuid.UUID | None = None) -> dict[dt.date, list[dt.datetime]]:
        """The same by local day, days without any left out."""
        found: dict[dt.date, list[dt.datetime]] = {}
        offered = self._offered(staff_id)
        for day, start, end in self.days_asked:
            bits = bits_of(self._within(offered, start, end))
            if bits:
                midnight = instant_of(start)
                found[day] = [midnight + bit * _CELL for bit in bits]
        return found

    def open_days(self, staff_id: uuid.UUID | None = None) -> set[dt.date]:
        """The days on which something could begin, had nobody booked: on the others one waits for nothing."""
        could = 0
        for somebody in self._people(staff_id):
            could |= somebody.able
        could &= self._open
        return {day for day, start, end in self.days_asked if self._within(could, start, end)}

    def unknown_days(self) -> set[dt.date]:
        """The days of which nobody knows yet whether they are holidays."""
        return {day for day, start, end in self.days_asked if not self._within(self.known, start, end)}

    def _within(self, cells: int, start: int, end: int) -> int:
        """A part of a set, from a cell until another, which is bit 0 then."""
        return shifted(cells, self.base - start) & ((1 << (end - start)) - 1)

    def _offered(self, staff_id: uuid.UUID | None) -> int:
        people = self._people(staff_id)
        free = 0
        for somebody in people:
            free |= somebody.free
        wanted = {somebody.plan.id for somebody in people}
        free &= self.chairs & ~set_of(self.sessions)
        free |= set_of(at for at, one in self.sessions.items() if one.left > 0 and one.staff_id in wanted)
        return free & self.rules

    def on_chair(self, chair_id: uuid.UUID) -> "Openings":
        """The same, as if there were this chair only."""
        free = self.chair_of.get(chair_id, 0)
        return replace(self, chairs=free, chair_of={chair_id: free})

    def session_at(self, start: dt.datetime) -> SessionPlan | None:
        """The group session that begins then."""
        return self.sessions.get(cell_of(start) - self.base)

    def candidates(
        self, start: dt.datetime, staff_id: uuid.UUID | None
    ) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
        """Who could serve, the least recently booked first, and on which chairs.

        Raises the refusal that says why nobody can.
        """
        refusal = self.refusal(start, staff_id)
        if refusal is not None:
            raise refusal
        bit = 1 << (cell_of(start) - self.base)
        people = [one.plan for one in self._people(staff_id) if one.free & bit]
        people.sort(key=lambda plan: (plan.last_booked_at or _LONG_AGO, plan.id))
        return [plan.id for plan in people], [chair for chair, mask in self.chair_of.items() if mask & bit]

    def refusal(self, start: dt.datetime, staff_id: uuid.UUID | None = None) -> DomainError | None:
        """Why this time cannot be had; ``None`` when it can."""
        if not self.is_offered:
            return NotOffered()
        at = cell_of(start) - self.base
        if at < 0 or start.timestamp() % CELL_S:
            return OffGrid()
        bit = 1 << at
        if not self.rules & bit:
            return self._refusal_by_rule(bit, start)
        return self._refusal_of_people(bit, self._people(staff_id))

    def _refusal_by_rule(self, bit: int, start: dt.datetime) -> DomainError | None:
        service = self.plans.service
        rules = (
            (self.days, TooFar(horizon_days=service.horizon_days)),
            (self.known, HolidaysUnknown(year=self._day_of(start).year)),
            (self.notice, TooSoon(notice_min=service.notice_min)),
            (self.horizon, TooFar(horizon_days=service.horizon_days)),
            (self.hours, OutsideHours()),
            (self.grid, OffGrid()),
            (self.member, OwnOverlap()),
        )
        return next((refusal for mask, refusal in rules if not mask & bit), None)

    def _day_of(self, start: dt.datetime) -> dt.date:
        """Which of the shop's days that are asked about it begins on."""
        return next((day for day, _first, end in self.days_asked if cell_of(start) < end), start.date())

    def _refusal_of_people(self, bit: int, people: list[Somebody]) -> DomainError | None:
        if not people:
            return NotOffered()
        session = self.sessions.get(bit.bit_length() - 1)
        if session is not None:
            has_seat = session.left > 0 and any(one.plan.id == session.staff_id for one in people)
            return None if has_seat else SlotTaken()
        able = [one for one in people if one.able & bit]
        if not able:
            return OutsideHours()
        if all(one.capped & bit for one in able):
            return CapReached()
        if not (self.chairs & bit and any(one.free & bit for one in able)):
            return SlotTaken()
        return None

    def _people(self, staff_id: uuid.UUID | None) -> list[Somebody]:
        return [one for one in self.staff.values() if staff_id in (None, one.plan.id)]


def openings(
    plans: Plans,
    *,
    zone: str,
    hours: Sequence[HoursEntry],
    is_in_business: bool,
    stretch: Stretch,
    now: dt.datetime,
    at: dt.datetime | None = None,
) -> Openings:
    """Work it out for the local days of ``stretch``; with ``at``, for what begins then and for nothing else.

    Without ``is_in_business`` nothing is offered, whatever the hours and exceptions say.
    """
    found = _Weigher(plans, zone, hours, stretch, now, at).openings()
    return found if is_in_business else replace(found, is_offered=False, hours=0)


class _Weigher:
    """One shop, one service, some days."""

    def __init__(
        self,
        plans: Plans,
        zone: str,
        hours: Sequence[HoursEntry],
        stretch: Stretch,
        now: dt.datetime,
        at: dt.datetime | None,
    ) -> None:
        self.plans, self.hours, self.stretch, self.now = plans, hours, stretch, now
        # Then there is one place to begin, and whoever is busy for any of its cells cannot.
        self.is_moment = at is not None
        service = plans.service
        self.before = service.buffer_before_min // CELL_MIN
        self.served = service.duration_min // CELL_MIN
        self.occupied = self.before + self.served + service.buffer_after_min // CELL_MIN
        self.days = days_of(zone)
        # Yesterday's hours may reach over midnight, and a buffer into the days around.
        self.around = _range(stretch.first - _ONE_DAY, stretch.last + _ONE_DAY)
        if at is None:
            self.base = self.days.start(self.around[0])
            self.size = self.days.start(self.around[-1] + 2 * _ONE_DAY) - self.base
        else:
            self.base, self.size = cell_of(at) - self.before, self.occupied
        self.all = (1 << self.size) - 1
        self.free = self._starts(self.all)
        self.week_days: dict[dt.date, int | None] = {}
        self.worked: dict[tuple[int, tuple[DayEntry, ...]], tuple[int, int]] = {}
        self.unknown: set[dt.date] = set()
        for day in self.around:
            try:
                self.week_days[day] = week_day(day, holidays=plans.holidays, workdays=plans.workdays)
            except HolidaysUnknown:
                self.week_days[day] = None
                self.unknown.add(day)

    def openings(self) -> Openings:
        wanted = _range(self.stretch.first, self.stretch.last)
        service = self.plans.service
        grid = 0
        for day in wanted:
            grid |= shifted(self.days.grid(day, service.step_min), self.days.start(day) - self.base)
        soonest = self.now + dt.timedelta(minutes=service.notice_min)
        last = self.now.astimezone(self.days.zone).date() + dt.timedelta(days=service.horizon_days)
        chair_of = {one.id: self._beside(one.busy) for one in self.plans.chairs}
        return Openings(
            plans=self.plans,
            base=self.base,
            days=self._days(wanted),
            known=self.all & ~self._days(self.unknown),
            grid=grid & self.all,
            hours=eroded(self._hours(), self.served),
            notice=self._span(-(-int(soonest.timestamp()) // CELL_S), self.base + self.size),
            horizon=self._span(self.base, self.days.start(last + _ONE_DAY)),
            member=eroded(self.all & ~self._cells(self.plans.member_busy), self.served)
            if self.plans.member_busy[0]
            else self.all,
            chairs=union(chair_of.values()) if service.chair_kind else self.all,
            staff={one.id: self._somebody(one) for one in self.plans.staff},
            chair_of=chair_of,
            sessions={cell_of(one.starts_at) - self.base: one for one in self.plans.sessions},
            days_asked=tuple((day, self.days.start(day), self.days.start(day + _ONE_DAY)) for day in wanted),
        )

    def _somebody(self, plan: StaffPlan) -> Somebody:
        # Many work by the same plan, which is the same object then.
        key = (id(plan.plan), plan.days)
        found = self.worked.get(key)
        if found is None:
            work = self._work(plan)
            found = self.worked[key] = work, self._starts(work)
        work, able = found
        capped = 0
        if plan.cap:
            capped = self._days(day for day, count in plan.booked.items() if count >= plan.cap)
        return Somebody(plan=plan, able=able, capped=capped, free=able & self._beside(plan.busy) & ~capped)

    def _hours(self) -> int:
        """When the shop is open."""
        special = {one.day: one for one in self.plans.shop_days}
        spans: list[_Span] = []
        for day in self.around:
            one = special.get(day)
            if one is not None:
                self._add(spans, day, one.opens, one.closes)
                continue
            for each in self.hours:
                if each.weekday == self.week_days[day]:
                    self._add(spans, day, each.opens, each.closes)
        return self._mask(spans)

    def _work(self, plan: StaffPlan) -> int:
        """When she is at work here, breaks left out. What is said of a date holds for what begins on it."""
        work: list[_Span] = []
        pause: list[_Span] = []
        replaced: set[dt.date] = set()
        for one in plan.days:
            if one.kind is DayKind.BREAK:
                self._add(pause, one.day, one.starts, one.ends, is_outward=True)
                continue
            replaced.add(one.day)
            if one.kind is DayKind.WORK and one.is_here:
                self._add(work, one.day, one.starts, one.ends)
        week: dict[int, list[PlanEntry]] = {}
        for each in plan.plan:
            week.setdefault(each.weekday, []).append(each)
        for day in self.around:
            for each in week.get(self.week_days[day] or 0, ()):
                if each.kind is SpanKind.BREAK:
                    self._add(pause, day, each.starts, each.ends, is_outward=True)
                elif day not in replaced:
                    self._add(work, day, each.starts, each.ends)
        return self._mask(work) & ~self._mask(pause)

    def _beside(self, busy: Busy) -> int:
        """Where the service could begin beside what is taken."""
        if not busy[0]:
            return self.free
        if self.is_moment:
            end = self.base + self.size
            for first, last in zip(*busy, strict=True):
                if first < end and self.base < last:
                    return 0
            return self.free
        return self._starts(self.all & ~self._cells(busy))

    def _starts(self, free: int) -> int:
        """Where the service could begin so that it and its buffers fit."""
        return eroded(free, self.occupied) << self.before & self.all

    def _add(
        self, spans: list[_Span], day: dt.date, starts: int | None, ends: int | None, *, is_outward: bool = False
    ) -> None:
        if starts is not None and ends is not None:
            first = self.days.at(day, starts, is_end=is_outward)
            spans.append((first, self.days.at(day, ends, is_end=not is_outward)))

    def _cells(self, busy: Busy) -> int:
        """Few at a time, near each other: small numbers are put together and then set into the large one."""
        starts, ends = busy
        if not starts:
            return 0
        origin = min(*starts, self.base)
        runs, mask = RUNS, 0
        for index in range(0, len(starts), _TOGETHER):
            some = starts[index : index + _TOGETHER]
            low, near = min(some), 0
            for first, end in zip(some, ends[index : index + _TOGETHER], strict=True):
                near |= runs[end - first] << (first - low)
            mask |= near << (low - origin)
        return mask >> (self.base - origin) & self.all

    def _mask(self, spans: Iterable[_Span]) -> int:
        """A set of cells from many spans: digits are cheaper to set than bits of a large integer."""
        base, size = self.base, self.size
        digits = bytearray(b"0") * size
        for starts, ends in spans:
            first, end = starts - base, ends - base
            if first < 0 or end > size:
                first, end = max(first, 0), min(end, size)
            if first < end:
                digits[size - end : size - first] = b"1" * (end - first)
        return int(digits, 2)

    def _days(self, days: Iterable[dt.date]) -> int:
        mask = 0
        for day in days:
            mask |= self._span(self.days.start(day), self.days.start(day + _ONE_DAY))
        return mask

    def _span(self, first: int, end: int) -> int:
        """The cells from one until another."""
        first, end = max(first - self.base, 0), min(end - self.base, self.size)
        return ((1 << (end - first)) - 1) << first if end > first else 0


def _range(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
