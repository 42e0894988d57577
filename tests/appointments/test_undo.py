"""A shop takes a move back: then nobody hears of it. What stays is told once; who is too late moves nothing."""

import asyncio
import datetime as dt
import random
import uuid
from collections import Counter
from collections.abc import Awaitable

import pytest

from appointments.errors import NotNow, SlotTaken, TooLateToUndo
from appointments.repository import bookings
from appointments.service import dropping, moving, sessions, steps, undoing
from appointments.service.dropping import Drop
from appointments.service.moving import NewTime
from appointments.service.steps import By, Step
from appointments.states import Attention, BookingState
from appointments.types import Actor, BookingView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.messaging.rules import rendering
from yundian.messaging.service.queueing import PURPOSE
from yundian.platform.core.errors import DomainError, VersionConflict
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_MESSAGES = """
SELECT template, state FROM messaging_message WHERE brand_id = $1 AND fact_key LIKE 'appointment:%' ORDER BY id
"""


async def messages(salon: Salon) -> Counter[tuple[str, str]]:
    rows = await salon.rows(_MESSAGES)
    return Counter((str(row["template"]).removeprefix("appointment."), str(row["state"])) for row in rows)


async def events(salon: Salon, name: str) -> int:
    rows = await salon.rows(
        "SELECT id FROM outbox_event WHERE brand_id = $1 AND tag = $2", f"appointments.{name}.v1"
    )
    return len(rows)


async def live(salon: Salon) -> int:
    """How many times of people and chairs are taken by where their appointments are now."""
    sql = "SELECT id FROM appointments_occupancy WHERE brand_id = $1 AND is_live AND NOT is_kept"
    return len(await salon.rows(sql))


async def kept(salon: Salon) -> list[tuple[object, dt.datetime, dt.datetime]]:
    """Which times are kept, of whom, in case that something is moved back; seats of sessions aside."""
    rows = await salon.rows(
        "SELECT resource_id, starts_at, ends_at FROM appointments_occupancy o WHERE brand_id = $1 AND is_kept"
        " AND NOT EXISTS (SELECT FROM appointments_session g WHERE g.brand_id = $1 AND g.id = o.resource_id)"
    )
    return [(row["resource_id"], row["starts_at"], row["ends_at"]) for row in rows]  # type: ignore[misc]


async def move(
    salon: Salon, booking_id: uuid.UUID, start: dt.datetime, staff: uuid.UUID | None = None
) -> BookingView:
    to = NewTime(start=start, staff_id=staff, by=Actor.SHOP, actor_id=None)
    return await moving.reschedule(salon.services.database, brand_id=salon.brand.id, booking_id=booking_id, to=to)


async def undo(salon: Salon, one: BookingView) -> BookingView:
    return await undoing.undo(
        salon.services.database,
        brand_id=salon.brand.id,
        booking_id=one.id,
        shops=frozenset({salon.shop_id}),
        actor_id=None,
        sequence=one.sequence,
    )


async def outcome(attempt: Awaitable[object]) -> str:
    try:
        await attempt
    except DomainError as refusal:
        return refusal.code
    return "done"


