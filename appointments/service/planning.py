"""What can be had: plans are read once (two statements) and weighed by the one function of ``rules.openings``."""

import datetime as dt
import uuid
from dataclasses import dataclass

import msgspec

from appointments.errors import ServiceUnknown, TooFar
from appointments.repository import plans as repository
from appointments.rules.days import CELL_MIN
from appointments.rules.life import NO_SHOWS_COUNT_FOR
from appointments.rules.openings import Openings, openings
from appointments.types import HoursEntry, ServiceView, Stretch
from stores import api as stores
from yundian.platform.core import clock
from yundian.platform.outbox.door import Door

# A page of a calendar shows no more.
MAX_DAYS = 62
_MARGIN = dt.timedelta(days=2)
# Nothing is booked, and no board looked at, farther away.
_REACH = dt.timedelta(days=400)


@dataclass(frozen=True)
class Asked:
    """Openings and the zone they are told in."""

    openings: Openings
    time_zone: str

    def by_day(self, staff_id: uuid.UUID | None = None) -> dict[dt.date, list[dt.datetime]]:
        """The times that can be had by local day, days without any left out."""
        found: dict[dt.date, list[dt.datetime]] = {}
        for start in self.openings.starts(staff_id):
            found.setdefault(clock.business_day(start, self.time_zone), []).append(start)
        return found


async def ask(
    door: Door,
    *,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    stretch: Stretch | None = None,
    at: dt.datetime | None = None,
    now: dt.datetime,
    member_id: uuid.UUID | None = None,
    is_booking: bool = False,
    is_by_shop: bool = False,
    moving: uuid.UUID | None = None,
) -> Asked:
    """The openings of a shop for one service, over local days or around one instant. Two statements.

    ``member_id``: times at which she has another appointment are left out. ``moving`` is a booking that would give
    its own time back. ``is_by_shop``: notice, horizon and the minutes of the grid bind customers only.
    """
    shop = await stores.get_opening(door, shop_id=shop_id)
    if at is not None and abs(at - now) > _REACH:
        raise TooFar(horizon_days=_REACH.days)
    if at is not None:
        day = clock.business_day(at, shop.time_zone)
        stretch = Stretch(day, day)
    if stretch is None:
        today = clock.business_day(now, shop.time_zone)
        stretch = Stretch(today, today + dt.timedelta(days=MAX_DAYS))
    stretch = Stretch(stretch.first, min(stretch.last, stretch.first + dt.timedelta(days=MAX_DAYS)))
    noon = dt.time(12, tzinfo=dt.UTC)
    plans = await repository.load(
        door,
        shop_id=shop_id,
        service_id=service_id,
        since=dt.datetime.combine(stretch.first, noon) - _MARGIN,
        until=dt.datetime.combine(stretch.last, noon) + _MARGIN,
        first=stretch.first - dt.timedelta(days=1),
        last=stretch.last + dt.timedelta(days=1),
        member_id=member_id,
        no_shows_since=now - NO_SHOWS_COUNT_FOR,
        is_booking=is_booking,
        moving=moving,
    )
    if plans is None:
        raise ServiceUnknown
    if is_by_shop:
        plans = msgspec.structs.replace(plans, service=_unbound(plans.service))
    weighed = openings(
        plans,
        zone=shop.time_zone,
        hours=[HoursEntry(one.weekday, one.opens, one.closes) for one in shop.hours],
        is_in_business=shop.is_in_business and plans.service.status.value == "active",
        stretch=stretch,
        now=now,
    )
    return Asked(weighed, shop.time_zone)


def near(day: dt.date | None, today: dt.date) -> dt.date:
    """The day that was asked for, or today when none was, or one that nobody plans for."""
    return day if day is not None and abs(day - today) <= _REACH else today


async def local_day(door: Door, *, shop_id: uuid.UUID, day: dt.date | None, now: dt.datetime) -> dt.date:
    """The day that was asked for, or the shop's today; ``ShopUnknown`` where there is none."""
    shop = await stores.get_opening(door, shop_id=shop_id)
    return near(day, clock.business_day(now, shop.time_zone))


def _unbound(service: ServiceView) -> ServiceView:
    """As the shop's own people may book it: also what began a moment ago."""
    return msgspec.structs.replace(service, notice_min=-30, horizon_days=365, step_min=CELL_MIN)
