"""The life of a booking: its deposit, being late, staying away, being moved, and those who wait for its time."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable

import pytest

from appointments.errors import NotNow, PastCutoff, SlotTaken, TimeGone, TooEarly
from appointments.handlers import HOLD_TIMER
from appointments.rules import life as rules
from appointments.rules.life import NO_SHOW_TIMER, REQUEST_TIMER
from appointments.service import life, moving, replacing, setup, waiting
from appointments.service.booking import decided, soon
from appointments.service.moving import NewTime
from appointments.service.replacing import Days
from appointments.states import Attention, BookingState, DayKind, DepositState, Source
from appointments.types import Actor, BookingView, StaffDayFields
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps, tomorrow
from tests.members.makers import make_customer
from tests.payments.kit import Till
from tests.stores.makers import ALL_DAY
from yundian.brands.types import BrandView
from yundian.payments.repository import trades
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def payment_of(till: Till, booking: BookingView) -> PaymentView:
    async with till.services.database.connection(till.brand_id) as tx:
        found = await trades.payment(tx, payment_id=booking.payment_id or uuid.UUID(int=0))
    assert found is not None
    return found


async def pay(salon: Salon, till: Till, booking_id: uuid.UUID) -> None:
    payment = await payment_of(till, await salon.see(booking_id))
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))
    await till.look(payment)


async def end(salon: Salon, booking_id: uuid.UUID, by: Actor = Actor.CUSTOMER) -> None:
    async with salon.services.database.connection(salon.brand.id) as tx:
        one = await life.see(tx, booking_id=booking_id, is_locked=True)
        await life.cancel(tx, one, by=by, actor_id=None, now=clock.now())


async def messages(salon: Salon) -> list[tuple[object, object]]:
    rows = await salon.rows("SELECT template, state FROM messaging_message WHERE brand_id = $1 ORDER BY id")
    return [(row["template"], row["state"]) for row in rows]


async def test_a_deposit_confirms_what_is_held_and_goes_back_when_it_is_cancelled_in_time(
    services: Services, brand: BrandView, till: Till
) -> None:
    salon = await make_salon(
        services, brand, fields=service_fields(deposit_minor=5_000, is_late_cancel_charged=True)
    )
    customer = await make_customer(services, brand)
    held = await salon.book(tomorrow(days=3), member_id=customer.id, brand_code=brand.code)
    await salon.deliver()
    timers = await salon.rows("SELECT name FROM outbox_timer WHERE brand_id = $1 AND state = 'set'")

    await pay(salon, till, held.booking_id)
    await salon.deliver()
    confirmed = await salon.see(held.booking_id)
    await salon.ring(HOLD_TIMER, held.booking_id)
    still = await salon.see(held.booking_id)
    await end(salon, held.booking_id)
    cancelled = await salon.see(held.booking_id)

    for later in (1, 70, 140, 300):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)
    await salon.deliver()

    assert (held.state, held.pay_path[:5]) == (BookingState.HELD, "/pay/")
    assert HOLD_TIMER in {row["name"] for row in timers}
    assert (confirmed.state, confirmed.deposit_state) == (BookingState.CONFIRMED, DepositState.PAID)
    assert still.state is BookingState.CONFIRMED
    assert (cancelled.state, cancelled.deposit_state) == (BookingState.CANCELLED, DepositState.REFUNDING)
    assert (await salon.see(held.booking_id)).deposit_state is DepositState.REFUNDED
    assert [name for name, _ in await messages(salon)] == [
        "appointment.confirmed", "appointment.reminder_24h", "appointment.reminder_2h",
    ]  # fmt: skip
    assert await salon.starts(clock.business_day(tomorrow(days=3), salon.zone))


async def test_nobody_pays_for_a_time_that_is_not_hers(services: Services, brand: BrandView, till: Till) -> None:
    """The hold ends while she pays: she keeps the time. It ends before: the money comes back."""
    salon = await make_salon(services, brand, chairs=2, people=2, fields=service_fields(deposit_minor=5_000))
    quick, late = [
        await salon.book(tomorrow(hour=10 + n), member_id=(await make_customer(services, brand)).id)
        for n in (0, 1)
    ]

    payment = await payment_of(till, await salon.see(quick.booking_id))
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))
    await salon.ring(HOLD_TIMER, quick.booking_id)
    await salon.ring(HOLD_TIMER, late.booking_id)
    during = await salon.see(late.booking_id)
    for later in (1, 60, 300):
        await till.sweep(later_s=later)
    await salon.deliver()

    assert during.state is BookingState.HELD
    assert (await salon.see(quick.booking_id)).state is BookingState.CONFIRMED
    ended = await salon.see(late.booking_id)
    assert (ended.state, ended.deposit_state) == (BookingState.EXPIRED, DepositState.REQUIRED)
    assert tomorrow(hour=11) in await salon.starts(clock.business_day(tomorrow(), salon.zone))


async def test_late_is_charged_staying_away_is_charged_and_both_can_be_forgiven(
    services: Services, brand: BrandView, till: Till
) -> None:
    fields = service_fields(
        deposit_minor=5_000, is_late_cancel_charged=True, is_no_show_charged=True, cutoff_min=120, no_show_limit=1,
        no_show_deposit_minor=9_000,
    )  # fmt: skip
    salon = await make_salon(services, brand, people=3, chairs=3, fields=fields)
    customer = await make_customer(services, brand)
    late, missed = [await salon.book(tomorrow(hour=hour), member_id=customer.id) for hour in (10, 12)]
    for one in (late, missed):
        await pay(salon, till, one.booking_id)
    await salon.deliver()

    until_start = tomorrow(hour=10) - clock.now()
    await salon.shift(late.booking_id, dt.timedelta(hours=1) - until_start)
    await end(salon, late.booking_id)
    with pytest.raises(TooEarly):
        await salon.ring(NO_SHOW_TIMER, missed.booking_id)
    await salon.shift(missed.booking_id, clock.now() - tomorrow(hour=12) - dt.timedelta(minutes=20))
    await salon.ring(NO_SHOW_TIMER, missed.booking_id)
    gone = await salon.see(missed.booking_id)
    dearer = await salon.book(tomorrow(hour=14), member_id=customer.id)
    async with services.database.connection(brand.id) as tx:
        locked = await life.see(tx, booking_id=missed.booking_id, is_locked=True)
        await life.check_in(tx, locked, actor_id=None, now=clock.now())

    cancelled = await salon.see(late.booking_id)
    assert (cancelled.state, cancelled.deposit_state) == (BookingState.CANCELLED_LATE, DepositState.FORFEITED)
    assert (gone.state, gone.deposit_state) == (BookingState.NO_SHOW_PENALIZED, DepositState.FORFEITED)
    assert (await salon.see(dearer.booking_id)).deposit_minor == 9_000
    arrived = await salon.see(missed.booking_id)
    assert (arrived.state, arrived.deposit_state) == (BookingState.ARRIVED, DepositState.PAID)
    async with services.database.connection(brand.id) as tx:
        await life.start(tx, arrived, actor_id=None, now=clock.now())
        await life.complete(tx, arrived, actor_id=None, now=clock.now())
    with pytest.raises(NotNow):
        await end(salon, missed.booking_id, Actor.SHOP)
    served = await salon.see(missed.booking_id)
    assert (served.state, served.deposit_state) == (BookingState.COMPLETED, DepositState.APPLIED_TO_SALE)


async def test_a_request_waits_for_the_shop_and_is_declined_without_a_word(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(needs_approval=True))
    first, second = [await salon.book(tomorrow(hour=hour)) for hour in (10, 11)]
    async with services.database.connection(brand.id) as tx:
        await life.approve(tx, await life.see(tx, booking_id=first.booking_id), actor_id=None, now=clock.now())
    await salon.ring(REQUEST_TIMER, first.booking_id)
    await salon.ring(REQUEST_TIMER, second.booking_id)

    assert first.state is BookingState.REQUESTED
    assert (await salon.see(first.booking_id)).state is BookingState.CONFIRMED
    assert (await salon.see(second.booking_id)).state is BookingState.DECLINED


async def test_a_moved_booking_keeps_its_deposit_its_history_and_none_of_its_old_time(
    services: Services, brand: BrandView, till: Till
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(deposit_minor=5_000, cutoff_min=120))
    customer = await make_customer(services, brand)
    old = await salon.book(tomorrow(hour=10), member_id=customer.id)
    await pay(salon, till, old.booking_id)
    await salon.deliver()
    taken = await salon.book(tomorrow(hour=15))

    def to(hour: int, by: Actor = Actor.CUSTOMER) -> NewTime:
        return NewTime(start=tomorrow(hour=hour), staff_id=None, by=by, actor_id=customer.id)

    async def move(booking_id: uuid.UUID, where: NewTime) -> BookingView:
        return await moving.reschedule(services.database, brand_id=brand.id, booking_id=booking_id, to=where)

    with pytest.raises(SlotTaken):
        await move(old.booking_id, to(15))
    new = await move(old.booking_id, to(11))
    await salon.deliver()
    before = await salon.see(old.booking_id)
    with pytest.raises(NotNow):
        await move(old.booking_id, to(12))
    await salon.shift(new.id, dt.timedelta(hours=1) - (tomorrow(hour=11) - clock.now()))
    with pytest.raises(PastCutoff):
        await move(new.id, to(16))
    await end(salon, new.id, Actor.SHOP)

    assert taken.state is BookingState.HELD
    assert (before.state, before.deposit_state) == (BookingState.RESCHEDULED, DepositState.NONE)
    assert (new.moved_from, new.deposit_state, new.sequence) == (old.booking_id, DepositState.PAID, 2)
    assert (await salon.see(new.id)).deposit_state is DepositState.REFUNDING
    assert tomorrow(hour=10) in await salon.starts(clock.business_day(tomorrow(), salon.zone))
    assert ("appointment.reminder_2h", "skipped") in await messages(salon)
    assert await overlaps(salon) == 0


async def test_who_is_away_is_replaced_and_where_nobody_can_the_customer_chooses(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2)
    anna, berta = salon.staff
    customer = await make_customer(services, brand)
    hers = await salon.book(tomorrow(hour=10), staff_id=anna, member_id=customer.id)
    stuck = await salon.book(tomorrow(hour=11), staff_id=anna)
    await salon.book(tomorrow(hour=11), staff_id=berta)
    day = clock.business_day(tomorrow(), salon.zone)
    async with services.database.unit_of_work(brand.id) as session:
        await setup.put_days(session, staff_id=anna, fields=StaffDayFields(first=day, last=day, kind=DayKind.OFF))

    done = await replacing.replace_absent(
        services.database, brand_id=brand.id, staff_id=anna, days=Days(first=day, last=day), actor_id=None
    )
    await salon.deliver()

    given, open_one = await salon.see(hers.booking_id), await salon.see(stuck.booking_id)
    assert (done.given, done.asked, done.run_id) == (1, 1, None)
    assert (given.staff_id, given.attention) == (berta, Attention.REASSIGNED)
    assert (open_one.staff_id, open_one.attention) == (anna, Attention.CHOOSE)
    assert rules.is_late(given, now=given.starts_at) is False
    assert ("appointment.reassigned", "queued") in await messages(salon)
    assert await overlaps(salon) == 0


async def test_a_freed_time_is_held_for_who_waits_first_and_goes_on_when_she_lets_it_lapse(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    booked = await salon.book(tomorrow())
    day = clock.business_day(tomorrow(), salon.zone)
    first, second = [await make_customer(services, brand) for _ in range(2)]
    for one in (first, second):
        async with services.database.connection(brand.id) as tx:
            await waiting.join(
                tx, member_id=one.id, shop_id=salon.shop_id, service_id=salon.service.id, staff_id=None, day=day,
                window=(600, 660), now=clock.now(),
            )  # fmt: skip

    async def offers() -> list[tuple[object, object]]:
        rows = await salon.rows("SELECT member_id, state FROM appointments_wait WHERE brand_id = $1 ORDER BY id")
        return [(row["member_id"], row["state"]) for row in rows]

    async def held() -> list[uuid.UUID]:
        rows = await salon.rows("SELECT id FROM appointments_booking WHERE brand_id = $1 AND state = 'held'")
        return [row["id"] for row in rows]  # type: ignore[misc]

    await end(salon, booked.booking_id, Actor.SHOP)
    await salon.deliver()
    at_first = await offers()
    (offer,) = await held()
    with pytest.raises(SlotTaken):
        await salon.book(tomorrow())
    await salon.ring(HOLD_TIMER, offer)
    await salon.deliver()
    then = await offers()
    (offer,) = await held()

    async def accept(tx: object) -> None:
        one = await life.see(tx, booking_id=offer, is_locked=True)  # type: ignore[arg-type]
        await waiting.accept(tx, one, keyring=services.keyring, return_path="/", now=clock.now())  # type: ignore[arg-type]

    await decided(services.database, brand.id, accept)
    await salon.deliver()

    assert at_first == [(first.id, "offered"), (second.id, "waiting")]
    assert then == [(first.id, "lapsed"), (second.id, "offered")]
    assert await offers() == [(first.id, "lapsed"), (second.id, "accepted")]
    assert (await salon.see(offer)).state is BookingState.CONFIRMED
    assert [name for name, _ in await messages(salon)].count("appointment.waitlist_offer") == 2


async def test_whoever_comes_to_a_session_after_all_were_given_up_has_it_again_unless_others_have_its_time(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(seats=2, step_min=5), hours=ALL_DAY)
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    members = [(await make_customer(services, brand)).id for _ in range(2)]
    start = tomorrow()
    booked = [await salon.book(start, member_id=one) for one in members]
    begun = clock.now() - dt.timedelta(minutes=40)
    begun -= dt.timedelta(seconds=begun.timestamp() % 300)
    await salon.rows(
        "WITH g AS (UPDATE appointments_session SET starts_at = $2, ends_at = $3 WHERE brand_id = $1),"
        " o AS (UPDATE appointments_occupancy SET starts_at = $2, ends_at = $3 WHERE brand_id = $1)"
        " UPDATE appointments_booking SET starts_at = $2, ends_at = $3 WHERE brand_id = $1",
        begun,
        begun + dt.timedelta(hours=1),
    )

    async def act(does: Callable[..., Awaitable[None]], booking_id: uuid.UUID, **by: Actor) -> str:
        async def attempt(tx: Tx) -> str:
            one = await life.see(tx, booking_id=booking_id, is_locked=True)
            await does(tx, one, actor_id=None, now=clock.now(), **by)
            return (await life.see(tx, booking_id=booking_id)).state.value

        try:
            return await decided(services.database, brand.id, attempt)
        except DomainError as refusal:
            return refusal.code

    async def standing() -> tuple[object, ...]:
        [row] = await salon.rows(
            "SELECT g.taken, g.is_open, (SELECT count(*)::int FROM appointments_occupancy o"
            " WHERE o.brand_id = $1 AND o.is_live) AS live FROM appointments_session g"
            " WHERE g.brand_id = $1 AND g.starts_at = $2",
            begun,
        )
        return tuple(row.values())

    missed = [await act(life.miss, one.booking_id, by=Actor.SHOP) for one in booked]
    given_up = await standing()
    back = await asyncio.gather(*(act(life.check_in, one.booking_id) for one in booked))
    again = await standing()

    assert (missed, given_up) == (["no_show", "no_show"], (0, False, 0))
    assert (back, again) == (["arrived", "arrived"], (2, True, 4)), "who serves, the chair, and both"

    await salon.rows("UPDATE appointments_booking SET state = 'confirmed' WHERE brand_id = $1")
    for one in booked:
        await act(life.miss, one.booking_id, by=Actor.SHOP)
    walked_in = await salon.book(soon(clock.now()), source=Source.WALK_IN)
    late = await act(life.check_in, booked[0].booking_id)

    assert late == TimeGone.code
    assert await standing() == (0, False, 2), "nothing of it was taken, and the walk-in keeps hers"
    assert (await salon.see(booked[0].booking_id)).state is BookingState.NO_SHOW
    assert (await salon.see(walked_in.booking_id)).state is BookingState.ARRIVED


def test_a_link_shows_one_booking_and_cannot_be_changed_into_another(services: Services) -> None:
    brand_id, booking_id = uuid.UUID(int=1), uuid.UUID(int=2)
    token = rules.link_token(services.keyring, kind="link", brand_id=brand_id, thing_id=booking_id)
    other = rules.link_token(services.keyring, kind="link", brand_id=brand_id, thing_id=uuid.UUID(int=3))

    assert rules.read_link(token) == (brand_id, booking_id)
    assert rules.is_link(services.keyring, token, kind="link")
    assert not rules.is_link(services.keyring, token, kind="feed")
    assert not rules.is_link(services.keyring, other[:-16] + token[-16:], kind="link")
    assert rules.read_link("nonsense") is None
