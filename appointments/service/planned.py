"""How long people were planned to work: days that are over keep what was planned then, others follow the plan."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from zoneinfo import ZoneInfo

from appointments.repository import planned as repository
from appointments.repository.planned import Behind, PlannedDay
from appointments.service import shifts
from stores import api as stores
from stores.types import PastOpening
from yundian.platform.core import clock
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door

_ONE_DAY = dt.timedelta(days=1)
# No shop was planned before; dates come from people, who may write any.
_EARLIEST = dt.date(2000, 1, 1)
# So many days of so many shops are worked out and written at once.
_DAYS, _SHOPS = 62, 50


async def keep(door: Door, *, shop_ids: Collection[uuid.UUID]) -> None:
    """Write down the days of these shops that are over, as they are planned now: before any of that changes.

    The shops are locked until the transaction ends, so that nobody else writes down what is about to change.
    """
    await repository.watch(door, shop_ids=shop_ids)
    ordered = sorted(set(shop_ids))
    for start in range(0, len(ordered), _SHOPS):
        some = ordered[start : start + _SHOPS]
        await repository.lock(door, shop_ids=some)
        while await _keep_some(door, await repository.behind(door, shop_ids=some, after=None, limit=_SHOPS)):
            pass


async def keep_all(database: Database) -> None:
    """Brand by brand, days that are over are written down: those of an outage, too."""
    for brand_id in await directory.brand_ids(database):
        after: uuid.UUID | None = None
        while True:
            async with database.connection(brand_id) as tx:
                found = await repository.behind(tx, shop_ids=None, after=after, limit=_SHOPS)
                if await _keep_some(tx, found):
                    continue
            if len(found.until) < _SHOPS:
                break
            after = max(found.until)


async def _keep_some(door: Door, found: Behind) -> bool:
    """The next days of these shops; whether there were any."""
    zones = await stores.places_of(door, ids=sorted(found.until))
    over = {shop: clock.business_day(found.now, one.time_zone) - _ONE_DAY for shop, one in zones.items()}
    due = [shop for shop, until in found.until.items() if until < over[shop]]
    stretches: dict[tuple[dt.date, dt.date], list[uuid.UUID]] = defaultdict(list)
    for shop, until in (await repository.lock(door, shop_ids=due) if due else {}).items():
        if until < over[shop]:
            stretches[until + _ONE_DAY, min(over[shop], until + _DAYS * _ONE_DAY)].append(shop)
    for (first, last), shops in stretches.items():
        planned = await _as_it_was(door, shop_ids=shops, first=first, last=last)
        await repository.keep(door, days=planned)
        await repository.kept(door, shop_ids=shops, until=last)
    return bool(stretches)


async def correct(
    door: Door,
    *,
    shop_ids: Collection[uuid.UUID],
    first: dt.date,
    last: dt.date,
    staff_id: uuid.UUID | None = None,
) -> None:
    """Something was said of days that may be over, of one person or of shops: what is kept follows.

    Whoever does not serve there any more, or was not entered yet, keeps what she had.
    """
    until = await repository.lock(door, shop_ids=shop_ids)
    first = max(first, _EARLIEST)
    latest = min(last, max(until.values(), default=_EARLIEST - _ONE_DAY))
    for begin in _stretches(first, latest):
        end = min(begin + (_DAYS - 1) * _ONE_DAY, latest)
        planned = await _planned(
            door, shop_ids=until, first=begin, last=end, is_since_ever=staff_id is not None, is_past=True
        )
        days = [one for one in planned if one.day <= until[one.shop_id] and staff_id in (None, one.staff_id)]
        await repository.forget(door, days=days)
        await repository.keep(door, days=days)


async def close(door: Door, *, shop_id: uuid.UUID, day: dt.date) -> None:
    """The shop was closed on a day, which may be over: nobody was planned there after all."""
    await repository.lock(door, shop_ids=[shop_id])
    await repository.forget_day(door, shop_id=shop_id, day=day)


async def suppose(door: Door, *, shop_ids: Collection[uuid.UUID], first: dt.date) -> None:
    """Days since ``first``, before anybody was entered: as if people had worked as planned now, then too."""
    until = await repository.lock(door, shop_ids=shop_ids)
    latest = max(until.values(), default=first - _ONE_DAY)
    for begin in _stretches(first, latest):
        end = min(begin + (_DAYS - 1) * _ONE_DAY, latest)
        planned = await _planned(door, shop_ids=until, first=begin, last=end, is_since_ever=True, is_past=True)
        await repository.keep(door, days=[one for one in planned if one.day <= until[one.shop_id]])


async def minutes(
    door: Door, *, shop_ids: Collection[uuid.UUID], first: dt.date, last: dt.date, only: uuid.UUID | None = None
) -> dict[tuple[uuid.UUID, uuid.UUID], int]:
    """By shop and person; of days that are kept what is kept, of the others what the plan says now."""
    kept = await repository.read(door, first=first, last=last, shop_id=only)
    found: dict[tuple[uuid.UUID, uuid.UUID], int] = defaultdict(int)
    for shop, one in kept.items():
        for staff, count in one.minutes.items():
            found[shop, staff] = count
    begins: dict[dt.date, list[uuid.UUID]] = defaultdict(list)
    for shop in shop_ids:
        begins[max(first, kept[shop].until + _ONE_DAY) if shop in kept else first].append(shop)
    for begin, shops in begins.items():
        if begin <= last:
            for each in await _as_it_was(door, shop_ids=shops, first=begin, last=last):
                found[each.shop_id, each.staff_id] += each.minutes
    return dict(found)


async def _as_it_was(
    door: Door, *, shop_ids: Collection[uuid.UUID], first: dt.date, last: dt.date
) -> list[PlannedDay]:
    """As people are planned, each day by the hours that its shop had when that day ended."""
    before = dt.datetime.combine(first, dt.time(), tzinfo=dt.UTC)
    changes = await stores.past_openings(door, ids=shop_ids, since=before)
    found = await _planned(door, shop_ids=[one for one in shop_ids if one not in changes], first=first, last=last)
    zones = await stores.places_of(door, ids=sorted(changes))
    for shop, openings in changes.items():
        zone, begin = ZoneInfo(zones[shop].time_zone), first
        for opening in (*openings, None):
            # The last day that had ended when this was changed.
            until = last
            if opening is not None:
                until = min(last, opening.until.astimezone(zone).date() - _ONE_DAY)
            if begin <= until:
                found += await _planned(door, shop_ids=[shop], first=begin, last=until, opening=opening)
                begin = until + _ONE_DAY
    return found


async def _planned(
    door: Door,
    *,
    shop_ids: Collection[uuid.UUID],
    first: dt.date,
    last: dt.date,
    is_since_ever: bool = False,
    is_past: bool = False,
    opening: PastOpening | None = None,
) -> list[PlannedDay]:
    """As people are planned now, nobody before she was entered; with 0 minutes where she has a day off."""
    if not shop_ids:
        return []
    found = await shifts.of_shops(
        door, shop_ids=shop_ids, first=first, last=last, is_past=is_past, opening=opening
    )
    return [
        PlannedDay(shop_id=shop, day=day, staff_id=staff, minutes=count)
        for shop, one in found.items()
        for staff in one.work
        for day, count in one.by_day(staff)
        if is_since_ever or day >= one.since[staff]
    ]


def _stretches(first: dt.date, last: dt.date) -> Iterable[dt.date]:
    """Where stretches of days begin that are worked out at once."""
    return (first + n * _ONE_DAY for n in range(0, (last - first).days + 1, _DAYS))
