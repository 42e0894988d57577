"""The demo brand's appointments of eight weeks and of two to come: made up, written at once, told to nobody."""

import datetime as dt
import random
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from zoneinfo import ZoneInfo

from appointments import api as appointments
from appointments.api import PastBooking, Views
from appointments.states import BookingState, Source
from appointments.types import ServiceView
from yundian.members import api as members
from yundian.members.types import IdentityKind, Known
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

T = TypeVar("T")

_PAST, _COMING = 56, 14
_HOURS = (10, 11, 12, 14, 15, 16, 17, 18, 19)
# How likely an hour is asked for: after work and at the weekend, when it is not far away.
_LIKED = {10: 0.4, 11: 0.6, 12: 0.5, 14: 0.7, 15: 0.8, 16: 0.8, 17: 0.9, 18: 1.1, 19: 0.8}
_OF_WEEK = (0.6, 0.55, 0.6, 0.7, 0.9, 1.25, 1.15)
_ENDED = (
    (BookingState.COMPLETED, 0.79), (BookingState.NO_SHOW, 0.06), (BookingState.WAIVED, 0.02),
    (BookingState.CANCELLED_LATE, 0.04), (BookingState.CANCELLED, 0.09),
)  # fmt: skip
_CHANNELS = (("wechat", 0.55), ("web", 0.2), ("shop", 0.13), ("walk_in", 0.12))
# Those of the customers at tills and on Tmall who are known by their phones.
_PHONES = [f"199000{number:05}" for number in range(160)]
_STRANGERS = 0.45
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Place:
    """A shop with those who serve in it, and its chairs."""

    shop_id: uuid.UUID
    time_zone: str
    staff: list[uuid.UUID]
    chairs: list[uuid.UUID]
    weight: float


