"""What somebody does who wants more than her share, and what happens in an order nobody expected."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable

import httpx
import pytest

from appointments.errors import CapReached, KeyReused, NeedsDeposit, NotNow, SlotTaken, TooManyHolds
from appointments.rules.life import NO_SHOW_TIMER
from appointments.service import moving, replacing, setup, steps, waiting
from appointments.service.booking import MAX_HOLDS
from appointments.service.moving import NewTime
from appointments.service.replacing import Days
from appointments.service.steps import By, Step
from appointments.states import Attention, BookingState, DayKind, DepositState, WaitMode
from appointments.types import Actor, StaffDayFields
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps, tomorrow
from tests.appointments.test_life import end, messages, pay, payment_of
from tests.members.makers import Customer, make_customer
from tests.payments.kit import Till
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def outcome(attempt: Awaitable[object]) -> str:
    """``done``, or the code of the refusal."""
    try:
        await attempt
    except DomainError as refusal:
        return refusal.code
    return "done"


async def away(salon: Salon, staff_id: uuid.UUID, day: dt.date, **changes: object) -> tuple[int, int]:
    """Something is different on a day, and whoever is booked then is looked after."""
    values = {"first": day, "last": day, "kind": DayKind.OFF, **changes}
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        await setup.put_days(session, staff_id=staff_id, fields=StaffDayFields(**values))  # type: ignore[arg-type]
    done = await replacing.replace_absent(
        salon.services.database,
        brand_id=salon.brand.id,
        staff_id=staff_id,
        days=Days(first=day, last=day),
        actor_id=None,
    )
    return done.given, done.asked


async def money_arrives(salon: Salon, till: Till) -> None:
    """The worker's rounds of five minutes, and what they told."""
    for later in (1, 70, 140, 300):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)
    await salon.deliver()


async def test_one_customer_holds_no_more_times_by_asking_for_all_of_them_at_once(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=8, chairs=8, fields=service_fields(deposit_minor=500))
    greedy = await make_customer(services, brand)

    asked = [outcome(salon.book(tomorrow(hour=9 + n), member_id=greedy.id)) for n in range(10)]
    results = await asyncio.gather(*asked)

    assert sorted(results) == sorted(["done"] * MAX_HOLDS + [TooManyHolds.code] * (10 - MAX_HOLDS))
    [kept] = await salon.rows("SELECT count(*) AS n FROM payments_payment WHERE brand_id = $1")
    assert kept["n"] == MAX_HOLDS


async def test_a_key_stands_for_one_wish_and_days_out_of_reach_are_refused(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    order_id = new_id()

    async def book(hour: int, key: str) -> httpx.Response:
        wish = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id)}
        return await client.post(
            "/v1/appointments",
            json={**wish, "start": tomorrow(hour=hour).isoformat()},
            headers={**customer.headers, "Idempotency-Key": key},
        )

    once, again, other = await book(10, "k"), await book(10, "k"), await book(12, "k")
    alike = [await book(13, "x" * 81), await book(14, "x" * 82), await book(15, f"group:{order_id}")]

    assert (once.status_code, again.status_code) == (201, 200)
    assert (other.status_code, other.json()["code"]) == (422, KeyReused.code)
    assert [each.status_code for each in alike] == [201, 201, 201]
    keys = await salon.rows("SELECT request_key FROM appointments_booking WHERE brand_id = $1")
    assert f"group:{order_id}" not in {row["request_key"] for row in keys}, "that is what the house calls a seat"
    place = f"/v1/appointment-times?shop_id={salon.shop_id}&service_id={salon.service.id}"
    for days in ("first=2026-12-10&last=2026-12-01", "first=9999-12-31", "last=0001-01-01"):
        refused = await client.get(f"{place}&{days}", headers=customer.headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "core.invalid_input")


@pytest.mark.parametrize("by_hq", [5_000, 2_000])
async def test_what_headquarters_sent_back_stands_in_nobody_s_way_and_is_not_sent_twice(
    services: Services, brand: BrandView, till: Till, by_hq: int
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(deposit_minor=5_000))
    booked = await salon.book(tomorrow(days=2), member_id=(await make_customer(services, brand)).id)
    await pay(salon, till, booked.booking_id)
    await salon.deliver()
    payment = await payment_of(till, await salon.see(booked.booking_id))

    await till.refund(payment, by_hq)
    await money_arrives(salon, till)
    before = (await salon.see(booked.booking_id)).deposit_state
    await end(salon, booked.booking_id)
    await money_arrives(salon, till)

    ended = await salon.see(booked.booking_id)
    assert before is (DepositState.REFUNDED if by_hq == 5_000 else DepositState.PAID)
    assert (ended.state, ended.deposit_state) == (BookingState.CANCELLED, DepositState.REFUNDED)
    assert (await till.see(payment)).refunded_minor == 5_000


