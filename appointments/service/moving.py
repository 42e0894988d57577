"""Moving a booking: to another time (a new row, linked), or to other people and chairs at the same time."""

import datetime as dt
import uuid
from dataclasses import dataclass

import msgspec

from appointments.errors import NotNow, SlotTaken
from appointments.events import BookingReassigned
from appointments.repository import bookings, taking
from appointments.rules import life as life_rules
from appointments.service import booking as book
from appointments.service import facts, life, planning, telling
from appointments.states import Attention, BookingState, Source
from appointments.types import Actor, BookingView, NewBooking
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import outbox

MOVABLE = frozenset({BookingState.CONFIRMED, BookingState.REQUESTED})


@dataclass(frozen=True, kw_only=True)
class NewTime:
    """Where a booking is to go. ``staff_id`` of ``None``: whoever is free."""

    start: dt.datetime
    staff_id: uuid.UUID | None
    by: Actor
    actor_id: uuid.UUID | None


async def reschedule(
    database: Database,
    *,
    brand_id: uuid.UUID,
    booking_id: uuid.UUID,
    to: NewTime,
    shops: frozenset[uuid.UUID] | None = None,
    member_id: uuid.UUID | None = None,
) -> BookingView:
    """Another time: the old one is given back and the new one taken in one step, or nothing changes.

    Customers may until the cut-off (``PastCutoff``); the deposit moves along. Records ``BookingConfirmed`` (or
    ``BookingRequested``) of the new booking and ``SlotFreed``.
    """

    async def attempt(tx: Tx) -> BookingView:
        now = clock.now()
        old = await life.see(tx, booking_id=booking_id, shops=shops, member_id=member_id, is_locked=True)
        if old.state not in MOVABLE:
            raise NotNow(state=old.state.value)
        asked = await planning.ask(
            tx,
            shop_id=old.shop_id,
            service_id=old.service_id,
            at=to.start,
            now=now,
            member_id=old.member_id,
            is_booking=True,
            is_by_shop=to.by is Actor.SHOP,
            moving=old.id,
        )
        if to.by is Actor.CUSTOMER:
            life.check_cutoff(old, now=now)
        # Before anything of the old time is given back: whoever waits for it holds such a lock, too.
        capped = [one.plan.id for one in asked.openings.staff.values() if one.plan.cap]
        if capped:
            await taking.within_caps(tx, people=capped, day=old.local_day, but=old.id)
        moved = await bookings.move(
            tx,
            booking_id=old.id,
            sources=[old.state],
            target=BookingState.RESCHEDULED,
            now=now,
            is_end=True,
        )
        if not moved:
            raise NotNow(state=old.state.value)
        await bookings.release(tx, booking_id=old.id)
        await telling.silence(tx, booking_id=old.id)
        await bookings.hand_deposit_on(tx, booking_id=old.id)
        placed = await book.place(
            tx, booking=_successor(old, asked, to, now), openings=asked.openings, staff_id=to.staff_id
        )
        await bookings.note(
            tx,
            booking_id=old.id,
            kind="rescheduled",
            actor=to.by,
            actor_id=to.actor_id,
            now=now,
            detail=placed.code,
        )
        if old.starts_at > now:
            await outbox.record(tx, life.freed(old))
        return await life.see(tx, booking_id=placed.id)

    return await book.decided(database, brand_id, attempt)


async def reassign(
    database: Database,
    *,
    brand_id: uuid.UUID,
    booking_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    resource_id: uuid.UUID | None,
    shops: frozenset[uuid.UUID] | None,
    actor_id: uuid.UUID | None,
) -> BookingView:
    """Somebody else, or another chair, at the same time. ``None`` leaves it as it is.

    Records ``BookingReassigned`` when somebody else will serve; the customer may then cancel free of charge.
    """

    async def attempt(tx: Tx) -> BookingView:
        now = clock.now()
        one = await life.see(tx, booking_id=booking_id, shops=shops, is_locked=True)
        if one.session_id is not None or one.state in (BookingState.COMPLETED, BookingState.RESCHEDULED):
            raise NotNow(state=one.state.value)
        people, chairs = await _others(tx, one, staff_id or one.staff_id, now)
        chair = resource_id or one.resource_id
        if resource_id is not None and resource_id not in chairs:
            raise SlotTaken
        await _hand_over(tx, one, people[0], chair, actor_id=actor_id, by=Actor.SHOP, now=now)
        return await life.see(tx, booking_id=one.id)

    return await book.decided(database, brand_id, attempt)