@dataclass
class _Maker:
    """One brand's appointments, and the dice."""

    usual: ServiceView
    long: ServiceView
    customers: list[uuid.UUID]
    now: dt.datetime
    dice: random.Random = field(default_factory=lambda: random.Random("appointments"))  # noqa: S311 (not for secrets)
    made: list[PastBooking] = field(default_factory=list)
    busy: set[tuple[dt.date, uuid.UUID]] = field(default_factory=set)

    def day(self, place: Place, day: dt.date, back: int) -> None:
        """Whoever works has a chair of her own; she may be booked hour by hour."""
        on_duty = min(len(place.staff), len(place.chairs))
        for number in range(on_duty):
            staff = place.staff[(number + day.toordinal()) % len(place.staff)]
            free_from = 0
            for hour in _HOURS:
                if hour >= free_from and self.dice.random() < self._demand(place, day, hour, back):
                    free_from = self._book(place, staff, place.chairs[number], day, hour)

    def _demand(self, place: Place, day: dt.date, hour: int, back: int) -> float:
        # It became known slowly, and few book long before.
        known = 1.1 - 0.5 * back / _PAST if back >= 0 else 0.75 * 0.86**-back
        return _LIKED[hour] * _OF_WEEK[day.weekday()] * place.weight * known

    def _book(self, place: Place, staff: uuid.UUID, chair: uuid.UUID, day: dt.date, hour: int) -> int:
        is_long = hour not in (11, 12, 19) and self.dice.random() < 0.22
        service = self.long if is_long else self.usual
        start = dt.datetime.combine(day, dt.time(hour, 30 if is_long else 0), ZoneInfo(place.time_zone))
        ends = start + dt.timedelta(minutes=service.duration_min)
        channel = self._one_of(_CHANNELS)
        state = self._state(start, ends, channel)
        is_walk_in = channel == "walk_in" and state is not BookingState.CONFIRMED
        asked = start - (dt.timedelta() if is_walk_in else dt.timedelta(hours=self.dice.uniform(3, 220)))
        asked = min(asked, self.now - dt.timedelta(minutes=self.dice.randint(20, 3000)), start)
        arrived = start + dt.timedelta(minutes=self.dice.randint(-8, 6))
        is_here = state in (BookingState.COMPLETED, BookingState.IN_SERVICE)
        source = {"walk_in": Source.WALK_IN, "shop": Source.SHOP}.get(channel, Source.CUSTOMER)
        self.made.append(
            PastBooking(
                code=readable_code(10),
                shop_id=place.shop_id,
                service_id=service.id,
                staff_id=staff,
                resource_id=chair,
                member_id=self._customer(day, is_known=not is_walk_in),
                state=state,
                source=source if is_walk_in or source is not Source.WALK_IN else Source.SHOP,
                channel=channel if is_walk_in or channel != "walk_in" else "shop",
                starts_at=start.astimezone(dt.UTC),
                time_zone=place.time_zone,
                local_day=day,
                is_any_staff=self.dice.random() < 0.6,
                asked_at=asked.astimezone(dt.UTC),
                arrived_at=min(arrived, self.now).astimezone(dt.UTC) if is_here else None,
                ended_at=self._ended(state, start, ends, asked),
            )
        )
        return hour + (3 if is_long else 1)

    def _state(self, start: dt.datetime, ends: dt.datetime, channel: str) -> BookingState:
        if ends <= self.now:
            return BookingState.COMPLETED if channel == "walk_in" else self._one_of(_ENDED)
        if start <= self.now:
            return BookingState.IN_SERVICE
        return BookingState.CONFIRMED

    def _ended(
        self, state: BookingState, start: dt.datetime, ends: dt.datetime, asked: dt.datetime
    ) -> dt.datetime | None:
        if state is BookingState.COMPLETED:
            at = ends
        elif state is BookingState.CANCELLED:
            at = asked + (start - asked) * 0.6
        elif state is BookingState.CANCELLED_LATE:
            at = max(start - dt.timedelta(minutes=self.dice.randint(20, 100)), asked)
        elif state in (BookingState.NO_SHOW, BookingState.WAIVED):
            at = start + dt.timedelta(minutes=15)
        else:
            return None
        return at.astimezone(dt.UTC)

    def _customer(self, day: dt.date, *, is_known: bool) -> uuid.UUID | None:
        """Nobody comes twice a day, wherever; many are not known yet."""
        if not is_known or not self.customers or self.dice.random() < _STRANGERS:
            return None
        chosen = self.dice.choice(self.customers)
        if (day, chosen) in self.busy:
            return None
        self.busy.add((day, chosen))
        return chosen

    def _one_of(self, weighed: Sequence[tuple[T, float]]) -> T:
        return self.dice.choices([one for one, _weight in weighed], [weight for _one, weight in weighed])[0]

    def views(self) -> Iterator[Views]:
        """Of those who look at times on a day, about a third ask for one."""
        asked = Counter(
            (one.asked_at.astimezone(ZoneInfo(one.time_zone)).date(), one.shop_id, one.service_id, one.channel)
            for one in self.made
            if one.channel in ("web", "wechat")
        )
        for (day, shop_id, service_id, channel), count in asked.items():
            viewers = count + round(count * self.dice.uniform(1.0, 3.2))
            yield Views(day=day, shop_id=shop_id, service_id=service_id, channel=channel, viewers=viewers)


async def put_bookings(services: Services, brand_id: uuid.UUID, *, places: list[Place]) -> None:
    """Once, when the services and the people have just been made."""
    now = clock.now()
    async with services.database.connection(brand_id) as tx:
        offered = {one.code: one for one in await appointments.offers(tx)}
        customers = await _customers(services, tx)
        maker = _Maker(usual=offered["DT-MAKEUP"], long=offered["DT-BRIDAL"], customers=customers, now=now)
        for place in places:
            today = clock.business_day(now, place.time_zone)
            for back in range(_PAST, -_COMING - 1, -1):
                maker.day(place, today - back * _ONE_DAY, back)
        await appointments.take_history(tx, bookings=maker.made, views=list(maker.views()), now=now)


async def _customers(services: Services, tx: Tx) -> list[uuid.UUID]:
    known = [Known(IdentityKind.PHONE, phone) for phone in _PHONES]
    keys = [(one.kind, one.scope, members.hash_of(services.keyring, one)) for one in known]
    return sorted((await members.owners_of(tx, keys=keys)).values())
