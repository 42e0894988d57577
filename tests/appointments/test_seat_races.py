"""Seats of group sessions while shops move one, all, take back and let it stand: each is counted once."""

import asyncio
import datetime as dt
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
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

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


async def test_the_old_time_of_a_session_is_free_when_who_may_go_back_has_left_it_to_others(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=2, step_min=30))
    anna, _berta = salon.staff
    start = tomorrow(days=3)
    customers = [(await make_customer(services, brand)).id for _ in range(3)]

    async def shifted(member_id: uuid.UUID, day: int) -> BookingView:
        at = start + dt.timedelta(days=day)
        first = await salon.book(at, member_id=member_id, staff_id=anna)
        moved = await shift(salon, first.booking_id, at + dt.timedelta(hours=2), anna)
        await salon.book(at + dt.timedelta(hours=2), member_id=customers[2], staff_id=anna)
        return moved

    told, cancelled = await shifted(customers[0], 0), await shifted(customers[1], 1)
    alone = await move(salon, told.id, start + dt.timedelta(hours=7))
    await cancel(salon, cancelled.id)
    assert len(await salon.rows(_KEPT)) > 0
    await stand(salon, alone.id)
    await salon.deliver()

    assert await salon.rows(_KEPT) == []
    await assert_counted(salon)


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