async def test_a_move_that_is_taken_back_is_told_to_nobody_and_everything_is_as_before(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=15))
    customer = await make_customer(services, brand)
    start = tomorrow(days=3)
    booked = await salon.book(start, member_id=customer.id, staff_id=salon.staff[0])
    await salon.rows(
        "UPDATE appointments_booking SET deposit_state = 'paid', deposit_minor = 500, attention = 'choose'"
        " WHERE brand_id = $1"
    )
    await salon.deliver()
    before, told, taken = await salon.see(booked.booking_id), await messages(salon), await live(salon)

    later = await move(salon, before.id, start + dt.timedelta(hours=4), salon.staff[1])
    await salon.deliver()
    assert (await messages(salon), await events(salon, "slot_freed")) == (told, 0), "it may be taken back"
    assert later.deposit_minor == 500
    given = await moving.reassign(
        services.database, brand_id=brand.id, booking_id=later.id, staff_id=salon.staff[0], resource_id=None,
        shops=None, actor_id=None,
    )  # fmt: skip

    # The last thing first, one after the other.
    again = await undo(salon, given)
    assert (again.id, again.staff_id) == (later.id, salon.staff[1])
    stands = await undo(salon, again)
    await salon.deliver()

    same = ("id", "code", "starts_at", "staff_id", "resource_id", "state", "deposit_state", "deposit_minor")
    assert [getattr(stands, name) for name in same] == [getattr(before, name) for name in same]
    assert (stands.attention, stands.ended_at) == (Attention.CHOOSE, None)
    assert stands.sequence > given.sequence, "a page or calendar that saw the move sees what is newer"
    gone = await salon.see(later.id)
    assert (gone.state, gone.deposit_minor) == (BookingState.RESCHEDULED, 0)
    assert await live(salon) == taken
    assert await salon.settle() == 0
    assert await messages(salon) == told
    timeline = await salon.rows("SELECT ref_id FROM members_timeline WHERE brand_id = $1 AND kind = 'appointed'")
    assert [row["ref_id"] for row in timeline] == [before.id]
    # Whoever has the code of the time between is led to where it is, and it can be moved as ever.
    [led] = await salon.rows(
        "SELECT id FROM appointments_booking WHERE brand_id = $1 AND moved_from = $2", later.id
    )
    assert led["id"] == before.id
    chain = [await move(salon, stands.id, start + dt.timedelta(hours=1))]
    chain.append(await move(salon, chain[0].id, start + dt.timedelta(hours=2)))
    stands = await undo(salon, await undo(salon, chain[1]))
    assert stands.id == before.id
    async with services.database.connection(brand.id) as tx:
        led_on = await bookings.moved_to(tx, booking_id=chain[1].id)
    assert led_on is not None
    assert led_on.id == chain[0].id
    for each in (given, stands):
        with pytest.raises(TooLateToUndo):
            await undo(salon, each)
    moved = await move(salon, stands.id, start + dt.timedelta(hours=2))
    assert (await undo(salon, moved)).code == before.code


async def test_of_several_moves_the_customer_hears_once_where_she_is_in_the_end(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=15))
    customer = await make_customer(services, brand)
    start = tomorrow(days=3)
    booked = await salon.book(start, member_id=customer.id, staff_id=salon.staff[0])
    await salon.deliver()

    first = await move(salon, booked.booking_id, start + dt.timedelta(hours=2))
    second = await move(salon, first.id, start + dt.timedelta(hours=4))
    third = await undo(salon, await move(salon, second.id, start + dt.timedelta(hours=5)))
    await salon.deliver()
    assert third.id == second.id
    assert await salon.settle() == 1
    await salon.deliver()

    found = await messages(salon)
    assert found["changed", "queued"] == 1
    assert found["reminder_2h", "queued"] == 1, "those of the old time are withdrawn"
    [told] = await salon.rows(
        "SELECT fact_key FROM messaging_message WHERE brand_id = $1 AND template = 'appointment.changed'"
    )
    assert told["fact_key"] == f"appointment:{second.id}"
    # Of both times that were given back whoever waits hears, now that it is final.
    assert await events(salon, "slot_freed") == 3
    with pytest.raises(TooLateToUndo):
        await undo(salon, await salon.see(second.id))

    # To somebody else and back to whom she knows: that is no news.
    one = await salon.see(second.id)
    other = next(each for each in salon.staff if each != one.staff_id)
    for staff in (other, one.staff_id):
        await moving.reassign(
            services.database, brand_id=brand.id, booking_id=one.id, staff_id=staff, resource_id=None,
            shops=None, actor_id=None,
        )  # fmt: skip
    await salon.settle()
    await salon.deliver()
    assert await messages(salon) == found


