"""A shop moves an appointment and may take that back, until the customer is told: then what was moved is final.

A move is a timer with what it did. While the timer stands nobody was told, and who takes it away undoes the move;
when it goes off, the customer is told once where she is now, however often she was moved meanwhile.
"""

import datetime as dt
import uuid
from collections.abc import Mapping

import asyncpg
import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import CapReached, SlotTaken, TooLateToUndo
from appointments.events import BookingCancelled, BookingFacts, BookingReassigned, MoveUndone
from appointments.repository import bookings, keeping, late, taking
from appointments.repository import sessions as repository
from appointments.rules import life as rules
from appointments.service import booking as book
from appointments.service import facts, life, moves, telling
from appointments.states import LIVE, MOVABLE, BookingState
from appointments.types import Actor, BookingView
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import outbox, timers


async def undo(
    database: Database,
    *,
    brand_id: uuid.UUID,
    booking_id: uuid.UUID,
    shops: frozenset[uuid.UUID],
    actor_id: uuid.UUID | None,
    sequence: int,
) -> BookingView:
    """Where it was before the shop's last move, with everybody of its group session if they were moved together.

    The booking as it stands then: its old time was kept for it. ``TooLateToUndo`` when the customer was told,
    ``VersionConflict`` when it was changed since, ``SlotTaken`` where it was not kept: of a session that begins
    when one of its own does. Records ``MoveUndone`` and ``SlotFreed``.
    """

    async def attempt(tx: Tx) -> BookingView:
        # The move first and then its booking: whoever tells of it locks them in this order, too.
        move = await moves.untold(tx, booking_id=booking_id)
        one = await life.see(tx, booking_id=booking_id, shops=shops, is_locked=True)
        if move is None or one.state not in (LIVE if move.old is None else MOVABLE):
            raise TooLateToUndo
        if one.sequence != sequence:
            raise VersionConflict
        if move.session_id is not None:
            await keeping.drop_session(tx, session_id=one.session_id)
        together = [(one, move), *await _moved_with(tx, one, move)]
        # All of them give back what they have before any takes what it had: the times may overlap.
        olds = {each.id: await _leave(tx, each, its) for each, its in together}
        for each, its in together:
            await _return(tx, each, its, olds[each.id], actor_id)
        return await life.see(tx, booking_id=move.old or one.id)

    try:
        return await book.decided(database, brand_id, attempt)
    except asyncpg.UniqueViolationError as error:
        # Another session of the same service begins then.
        raise SlotTaken from error


async def _moved_with(tx: Tx, one: BookingView, move: moves.Move) -> list[tuple[BookingView, moves.Move]]:
    """Who else was moved with it; ``VersionConflict`` when one of them was moved on, or somebody joined."""
    if move.session_id is None or one.session_id is None:
        return []
    found = []
    for other in await repository.seated(tx, session_id=one.session_id):
        if other.id == one.id:
            continue
        its = await moves.untold(tx, booking_id=other.id)
        still = await life.see(tx, booking_id=other.id, is_locked=True)
        is_same = its is not None and its.session_id == move.session_id and still.session_id == one.session_id
        if its is None or not is_same or still.state not in MOVABLE:
            raise VersionConflict
        found.append((still, its))
    return found


async def _leave(tx: Tx, one: BookingView, move: moves.Move) -> BookingView | None:
    """Give back the time it was moved to; the booking it was before, if it was another one."""
    if move.old is None:
        await _check_cap(tx, move.staff_id, one, but=one.id)
        return None
    old = await bookings.by_id(tx, booking_id=move.old, is_locked=True)
    if old is None or old.state is not BookingState.RESCHEDULED:
        raise TooLateToUndo
    # Before anything is given back: whoever waits for it holds such a lock, too.
    await _check_cap(tx, old.staff_id, old, but=one.id)
    now = clock.now()
    await bookings.move(
        tx, booking_id=one.id, sources=[one.state], target=BookingState.RESCHEDULED, now=now, is_end=True
    )
    await bookings.release(tx, booking_id=one.id)
    if one.starts_at > now:
        await outbox.record(tx, life.freed(one))
    return old


async def _return(
    tx: Tx, one: BookingView, move: moves.Move, old: BookingView | None, actor_id: uuid.UUID | None
) -> None:
    """The people and the chair it had, or its time, if it still can be had, and what was paid."""
    if old is None:
        await bookings.set_people(tx, booking=one, staff_id=move.staff_id, resource_id=move.resource_id)
        await bookings.set_attention(tx, booking_id=one.id, attention=move.attention)
    else:
        await repository.bring_back(tx, old=old, instead_of=one, attention=move.attention)
        await keeping.drop_whole(tx, session_id=old.session_id)
        if not await late.take_again(tx, booking=old):
            raise SlotTaken
        if one.session_id is not None and move.session_id is not None:
            await repository.hand_party_on(tx, session_id=one.session_id, to=move.session_id)
    stands = await life.see(tx, booking_id=move.old or one.id)
    if old is not None:
        await _watch(tx, stands)
    if move.was is not None:
        whole = stands.session_id if move.was.session_id is not None else None
        await moves.remember(tx, move.was, booking_id=stands.id, session_id=whole)
    for each in {one.id, stands.id}:
        await bookings.note(
            tx, booking_id=each, kind="undone", actor=Actor.SHOP, actor_id=actor_id, now=clock.now()
        )
    await outbox.record(tx, MoveUndone(booking=facts.of(stands), instead_of=one.id))


