"""Makes a shop that takes appointments: services, people with a week, chairs."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from appointments.handlers import SUBSCRIBERS, TIMERS
from appointments.service import life, moves, planning, setup
from appointments.service.booking import Booked, Wish, book
from appointments.states import SpanKind
from appointments.types import BookingView, PlanLine, ServiceFields, ServiceView, StaffFields, Stretch
from stores.types import Interval
from tests.stores.makers import ALL_DAY, make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code
from yundian.platform.db.services import Services
from yundian.platform.outbox import timers
from yundian.platform.outbox.declare import Delivered, DueTimer

_EVENTS = "SELECT id, tag, payload FROM outbox_event WHERE brand_id = $1 ORDER BY id"
WEEK = tuple(range(1, 8))


@dataclass(frozen=True, kw_only=True)
class Salon:
    """A shop with its people, and what they do."""

    services: Services
    brand: BrandView
    shop_id: uuid.UUID
    service: ServiceView
    staff: list[uuid.UUID]
    chairs: list[uuid.UUID]
    zone: str
    delivered: set[tuple[str, uuid.UUID]] = field(default_factory=set)

    async def book(self, start: dt.datetime, **wish: object) -> Booked:
        values = {"shop_id": self.shop_id, "service_id": self.service.id, "start": start, **wish}
        return await book(
            self.services.database,
            keyring=self.services.keyring,
            brand_id=self.brand.id,
            wish=Wish(**values),  # type: ignore[arg-type]
        )

    async def starts(self, first: dt.date, last: dt.date | None = None, **asked: object) -> list[dt.datetime]:
        """What is offered on these local days."""
        async with self.services.database.connection(self.brand.id) as tx:
            found = await planning.ask(
                tx,
                shop_id=self.shop_id,
                service_id=self.service.id,
                stretch=Stretch(first, last or first),
                now=clock.now(),
                **asked,  # type: ignore[arg-type]
            )
        return found.openings.starts()

    async def deliver(self) -> list[str]:
        """The courier's work by hand: each event to each of the room's subscribers, once; what was told."""
        told = []
        done: set[uuid.UUID] = set()
        while fresh := [row for row in await self.rows(_EVENTS) if row["id"] not in done]:
            for row in fresh:
                done.add(row["id"])  # type: ignore[arg-type]
                for one in SUBSCRIBERS:
                    if one.event.tag_of() != row["tag"] or (one.name, row["id"]) in self.delivered:
                        continue
                    self.delivered.add((one.name, row["id"]))  # type: ignore[arg-type]
                    event = msgspec.json.decode(str(row["payload"]), type=one.event)
                    if one.is_batch:
                        async with self.services.database.connection(self.brand.id) as tx:
                            await one.handle(tx, [Delivered(row["id"], event)])  # type: ignore[arg-type]
                    else:
                        async with self.services.database.unit_of_work(self.brand.id) as session:
                            await one.handle(session, event)
                    told.append(one.name)
        return told

    async def ring(self, name: str, booking_id: uuid.UUID) -> None:
        """A timer of a booking falls due."""
        (handler,) = [each for each in TIMERS if each.name == name]
        async with self.services.database.unit_of_work(self.brand.id) as session:
            await handler.handle(session, DueTimer(self.brand.id, name, str(booking_id), {}))

    async def settle(self) -> int:
        """The time is over in which a shop can take its moves back; how many there were."""
        sql = "SELECT key FROM outbox_timer WHERE brand_id = $1 AND name = $2 AND state = 'set' ORDER BY id"
        keys = [str(row["key"]) for row in await self.rows(sql, moves.TIMER)]
        return sum([await self.settle_one(key) for key in keys])

    async def settle_one(self, key: str) -> bool:
        """The same of one booking, as the courier does it: the timer first, then what it is about."""
        async with self.services.database.unit_of_work(self.brand.id) as session:
            payload = await timers.take_back(session, name=moves.TIMER, key=key)
            if payload is None:
                return False
            (handler,) = [each for each in TIMERS if each.name == moves.TIMER]
            await handler.handle(session, DueTimer(self.brand.id, moves.TIMER, key, payload))
            return True

    async def see(self, booking_id: uuid.UUID) -> BookingView:
        async with self.services.database.connection(self.brand.id) as tx:
            return await life.see(tx, booking_id=booking_id)

    async def shift(self, booking_id: uuid.UUID, by: dt.timedelta) -> None:
        """The booking as if it had been made for another time: clocks of tests do not run."""
        for table, column in (("booking", "id"), ("occupancy", "booking_id")):
            await self.rows(
                f"UPDATE appointments_{table} SET starts_at = starts_at + $3, ends_at = ends_at + $3"
                f" WHERE brand_id = $1 AND {column} = $2",
                booking_id,
                by,
            )

    async def rows(self, sql: str, *args: object) -> list[dict[str, object]]:
        """A look at this brand's tables: ``$1`` is the brand."""
        async with self.services.database.connection(self.brand.id) as tx:
            return [dict(row) for row in await tx.fetch(sql, self.brand.id, *args)]


def service_fields(**changes: object) -> ServiceFields:
    values: dict[str, object] = {
        "code": readable_code(8),
        "name": "新娘试妆",
        "duration_min": 60,
        "step_min": 60,
        "chair_kind": "化妆椅",
        "price_minor": 30_000,
        "notice_min": 0,
    }
    return ServiceFields(**(values | changes))  # type: ignore[arg-type]


def week(shop_id: uuid.UUID, starts: int = 540, ends: int = 1200) -> list[PlanLine]:
    """The same hours every day."""
    return [PlanLine(shop_id=shop_id, weekday=d, kind=SpanKind.WORK, starts=starts, ends=ends) for d in WEEK]


async def make_salon(
    services: Services,
    brand: BrandView,
    *,
    people: int = 1,
    chairs: int = 1,
    fields: ServiceFields | None = None,
    plan: Sequence[PlanLine] | None = None,
    hours: tuple[Interval, ...] = ALL_DAY,
    zone: str = "Asia/Shanghai",
    cap: int = 0,
) -> Salon:
    shop = await make_shop(
        services, brand, fields=shop_fields(f"A-{readable_code(8)}", time_zone=zone), hours=hours
    )
    async with services.database.unit_of_work(brand.id) as session:
        service = await setup.save_service(
            session, service_id=None, version=None, fields=fields or service_fields()
        )
        staff = []
        for number in range(people):
            one = await setup.save_staff(
                session,
                staff_id=None,
                version=None,
                fields=StaffFields(
                    display_name=f"化妆师 {number + 1}",
                    home_shop_id=shop.id,
                    service_ids=(service.id,),
                    daily_cap=cap,
                ),
            )
            await setup.put_plan(session, staff_id=one.id, lines=list(plan) if plan else week(shop.id))
            staff.append(one.id)
        made = [
            await setup.add_resource(session, shop_id=shop.id, kind="化妆椅", name=f"{n + 1} 号椅")
            for n in range(chairs)
        ]
    return Salon(
        services=services,
        brand=brand,
        shop_id=shop.id,
        service=service,
        staff=staff,
        chairs=[one.id for one in made],
        zone=zone,
    )
