"""Booking: the openings are asked again, and then the database decides."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
import msgspec
from sqlalchemy.exc import DBAPIError

from appointments.errors import (
    CapReached,
    KeyReused,
    OwnOverlap,
    SlotTaken,
    TooManyHolds,
)
from appointments.events import BookingConfirmed, BookingHeld, BookingRequested, SlotOffered
from appointments.repository import bookings, taking
from appointments.repository.taking import Kind, Missed, Wanted
from appointments.rules import life
from appointments.rules.days import cell_of, instant_of
from appointments.rules.openings import Openings
from appointments.service import facts, planning, turns
from appointments.states import BookingState, DepositState, Source
from appointments.types import BookingView, NewBooking
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.door import Door, brand_of

SUBJECT = "appointments.booking"
MAX_HOLDS = 2
_TRIES = 4

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants to book. ``staff_id`` of ``None``: anybody.

    ``request_key`` is whatever she sends to have it booked once, however often she asks; it stands for this wish.
    Without a member it names who sends it, too.
    """

    shop_id: uuid.UUID
    service_id: uuid.UUID
    start: dt.datetime
    staff_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    source: Source = Source.CUSTOMER
    request_key: str | None = None
    hold_min: int | None = None
    # A group's session is held until the group's own time is up, with so many seats.
    held_until: dt.datetime | None = None
    seats: int | None = None
    wait_id: uuid.UUID | None = None
    # Of her page, where she returns to when she has paid.
    brand_code: str = ""
    # Her openid, where she pays inside WeChat.
    payer: str = ""
    # How she came: ``web``, ``wechat``, ``api``; empty: as the source says.
    channel: str = ""

    @property
    def is_by_shop(self) -> bool:
        return self.source in (Source.SHOP, Source.WALK_IN)


@dataclass(frozen=True)
class Booked:
    """``pay_path``: where the deposit is paid; empty when there is none to pay."""

    booking_id: uuid.UUID
    code: str
    state: BookingState
    pay_path: str
    is_repeat: bool = False


async def book(database: Database, *, keyring: Keyring, brand_id: uuid.UUID, wish: Wish) -> Booked:
    """Book a time, or set it aside until its deposit is paid.

    The same wish of the same member again gives the booking she has, the same key with another wish is
    ``KeyReused``. Records ``BookingHeld``, ``BookingRequested`` or ``BookingConfirmed``. Raises the refusal that
    says why it cannot be had.
    """

    async def attempt(tx: Tx) -> Booked:
        return await book_in(tx, keyring=keyring, wish=wish)

    return await decided(database, brand_id, attempt)


async def decided(database: Database, brand_id: uuid.UUID, attempt: Callable[[Tx], Awaitable[T]]) -> T:
    """Run an attempt in a transaction of its own; whoever is in each other's way tries again, a few times."""

    async def once() -> T:
        with turns.turn():
            async with database.connection(brand_id, is_planned_once=True) as tx:
                done = await attempt(tx)
                step("appointments.decided")
            step("appointments.committed")
            return done

    return await persistently(once)


async def persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """The same for an attempt that has its own transaction."""
    for left in reversed(range(_TRIES)):
        try:
            return await attempt()
        except (asyncpg.PostgresError, DBAPIError) as error:
            # A session wraps what the database says.
            said = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
            if isinstance(said, (asyncpg.DeadlockDetectedError, asyncpg.ExclusionViolationError)):
                if not left:
                    raise SlotTaken from error
            # The same request at the same moment: the next look finds what the other one wrote. Or many wait here.
            elif not left or not isinstance(said, (asyncpg.UniqueViolationError, asyncpg.LockNotAvailableError)):
                raise
    raise SlotTaken


def soon(now: dt.datetime) -> dt.datetime:
    """When somebody who stands in the shop begins: the cell of five minutes that runs."""
    return instant_of(cell_of(now))


async def book_in(tx: Tx, *, keyring: Keyring, wish: Wish, now: dt.datetime | None = None) -> Booked:
    """One try, in the caller's transaction; after a refusal it must be rolled back."""
    earlier = await _earlier(tx, keyring, wish)
    if earlier is not None:
        return earlier
    try:
        placed = await take(tx, wish=wish, now=now)
    except OwnOverlap:
        same = await _same(tx, keyring, wish)
        if same is None:
            raise
        return same
    pay_path = ""
    if placed.state is BookingState.HELD and placed.member_id is not None:
        await _check_holds(tx, placed.member_id)
    if placed.state is BookingState.HELD and placed.deposit_minor and placed.expires_at is not None:
        pay_path = await open_payment(
            tx,
            keyring=keyring,
            booking_id=placed.id,
            amount=Money(placed.deposit_minor, placed.currency),
            description=placed.service_name,
            expires_at=placed.expires_at,
            return_path=f"/m/{wish.brand_code}/appointments/{placed.code}" if wish.brand_code else "/",
            payer=wish.payer,
        )
    return Booked(placed.id, placed.code, placed.state, pay_path)


