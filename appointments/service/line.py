"""Serving who waits at a shop: what can be had is offered in the order they came, to whomever it fits."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from appointments.events import LineCalled, SlotFreed, SlotOffered
from appointments.repository import bookings, waits
from appointments.repository import setup as services
from appointments.service import booking as book
from appointments.service import planning
from appointments.states import Source, WaitMode, WaitState
from appointments.types import ServiceView, Stretch, WaitView
from stores import api as stores
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox, timers
from yundian.platform.outbox.door import Door

OFFER_TIMER = "appointments.offer"
WAKE_TIMER = "appointments.wake_line"
# Of one day more are not looked at, of one shop not more days, and not more are held, in one transaction.
_LINE, _DAYS, _HELD = 200, 8, 20
# Edits come in storms: what they make possible is looked at once, when it is quiet.
_SOON = dt.timedelta(seconds=5)
_ONE_DAY = dt.timedelta(days=1)
_Span = tuple[dt.datetime, dt.datetime]


async def wake(door: Door, *, shop_ids: Iterable[uuid.UUID]) -> None:
    """More can be had at these shops, or may be: who waits there is served soon, however often that is said.

    A timer that has not gone off yet will see it all. One that is going off may have read before: it is set anew,
    behind whoever runs it.
    """
    now = await bookings.moment(door)
    for shop_id in await waits.shops_waiting(door, shop_ids=shop_ids, since=now.date() - _ONE_DAY):
        due = await timers.due_at(door, name=WAKE_TIMER, key=str(shop_id))
        if due is None or due <= now:
            await timers.set_timer(door, name=WAKE_TIMER, key=str(shop_id), due_at=now + _SOON)


async def serve_freed(tx: Tx, *, freed: Sequence[SlotFreed], now: dt.datetime) -> None:
    """Offer times that were given back, and nothing else. Records ``SlotOffered``."""
    by_shop: dict[uuid.UUID, list[SlotFreed]] = defaultdict(list)
    for one in freed:
        if one.starts_at > now:
            by_shop[one.shop_id].append(one)
    for shop_id in sorted(by_shop):
        theirs = by_shop[shop_id]
        around = {one.local_day + n * _ONE_DAY for one in theirs for n in (-1, 0, 1)}
        days = await waits.days(tx, shop_id=shop_id, only=around, since=min(around), limit=len(around))
        if not days:
            continue
        desk = await _desk(tx, shop_id, now)
        desk.freed = [_occupied(await desk.service(one.service_id), one.starts_at) for one in theirs]
        desk.wanted = {one.starts_at for one in theirs}
        for day in days:
            if not await desk.serve(day):
                await outbox.record(tx, LineCalled(shop_id=shop_id, since=day))
                break


async def serve_called(tx: Tx, *, called: Sequence[LineCalled], now: dt.datetime) -> None:
    """Offer whatever can be had to who waits at these shops, each once, from the first day on that was called."""
    since: dict[uuid.UUID, dt.date] = {}
    for one in called:
        first = max(one.since or dt.date.min, now.date() - _ONE_DAY)
        since[one.shop_id] = min(first, since.get(one.shop_id, first))
    for shop_id in sorted(since):
        await _serve_days(tx, shop_id=shop_id, since=since[shop_id], now=now)


async def _serve_days(tx: Tx, *, shop_id: uuid.UUID, since: dt.date, now: dt.datetime) -> None:
    """Day by day; many days, or many offers, go on in another job."""
    days = await waits.days(tx, shop_id=shop_id, only=None, since=since, limit=_DAYS)
    if not days:
        return
    desk = await _desk(tx, shop_id, now)
    for day in days:
        if not await desk.serve(day):
            await outbox.record(tx, LineCalled(shop_id=shop_id, since=day))
            return
    if len(days) == _DAYS:
        await outbox.record(tx, LineCalled(shop_id=shop_id, since=days[-1] + _ONE_DAY))


async def _desk(tx: Tx, shop_id: uuid.UUID, now: dt.datetime) -> "_Desk":
    # One at a time: whoever is looked at by one job would be passed over by another.
    await waits.lock_line(tx, shop_id=shop_id)
    shop = await stores.get_opening(tx, shop_id=shop_id)
    return _Desk(tx=tx, shop_id=shop_id, zone=ZoneInfo(shop.time_zone), now=now)


@dataclass(kw_only=True)
class _Desk:
    """One shop's line at one moment. ``freed``: only what reaches into these times; none: whatever there is.

    ``told``: times that were offered to all, for as long as that stands. They are held for nobody.
    """

    tx: Tx
    shop_id: uuid.UUID
    zone: ZoneInfo
    now: dt.datetime
    freed: list[_Span] | None = None
    wanted: set[dt.datetime] = field(default_factory=set)
    told: list[_Span] = field(default_factory=list)
    busy: dict[uuid.UUID, list[_Span]] = field(default_factory=lambda: defaultdict(list))
    services: dict[uuid.UUID, ServiceView] = field(default_factory=dict)
    asked: dict[uuid.UUID, planning.Asked] = field(default_factory=dict)
    left: int = _HELD

    async def serve(self, day: dt.date) -> bool:
        """The line of a day; ``False`` where not all of it could be looked at."""
        line = await waits.line(self.tx, shop_id=self.shop_id, day=day, limit=_LINE)
        self.asked.clear()
        self.told = [
            _occupied(await self.service(service_id), start)
            for service_id, start in await waits.told(self.tx, shop_id=self.shop_id, day=day, now=self.now)
        ]
        self.busy = defaultdict(list)
        around = _noon(day) - 2 * _ONE_DAY, _noon(day) + 2 * _ONE_DAY
        for member, *span in await waits.busy(self.tx, member_ids={one.member_id for one in line}, around=around):
            self.busy[member].append((span[0], span[1]))
        for wait in line:
            service = await self.service(wait.service_id)
            if service.wait_mode is WaitMode.OFF:
                continue
            if service.wait_mode is WaitMode.BROADCAST:
                await self._tell(wait, service)
            elif not self.left:
                return False
            else:
                await self._hold(wait, service)
        return True

    async def service(self, service_id: uuid.UUID) -> ServiceView:
        if service_id not in self.services:
            self.services[service_id] = await services.get_service(self.tx, service_id=service_id)
        return self.services[service_id]

    async def _start(self, wait: WaitView, service: ServiceView, avoided: Sequence[_Span]) -> dt.datetime | None:
        """What to offer to her: what was just freed rather than another time, else the earliest."""
        asked = self.asked.get(service.id)
        if asked is None:
            stretch = Stretch(wait.day, wait.day)
            asked = await planning.ask(
                self.tx, shop_id=self.shop_id, service_id=service.id, stretch=stretch, now=self.now
            )
            self.asked[service.id] = asked
        fits = []
        for start in asked.by_day(wait.staff_id).get(wait.day, ()):
            local = start.astimezone(self.zone)
            taken = _occupied(service, start)
            served = (start, start + dt.timedelta(minutes=service.duration_min))
            if (
                wait.from_min <= local.hour * 60 + local.minute < wait.until_min
                and (self.freed is None or _meets(taken, self.freed))
                and not _meets(taken, avoided)
                and not _meets(served, self.busy[wait.member_id])
            ):
                fits.append(start)
        return min(fits, key=lambda start: (start not in self.wanted, start), default=None)

    async def _tell(self, wait: WaitView, service: ServiceView) -> None:
        start = await self._start(wait, service, ())
        if start is None:
            return
        expires_at = min(self.now + dt.timedelta(minutes=service.offer_min), start)
        await waits.move(
            self.tx,
            wait_id=wait.id,
            sources=[WaitState.WAITING],
            target=WaitState.OFFERED,
            start=start,
            expires_at=expires_at,
        )
        await timers.set_timer(self.tx, name=OFFER_TIMER, key=str(wait.id), due_at=expires_at)
        offered = SlotOffered(
            wait_id=wait.id,
            member_id=wait.member_id,
            shop_id=self.shop_id,
            service_id=service.id,
            starts_at=start,
            expires_at=expires_at,
            booking_id=None,
        )
        await outbox.record(self.tx, offered)
        self.told.append(_occupied(service, start))

    async def _hold(self, wait: WaitView, service: ServiceView) -> None:
        start = await self._start(wait, service, self.told)
        if start is None:
            return
        left_min = int((start - self.now).total_seconds()) // 60
        wish = book.Wish(
            shop_id=self.shop_id,
            service_id=service.id,
            start=start,
            staff_id=wait.staff_id,
            member_id=wait.member_id,
            source=Source.WAITLIST,
            hold_min=max(1, min(service.offer_min, left_min)),
            wait_id=wait.id,
        )
        # What can be had by now is asked anew, by everybody behind her too.
        self.asked.clear()
        try:
            async with self.tx.savepoint():
                held = await book.take(self.tx, wish=wish, now=self.now)
        except DomainError:
            # Somebody else was faster, and gives it back or keeps it: she waits on, and the next one is asked.
            return
        self.left -= 1
        self.busy[wait.member_id].append((held.starts_at, held.ends_at))
        await waits.move(
            self.tx,
            wait_id=wait.id,
            sources=[WaitState.WAITING],
            target=WaitState.OFFERED,
            start=start,
            expires_at=held.expires_at,
            booking_id=held.id,
        )


def _occupied(service: ServiceView, start: dt.datetime) -> _Span:
    after = service.duration_min + service.buffer_after_min
    return start - dt.timedelta(minutes=service.buffer_before_min), start + dt.timedelta(minutes=after)


def _meets(span: _Span, others: Iterable[_Span]) -> bool:
    return any(span[0] < end and first < span[1] for first, end in others)


def _noon(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12), tzinfo=clock.UTC)
