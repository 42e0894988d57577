"""Moving a booking: to another time (a new row, linked), or to other people and chairs at the same time."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

import msgspec

from appointments.errors import NotNow, SlotTaken
from appointments.events import BookingReassigned
from appointments.repository import bookings, taking
from appointments.rules import life as life_rules
from appointments.rules.days import cell_of, instant_of
from appointments.rules.openings import Openings
from appointments.service import booking as book
from appointments.service import facts, life, moves, planning, telling
from appointments.states import LIVE, MOVABLE, Attention, BookingState, Source
from appointments.types import Actor, BookingView, NewBooking
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError, VersionConflict
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import outbox


@dataclass(frozen=True, kw_only=True)
class NewTime:
    """Where a booking is to go. ``staff_id`` and ``chair_id`` of ``None``: whoever and whatever is free.

    ``sequence``: the booking's when it was looked at; one changed since then is not moved (``VersionConflict``).
    """

    start: dt.datetime
    staff_id: uuid.UUID | None
    by: Actor
    actor_id: uuid.UUID | None
    chair_id: uuid.UUID | None = None
    sequence: int | None = None


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

    Customers may until the cut-off (``PastCutoff``); the deposit moves along, and must be paid (``NeedsDeposit``).
    Asked again for the same time it is where it is. Records ``BookingConfirmed`` (or
    ``BookingRequested``) of the new booking and ``SlotFreed``; of a shop's move the customer is told, and the old
    time offered, when it cannot be undone any more (``undoing``).
    """
    is_by_shop = to.by is Actor.SHOP

    async def attempt(tx: Tx) -> BookingView:
        was = await moves.untold(tx, booking_id=booking_id) if is_by_shop else None
        old = await life.see(tx, booking_id=booking_id, shops=shops, member_id=member_id, is_locked=True)
        now = old.seen_at
        if old.state is BookingState.RESCHEDULED:
            later = await bookings.moved_to(tx, booking_id=old.id)
            if later is not None and later.starts_at == to.start and to.staff_id in (None, later.staff_id):
                # Asked for twice at the same moment.
                return later
        check_sequence(old.sequence, to.sequence)
        life.check_paid(old)
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
            is_by_shop=is_by_shop,
            moving=old.id,
        )
        if to.by is Actor.CUSTOMER:
            life.check_cutoff(old, now=now)
        # Before anything of the old time is given back: whoever waits for it holds such a lock, too.
        capped = [one.plan.id for one in asked.openings.staff.values() if one.plan.cap]
        if capped:
            await taking.within_caps(tx, people=capped, day=old.local_day, but=old.id)
        await leave(tx, old, now=now)
        placed = await book.place(
            tx,
            booking=successor(old, asked, to, now),
            openings=asked.openings.on_chair(to.chair_id) if to.chair_id is not None else asked.openings,
            staff_id=to.staff_id,
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
        if is_by_shop:
            await moves.remember(tx, moves.before(old, was=was, is_moved_on=True), booking_id=placed.id)
            return await life.see(tx, booking_id=placed.id)
        await telling.silence(tx, booking_id=old.id)
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
    sequence: int | None = None,
) -> BookingView:
    """Somebody else, or another chair, at the same time. ``None`` leaves it as it is.

    Records ``BookingReassigned``, when that cannot be undone any more (``undoing``), of somebody else who will
    serve; the customer may cancel free of charge. What has ended stays as it was (``NotNow``).
    """

    async def attempt(tx: Tx) -> BookingView:
        was = await moves.untold(tx, booking_id=booking_id)
        one = await life.see(tx, booking_id=booking_id, shops=shops, is_locked=True)
        check_sequence(one.sequence, sequence)
        if one.session_id is not None or one.state not in LIVE:
            raise NotNow(state=one.state.value)
        now = one.seen_at
        openings = await _openings(tx, one, now)
        people, chairs = await _others(tx, one, openings, staff_id or one.staff_id)
        chair = resource_id or one.resource_id
        if resource_id is not None and resource_id not in chairs:
            raise SlotTaken
        await _hand_over(tx, one, people[0], chair, actor_id=actor_id, by=Actor.SHOP, now=now)
        await moves.remember(tx, moves.before(one, was=was, is_moved_on=False), booking_id=one.id)
        return await life.see(tx, booking_id=one.id)

    return await book.decided(database, brand_id, attempt)


class Replaced(Enum):
    """What became of a booking of somebody who is away."""

    GIVEN = auto()
    ASKED = auto()
    LEFT = auto()


Noted = Callable[[Tx, Replaced], Awaitable[None]]


