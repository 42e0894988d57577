"""Seats of group sessions while shops move one, all, take back and let it stand: each is counted once."""

import asyncio
import datetime as dt
import random
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa

from appointments.service.booking import persistently
from appointments.states import BookingState
from appointments.types import BookingView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps, tomorrow
from tests.appointments.test_kept import seats, stand
from tests.appointments.test_kept_seats import cancel, shift
from tests.appointments.test_undo import move, undo
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

PEOPLE, TIMES = 8, 5
KNOWN = {
    "appointments.slot_taken", "appointments.own_overlap", "appointments.cap_reached", "appointments.not_now",
    "appointments.too_late_to_undo", "core.version_conflict", "appointments.slot_passed",
    "appointments.outside_hours",
}  # fmt: skip
# Of each session: what is counted, who sits in it, whose seat is kept, and whether it has its staff and chair.
_SESSIONS = """
SELECT g.id, g.starts_at, g.is_open, g.taken, g.seats,
    (SELECT count(*) FROM appointments_booking b WHERE b.brand_id = $1 AND b.session_id = g.id
        AND b.state IN ('held', 'requested', 'confirmed')) AS sitting,
    (SELECT count(*) FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.resource_id = g.id
        AND o.is_kept AND NOT o.is_live) AS kept,
    (SELECT count(*) FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.resource_id = g.id
        AND o.is_kept AND o.is_live) AS whole,
    (SELECT count(*) FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.session_id = g.id
        AND o.is_live AND NOT o.is_kept) AS has
FROM appointments_session g WHERE g.brand_id = $1
"""
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
_KEPT = "SELECT resource_id, starts_at FROM appointments_occupancy WHERE brand_id = $1 AND is_kept"


async def assert_counted(salon: Salon) -> None:
    """Every seat that is taken is somebody's, and a session has its staff and chair while somebody sits in it."""
    assert await overlaps(salon) == 0
    for row in await salon.rows(_SESSIONS):
        told = {name: str(value) for name, value in row.items()}
        taken, sitting, kept = (int(str(row[name])) for name in ("taken", "sitting", "kept"))
        if row["whole"]:
            assert (sitting, row["is_open"], taken) == (0, True, row["seats"]), told
        else:
            assert taken == sitting + kept, told
            assert row["is_open"] == (taken > 0), told
            assert row["has"] == (2 if taken else 0), told


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

    async def somebody(self, member_id: uuid.UUID, times: int) -> None:
        for _ in range(times):
            try:
                await self.act(await self.stands(member_id), member_id)
            except DomainError as refusal:
                self.refused[refusal.code] += 1


async def storm(services: Services, brand: BrandView, *, seed: int, times: int) -> None:
    salon = await make_salon(
        services, brand, people=3, chairs=3, fields=service_fields(seats=2 + seed % 2, step_min=30)
    )
    members = [(await make_customer(services, brand)).id for _ in range(PEOPLE)]
    crowd = _Crowd(salon, seed)

    await asyncio.gather(*(crowd.somebody(one, times) for one in members))

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


async def test_however_many_move_in_and_out_of_sessions_every_seat_is_counted_once(
    services: Services, brand: BrandView
) -> None:
    await storm(services, brand, seed=1, times=6)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(20))
async def test_however_many_move_in_and_out_of_sessions_every_seat_is_counted_once_for_long(
    services: Services, brand: BrandView, seed: int
) -> None:
    await storm(services, brand, seed=seed, times=40)


async def test_a_session_that_went_to_another_s_hands_and_then_to_another_time_goes_back_both_ways(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=2, step_min=30))
    anna, berta = salon.staff
    start = tomorrow(days=3)
    first = await salon.book(start, member_id=(await make_customer(services, brand)).id, staff_id=anna)

    moved = await shift(salon, first.booking_id, start, berta)
    moved = await shift(salon, moved.id, start + dt.timedelta(hours=4), berta)
    assert start not in await salon.starts(start.date())
    moved = await undo(salon, moved)
    assert (moved.starts_at, moved.staff_id) == (start, berta)
    moved = await undo(salon, moved)
    assert (moved.id, moved.starts_at, moved.staff_id) == (first.booking_id, start, anna)
    await assert_counted(salon)


async def test_the_old_time_of_a_session_is_free_when_nobody_of_it_is_left_who_may_go_back(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=2, step_min=30))
    anna, _berta = salon.staff
    start = tomorrow(days=3)
    people = [(await make_customer(services, brand)).id for _ in range(2)]
    first, _second = [(await salon.book(start, member_id=one, staff_id=anna)).booking_id for one in people]
    await salon.deliver()
    moved = await shift(salon, first, start + dt.timedelta(hours=4), anna)
    both = {one.member_id: one for one in [await salon.see(each) for each in await seats(salon, moved.id)]}

    alone = await move(salon, both[people[0]].id, start + dt.timedelta(hours=7))
    await cancel(salon, both[people[1]].id)
    await salon.deliver()
    await stand(salon, alone.id)

    assert await salon.rows(_KEPT) == []
    await assert_counted(salon)
    assert (await salon.book(start, staff_id=anna)).state is BookingState.CONFIRMED


async def test_who_locks_two_things_the_other_way_round_by_a_session_is_tried_again(
    services: Services, brand: BrandView
) -> None:
    first_try = asyncio.Barrier(2)
    tries = Counter[str]()

    async def act(name: str, *keys: str) -> str:
        async def attempt() -> str:
            async with services.database.unit_of_work(brand.id) as session:
                connection = await session.connection()
                tries[name] += 1
                for key in keys:
                    await connection.execute(_LOCK, {"key": f"{brand.id}:{key}"})
                    if tries[name] == 1 and key == keys[0]:
                        await first_try.wait()
                return name

        return await persistently(attempt)

    done = [*await asyncio.gather(act("one", "a", "b"), act("other", "b", "a"))]

    assert done == ["one", "other"]
    assert sorted(tries.values()) == [1, 2]