async def test_what_is_cancelled_before_its_move_was_told_is_cancelled_at_the_time_she_knows(
    services: Services, brand: BrandView
) -> None:
    """Whenever the minute is over in which the shop could take the move back."""
    salon = await make_salon(services, brand, fields=service_fields(step_min=15))
    customer = await make_customer(services, brand)
    seen = Counter[bool]()
    for number in range(6):
        start = tomorrow(days=3 + number)
        booked = await salon.book(start, member_id=customer.id)
        first = await move(salon, booked.booking_id, start + dt.timedelta(hours=3))
        moved = await move(salon, first.id, start + dt.timedelta(hours=5))
        by = By(None, frozenset({salon.shop_id}), "停电")
        cancel = steps.take(services.database, brand_id=brand.id, booking_id=moved.id, step=Step.CANCEL, by=by)
        if number == 0:
            await cancel
        elif number == 1:
            await cancel
            await salon.settle_one(str(moved.id))
        elif number == 2:
            await salon.settle_one(str(moved.id))
            await cancel
        else:
            await asyncio.gather(cancel, salon.settle_one(str(moved.id)))
        await salon.deliver()

        sql = "SELECT template, values_sealed FROM messaging_message WHERE brand_id = $1 AND fact_key LIKE $2"
        rows = await salon.rows(sql, f"appointment:{moved.id}%")
        told = {
            str(row["template"]).removeprefix("appointment."): rendering.unpacked(
                services.keyring.decrypt(PURPOSE, row["values_sealed"])  # type: ignore[arg-type]
            )["starts_at"]
            for row in rows
        }
        assert told["cancelled"] == told.get("changed", start), number
        assert told.get("changed", moved.starts_at) == moved.starts_at
        seen["changed" in told] += 1
        assert await salon.settle() == 0
        assert await events(salon, "slot_freed") == 3 * (number + 1), "each time can be had"
    assert seen[True] >= 1
    assert seen[False] >= 2


async def test_whoever_is_at_once_with_an_undo_one_of_both_happens_and_no_half_of_each(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=1, fields=service_fields(step_min=15))
    customer = await make_customer(services, brand)
    seen = Counter[tuple[str, ...]]()
    for number in range(9):
        start = tomorrow(days=3 + number)
        booked = await salon.book(start, member_id=customer.id)
        moved = await move(salon, booked.booking_id, start + dt.timedelta(hours=4))
        rivals = (
            lambda one=moved: undo(salon, one),
            lambda one=moved: salon.settle_one(str(one.id)),
            lambda at=start: salon.book(at),
        )
        rival = rivals[number % 3]
        answers = await asyncio.gather(outcome(undo(salon, moved)), outcome(rival()))
        old, new = await salon.see(booked.booking_id), await salon.see(moved.id)

        is_back = old.state is BookingState.CONFIRMED
        assert (old.state, new.state).count(BookingState.CONFIRMED) == 1
        assert (answers[0] == "done") or (number % 3 == 0 and answers[1] == "done") or not is_back
        seen[(str(number % 3), *answers)] += 1
        if number % 3 == 1:
            await salon.deliver()
            [row] = await salon.rows(
                "SELECT count(*)::int AS n FROM messaging_message WHERE brand_id = $1 AND fact_key = $2"
                " AND template = 'appointment.changed' AND state <> 'skipped'",
                f"appointment:{moved.id}",
            )
            assert row["n"] == (0 if is_back else 1)
        if number % 3 == 2:
            assert (is_back, answers[1]) == (True, SlotTaken.code), "its old time is kept for it"
    assert sum(seen.values()) == 9


