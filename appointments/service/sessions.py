"""Moving a group session as a whole: everybody in it goes along, or nobody does."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import msgspec

from appointments.errors import NotNow, OwnOverlap, SlotTaken
from appointments.repository import bookings, keeping, taking
from appointments.repository import sessions as repository
from appointments.repository.taking import Kind, Missed, Wanted
from appointments.service import booking as book
from appointments.service import life, moves, moving, planning
from appointments.service.moving import NewTime
from appointments.states import MOVABLE
from appointments.types import BookingView, NewBooking, Stretch
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Database, Tx


def version(people: Sequence[BookingView]) -> int:
    """Another one whenever somebody joins or leaves a session, or anything of its appointments changes."""
    return sum(one.sequence + 1 for one in people)


async def openings_of(
    tx: Tx, one: BookingView, *, stretch: Stretch | None = None, at: dt.datetime | None = None
) -> planning.Asked:
    """Where the session of a booking could go, its own time counted as free: not into another session."""
    asked = await planning.ask(
        tx,
        shop_id=one.shop_id,
        service_id=one.service_id,
        stretch=stretch,
        at=at,
        is_booking=at is not None,
        is_by_shop=True,
        moving=one.session_id,
        is_session=True,
    )
    others = {cell: msgspec.structs.replace(session, left=0) for cell, session in asked.openings.sessions.items()}
    return replace(asked, openings=replace(asked.openings, sessions=others))


async def reschedule(
    database: Database, *, brand_id: uuid.UUID, booking_id: uuid.UUID, to: NewTime, shops: frozenset[uuid.UUID]
) -> BookingView:
    """The session of this booking at another time, with somebody else or on another chair, everybody in it.

    ``to.sequence`` is the session's ``version`` as it was seen. ``NotNow`` when one of them has come already, or
    it is held for a group that fills; ``OwnOverlap`` when one of them has another appointment then. Each is told
    when it cannot be undone any more. Records ``BookingConfirmed`` for each.
    """

    async def attempt(tx: Tx) -> BookingView:
        one = await life.see(tx, booking_id=booking_id, shops=shops)
        now = one.seen_at
        people, was = await _everybody(tx, one)
        moving.check_sequence(version(people), to.sequence)
        asked = await openings_of(tx, one, at=to.start)
        openings = asked.openings if to.chair_id is None else asked.openings.on_chair(to.chair_id)
        staff, chairs = openings.candidates(to.start, to.staff_id)
        # Before anything is given back: whoever waits for it holds such a lock, too.
        await taking.within_caps(tx, people=staff, day=one.local_day, but=None)
        for old in people:
            await moving.leave(tx, old, now=now)
        day = clock.business_day(to.start, asked.time_zone)
        able = await book.within_caps(tx, openings, staff, day=day, but=None)
        seats, is_private = await repository.seats_of(tx, session_id=people[0].session_id or one.id)
        first: NewBooking | None = None
        for old in people:
            new = msgspec.structs.replace(
                moving.successor(old, asked, to, now), seats=seats, is_private=is_private
            )
            new = await _sit(tx, new, first, able, chairs)
            await _note(tx, old, new, was[old.id], to, now)
            first = first or new
        if first is None or first.session_id is None:
            raise NotNow(state=one.state.value)
        if is_private:
            await repository.hand_party_on(tx, session_id=one.session_id or one.id, to=first.session_id)
        return await life.see(tx, booking_id=first.id)

    return await book.decided(database, brand_id, attempt)


async def _everybody(tx: Tx, one: BookingView) -> tuple[list[BookingView], dict[uuid.UUID, moves.Move | None]]:
    """Who is in the session, locked, and what was done to each that nobody was told of."""
    if one.session_id is None:
        raise NotNow(state=one.state.value)
    seated = await repository.seated(tx, session_id=one.session_id)
    was = {each.id: await moves.untold(tx, booking_id=each.id) for each in seated}
    await keeping.drop_session(tx, session_id=one.session_id)
    people = [await life.see(tx, booking_id=each.id, is_locked=True) for each in seated]
    for each in people:
        if each.session_id != one.session_id or each.state not in MOVABLE:
            raise NotNow(state=each.state.value)
    if not people:
        raise NotNow(state=one.state.value)
    return people, was


async def _sit(
    tx: Tx,
    new: NewBooking,
    first: NewBooking | None,
    staff: Sequence[uuid.UUID],
    chairs: Sequence[uuid.UUID],
) -> NewBooking:
    """The first takes the time of staff and chair, whoever follows a seat beside her; each her own."""
    hers = [Wanted(Kind.MEMBER, [new.member_id], is_served=True)] if new.member_id else []
    theirs: list[Wanted] = []
    if first is None:
        new = msgspec.structs.replace(new, session_id=new_id())
        theirs = [Wanted(Kind.STAFF, staff), *([Wanted(Kind.CHAIR, chairs)] if chairs else [])]
    else:
        new = msgspec.structs.replace(new, session_id=first.session_id).with_people(
            first.staff_id, first.resource_id
        )
        if first.session_id is None or await taking.join_session(tx, session_id=first.session_id) is None:
            raise SlotTaken

    async def take(wanted: list[Wanted]) -> NewBooking | Missed:
        return await taking.take(
            tx,
            booking=new,
            wanted=wanted,
            is_new_session=first is None,
            describe=partial(book.told, wish=None),
        )

    result = await take([*hers, *theirs])
    if isinstance(result, Missed) and result.kind is Kind.MEMBER and new.is_private:
        # What a group bought together is hers, whatever else she has then.
        result = await take(theirs)
    if isinstance(result, Missed):
        raise OwnOverlap if result.kind is Kind.MEMBER else SlotTaken
    return result


async def _note(
    tx: Tx, old: BookingView, new: NewBooking, was: moves.Move | None, to: NewTime, now: dt.datetime
) -> None:
    await bookings.note(
        tx, booking_id=old.id, kind="rescheduled", actor=to.by, actor_id=to.actor_id, now=now, detail=new.code
    )
    move = moves.before(old, was=was, is_moved_on=True, is_session=True)
    await moves.remember(tx, move, booking_id=new.id, session_id=new.session_id)