async def _watch(tx: Tx, stands: BookingView) -> None:
    """Its timer may have gone off while it was somewhere else."""
    if stands.state is BookingState.REQUESTED:
        await timers.set_timer(tx, name=rules.REQUEST_TIMER, key=str(stands.id), due_at=stands.starts_at)
    else:
        due_at = rules.given_up_at(stands)
        await timers.set_timer(tx, name=rules.NO_SHOW_TIMER, key=str(stands.id), due_at=due_at)


async def _check_cap(tx: Tx, staff_id: uuid.UUID, one: BookingView, *, but: uuid.UUID) -> None:
    if not await taking.within_caps(tx, people=[staff_id], day=one.local_day, but=but):
        raise CapReached


async def stand(
    database: Database, *, brand_id: uuid.UUID, booking_id: uuid.UUID, shops: frozenset[uuid.UUID]
) -> BookingView:
    """The shop says now that its move stays, with everybody of its group session: its old time can be had.

    The customer is told. What is final already stays as it is; ``BookingUnknown`` in other shops.
    """

    async def attempt() -> BookingView:
        async with database.unit_of_work(brand_id) as session:
            one = await life.see(session, booking_id=booking_id, shops=shops)
            move = await moves.untold(session, booking_id=booking_id)
            if move is None:
                return one
            untold = {one.id: move}
            if move.session_id is not None and one.session_id is not None:
                for each in await repository.seated(session, session_id=one.session_id):
                    its = None if each.id == one.id else await moves.untold(session, booking_id=each.id)
                    untold |= {each.id: its} if its is not None else {}
            # All of them before any of their sessions: so does who cancels.
            for each_id in sorted(untold):
                await bookings.by_id(session, booking_id=each_id, is_locked=True)
            for each_id, its in untold.items():
                await settle(session, booking_id=each_id, move=its, now=one.seen_at)
            return one

    return await book.persistently(attempt)


async def settle(session: AsyncSession, *, booking_id: uuid.UUID, move: moves.Move, now: dt.datetime) -> None:
    """It stays: what was given back is free for whoever waits, and she is told where she is now."""
    one = await bookings.by_id(session, booking_id=booking_id, is_locked=True)
    if one is None:
        return
    await keeping.drop(session, booking_id=booking_id)
    if move.session_id is not None:
        await keeping.drop_session(session, session_id=one.session_id)
    await _let_go(session, one, move, now)
    if one.state not in MOVABLE:
        return
    if move.olds:
        await telling.confirmed(session, facts.of(one), is_moved=True, now=now)
    elif [*move.back()][-1].staff_id != one.staff_id:
        await outbox.record(session, BookingReassigned(booking=facts.of(one), is_open=False))


async def as_known(session: AsyncSession, event: BookingCancelled) -> BookingFacts:
    """What was cancelled, at the time its customer knew then: before the moves that she was not told of."""
    booking_id = event.booking.booking_id
    move = await moves.untold(session, booking_id=booking_id)
    olds = [] if move is None else move.olds
    if move is not None:
        await _let_go(session, await life.see(session, booking_id=booking_id), move, clock.now())
    # Events older than the field do not say it, but their move still stands as a rule.
    first = olds[-1:] if event.known_as is None else [event.known_as]
    if not first:
        return event.booking
    [known] = await bookings.by_ids(session, booking_ids=first)
    return msgspec.structs.replace(event.booking, starts_at=known.starts_at, ends_at=known.ends_at)


async def _let_go(session: AsyncSession, one: BookingView, move: moves.Move, now: dt.datetime) -> None:
    """What it was before is anybody's, and nobody is told of it any more."""
    were = {each.id: each for each in await bookings.by_ids(session, booking_ids=move.olds)}
    await _end_sessions(session, one, move, were)
    for booking_id in move.olds:
        await telling.silence(session, booking_id=booking_id)
        old = were.get(booking_id)
        if old is not None and old.state is BookingState.RESCHEDULED and old.starts_at > now:
            await outbox.record(session, life.freed(old))


async def _end_sessions(
    session: AsyncSession, one: BookingView, move: moves.Move, were: Mapping[uuid.UUID, BookingView]
) -> None:
    """What was kept for the group sessions it was moved with is free, but where others may yet go back.

    It may have left them since, alone, and others may have joined: nobody else would give that time back.
    """
    for each in move.back():
        if each.session_id is not None and one.session_id is not None:
            # Of two who end at once the second one sees that the first has ended.
            await late.lock_session(session, session_id=one.session_id)
            if not await _may_go_back(session, one.session_id):
                await keeping.drop_session(session, session_id=one.session_id)
        one = were[each.old] if each.old is not None else one


async def _may_go_back(session: AsyncSession, session_id: uuid.UUID) -> bool:
    for each in await repository.seated(session, session_id=session_id):
        move = await moves.carried(session, booking_id=each.id)
        if move is not None and any(one.session_id is not None for one in move.back()):
            return True
    return False
