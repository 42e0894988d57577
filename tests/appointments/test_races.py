"""Two act on the same appointment, or the same time, at once, on connections of their own: one of both is so."""

import asyncio
import datetime as dt
import uuid
from collections import Counter
from collections.abc import Awaitable

import pytest

from appointments.events import SlotFreed
from appointments.handlers import HOLD_TIMER
from appointments.repository import paid
from appointments.rules.life import REQUEST_TIMER
from appointments.service import deposits, life, line, misfits, moving, setup, steps, waiting
from appointments.service.booking import decided
from appointments.service.moving import NewTime
from appointments.service.steps import By, Step
from appointments.states import BookingState, DayKind, DepositState, Source, WaitMode
from appointments.types import Actor, StaffDayFields
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_attacks import outcome
from tests.appointments.test_booking import overlaps, tomorrow
from tests.appointments.test_undo import move, undo
from tests.helpers import wait_until
from tests.members.makers import Customer, make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_PAID_BY = "UPDATE appointments_booking SET payment_id = $3 WHERE brand_id = $1 AND id = $2"
_IS_WAITED_FOR = "SELECT 1 FROM pg_stat_activity WHERE $2 = ANY(pg_blocking_pids(pid)) AND $1::uuid IS NOT NULL"


def giving_up(salon: Salon, booking_id: uuid.UUID) -> Awaitable[object]:
    """Her own cancelling."""

    async def cancel(tx: Tx) -> None:
        one = await life.see(tx, booking_id=booking_id, is_locked=True)
        await life.cancel(tx, one, by=Actor.CUSTOMER, actor_id=one.member_id, now=one.seen_at)

    return decided(salon.services.database, salon.brand.id, cancel)


async def _wait_for(salon: Salon, customer: Customer, start: dt.datetime) -> uuid.UUID:
    async with salon.services.database.connection(salon.brand.id) as tx:
        await waiting.join(
            tx, member_id=customer.id, shop_id=salon.shop_id, service_id=salon.service.id, staff_id=None,
            day=clock.business_day(start, salon.zone), now=clock.now(),
        )  # fmt: skip
    [row] = await salon.rows(
        "SELECT id FROM appointments_wait WHERE brand_id = $1 AND member_id = $2", customer.id
    )
    return uuid.UUID(str(row["id"]))


async def test_who_leaves_while_she_is_being_offered_a_time_keeps_it_from_nobody(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(wait_mode=WaitMode.SEQUENTIAL))
    start = tomorrow(days=2)
    her, next_one = [await make_customer(services, brand) for _ in range(2)]
    wait_id = await _wait_for(salon, her, start)
    await _wait_for(salon, next_one, start)
    freed = SlotFreed(
        shop_id=salon.shop_id, service_id=salon.service.id, staff_id=salon.staff[0], starts_at=start,
        local_day=clock.business_day(start, salon.zone),
    )  # fmt: skip

    async def leave() -> None:
        async with services.database.connection(brand.id) as tx:
            await waiting.leave(tx, wait_id=wait_id, member_id=her.id)

    async with services.database.connection(brand.id) as tx:
        pid = await tx.fetchval("SELECT pg_backend_pid()")
        await line.serve_freed(tx, freed=[freed], now=clock.now())
        leaving = asyncio.create_task(leave())
        await wait_until(lambda: salon.rows(_IS_WAITED_FOR, pid), what="her leaving to wait for the offer")
    await leaving
    await salon.deliver()

    rows = await salon.rows("SELECT member_id, state FROM appointments_wait WHERE brand_id = $1 ORDER BY id")
    assert [row["state"] for row in rows] == ["withdrawn", "offered"]
    held = await salon.rows("SELECT member_id, state FROM appointments_booking WHERE brand_id = $1 ORDER BY id")
    assert held == [{"member_id": her.id, "state": "cancelled"}, {"member_id": next_one.id, "state": "held"}]
    told = await salon.rows(
        "SELECT member_id FROM messaging_message WHERE brand_id = $1 AND template = 'appointment.waitlist_offer'"
    )
    assert [row["member_id"] for row in told] == [next_one.id], "nobody is told of what she has left"