async def _check_holds(tx: Tx, member_id: uuid.UUID) -> None:
    """Counted when hers is written, and no other of hers is being written: many asked at once are no more."""
    if await bookings.count_holds(tx, member_id=member_id) > MAX_HOLDS:
        raise TooManyHolds


async def take(tx: Tx, *, wish: Wish, now: dt.datetime | None = None) -> NewBooking:
    """Ask again what can be had, and take it; no payment is opened. Without ``now``: by the database's clock."""
    asked = await planning.ask(
        tx,
        shop_id=wish.shop_id,
        service_id=wish.service_id,
        at=wish.start,
        now=now,
        member_id=wish.member_id,
        # Who was booked longest ago matters where anybody may serve.
        is_booking=wish.staff_id is None,
        is_by_shop=wish.is_by_shop,
    )
    if asked.openings.plans.member_holds >= MAX_HOLDS and wish.wait_id is None and wish.source is not Source.GROUP:
        raise TooManyHolds
    booking = _new(wish, asked, asked.now)
    return await place(tx, booking=booking, openings=asked.openings, staff_id=wish.staff_id, wish=wish)


async def place(
    tx: Tx, *, booking: NewBooking, openings: Openings, staff_id: uuid.UUID | None, wish: Wish | None = None
) -> NewBooking:
    """Take the time of everybody who is needed and write the booking, with its events."""
    people, chairs = openings.candidates(booking.starts_at, staff_id)
    session = openings.session_at(booking.starts_at)
    if session is not None and booking.is_private:
        raise SlotTaken
    wanted = [Wanted(Kind.MEMBER, [booking.member_id] if booking.member_id else [], is_served=True)]
    is_new_session = False
    if session is not None:
        joined = await taking.join_session(tx, session_id=session.id)
        if joined is None:
            raise SlotTaken
        booking = msgspec.structs.replace(booking, session_id=session.id).with_people(*joined)
    else:
        able = await within_caps(tx, openings, people, day=booking.local_day, but=booking.moved_from)
        wanted.append(Wanted(Kind.STAFF, turns.in_turn(able)))
        if openings.plans.service.chair_kind:
            wanted.append(Wanted(Kind.CHAIR, turns.in_turn(chairs)))
        is_new_session = openings.plans.service.seats > 1 or booking.is_private
        if is_new_session:
            booking = msgspec.structs.replace(booking, session_id=new_id())

    def describe(complete: NewBooking) -> Sequence[Event]:
        return told(complete, wish)

    result = await taking.take(
        tx, booking=booking, wanted=wanted, is_new_session=is_new_session, describe=describe
    )
    if isinstance(result, Missed):
        raise OwnOverlap if result.kind is Kind.MEMBER else SlotTaken
    return result


async def within_caps(
    tx: Tx, openings: Openings, people: Sequence[uuid.UUID], *, day: dt.date, but: uuid.UUID | None
) -> Sequence[uuid.UUID]:
    """Who takes one more on this day, ``but`` not counted; nobody is locked where nobody has a cap.

    Raises ``CapReached`` when nobody does.
    """
    if not any(openings.staff[person].plan.cap for person in people):
        return people
    kept = await taking.within_caps(tx, people=people, day=day, but=but)
    if not kept:
        raise CapReached
    return kept


def _new(wish: Wish, asked: planning.Asked, now: dt.datetime) -> NewBooking:
    service = asked.openings.plans.service
    is_group = wish.source is Source.GROUP
    deposit = 0 if wish.is_by_shop or is_group else life.deposit_of(asked.openings.plans)
    is_held = deposit > 0 or wish.hold_min is not None or is_group
    held_until = wish.held_until or now + dt.timedelta(minutes=wish.hold_min or service.hold_min)
    state = BookingState.HELD if is_held else life.first_state(service)
    if wish.source is Source.SHOP:
        state = BookingState.CONFIRMED
    if wish.source is Source.WALK_IN:
        state = BookingState.ARRIVED
    return NewBooking(
        id=new_id(),
        code=readable_code(10),
        created_at=now,
        shop_id=wish.shop_id,
        service_id=wish.service_id,
        member_id=wish.member_id,
        state=state,
        deposit_state=DepositState.REQUIRED if deposit else DepositState.NONE,
        source=wish.source,
        starts_at=wish.start,
        ends_at=wish.start + dt.timedelta(minutes=service.duration_min),
        buffer_before_min=service.buffer_before_min,
        buffer_after_min=service.buffer_after_min,
        time_zone=asked.time_zone,
        local_day=clock.business_day(wish.start, asked.time_zone),
        service_name=service.name,
        is_any_staff=wish.staff_id is None,
        price_minor=service.price_minor,
        deposit_minor=deposit,
        currency=service.currency,
        expires_at=held_until if is_held else None,
        arrived_at=now if wish.source is Source.WALK_IN else None,
        request_key=_kept_key(wish),
        cutoff_min=service.cutoff_min,
        grace_min=service.grace_min,
        is_late_cancel_charged=service.is_late_cancel_charged,
        is_no_show_charged=service.is_no_show_charged,
        channel=wish.channel or wish.source.value,
        asked_at=now,
        confirmed_at=now if state in (BookingState.CONFIRMED, BookingState.ARRIVED) else None,
        seats=wish.seats or service.seats,
        is_private=is_group,
    )