async def test_a_group_session_is_moved_with_everybody_in_it_and_back(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(seats=3, step_min=15))
    people = [await make_customer(services, brand) for _ in range(3)]
    start, shops = tomorrow(days=3), frozenset({salon.shop_id})
    olds = [(await salon.book(start, member_id=one.id, staff_id=salon.staff[0])).booking_id for one in people[:2]]
    await salon.book(start + dt.timedelta(hours=6), member_id=people[2].id, staff_id=salon.staff[0])
    await salon.deliver()
    told, taken = await messages(salon), await live(salon)

    async def seated(booking_id: uuid.UUID) -> list[BookingView]:
        one = await salon.see(booking_id)
        rows = await salon.rows(
            "SELECT id FROM appointments_booking WHERE brand_id = $1 AND session_id = $2 AND state = 'confirmed'"
            " ORDER BY id",
            one.session_id,
        )
        return [await salon.see(uuid.UUID(str(row["id"]))) for row in rows]

    async def drop(booking_id: uuid.UUID, at: dt.datetime, version: int, lane: int = 1) -> BookingView:
        to = Drop(start=at, lane=salon.staff[lane], is_by_chair=False, sequence=version)
        return await dropping.drop(
            services.database, brand_id=brand.id, booking_id=booking_id, to=to, shops=shops, actor_id=None
        )

    async with services.database.connection(brand.id) as tx:
        day = (await salon.see(olds[0])).local_day
        places = await dropping.places(tx, booking_id=olds[0], shops=shops, day=day, is_by_chair=False)
    assert start in places[salon.staff[0]], "its own time is its own"
    assert start + dt.timedelta(minutes=15) in places[salon.staff[0]]
    assert start + dt.timedelta(hours=6) not in places[salon.staff[0]] + places[salon.staff[1]], "another session"

    seen = sessions.version(await seated(olds[0]))
    with pytest.raises(VersionConflict):
        await drop(olds[0], start + dt.timedelta(hours=2), seen - 1)
    with pytest.raises(SlotTaken):
        await drop(olds[0], start + dt.timedelta(hours=6), seen, 0)
    moved = await drop(olds[1], start + dt.timedelta(minutes=30), seen)
    await salon.deliver()
    now = await seated(moved.id)
    assert {(one.starts_at, one.staff_id) for one in now} == {(start + dt.timedelta(minutes=30), salon.staff[1])}
    assert ({one.member_id for one in now}, await live(salon)) == ({one.id for one in people[:2]}, taken)
    assert await messages(salon) == told

    # Back, all of them by one; and for good.
    await undo(salon, now[1])
    assert sorted(one.id for one in await seated(olds[0])) == sorted(olds)
    assert await live(salon) == taken
    moved = await drop(olds[0], start + dt.timedelta(hours=2), sessions.version(await seated(olds[0])))
    third = await salon.book(moved.starts_at, member_id=people[2].id)
    assert third.state is BookingState.CONFIRMED
    with pytest.raises(VersionConflict):
        # Somebody has joined them there.
        await undo(salon, await salon.see(moved.id))
    assert await salon.settle() == 2
    await salon.deliver()
    assert (await messages(salon))["changed", "queued"] == 2
    # Who has come stays, and all with her.
    await salon.rows("UPDATE appointments_booking SET state = 'arrived' WHERE brand_id = $1 AND id = $2", moved.id)
    with pytest.raises(NotNow):
        await drop(moved.id, start + dt.timedelta(hours=4), sessions.version(await seated(moved.id)))


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_however_many_move_and_take_back_at_once_nobody_is_in_two_places_or_in_none(
    services: Services, brand: BrandView
) -> None:
    """With a seed; refusals are told, and nothing else ever is."""
    salon = await make_salon(services, brand, people=3, chairs=2, cap=6, fields=service_fields(step_min=30))
    customers = [await make_customer(services, brand) for _ in range(12)]
    chance, refused = random.Random(25), Counter[str]()

    def some_time() -> dt.datetime:
        return tomorrow(hour=9 + chance.randrange(10), minute=chance.choice((0, 30)), days=2 + chance.randrange(2))

    async def act(one: BookingView | None, member_id: uuid.UUID) -> BookingView | None:
        throw = chance.random()
        if one is None:
            return await salon.see((await salon.book(some_time(), member_id=member_id)).booking_id)
        if throw < 0.45:
            return await move(salon, one.id, some_time())
        if throw < 0.8:
            return await undo(salon, one)
        if throw < 0.95:
            await salon.settle_one(str(one.id))
            return one
        by = By(None, frozenset({salon.shop_id}))
        await steps.take(services.database, brand_id=brand.id, booking_id=one.id, step=Step.CANCEL, by=by)
        return None

    async def somebody(member_id: uuid.UUID) -> None:
        one: BookingView | None = None
        for _ in range(100):
            try:
                one = await act(one, member_id)
            except DomainError as refusal:
                refused[refusal.code] += 1

    await asyncio.gather(*(somebody(one.id) for one in customers))

    stand = await salon.rows(
        "SELECT member_id, count(*) AS n, count(DISTINCT o.resource_id) AS busy FROM appointments_booking b"
        " JOIN appointments_occupancy o ON o.brand_id = b.brand_id AND o.booking_id = b.id AND o.is_live"
        " AND NOT o.is_kept"
        " WHERE b.brand_id = $1 AND b.state = 'confirmed' GROUP BY b.id, member_id"
    )
    assert all((row["n"], row["busy"]) == (3, 3) for row in stand)
    assert len({row["member_id"] for row in stand}) == len(stand), "one appointment of each"
    assert await live(salon) == 3 * len(stand)
    known = {"slot_taken", "own_overlap", "cap_reached", "too_late_to_undo", "not_now"}
    assert {code.removeprefix("appointments.") for code in refused} <= known