async def replace(
    database: Database,
    *,
    brand_id: uuid.UUID,
    booking_id: uuid.UUID,
    absent: uuid.UUID,
    actor_id: uuid.UUID | None,
    note: Noted | None = None,
) -> Replaced:
    """Give a booking that somebody cannot keep to whoever is free then, fairly, or ask its customer to choose.

    What she can serve all the same stays hers. Asked to choose is who cannot be served by anybody else: another
    time, or cancel free of charge. ``note`` is told in the same transaction. Records ``BookingReassigned``.
    """

    async def attempt(tx: Tx, *, is_open: bool = False) -> Replaced:
        ended = await _replace(tx, booking_id, absent, actor_id, is_open=is_open)
        if note is not None:
            await note(tx, ended)
        return ended

    try:
        return await book.decided(database, brand_id, attempt)
    except SlotTaken:
        # Everybody who was free is taken again and again in this moment: others must not wait.
        return await book.decided(database, brand_id, partial(attempt, is_open=True))


async def _replace(
    tx: Tx, booking_id: uuid.UUID, absent: uuid.UUID, actor_id: uuid.UUID | None, *, is_open: bool
) -> Replaced:
    one = await life.see(tx, booking_id=booking_id, is_locked=True)
    now = one.seen_at
    is_held = one.state is BookingState.HELD
    if one.staff_id != absent or one.starts_at <= now or not (one.state in MOVABLE or is_held):
        return Replaced.LEFT
    openings = await _openings(tx, one, now)
    if _can_serve(one, openings, absent):
        return Replaced.LEFT
    try:
        people, _ = await _others(tx, one, openings, None)
    except DomainError:
        people = []
    if people and one.session_id is None and not is_open:
        await _hand_over(tx, one, people[0], one.resource_id, actor_id=actor_id, by=Actor.SYSTEM, now=now)
        return Replaced.GIVEN
    await bookings.set_attention(tx, booking_id=one.id, attention=Attention.CHOOSE)
    await bookings.note(tx, booking_id=one.id, kind="choose", actor=Actor.SYSTEM, actor_id=actor_id, now=now)
    await outbox.record(tx, BookingReassigned(booking=facts.of(one), is_open=True))
    return Replaced.ASKED


def _can_serve(one: BookingView, openings: Openings, staff_id: uuid.UUID) -> bool:
    """Whether the shop's hours and the plan of whoever serves a booking still say so, whatever else is booked."""
    somebody = openings.staff.get(staff_id)
    if somebody is None:
        return False
    return bool((somebody.able & openings.hours & openings.known) >> (cell_of(one.starts_at) - openings.base) & 1)


async def _others(
    tx: Tx, one: BookingView, openings: Openings, staff_id: uuid.UUID | None
) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Who could serve this booking at its time and takes one more on its day, its own time not counted."""
    people, chairs = openings.candidates(_on_grid(one), staff_id)
    able = await book.within_caps(tx, openings, people, day=one.local_day, but=one.id)
    return list(able), chairs


def _on_grid(one: BookingView) -> dt.datetime:
    """When the cell begins that it begins in: those of other systems begin at any minute."""
    return instant_of(cell_of(one.starts_at))


async def _openings(tx: Tx, one: BookingView, now: dt.datetime) -> Openings:
    """What can be had at its time, its own not counted; the constraint decides."""
    asked = await planning.ask(
        tx,
        shop_id=one.shop_id,
        service_id=one.service_id,
        at=_on_grid(one),
        now=min(now, one.starts_at),
        is_booking=True,
        is_by_shop=True,
        moving=one.id,
    )
    return asked.openings


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
    attention = Attention.NONE if one.is_any_staff else Attention.REASSIGNED
    if attention is not one.attention:
        await bookings.set_attention(tx, booking_id=one.id, attention=attention)
    if by is Actor.SHOP:
        return
    changed = msgspec.structs.replace(one, staff_id=staff_id)
    await outbox.record(tx, BookingReassigned(booking=facts.of(changed), is_open=False))


async def leave(tx: Tx, old: BookingView, *, now: dt.datetime) -> None:
    """Give its time back and its deposit on: it goes on as another booking. ``old`` is locked."""
    moved = await bookings.move(
        tx, booking_id=old.id, sources=[old.state], target=BookingState.RESCHEDULED, now=now, is_end=True
    )
    if not moved:
        raise NotNow(state=old.state.value)
    await bookings.release(tx, booking_id=old.id)
    await bookings.hand_deposit_on(tx, booking_id=old.id)


def check_sequence(stands: int, seen: int | None) -> None:
    """Refuse (``VersionConflict``) what is done on a page that is older than what it shows."""
    if seen is not None and seen != stands:
        raise VersionConflict


def successor(old: BookingView, asked: planning.Asked, to: NewTime, now: dt.datetime) -> NewBooking:
    """What a booking becomes at another time."""
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
        source=Source.SHOP if is_by_shop else (Source.CUSTOMER if old.source is Source.SHOP else old.source),
        starts_at=to.start,
        ends_at=to.start + dt.timedelta(minutes=service.duration_min),
        buffer_before_min=service.buffer_before_min,
        buffer_after_min=service.buffer_after_min,
        time_zone=asked.time_zone,
        local_day=clock.business_day(to.start, asked.time_zone),
        service_name=service.name,
        is_any_staff=old.is_any_staff if is_by_shop else to.staff_id is None,
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