async def replace_absent(
    database: Database,
    *,
    brand_id: uuid.UUID,
    staff_id: uuid.UUID,
    first: dt.date,
    last: dt.date,
    actor_id: uuid.UUID | None,
) -> tuple[int, int]:
    """Somebody is away on these days: give each of her bookings to whoever is free then, fairly.

    Where nobody is, the customer is asked to choose (another time, or cancel free of charge). How many were given
    to somebody else, and how many wait for the customer. Records ``BookingReassigned`` for each.
    """
    async with database.connection(brand_id) as tx:
        theirs = await bookings.of_staff(tx, staff_id=staff_id, first=first, last=last, states=MOVABLE)
    served = 0
    open_ones = [one for one in theirs if one.starts_at > clock.now()]
    for one in open_ones:

        async def attempt(tx: Tx, booking_id: uuid.UUID = one.id) -> bool:
            return await _replace(tx, booking_id, staff_id, actor_id)

        served += await book.decided(database, brand_id, attempt)
    return served, len(open_ones) - served


async def _replace(tx: Tx, booking_id: uuid.UUID, absent: uuid.UUID, actor_id: uuid.UUID | None) -> bool:
    now = clock.now()
    one = await life.see(tx, booking_id=booking_id, is_locked=True)
    if one.state not in MOVABLE or one.staff_id != absent:
        return False
    try:
        people, _ = await _others(tx, one, None, now)
    except DomainError:
        people = []
    left = [person for person in people if person != absent]
    if left and one.session_id is None:
        await _hand_over(tx, one, left[0], one.resource_id, actor_id=actor_id, by=Actor.SYSTEM, now=now)
        return True
    await bookings.set_attention(tx, booking_id=one.id, attention=Attention.CHOOSE)
    await bookings.note(tx, booking_id=one.id, kind="choose", actor=Actor.SYSTEM, actor_id=actor_id, now=now)
    await outbox.record(tx, BookingReassigned(booking=facts.of(one), is_open=True))
    return False


async def _others(
    tx: Tx, one: BookingView, staff_id: uuid.UUID | None, now: dt.datetime
) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Who could serve this booking at its time, its own time not counted."""
    asked = await planning.ask(
        tx,
        shop_id=one.shop_id,
        service_id=one.service_id,
        at=one.starts_at,
        now=min(now, one.starts_at),
        is_booking=True,
        is_by_shop=True,
        moving=one.id,
    )
    return asked.openings.candidates(one.starts_at, staff_id)


async def _hand_over(
    tx: Tx,
    one: BookingView,
    staff_id: uuid.UUID,
    resource_id: uuid.UUID | None,
    *,
    actor_id: uuid.UUID | None,
    by: Actor,
    now: dt.datetime,
) -> None:
    await bookings.set_people(tx, booking=one, staff_id=staff_id, resource_id=resource_id)
    await bookings.note(
        tx, booking_id=one.id, kind="reassigned", actor=by, actor_id=actor_id, now=now, detail=one.staff_name
    )
    if staff_id == one.staff_id:
        return
    # Her own choice counts; whoever took anybody has nothing to choose again.
    if not one.is_any_staff:
        await bookings.set_attention(tx, booking_id=one.id, attention=Attention.REASSIGNED)
    changed = msgspec.structs.replace(one, staff_id=staff_id)
    await outbox.record(tx, BookingReassigned(booking=facts.of(changed), is_open=False))


def _successor(old: BookingView, asked: planning.Asked, to: NewTime, now: dt.datetime) -> NewBooking:
    service = asked.openings.plans.service
    is_by_shop = to.by is Actor.SHOP
    return NewBooking(
        id=new_id(),
        code=readable_code(10),
        created_at=now,
        shop_id=old.shop_id,
        service_id=old.service_id,
        member_id=old.member_id,
        state=BookingState.CONFIRMED if is_by_shop else life_rules.first_state(service),
        deposit_state=old.deposit_state,
        source=Source.SHOP if is_by_shop else old.source,
        starts_at=to.start,
        ends_at=to.start + dt.timedelta(minutes=service.duration_min),
        buffer_before_min=service.buffer_before_min,
        buffer_after_min=service.buffer_after_min,
        time_zone=asked.time_zone,
        local_day=clock.business_day(to.start, asked.time_zone),
        service_name=service.name,
        is_any_staff=to.staff_id is None,
        price_minor=service.price_minor,
        deposit_minor=old.deposit_minor,
        currency=old.currency,
        payment_id=old.payment_id,
        moved_from=old.id,
        sequence=old.sequence + 1,
        cutoff_min=old.cutoff_min,
        grace_min=old.grace_min,
        is_late_cancel_charged=old.is_late_cancel_charged,
        is_no_show_charged=old.is_no_show_charged,
        channel=old.channel,
        asked_at=old.asked_at,
        confirmed_at=old.confirmed_at or (now if is_by_shop or not service.needs_approval else None),
        seats=service.seats,
    )
