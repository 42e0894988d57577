"""Who was moved out of a group session can go back to it for a minute, whatever others do meanwhile."""

import asyncio
import datetime as dt
import uuid

import pytest

from appointments.errors import SlotTaken
from appointments.service import dropping, sessions, steps
from appointments.service.dropping import Drop
from appointments.service.steps import By, Step
from appointments.states import BookingState
from appointments.types import BookingView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps, tomorrow
from tests.appointments.test_kept import seats, stand
from tests.appointments.test_undo import live, move, outcome, undo
from tests.appointments.test_worlds import assert_agreed
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_HOUR = dt.timedelta(hours=1)


async def counted(salon: Salon, booking_id: uuid.UUID) -> tuple[bool, int]:
    """Of the session of a booking, whether it is open and how many seats are taken."""
    [row] = await salon.rows(
        "SELECT g.is_open, g.taken FROM appointments_session g JOIN appointments_booking b"
        " ON b.brand_id = $1 AND b.session_id = g.id WHERE g.brand_id = $1 AND b.id = $2",
        booking_id,
    )
    return bool(row["is_open"]), int(str(row["taken"]))


async def cancel(salon: Salon, booking_id: uuid.UUID) -> None:
    by = By(None, frozenset({salon.shop_id}))
    await steps.take(
        salon.services.database, brand_id=salon.brand.id, booking_id=booking_id, step=Step.CANCEL, by=by
    )


async def shift(salon: Salon, booking_id: uuid.UUID, at: dt.datetime, lane: uuid.UUID) -> BookingView:
    """Everybody in its session, as a board does it."""
    people = [await salon.see(one) for one in await seats(salon, booking_id)]
    to = Drop(start=at, lane=lane, is_by_chair=False, sequence=sessions.version(people))
    return await dropping.drop(
        salon.services.database, brand_id=salon.brand.id, booking_id=booking_id, to=to,
        shops=frozenset({salon.shop_id}), actor_id=None,
    )  # fmt: skip


async def test_the_seat_that_one_left_is_kept_for_her_in_a_session_that_goes_on(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=2))
    anna, _berta = salon.staff
    her, beside, other = [(await make_customer(services, brand)).id for _ in range(3)]
    start = tomorrow(days=3)
    first = (await salon.book(start, member_id=her, staff_id=anna)).booking_id
    second = (await salon.book(start, member_id=beside)).booking_id
    taken = await live(salon)

    moved = await move(salon, first, start + 4 * _HOUR)
    assert start not in await salon.starts(start.date())
    with pytest.raises(SlotTaken):
        await salon.book(start, member_id=other)
    moved = await move(salon, moved.id, start + 6 * _HOUR)
    moved = await undo(salon, await undo(salon, moved))
    assert (moved.id, await live(salon), await counted(salon, first)) == (first, taken, (True, 2))

    # Whoever sat beside her is gone meanwhile: it goes on for her alone, and ends with her.
    moved = await move(salon, first, start + 4 * _HOUR)
    await cancel(salon, second)
    assert await counted(salon, first) == (True, 1)
    assert (await undo(salon, moved)).id == first
    moved = await move(salon, first, start + 4 * _HOUR)
    await stand(salon, moved.id)
    assert await counted(salon, first) == (False, 0)
    assert (await salon.book(start, member_id=other, staff_id=anna)).state is BookingState.CONFIRMED

    # What is cancelled keeps no seat.
    third = (await salon.book(start, member_id=beside)).booking_id
    moved = await move(salon, third, start + 7 * _HOUR)
    assert await counted(salon, third) == (True, 2)
    await cancel(salon, moved.id)
    assert await counted(salon, third) == (True, 1)
    assert await overlaps(salon) == 0


