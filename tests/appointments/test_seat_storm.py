"""Seats of group sessions while shops move one, all, take back and let it stand: each is counted once."""

import asyncio
import datetime as dt
import random
import uuid
from collections import Counter

import pytest

from appointments.types import BookingView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_kept import stand
from tests.appointments.test_kept_seats import cancel, shift
from tests.appointments.test_seat_races import assert_counted
from tests.appointments.test_undo import move, undo
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

PEOPLE, TIMES, ACTS = 8, 5, 40
KNOWN = {
    "appointments.slot_taken", "appointments.own_overlap", "appointments.cap_reached", "appointments.not_now",
    "appointments.too_late_to_undo", "core.version_conflict", "appointments.slot_passed",
    "appointments.outside_hours",
}  # fmt: skip
_KEPT = "SELECT resource_id, starts_at FROM appointments_occupancy WHERE brand_id = $1 AND is_kept"


class _Crowd:
    """Customers with an appointment each, and a shop that keeps moving them."""

    def __init__(self, salon: Salon, seed: int) -> None:
        self.salon = salon
        self.dice = random.Random(seed)
        self.refused = Counter[str]()
        self.done = Counter[str]()

    def some_time(self) -> dt.datetime:
        return tomorrow(hour=9 + 2 * self.dice.randrange(TIMES), days=3)

    async def act(self, one: BookingView | None, member_id: uuid.UUID) -> BookingView | None:
        throw, salon = self.dice.random(), self.salon
        if one is None:
            self.done["book"] += 1
            return await salon.see((await salon.book(self.some_time(), member_id=member_id)).booking_id)
        if throw < 0.3:
            moved = await move(salon, one.id, self.some_time())
        elif throw < 0.45:
            moved = await self._shift(one)
        elif throw < 0.75:
            moved = await undo(salon, one)
        elif throw < 0.87:
            await stand(salon, one.id)
            moved = one
        else:
            await cancel(salon, one.id)
            moved = None
        self.done[str(int(throw * 20) * 5)] += 1
        return moved

    async def _shift(self, one: BookingView) -> BookingView:
        await shift(self.salon, one.id, self.some_time(), self.dice.choice(self.salon.staff))
        return one

    async def stands(self, member_id: uuid.UUID) -> BookingView | None:
        rows = await self.salon.rows(
            "SELECT id FROM appointments_booking WHERE brand_id = $1 AND member_id = $2 AND state = 'confirmed'",
            member_id,
        )
        assert len(rows) <= 1, "one appointment of each"
        return await self.salon.see(rows[0]["id"]) if rows else None  # type: ignore[arg-type]

    async def somebody(self, member_id: uuid.UUID) -> None:
        for _ in range(ACTS):
            try:
                await self.act(await self.stands(member_id), member_id)
            except DomainError as refusal:
                self.refused[refusal.code] += 1


async def storm(services: Services, brand: BrandView, *, seed: int) -> None:
    salon = await make_salon(
        services, brand, people=3, chairs=3, fields=service_fields(seats=2 + seed % 2, step_min=30)
    )
    members = [(await make_customer(services, brand)).id for _ in range(PEOPLE)]
    crowd = _Crowd(salon, seed)

    await asyncio.gather(*(crowd.somebody(one) for one in members))

    assert set(crowd.refused) <= KNOWN
    await assert_counted(salon)
    for member_id in members:
        one = await crowd.stands(member_id)
        if one is not None:
            await stand(salon, one.id)
    await assert_counted(salon)
    # What was cancelled is told, too: then all is final.
    await salon.deliver()
    assert await salon.rows(_KEPT) == []
    await assert_counted(salon)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(20))
async def test_however_many_move_in_and_out_of_sessions_every_seat_is_counted_once(
    services: Services, brand: BrandView, seed: int
) -> None:
    await storm(services, brand, seed=seed)
