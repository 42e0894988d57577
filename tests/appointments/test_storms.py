"""Everybody acts on the same appointments at once, and what they did is told twice and in any order."""

import asyncio
import datetime as dt
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable

import asyncpg
import msgspec
import pytest

from appointments.handlers import HOLD_TIMER, SUBSCRIBERS
from appointments.rules.life import NO_SHOW_TIMER
from appointments.service import life, moving, steps, waiting
from appointments.service.booking import decided, soon
from appointments.service.moving import NewTime
from appointments.service.steps import By, Step
from appointments.states import LIVE, BookingState, WaitMode
from appointments.types import Actor
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_attacks import outcome
from tests.appointments.test_booking import overlaps, tomorrow
from tests.members.makers import Customer, make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio

PEOPLE, BOOKINGS = 6, 10
REFUSALS = {
    "done", "appointments.not_now", "appointments.slot_taken", "appointments.slot_passed",
    "appointments.too_early", "appointments.past_cutoff", "appointments.too_soon", "appointments.own_overlap",
    "core.version_conflict", "appointments.outside_hours", "appointments.not_waiting",
    "appointments.booking_unknown",
}  # fmt: skip
_TIME = """
SELECT b.id, b.state, (SELECT count(*) FROM appointments_occupancy o
    WHERE o.brand_id = $1 AND o.booking_id = b.id AND o.is_live AND NOT o.is_kept) AS live,
    (SELECT count(*) FROM appointments_booking n WHERE n.brand_id = $1 AND n.moved_from = b.id) AS successors,
    (SELECT kind FROM appointments_booking_event e WHERE e.brand_id = $1 AND e.booking_id = b.id
        ORDER BY id DESC LIMIT 1) AS last
FROM appointments_booking b WHERE b.brand_id = $1
"""
_TOLD = """
SELECT b.state, m.template, m.state AS message FROM messaging_message m
JOIN appointments_booking b ON b.brand_id = $1 AND m.fact_key LIKE 'appointment:' || b.id || '%'
WHERE m.brand_id = $1 AND m.state = 'queued'
AND m.template NOT IN ('appointment.cancelled', 'appointment.follow_up')
"""


async def act(salon: Salon, booking_id: uuid.UUID, what: str) -> str:
    """One of those who may, whatever the others do."""
    services, brand_id = salon.services, salon.brand.id
    by = By(None, frozenset({salon.shop_id}))

    async def cancel(tx: Tx) -> None:
        one = await life.see(tx, booking_id=booking_id, is_locked=True)
        await life.cancel(tx, one, by=Actor.CUSTOMER, actor_id=None, now=clock.now())

    async def ring() -> None:
        await salon.ring(NO_SHOW_TIMER, booking_id)

    to = NewTime(start=tomorrow(hour=18), staff_id=None, by=Actor.SHOP, actor_id=None)
    does: dict[str, Callable[[], Awaitable[object]]] = {
        "cancel": lambda: decided(services.database, brand_id, cancel),
        "move": lambda: moving.reschedule(services.database, brand_id=brand_id, booking_id=booking_id, to=to),
        "hand over": lambda: moving.reassign(
            services.database, brand_id=brand_id, booking_id=booking_id, staff_id=salon.staff[-1],
            resource_id=None, shops=None, actor_id=None,
        ),
        "arrive": lambda: steps.take(
            services.database, brand_id=brand_id, booking_id=booking_id, step=Step.ARRIVE, by=by
        ),
        "start": lambda: steps.take(
            services.database, brand_id=brand_id, booking_id=booking_id, step=Step.START, by=by
        ),
        "complete": lambda: steps.take(
            services.database, brand_id=brand_id, booking_id=booking_id, step=Step.COMPLETE, by=by
        ),
        "give up": ring,
        "forgive": lambda: steps.take(
            services.database, brand_id=brand_id, booking_id=booking_id, step=Step.WAIVE, by=by
        ),
    }  # fmt: skip
    try:
        return await outcome(does[what]())
    except asyncpg.ExclusionViolationError:
        # The courier tries again; what she has is as it was.
        return "done"


ACTS = ("cancel", "move", "hand over", "arrive", "start", "complete", "give up", "forgive")


async def deliver_in_disorder(salon: Salon, dice: random.Random) -> None:
    """Each event to each of its subscribers twice, in any order, until nothing new is told."""
    done: set[uuid.UUID] = set()
    sql = "SELECT id, tag, payload FROM outbox_event WHERE brand_id = $1"
    while fresh := [row for row in await salon.rows(sql) if row["id"] not in done]:
        done |= {row["id"] for row in fresh}  # type: ignore[misc]
        calls = [(one, row) for row in fresh for one in SUBSCRIBERS if one.event.tag_of() == row["tag"]] * 2
        dice.shuffle(calls)
        for one, row in calls:
            event = msgspec.json.decode(str(row["payload"]), type=one.event)
            if one.is_batch:
                async with salon.services.database.connection(salon.brand.id) as tx:
                    await one.handle(tx, [Delivered(row["id"], event)])  # type: ignore[arg-type]
            else:
                async with salon.services.database.unit_of_work(salon.brand.id) as session:
                    await one.handle(session, event)


async def assert_whole(salon: Salon) -> None:
    """Who has a time has all of it, who has none has nothing; each was moved once at most."""
    assert await overlaps(salon) == 0
    for row in await salon.rows(_TIME):
        state = BookingState(str(row["state"]))
        assert row["live"] == (3 if state in LIVE else 0), row
        assert row["successors"] == (1 if state is BookingState.RESCHEDULED else 0), row
        assert row["last"] in (state.value, "reassigned", "customer", "shop"), row
    wrong = [row for row in await salon.rows(_TOLD) if row["state"] not in ("confirmed", "requested")]
    assert wrong == []