async def test_money_that_arrives_while_its_appointment_is_moved_finds_the_one_it_became(
    services: Services, brand: BrandView
) -> None:
    fields = service_fields(deposit_minor=5_000, step_min=30)
    salon = await make_salon(services, brand, people=1, chairs=1, fields=fields)
    old, new = [
        (await salon.book(tomorrow(days=day), member_id=(await make_customer(services, brand)).id)).booking_id
        for day in (3, 4)
    ]
    payment_id = (await salon.see(old)).payment_id
    assert payment_id is not None
    database = services.database

    async def look() -> uuid.UUID | None:
        async with database.connection(brand.id) as tx:
            found = await paid.by_payment(tx, payment_id=payment_id)
        return found.id if found else None

    async with database.connection(brand.id) as tx:
        pid = await tx.fetchval("SELECT pg_backend_pid()")
        for booking_id, its in ((old, None), (new, payment_id)):
            await tx.execute(_PAID_BY, brand.id, booking_id, its)
        looking = asyncio.create_task(look())
        await wait_until(lambda: salon.rows(_IS_WAITED_FOR, pid), what="somebody who waits for the row")
    assert await looking == new
    assert await look() == new
    async with database.connection(brand.id) as tx:
        assert await paid.by_payment(tx, payment_id=new_id()) is None


async def test_money_that_arrives_while_she_gives_up_or_her_time_to_pay_ends_is_hers_or_goes_back(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(
        services, brand, people=2, chairs=2, fields=service_fields(deposit_minor=5_000, step_min=30)
    )
    seen = Counter[tuple[str, str]]()
    for number in range(8):
        customer = await make_customer(services, brand)
        held = await salon.book(tomorrow(days=3 + number), member_id=customer.id)
        payment_id = (await salon.see(held.booking_id)).payment_id
        assert payment_id is not None

        async def arrive(paid_by: uuid.UUID = payment_id) -> None:
            async with services.database.unit_of_work(brand.id) as session:
                await deposits.captured(session, payment_id=paid_by, now=clock.now())

        rivals: list[Awaitable[object]] = [arrive(), arrive()]
        rivals.insert(number % 3, salon.ring(HOLD_TIMER, held.booking_id))
        if number % 2:
            rivals.insert(number % 4, giving_up(salon, held.booking_id))
        await asyncio.gather(*map(outcome, rivals))
        one = await salon.see(held.booking_id)
        seen[one.state.value, one.deposit_state.value] += 1
        [occupied] = await salon.rows(
            "SELECT count(*)::int AS n FROM appointments_occupancy WHERE brand_id = $1 AND booking_id = $2"
            " AND is_live",
            one.id,
        )
        assert occupied["n"] == (3 if one.state is BookingState.CONFIRMED else 0)
    assert set(seen) <= {("confirmed", "paid"), ("cancelled", "refunding")}, seen


async def test_whoever_moves_cancels_or_checks_in_the_same_appointment_at_once_one_does(
    services: Services, brand: BrandView
) -> None:
    """Two of a shop, its customer, and the minute that is over."""
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=30))
    by, seen = By(None, frozenset({salon.shop_id})), Counter[str]()
    database, brand_id = services.database, brand.id
    for number in range(8):
        customer = await make_customer(services, brand)
        start = tomorrow(days=2 + number)
        booked = await salon.book(start, member_id=customer.id)
        first = NewTime(start=start + dt.timedelta(hours=2), staff_id=None, by=Actor.SHOP, actor_id=None)
        moved = await moving.reschedule(database, brand_id=brand_id, booking_id=booked.booking_id, to=first)

        def move(hours: int, who: Actor, one: uuid.UUID = moved.id, at: dt.datetime = start) -> Awaitable[object]:
            to = NewTime(start=at + dt.timedelta(hours=hours), staff_id=None, by=who, actor_id=None)
            return moving.reschedule(database, brand_id=brand_id, booking_id=one, to=to)

        def cancel(one: uuid.UUID = moved.id) -> Awaitable[object]:
            return steps.take(database, brand_id=brand_id, booking_id=one, step=Step.CANCEL, by=by)

        rivals: list[Awaitable[object]] = [
            move(4, Actor.SHOP),
            move(5, Actor.CUSTOMER) if number % 2 else move(6, Actor.SHOP),
            giving_up(salon, moved.id) if number % 3 else cancel(),
            salon.settle_one(str(moved.id)),
        ]
        answers = await asyncio.gather(*map(outcome, rivals[number % 4 :] + rivals[: number % 4]))
        assert set(answers) <= {"done", "appointments.not_now"}, answers
        assert answers.count("done") == 2, "the minute is over, and one of the others"
        await salon.deliver()
        await salon.settle()
        await salon.deliver()

        rows = await salon.rows(
            "SELECT id, state FROM appointments_booking WHERE brand_id = $1 AND member_id = $2"
            " AND state <> 'rescheduled'",
            customer.id,
        )
        assert len(rows) == 1, rows
        seen[str(rows[0]["state"])] += 1
        reminded = await salon.rows(
            "SELECT fact_key FROM messaging_message WHERE brand_id = $1 AND member_id = $2 AND state = 'queued'"
            " AND template = 'appointment.reminder_2h'",
            customer.id,
        )
        stands = rows[0]["state"] == "confirmed"
        assert [row["fact_key"] for row in reminded] == [f"appointment:{rows[0]['id']}"] * stands
        told = await salon.rows(
            "SELECT template FROM messaging_message WHERE brand_id = $1 AND member_id = $2 AND fact_key LIKE $3"
            " AND template = 'appointment.changed'",
            customer.id,
            f"appointment:{rows[0]['id']}%",
        )
        assert len(told) == 1 or not stands, "she knows where she is"
    assert await overlaps(salon) == 0
    assert set(seen) <= {"confirmed", "cancelled"}