def told(booking: NewBooking, wish: Wish | None) -> list[Event]:
    """The facts of a booking that is written, as a wish or, without one, in place of another."""
    about = facts.of(booking)
    if booking.state is BookingState.HELD and booking.expires_at is not None:
        wait_id = wish.wait_id if wish is not None else None
        held: list[Event] = [BookingHeld(booking=about, expires_at=booking.expires_at, wait_id=wait_id)]
        if wait_id is not None and booking.member_id is not None:
            held.append(
                SlotOffered(
                    wait_id=wait_id,
                    member_id=booking.member_id,
                    shop_id=booking.shop_id,
                    service_id=booking.service_id,
                    starts_at=booking.starts_at,
                    expires_at=booking.expires_at,
                    booking_id=booking.id,
                )
            )
        return held
    if booking.state is BookingState.REQUESTED:
        return [BookingRequested(booking=about)]
    # Who was moved by her shop is told when that cannot be undone any more.
    is_by_shop = booking.moved_from is not None and booking.source is Source.SHOP
    return [BookingConfirmed(booking=about, moved_from=booking.moved_from, is_told_later=is_by_shop)]


async def open_payment(
    door: Door,
    *,
    keyring: Keyring,
    booking_id: uuid.UUID,
    amount: Money,
    description: str,
    expires_at: dt.datetime,
    return_path: str,
    payer: str = "",
) -> str:
    """The deposit's payment, while the time is held; where it is paid."""
    payment = await payments.start_payment(
        door,
        keyring=keyring,
        subject_type=SUBJECT,
        subject_id=booking_id,
        amount=amount,
        description=description,
        expires_at=expires_at,
        return_path=return_path,
        payer=payer,
    )
    await bookings.set_payment(door, booking_id=booking_id, payment_id=payment.id)
    return payments.pay_path(keyring, brand_id=brand_of(door), payment_id=payment.id)


async def _earlier(tx: Tx, keyring: Keyring, wish: Wish) -> Booked | None:
    """What the same request booked before."""
    key = _kept_key(wish)
    if key is None:
        return None
    if wish.member_id is None:
        # Of nobody's bookings no index says that a key is used once.
        await bookings.lock_request(tx, key=key)
    found = await bookings.by_request(tx, member_id=wish.member_id, key=key)
    if found is None:
        return None
    # Who walks in begins now, and the second tap may be another moment.
    start = found.starts_at if wish.source is Source.WALK_IN else wish.start
    if (found.shop_id, found.service_id, found.starts_at) != (wish.shop_id, wish.service_id, start):
        raise KeyReused
    return repeated(tx, keyring, found)


def _kept_key(wish: Wish) -> str | None:
    """Of any length, and never one that the house itself gives to a seat."""
    return f"key:{hashlib.sha256(wish.request_key.encode()).hexdigest()}" if wish.request_key else None


async def _same(tx: Tx, keyring: Keyring, wish: Wish) -> Booked | None:
    """Her own live booking of exactly this: asked for twice, booked once."""
    if wish.member_id is None:
        return None
    found = await bookings.same_of_member(
        tx, member_id=wish.member_id, shop_id=wish.shop_id, service_id=wish.service_id, starts_at=wish.start
    )
    return None if found is None else repeated(tx, keyring, found)


def repeated(tx: Tx, keyring: Keyring, found: BookingView) -> Booked:
    """A booking that stands, and where its deposit is paid if it still has to be."""
    pay_path = ""
    if found.state is BookingState.HELD and found.payment_id is not None:
        pay_path = payments.pay_path(keyring, brand_id=brand_of(tx), payment_id=found.payment_id)
    return Booked(found.id, found.code, found.state, pay_path, is_repeat=True)