async def storm(services: Services, brand: BrandView, dice: random.Random) -> Counter[str]:
    """Each appointment is struck by everybody at the same moment; some of them began a while ago."""
    salon = await make_salon(services, brand, people=PEOPLE, chairs=PEOPLE)
    booked = []
    for number in range(BOOKINGS):
        customer = await make_customer(services, brand)
        start = tomorrow(hour=9 + number // (PEOPLE - 1) * 2)
        booked.append((await salon.book(start, member_id=customer.id)).booking_id)
    for booking_id in booked[: PEOPLE - 1]:
        one = await salon.see(booking_id)
        await salon.shift(booking_id, soon(clock.now()) - one.starts_at - dt.timedelta(minutes=20))
    strikes = [(each, what) for each in booked for what in dice.sample(ACTS, k=5)]
    dice.shuffle(strikes)
    results = await asyncio.gather(*(act(salon, each, what) for each, what in strikes))
    assert set(results) <= REFUSALS
    await assert_told(salon, dice)
    return Counter(str(row["state"]) for row in await salon.rows(_TIME))


async def assert_told(salon: Salon, dice: random.Random) -> None:
    await deliver_in_disorder(salon, dice)
    await assert_whole(salon)
    kinds = await salon.rows(
        "SELECT ref_id, kind FROM members_timeline WHERE brand_id = $1 AND channel = 'appointment'"
        " GROUP BY 1, 2 HAVING count(*) > 1"
    )
    assert kinds == [], "her timeline says each once"


async def test_whatever_everybody_does_at_once_appointments_stay_whole(
    services: Services, brand: BrandView
) -> None:
    ended = await storm(services, brand, random.Random(7))

    assert len(ended) >= 4, ended


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(40))
async def test_whatever_everybody_does_at_once_appointments_stay_whole_for_long(
    services: Services, brand: BrandView, seed: int
) -> None:
    await storm(services, brand, random.Random(seed))


@pytest.mark.parametrize("mode", [WaitMode.SEQUENTIAL, WaitMode.BROADCAST])
async def test_an_offer_that_is_taken_left_and_over_at_the_same_moment_is_one_of_them(
    services: Services, brand: BrandView, mode: WaitMode
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(wait_mode=mode))
    starts = [tomorrow(hour=10 + n) for n in range(2)]
    booked = [[await salon.book(start) for _ in range(2)] for start in starts]
    people = [await make_customer(services, brand) for _ in range(4)]
    for one in people:
        async with services.database.connection(brand.id) as tx:
            await waiting.join(
                tx, member_id=one.id, shop_id=salon.shop_id, service_id=salon.service.id, staff_id=None,
                day=clock.business_day(starts[0], salon.zone), now=clock.now(),
            )  # fmt: skip
    for each in booked:
        await act(salon, each[0].booking_id, "cancel")
    await salon.deliver()

    results = await asyncio.gather(*(_answer(salon, one, number) for number, one in enumerate(people * 2)))
    await deliver_in_disorder(salon, random.Random(3))
    for row in await salon.rows("SELECT id FROM appointments_booking WHERE brand_id = $1 AND state = 'held'"):
        await salon.ring(HOLD_TIMER, row["id"])  # type: ignore[arg-type]
    await deliver_in_disorder(salon, random.Random(4))

    assert set(results) <= REFUSALS
    await assert_whole_offers(salon)


async def _answer(salon: Salon, customer: Customer, number: int) -> str:
    """She takes what is offered to her, or leaves, or the time for it is over, or she just books."""
    rows = await salon.rows(
        "SELECT id, booking_id, offered_start FROM appointments_wait WHERE brand_id = $1 AND member_id = $2",
        customer.id,
    )
    offered = rows[0]
    booking_id, start = offered["booking_id"], offered["offered_start"]

    async def accept(tx: Tx) -> None:
        one = await life.see(tx, booking_id=booking_id, is_locked=True)  # type: ignore[arg-type]
        keyring = salon.services.keyring
        await waiting.accept(tx, one, keyring=keyring, return_path="/", now=clock.now())

    async def leave(tx: Tx) -> None:
        await waiting.leave(tx, wait_id=offered["id"], member_id=customer.id)  # type: ignore[arg-type]

    if booking_id is None:
        return await outcome(salon.book(start or tomorrow(hour=10), member_id=customer.id))  # type: ignore[arg-type]
    if number % 3 == 0:
        return await outcome(salon.ring(HOLD_TIMER, booking_id))  # type: ignore[arg-type]
    return await outcome(decided(salon.services.database, salon.brand.id, leave if number % 3 == 1 else accept))


async def assert_whole_offers(salon: Salon) -> None:
    assert await overlaps(salon) == 0
    rows = await salon.rows(
        "SELECT w.state, b.state AS booking FROM appointments_wait w LEFT JOIN appointments_booking b"
        " ON b.brand_id = $1 AND b.id = w.booking_id WHERE w.brand_id = $1"
    )
    for row in rows:
        if row["state"] == "accepted":
            assert row["booking"] in ("confirmed", "cancelled"), row
        if row["state"] == "offered":
            assert row["booking"] in (None, "held"), row
    [double] = await salon.rows(
        "SELECT count(*) AS n FROM (SELECT member_id FROM appointments_booking WHERE brand_id = $1"
        " AND state = 'confirmed' AND member_id IS NOT NULL GROUP BY 1, starts_at HAVING count(*) > 1) d"
    )
    assert double["n"] == 0