async def test_of_all_who_are_told_of_a_time_one_has_it_and_the_others_wait_on(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(wait_mode=WaitMode.BROADCAST))
    booked = await salon.book(tomorrow())
    people = [await make_customer(services, brand) for _ in range(4)]
    for one in people:
        await _wait(salon, one)

    async def states() -> list[object]:
        rows = await salon.rows("SELECT state FROM appointments_wait WHERE brand_id = $1 ORDER BY id")
        return [row["state"] for row in rows]

    await end(salon, booked.booking_id, Actor.SHOP)
    await salon.deliver()
    told = await states()
    results = await asyncio.gather(*(outcome(salon.book(tomorrow(), member_id=one.id)) for one in people))
    await salon.deliver()
    after = await states()
    [row] = await salon.rows("SELECT id FROM appointments_booking WHERE brand_id = $1 AND state = 'confirmed'")
    await end(salon, row["id"], Actor.SHOP)  # type: ignore[arg-type]
    await salon.deliver()

    assert told == ["offered"] * 4
    assert sorted(results) == [SlotTaken.code] * 3 + ["done"]
    assert after[results.index("done")] == "accepted"
    assert sorted(after, key=str) == ["accepted", "waiting", "waiting", "waiting"]
    offers = [name for name, _ in await messages(salon)].count("appointment.waitlist_offer")
    assert offers == 4 + 3, "freed once more, it is offered once more"


async def _wait(salon: Salon, customer: Customer) -> None:
    async with salon.services.database.connection(salon.brand.id) as tx:
        await waiting.join(
            tx, member_id=customer.id, shop_id=salon.shop_id, service_id=salon.service.id, staff_id=None,
            day=clock.business_day(tomorrow(), salon.zone), now=clock.now(),
        )  # fmt: skip


async def test_what_ended_is_handed_to_nobody_and_no_hand_over_passes_a_cap(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=4, cap=4)
    anna, berta, carla = salon.staff
    customer = await make_customer(services, brand)
    gone = await salon.book(tomorrow(hour=18), member_id=customer.id, staff_id=anna)
    hers = [await salon.book(tomorrow(hour=hour), staff_id=anna) for hour in (9, 11, 16)]
    for hour in (13, 14, 15):
        await salon.book(tomorrow(hour=hour), staff_id=berta)
    await end(salon, gone.booking_id)
    await salon.deliver()

    def to_berta(booking_id: uuid.UUID) -> Awaitable[object]:
        return moving.reassign(
            services.database, brand_id=brand.id, booking_id=booking_id, staff_id=berta, resource_id=None,
            shops=None, actor_id=None,
        )  # fmt: skip

    with pytest.raises(NotNow):
        await to_berta(gone.booking_id)
    results = await asyncio.gather(*(outcome(to_berta(one.booking_id)) for one in hers))
    await salon.deliver()
    # What comes from another system begins at any minute.
    odd = hers[results.index(CapReached.code)].booking_id
    await salon.shift(odd, dt.timedelta(minutes=3))
    given = await moving.reassign(
        services.database, brand_id=brand.id, booking_id=odd, staff_id=carla, resource_id=None, shops=None,
        actor_id=None,
    )  # fmt: skip

    assert results.count("done") == 1, "she takes four a day"
    assert given.staff_id == carla
    assert "appointment.reassigned" not in [name for name, _ in await messages(salon)]
    assert await overlaps(salon) == 0


async def test_whoever_is_away_loses_only_what_she_cannot_serve_held_or_not(
    services: Services, brand: BrandView, till: Till
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(deposit_minor=5_000))
    anna, berta = salon.staff
    day = clock.business_day(tomorrow(days=2), salon.zone)
    kept, given, stuck = [
        await salon.book(
            tomorrow(hour=hour, days=2), member_id=(await make_customer(services, brand)).id, staff_id=anna
        )
        for hour in (10, 14, 16)
    ]
    await salon.book(tomorrow(hour=16, days=2), staff_id=berta)

    counted = await away(salon, anna, day, kind=DayKind.WORK, starts=540, ends=720, shop_id=salon.shop_id)
    for one in (kept, given, stuck):
        await pay(salon, till, one.booking_id)
    await salon.deliver()

    seen = [await salon.see(one.booking_id) for one in (kept, given, stuck)]
    assert counted == (1, 1)
    assert [one.state for one in seen] == [BookingState.CONFIRMED] * 3
    assert [one.staff_id for one in seen] == [anna, berta, anna]
    assert [one.attention for one in seen] == [Attention.NONE, Attention.REASSIGNED, Attention.CHOOSE]
    changed = await salon.rows(
        "SELECT fact_key FROM messaging_message WHERE brand_id = $1 AND template = 'appointment.choose'"
    )
    assert [row["fact_key"] for row in changed] == [f"appointment:{stuck.booking_id}:choose"]


