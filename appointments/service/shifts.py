"""When people are at work, shop by shop."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import replace

from msgspec.structs import astuple

from appointments.repository import shifts as repository
from appointments.repository.shifts import Loaded
from appointments.rules.shifts import Shifts, shifts
from appointments.types import HoursEntry, Stretch
from stores.types import PastOpening
from yundian.platform.core import clock
from yundian.platform.outbox.door import Door

_AROUND = dt.timedelta(days=2)


async def of_shops(
    door: Door,
    *,
    shop_ids: Collection[uuid.UUID],
    first: dt.date,
    last: dt.date,
    is_past: bool = False,
    opening: PastOpening | None = None,
) -> dict[uuid.UUID, Shifts]:
    """The shifts of these local days, both included, as plans and exceptions say them now. One statement.

    ``is_past``: the shops were in business then, whether they are now or not. ``opening``: by these hours, and not
    by those of now.
    """
    loaded = await repository.load(door, shop_ids=shop_ids, first=first - _AROUND, last=last + _AROUND)
    return {shop_id: _shifts(one, Stretch(first, last), is_past, opening) for shop_id, one in loaded.items()}


def _shifts(one: Loaded, stretch: Stretch, is_past: bool, opening: PastOpening | None) -> Shifts:
    where = one.shop
    found = shifts(
        one.plans,
        zone=where.time_zone,
        hours=where.hours if opening is None else [HoursEntry(*astuple(each)) for each in opening.hours],
        is_in_business=is_past or (where.is_in_business if opening is None else opening.is_in_business),
        stretch=stretch,
    )
    since = {staff: clock.business_day(at, where.time_zone) for staff, at in one.entered.items()}
    return replace(found, since=since)
