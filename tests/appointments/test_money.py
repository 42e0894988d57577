"""Every step from every state; and where every deposit is in the end, by three independent books."""

import datetime as dt
import uuid

import pytest

from appointments.repository import bookings
from appointments.rules.life import NO_SHOW_TIMER
from appointments.service import steps
from appointments.service.steps import By, Step
from appointments.states import BOOKING, LIVE, Attention, BookingState, DepositState
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_life import end, pay
from tests.members.makers import make_customer
from tests.payments.kit import Till
from yundian.brands.types import BrandView
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

KEPT = (DepositState.PAID, DepositState.APPLIED_TO_SALE, DepositState.FORFEITED)
# What a step leads to; one that is not possible changes nothing.
LEADS_TO = {
    Step.APPROVE: {BookingState.CONFIRMED},
    Step.DECLINE: {BookingState.DECLINED},
    Step.ARRIVE: {BookingState.ARRIVED},
    Step.NOT_HERE: {BookingState.CONFIRMED},
    Step.START: {BookingState.IN_SERVICE},
    Step.COMPLETE: {BookingState.COMPLETED},
    Step.MISSED: {BookingState.NO_SHOW, BookingState.NO_SHOW_PENALIZED},
    Step.WAIVE: {BookingState.WAIVED},
    Step.CANCEL: {BookingState.CANCELLED},
}
ONLY_FROM = {
    Step.APPROVE: {BookingState.REQUESTED},
    Step.NOT_HERE: {BookingState.ARRIVED},
}


async def take(salon: Salon, booking_id: uuid.UUID, step: Step) -> None:
    by = By(None, frozenset({salon.shop_id}), "why")
    await steps.take(salon.services.database, brand_id=salon.brand.id, booking_id=booking_id, step=step, by=by)


async def test_every_step_from_every_state_leads_where_the_table_says_or_nowhere(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(grace_min=0))
    booked = await salon.book(tomorrow())
    set_state = (
        "WITH one AS (UPDATE appointments_booking SET state = $3, arrived_at = NULL, starts_at = $4, ends_at = $5"
        " WHERE brand_id = $1 AND id = $2)"
        " UPDATE appointments_occupancy SET is_live = $6, starts_at = $4, ends_at = $5"
        " WHERE brand_id = $1 AND booking_id = $2"
    )
    for state in BookingState:
        for step, targets in LEADS_TO.items():
            # A minute ago, except for what has to lie ahead.
            since = dt.timedelta(minutes=30 if step is Step.APPROVE else -1)
            start = clock.now() + since
            ends = start + dt.timedelta(hours=1)
            await salon.rows(set_state, booked.booking_id, state.value, start, ends, state in LIVE)

            is_possible = any(state in BOOKING.sources_of(target) for target in targets)
            is_possible = is_possible and state in ONLY_FROM.get(step, {state})
            try:
                await take(salon, booked.booking_id, step)
                is_done = True
            except DomainError:
                is_done = False

            now = (await salon.see(booked.booking_id)).state
            assert is_done is is_possible, (state, step)
            assert now in targets if is_done else now is state, (state, step, now)


async def test_every_deposit_is_where_the_payments_and_the_provider_say_it_is(
    services: Services, brand: BrandView, till: Till
) -> None:
    fields = service_fields(
        deposit_minor=5_000, is_late_cancel_charged=True, is_no_show_charged=True, cutoff_min=120, grace_min=10,
        step_min=60, duration_min=60, needs_approval=False,
    )  # fmt: skip
    salon = await make_salon(services, brand, people=9, chairs=9, fields=fields)
    start = tomorrow()
    names = ("served", "in_time", "late", "missed", "forgiven", "came_after", "by_shop", "unanswered", "unpaid")
    made: dict[str, uuid.UUID] = {}
    for name in names:
        booked = await salon.book(start, member_id=(await make_customer(services, brand)).id)
        made[name] = booked.booking_id
        if name != "unpaid":
            await pay(salon, till, booked.booking_id)
    await salon.deliver()

    async def begun(name: str, minutes: int) -> None:
        """As if it had begun so many minutes ago."""
        await salon.shift(made[name], clock.now() - start - dt.timedelta(minutes=minutes))

    await begun("served", 1)
    for step in (Step.ARRIVE, Step.START, Step.COMPLETE):
        await take(salon, made["served"], step)
    await end(salon, made["in_time"])
    await begun("late", -60)
    await end(salon, made["late"])
    for name in ("missed", "forgiven", "came_after", "unanswered"):
        await begun(name, 15)
    async with services.database.connection(brand.id) as tx:
        await bookings.set_attention(tx, booking_id=made["unanswered"], attention=Attention.CHOOSE)
    for name in ("missed", "forgiven", "came_after", "unanswered"):
        await salon.ring(NO_SHOW_TIMER, made[name])
    await take(salon, made["forgiven"], Step.WAIVE)
    await take(salon, made["came_after"], Step.ARRIVE)
    await take(salon, made["came_after"], Step.COMPLETE)
    await take(salon, made["by_shop"], Step.CANCEL)
    for later in (1, 70, 140, 300):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)
    await salon.deliver()

    stands = {name: await salon.see(booking_id) for name, booking_id in made.items()}
    assert {name: (one.state.value, one.deposit_state.value) for name, one in stands.items()} == {
        "served": ("completed", "applied_to_sale"),
        "in_time": ("cancelled", "refunded"),
        "late": ("cancelled_late", "forfeited"),
        "missed": ("no_show_penalized", "forfeited"),
        "forgiven": ("waived", "refunded"),
        "came_after": ("completed", "applied_to_sale"),
        "by_shop": ("cancelled", "refunded"),
        "unanswered": ("cancelled", "refunded"),
        "unpaid": ("held", "required"),
    }
    ours = sum(one.deposit_minor for one in stands.values() if one.deposit_state in KEPT)
    (paid,) = await salon.rows(
        "SELECT sum(captured_minor)::bigint AS came, sum(refunded_minor)::bigint AS went"
        " FROM payments_payment WHERE brand_id = $1"
    )
    came, went = int(str(paid["came"])), int(str(paid["went"]))
    (theirs,) = till.sandbox.books(till.payee(Provider.WECHAT))["totals"]
    assert (came, went) == (8 * 5_000, 4 * 5_000)
    assert ours == came - went
    assert (theirs["paid_minor"], theirs["refunded_minor"]) == (came, went)
