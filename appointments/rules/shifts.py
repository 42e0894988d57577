"""When people are at work and a shop is open: what openings are made of, whatever the service."""

import datetime as dt
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from appointments.rules.cells import shifted
from appointments.rules.days import CELL_MIN, cell_of, instant_of
from appointments.rules.openings import openings
from appointments.states import Status, WaitMode
from appointments.types import BookingView, HoursEntry, Plans, ServiceView, Stretch

_RUN = re.compile("1+")
# Nothing that is asked about is too soon.
_BEFORE = dt.timedelta(days=3)

# The shortest there is: where it could begin, somebody is at work.
ANYTHING = ServiceView(
    id=uuid.UUID(int=0), code="-", name="-", category="", description="", status=Status.ACTIVE,
    duration_min=CELL_MIN, buffer_before_min=0, buffer_after_min=0, step_min=CELL_MIN, seats=1, chair_kind="",
    price_minor=0, deposit_minor=0, no_show_deposit_minor=0, currency="CNY", needs_approval=False, notice_min=0,
    horizon_days=1, cutoff_min=0, hold_min=1, grace_min=0, is_late_cancel_charged=False, is_no_show_charged=False,
    no_show_limit=0, wait_mode=WaitMode.OFF, offer_min=1, version=1,
)  # fmt: skip


@dataclass(frozen=True)
class Shifts:
    """Sets of cells of five minutes; bit 0 is ``base``. ``days``: local days, their first cells and their ends.

    ``since``: the shop's day on which each of the people was entered.
    """

    base: int
    open: int
    work: dict[uuid.UUID, int]
    days: tuple[tuple[dt.date, int, int], ...]
    since: Mapping[uuid.UUID, dt.date] = field(default_factory=dict)

    def hours(self) -> list[tuple[dt.datetime, dt.datetime]]:
        """From when until when the shop is open."""
        return self._spans(self.open)

    def of(self, staff_id: uuid.UUID) -> list[tuple[dt.datetime, dt.datetime]]:
        """From when until when she is at work while the shop is open."""
        return self._spans(self.work.get(staff_id, 0) & self.open)

    def covers(self, one: BookingView) -> bool:
        """Whether it lies within the shop's hours, and with its buffers within the work of whoever serves it."""
        served = self._cells(one.starts_at, one.ends_at)
        occupied = self._cells(one.occupied_from, one.occupied_until)
        return not served & ~self.open and not occupied & ~self.work.get(one.staff_id, 0)

    def _cells(self, starts: dt.datetime, ends: dt.datetime) -> int:
        first, last = cell_of(starts) - self.base, cell_of(ends) - self.base
        return ((1 << max(last - first, 0)) - 1) << max(first, 0)

    def by_day(self, staff_id: uuid.UUID) -> Iterator[tuple[dt.date, int]]:
        """Day by day, for how many minutes she is at work while the shop is open."""
        mask = self.work.get(staff_id, 0) & self.open
        for day, first, end in self.days:
            cells = shifted(mask, self.base - first) & ((1 << (end - first)) - 1)
            yield day, cells.bit_count() * CELL_MIN

    def _spans(self, mask: int) -> list[tuple[dt.datetime, dt.datetime]]:
        found = _RUN.finditer(bin(mask)[:1:-1]) if mask else ()
        return [(instant_of(self.base + run.start()), instant_of(self.base + run.end())) for run in found]


def shifts(
    plans: Plans, *, zone: str, hours: Sequence[HoursEntry], is_in_business: bool, stretch: Stretch
) -> Shifts:
    """Work it out for the local days of ``stretch``. Days of a year whose holidays nobody knows have no hours."""
    noon = dt.datetime.combine(stretch.first, dt.time(12), tzinfo=dt.UTC)
    found = openings(
        plans, zone=zone, hours=hours, is_in_business=is_in_business, stretch=stretch, now=noon - _BEFORE
    )
    known = found.days & found.known
    return Shifts(
        base=found.base,
        open=found.hours & known,
        work={one.plan.id: one.able & known for one in found.staff.values()},
        days=found.days_asked,
    )