@pytest.mark.parametrize("is_whole", [True, False])
async def test_no_other_session_begins_when_one_that_was_left_may_come_back(
    services: Services, brand: BrandView, is_whole: bool
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=3, fields=service_fields(seats=3, step_min=30))
    anna, berta, _cleo = salon.staff
    people = [(await make_customer(services, brand)).id for _ in range(2 if is_whole else 1)]
    start = tomorrow(days=3)
    olds = [(await salon.book(start, member_id=one, staff_id=anna)).booking_id for one in people]
    taken = await live(salon)

    async def away(hours: int) -> BookingView:
        at = start + hours * _HOUR
        return await shift(salon, olds[0], at, anna) if is_whole else await move(salon, olds[0], at)

    moved = await away(3)
    assert start not in await salon.starts(start.date())
    for staff in (None, berta):
        with pytest.raises(SlotTaken):
            await salon.book(start, staff_id=staff)
    async with services.database.connection(brand.id) as tx:
        places = await dropping.places(
            tx, booking_id=moved.id, shops=frozenset({salon.shop_id}), day=moved.local_day, is_by_chair=False
        )
    assert start in places[anna], "for its own people it is free"
    moved = await undo(salon, moved)
    assert (sorted(await seats(salon, moved.id)), await live(salon)) == (sorted(olds), taken)
    assert await counted(salon, olds[0]) == (True, len(olds))

    # To the same time again by hand: then it is where it was, and nothing has to be kept there.
    again = await shift(salon, (await away(3)).id, start, anna)
    assert (again.starts_at, await counted(salon, again.id)) == (start, (True, len(olds)))
    for _ in range(2):
        again = await undo(salon, again)
    assert (again.starts_at, await counted(salon, olds[0])) == (start, (True, len(olds)))

    moved = await away(5)
    await stand(salon, moved.id)
    assert await counted(salon, olds[0]) == (False, 0)
    assert (await salon.book(start, staff_id=berta)).state is BookingState.CONFIRMED
    assert await overlaps(salon) == 0


async def test_one_goes_on_alone_and_the_others_of_her_session_go_back(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=2))
    start = tomorrow(days=3)
    people = [(await make_customer(services, brand)).id for _ in range(2)]
    olds = [(await salon.book(start, member_id=one, staff_id=salon.staff[0])).booking_id for one in people]
    moved = await shift(salon, olds[0], start + 3 * _HOUR, salon.staff[0])
    both = {one.member_id: one for one in [await salon.see(each) for each in await seats(salon, moved.id)]}

    alone = await move(salon, both[people[0]].id, start + 6 * _HOUR)
    assert (await undo(salon, both[people[1]])).starts_at == start
    one = await undo(salon, alone)
    assert one.starts_at == start + 3 * _HOUR
    assert (await undo(salon, one)).starts_at == start
    assert (sorted(await seats(salon, olds[0])), await counted(salon, olds[0])) == (sorted(olds), (True, 2))


async def test_while_others_try_for_the_seat_whoever_left_goes_back_or_it_is_free_for_one(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=2))
    for number in range(6):
        start = tomorrow(days=3 + number)
        her, *rest = [(await make_customer(services, brand)).id for _ in range(4)]
        first = (await salon.book(start, member_id=her, staff_id=salon.staff[0])).booking_id
        if number % 2:
            await salon.book(start, member_id=rest.pop())
        moved = await move(salon, first, start + 4 * _HOUR)
        tries = [outcome(salon.book(start, member_id=one)) for one in rest]
        if number < 3:
            back, *late = await asyncio.gather(outcome(undo(salon, moved)), *tries)
            assert back == "done"
        else:
            final = outcome(stand(salon, moved.id))
            back, _done, *late = await asyncio.gather(outcome(undo(salon, moved)), final, *tries)
        stands = await seats(salon, first)
        is_back = (await salon.see(first)).state is BookingState.CONFIRMED
        assert is_back == (back == "done")
        assert is_back == (first in stands)
        assert len(stands) <= 2
        assert {back, *late} <= {"done", SlotTaken.code, "appointments.too_late_to_undo"}
        is_open, taken = await counted(salon, first)
        assert (is_open, taken) == (bool(stands), len(stands))
    assert await overlaps(salon) == 0


@pytest.mark.parametrize("seats_of_it", [1, 2])
async def test_what_is_offered_can_be_had_while_moved_times_are_kept(
    services: Services, brand: BrandView, seats_of_it: int
) -> None:
    """Caps, seats and sessions count the same whoever asks."""
    fields = service_fields(seats=seats_of_it, step_min=60, duration_min=120)
    salon = await make_salon(services, brand, people=2, chairs=2, cap=2, fields=fields)
    start = tomorrow(hour=9, days=2)
    booked = [
        (await salon.book(start + n * _HOUR, member_id=(await make_customer(services, brand)).id)).booking_id
        for n in (0, 0, 2)
    ]
    assert await assert_agreed(salon, start.date()) > 0
    moved = [await move(salon, booked[0], start + dt.timedelta(days=1, hours=1))]
    await assert_agreed(salon, start.date())
    moved.append(await move(salon, booked[2], start + 7 * _HOUR))
    await assert_agreed(salon, start.date())
    await cancel(salon, booked[1])
    await assert_agreed(salon, start.date())
    for one in moved:
        await stand(salon, one.id)
    assert await assert_agreed(salon, start.date()) > 0
