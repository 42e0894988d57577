"""A reminder is being sent while its appointment is cancelled or moved: on connections of their own, at once."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from appointments.service import life, telling
from appointments.service.moving import NewTime, reschedule
from appointments.service.telling import STILL_ON
from appointments.types import Actor
from tests.appointments.makers import Salon, make_salon
from tests.appointments.test_booking import tomorrow
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_CHECKING = """
UPDATE messaging_message SET state = 'checking' WHERE brand_id = $1 AND recheck <> '' AND fact_key = ANY($2)
RETURNING id, fact_key
"""
_WAITS = """
SELECT FROM pg_locks w WHERE NOT w.granted AND EXISTS (SELECT FROM pg_locks h WHERE h.pid = $1 AND h.granted
    AND h.locktype = 'transactionid' AND h.transactionid = w.transactionid)
"""


@dataclass(frozen=True)
class Asked:
    """A reminder that is about to be sent."""

    message_id: uuid.UUID
    fact_key: str
    recheck: str = STILL_ON


class Race:
    """Reminders that messaging asks about, and what happens to their appointments meanwhile."""

    def __init__(self, salon: Salon, *booking_ids: uuid.UUID) -> None:
        self.salon, self.booking_ids = salon, booking_ids
        self.due: list[Asked] = []

    async def ask(self) -> None:
        keys = [f"appointment:{each}" for each in self.booking_ids]
        rows = await self.salon.rows(_CHECKING, keys)
        self.due = [Asked(uuid.UUID(str(row["id"])), str(row["fact_key"])) for row in rows]

    async def answer(self, tx: Tx) -> None:
        await telling.recheck(tx, due=self.due, now=clock.now())

    async def cancel(self, tx: Tx) -> None:
        for booking_id in self.booking_ids:
            one = await life.see(tx, booking_id=booking_id, is_locked=True)
            await life.cancel(tx, one, by=Actor.SHOP, actor_id=None, now=clock.now())

    async def alone(self, step: Callable[[Tx], Awaitable[None]]) -> None:
        async with self.salon.services.database.connection(self.salon.brand.id) as tx:
            await step(tx)

    async def move(self, day: int) -> None:
        for hour, booking_id in enumerate(self.booking_ids, 9):
            to = NewTime(start=tomorrow(days=day, hour=hour), staff_id=None, by=Actor.SHOP, actor_id=None)
            await reschedule(
                self.salon.services.database, brand_id=self.salon.brand.id, booking_id=booking_id, to=to
            )

    async def is_waited_for(self, pid: int) -> None:
        for _ in range(3_000):
            if await self.salon.rows(_WAITS.replace("$1", "$2") + " AND $1::uuid IS NOT NULL", pid):
                return
        raise AssertionError("nobody waits")

    async def states(self) -> set[str]:
        keys = [f"appointment:{each}" for each in self.booking_ids]
        rows = await self.salon.rows(
            "SELECT state FROM messaging_message WHERE brand_id = $1 AND recheck <> '' AND fact_key = ANY($2)",
            keys,
        )
        return {str(row["state"]) for row in rows}


async def _races(services: Services, brand: BrandView, count: int, each: int = 1) -> list[Race]:
    salon = await make_salon(services, brand, people=1)
    customers = [await make_customer(services, brand) for _ in range(each)]
    races = []
    for day in range(count):
        made = [
            await salon.book(tomorrow(days=3 + day, hour=9 + hour), member_id=customers[hour].id)
            for hour in range(each)
        ]
        races.append(Race(salon, *(one.booking_id for one in made)))
    await salon.deliver()
    for race in races:
        await race.ask()
    return races


async def test_whoever_comes_first_no_reminder_of_a_cancelled_appointment_is_sent(
    services: Services, brand: BrandView
) -> None:
    answered, cancelled = await _races(services, brand, 2)
    orders = ((answered, answered.answer, answered.cancel), (cancelled, cancelled.cancel, cancelled.answer))
    for race, first, second in orders:
        async with services.database.connection(brand.id) as tx:
            pid = await tx.fetchval("SELECT pg_backend_pid()")
            await first(tx)
            other = asyncio.create_task(race.alone(second))
            await race.is_waited_for(pid)
        await other

    assert await answered.states() == {"skipped"}
    assert await cancelled.states() == {"skipped"}


async def test_reminders_answered_while_appointments_are_cancelled_or_moved_stay_withdrawn(
    services: Services, brand: BrandView
) -> None:
    races = await _races(services, brand, 8, each=2)

    async def one(number: int, race: Race) -> None:
        ends = race.alone(race.cancel) if number % 2 else race.move(30 + number)
        await asyncio.gather(ends, *(race.alone(race.answer) for _ in range(2)))

    await asyncio.gather(*(one(number, race) for number, race in enumerate(races)))

    await races[0].salon.settle()
    assert [await race.states() for race in races] == [{"skipped"}] * len(races)
