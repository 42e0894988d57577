"""What can be had: plans are read once (one statement) and weighed by the one function of ``rules.openings``."""

import datetime as dt
import uuid
from dataclasses import dataclass

import msgspec

from appointments.errors import ServiceUnknown, TooFar
from appointments.repository import plans as repository
from appointments.repository.plan_parts import Question
from appointments.rules.days import CELL_MIN
from appointments.rules.life import NO_SHOWS_COUNT_FOR
from appointments.rules.openings import Openings, openings
from appointments.states import Status
from appointments.types import ServiceView, Stretch
from stores import api as stores
from stores.errors import ShopUnknown
from yundian.platform.core import clock
from yundian.platform.outbox.door import Door

# A page of a calendar shows no more.
MAX_DAYS = 62
_MARGIN = dt.timedelta(days=2)
_NOON = dt.time(12, tzinfo=dt.UTC)
# Nothing is booked, and no board looked at, farther away.
_REACH = dt.timedelta(days=400)


@dataclass(frozen=True)
class Asked:
    """Openings, the zone they are told in, and when it was asked."""

    openings: Openings
    time_zone: str
    now: dt.datetime

    def by_day(self, staff_id: uuid.UUID | None = None) -> dict[dt.date, list[dt.datetime]]:
        """The times that can be had by local day, days without any left out."""
        return self.openings.by_day(staff_id)


async def ask(
    door: Door,
    *,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    stretch: Stretch | None = None,
    at: dt.datetime | None = None,
    now: dt.datetime | None = None,
    member_id: uuid.UUID | None = None,
    is_booking: bool = False,
    is_by_shop: bool = False,
    moving: uuid.UUID | None = None,
    is_session: bool = False,
) -> Asked:
    """The openings of a shop for one service, over local days or at one instant.

    ``member_id``: times at which she has another appointment are left out. ``moving`` is a booking that would give
    its own time back, with ``is_session`` a whole group session: it can be moved though its service is not offered
    any more. ``is_by_shop``: notice, horizon and the minutes
    of the grid bind customers only. With ``at`` they answer for what begins then, and for nothing else.

    Notice and horizon count from ``now``; without it from what the database's clock says in the same statement,
    for that of a process may be wrong.
    """
    guess = now or clock.now()
    if at is not None and abs(at - guess) > _REACH:
        raise TooFar(horizon_days=_REACH.days)
    span = _span(stretch, at, guess)
    question = Question(
        shop_id=shop_id,
        service_id=service_id,
        since=at or dt.datetime.combine(span.first, _NOON) - _MARGIN,
        until=at or dt.datetime.combine(span.last, _NOON) + _MARGIN,
        first=span.first - dt.timedelta(days=2),
        last=span.last + dt.timedelta(days=2),
        member_id=member_id,
        no_shows_since=guess - NO_SHOWS_COUNT_FOR,
        is_booking=is_booking,
        moving=moving,
        is_session=is_session,
    )
    shop, plans = await repository.load(door, question)
    if shop is None:
        raise ShopUnknown
    if plans is None:
        raise ServiceUnknown
    moment = now or plans.asked_at or guess
    if is_by_shop:
        plans = msgspec.structs.replace(plans, service=_unbound(plans.service))
    if stretch is None or at is not None:
        # Only now it is known where, and so which day it is there.
        day = clock.business_day(at or moment, shop.time_zone)
        span = Stretch(day, day if at is not None else day + dt.timedelta(days=MAX_DAYS))
    weighed = openings(
        plans,
        zone=shop.time_zone,
        hours=shop.hours,
        is_in_business=shop.is_in_business and (moving is not None or plans.service.status is Status.ACTIVE),
        stretch=span,
        now=moment,
        at=at,
    )
    return Asked(weighed, shop.time_zone, moment)


def _span(stretch: Stretch | None, at: dt.datetime | None, now: dt.datetime) -> Stretch:
    """The days that are read, in UTC where the shop's are not known yet: its own are one off at most."""
    if stretch is not None and at is None:
        return Stretch(stretch.first, min(stretch.last, stretch.first + dt.timedelta(days=MAX_DAYS)))
    day = (at or now).astimezone(dt.UTC).date()
    return Stretch(day, day if at is not None else day + dt.timedelta(days=MAX_DAYS))


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