async def test_a_plan_that_changes_while_somebody_books_is_kept_or_shown_as_broken(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=1)
    booked = 0
    for number in range(6):
        start = tomorrow(days=2 + number)
        day = clock.business_day(start, salon.zone)

        async def go_away(on: dt.date = day) -> None:
            async with services.database.unit_of_work(brand.id) as session:
                fields = StaffDayFields(first=on, last=on, kind=DayKind.OFF)
                await setup.put_days(session, staff_id=salon.staff[0], fields=fields)

        wish = salon.book(start, source=Source.CUSTOMER, member_id=(await make_customer(services, brand)).id)
        answers = await asyncio.gather(*map(outcome, [wish, go_away()] if number % 2 else [go_away(), wish]))
        booked += answers.count("done") == 2
        async with services.database.unit_of_work(brand.id) as session:
            found = await misfits.misfits(session, shop_id=salon.shop_id)
        assert len(found) == booked, answers
        assert await outcome(salon.book(start)) != "done", "from now on everybody knows"
    rows = await salon.rows("SELECT deposit_state FROM appointments_booking WHERE brand_id = $1")
    assert [row["deposit_state"] for row in rows] == [DepositState.NONE.value] * booked


async def test_a_request_that_comes_back_waits_for_the_shop_s_word_as_before(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(needs_approval=True))
    start = tomorrow(days=3)
    booked = await salon.book(start, member_id=(await make_customer(services, brand)).id)
    await salon.deliver()
    moved = await move(salon, booked.booking_id, start + dt.timedelta(hours=4))
    assert moved.state is BookingState.CONFIRMED
    # Its own time comes while it is somewhere else.
    gone = "UPDATE outbox_timer SET state = 'done' WHERE brand_id = $1 AND name = $2 AND key = $3 RETURNING id"
    assert await salon.rows(gone, REQUEST_TIMER, str(booked.booking_id))
    stands = await undo(salon, moved)

    assert (stands.id, stands.state) == (booked.booking_id, BookingState.REQUESTED)
    timer = await salon.rows(
        "SELECT due_at FROM outbox_timer WHERE brand_id = $1 AND name = $2 AND key = $3 AND state = 'set'",
        REQUEST_TIMER,
        str(stands.id),
    )
    assert [row["due_at"] for row in timer] == [start]