async def test_a_worker_whose_clock_is_an_hour_slow_gives_up_who_did_not_come(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    salon = await make_salon(services, brand)
    booked = await salon.book(tomorrow())
    await salon.shift(booked.booking_id, clock.now() - tomorrow() - dt.timedelta(minutes=16))

    monkeypatch.setattr(clock, "_SKEW", dt.timedelta(hours=-1))
    await salon.ring(NO_SHOW_TIMER, booked.booking_id)

    assert (await salon.see(booked.booking_id)).state is BookingState.NO_SHOW


async def test_a_customer_who_cancels_while_somebody_is_replaced_has_cancelled(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=3)
    anna = salon.staff[0]
    day = clock.business_day(tomorrow(days=2), salon.zone)
    booked = [
        await salon.book(
            tomorrow(hour=9 + n, days=2), member_id=(await make_customer(services, brand)).id, staff_id=anna
        )
        for n in range(8)
    ]

    counted, cancelled = await asyncio.gather(
        away(salon, anna, day),
        asyncio.gather(*(outcome(end(salon, one.booking_id)) for one in booked[::2])),
    )
    await salon.deliver()

    seen = [await salon.see(one.booking_id) for one in booked]
    assert cancelled == ["done"] * 4
    assert [one.state for one in seen[::2]] == [BookingState.CANCELLED] * 4
    assert [one.staff_id != anna for one in seen[1::2]] == [True] * 4
    assert 4 <= sum(counted) <= 8
    assert await overlaps(salon) == 0
    [live] = await salon.rows("SELECT count(*) AS n FROM appointments_occupancy WHERE brand_id = $1 AND is_live")
    assert live["n"] == 4 * 3, "who serves, the chair and the customer of each that stands"


async def test_what_is_only_set_aside_is_neither_moved_nor_checked_in_and_two_taps_move_once(
    services: Services, brand: BrandView, till: Till
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(deposit_minor=5_000))
    customer = await make_customer(services, brand)
    held = await salon.book(tomorrow(days=2), member_id=customer.id)

    def to(hour: int) -> Awaitable[object]:
        where = NewTime(start=tomorrow(hour=hour, days=2), staff_id=None, by=Actor.CUSTOMER, actor_id=customer.id)
        return moving.reschedule(services.database, brand_id=brand.id, booking_id=held.booking_id, to=where)

    with pytest.raises(NeedsDeposit):
        await to(15)
    with pytest.raises(NeedsDeposit):
        await steps.check_in(
            services.database, brand_id=brand.id, code=held.code, by=By(None, frozenset({salon.shop_id}))
        )
    await pay(salon, till, held.booking_id)
    await salon.deliver()
    taps = await asyncio.gather(to(15), to(15), to(15))
    elsewhere = await outcome(to(17))

    assert len({getattr(one, "id", one) for one in taps}) == 1
    assert elsewhere == NotNow.code
    rows = await salon.rows("SELECT state FROM appointments_booking WHERE brand_id = $1 ORDER BY id")
    assert [row["state"] for row in rows] == ["rescheduled", "confirmed"]


async def test_what_was_forgiven_stands_on_her_timeline_no_more(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    booked = await salon.book(tomorrow(), member_id=(await make_customer(services, brand)).id)
    await salon.shift(booked.booking_id, clock.now() - tomorrow() - dt.timedelta(minutes=20))
    await salon.deliver()

    async def told() -> set[object]:
        rows = await salon.rows("SELECT kind FROM members_timeline WHERE brand_id = $1")
        return {row["kind"] for row in rows}

    by = By(None, frozenset({salon.shop_id}))
    await salon.ring(NO_SHOW_TIMER, booked.booking_id)
    await salon.deliver()
    missed = await told()
    await steps.take(services.database, brand_id=brand.id, booking_id=booked.booking_id, step=Step.WAIVE, by=by)
    await salon.deliver()

    assert "missed" in missed
    assert "missed" not in await told()
