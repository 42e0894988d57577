"""What a shop did to an appointment and nobody was told of yet: a timer that carries it.

Where a timer and its booking are both locked, the timer comes first.
"""

import datetime as dt
import uuid
from collections.abc import Iterator

import msgspec

from appointments.repository import bookings, keeping
from appointments.repository.keeping import Kept
from appointments.rules import life as rules
from appointments.states import Attention
from appointments.types import BookingView
from yundian.platform.outbox import timers
from yundian.platform.outbox.door import Door

TIMER = "appointments.move_stands"


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop did to an appointment, and nobody was told of yet.

    ``old``: the booking it was before; none where it has other people or another chair only, ``staff_id`` and
    ``resource_id`` being those before. ``session_id``: everybody of that group session was moved with it. ``was``:
    the move before this one, if nobody was told of that either.
    """

    old: uuid.UUID | None = None
    staff_id: uuid.UUID
    resource_id: uuid.UUID | None = None
    attention: Attention = Attention.NONE
    session_id: uuid.UUID | None = None
    was: "Move | None" = None

    def back(self) -> Iterator["Move"]:
        """This move and those before it, the last one first."""
        move: Move | None = self
        while move is not None:
            yield move
            move = move.was

    def had(self, booking_id: uuid.UUID) -> list[tuple[uuid.UUID, uuid.UUID, uuid.UUID | None]]:
        """Where this booking was before its moves: which booking it was then, who served, on which chair."""
        found = []
        for each in self.back():
            booking_id = each.old or booking_id
            found.append((booking_id, each.staff_id, each.resource_id))
        return found

    @property
    def olds(self) -> list[uuid.UUID]:
        """The bookings it was before, the last one first: the customer knows the first of them."""
        return [each.old for each in self.back() if each.old is not None]


async def untold(door: Door, *, booking_id: uuid.UUID) -> Move | None:
    """The move of a booking that nobody was told of, taken away: whoever asks goes on with it.

    Its old time is kept no longer; until the transaction ends nobody else has it either.
    """
    found = await timers.take_back(door, name=TIMER, key=str(booking_id))
    if found is None:
        return None
    await keeping.drop(door, booking_id=booking_id)
    return msgspec.convert(found, Move, strict=False)


async def known_as(door: Door, *, booking_id: uuid.UUID) -> uuid.UUID | None:
    """The booking that its customer knows, where it is another one; ``None``: this one.

    Asked while its row is locked, the answer holds until then: who tells her of a move locks it, too.
    """
    move = await carried(door, booking_id=booking_id)
    olds = [] if move is None else move.olds
    return olds[-1] if olds else None


async def carried(door: Door, *, booking_id: uuid.UUID) -> Move | None:
    """The move of a booking that nobody was told of; it stays where it is."""
    found = await timers.carried(door, name=TIMER, key=str(booking_id))
    return None if found is None else msgspec.convert(found, Move, strict=False)


async def until(door: Door, *, booking_id: uuid.UUID) -> dt.datetime | None:
    """Until when the last move of a booking can be undone; ``None`` when it cannot."""
    return await timers.due_at(door, name=TIMER, key=str(booking_id))


class KeptTime(msgspec.Struct, frozen=True):
    """What is kept for an appointment, and until when at the longest."""

    kept: Kept
    until: dt.datetime


async def kept(door: Door, *, shop_id: uuid.UUID, since: dt.datetime, until: dt.datetime) -> list[KeptTime]:
    """The times of a shop's people and chairs that are kept in case that a move of a moment ago is undone."""
    found = await keeping.of_shop(door, shop_id=shop_id, since=since, until=until)
    theirs = {one.booking_id for one in found}
    ends = {each: await timers.due_at(door, name=TIMER, key=str(each)) for each in theirs}
    return [KeptTime(one, at) for one in found if (at := ends[one.booking_id]) is not None]


async def remember(door: Door, move: Move, *, booking_id: uuid.UUID, session_id: uuid.UUID | None = None) -> None:
    """From now on a booking's move can be undone, for ``rules.life.UNDO_FOR`` by the database's clock.

    So long the times that it had are kept for it, or for its group session if all of that was moved.
    """
    await keeping.keep(door, booking_id=booking_id, session_id=session_id, had=move.had(booking_id))
    until = await bookings.moment(door) + rules.UNDO_FOR
    await timers.set_timer(door, name=TIMER, key=str(booking_id), due_at=until, payload=msgspec.to_builtins(move))


def before(one: BookingView, *, was: Move | None, is_moved_on: bool, is_session: bool = False) -> Move:
    """How a booking stands that is about to be moved; ``is_moved_on``: it will live on as another one."""
    return Move(
        old=one.id if is_moved_on else None,
        staff_id=one.staff_id,
        resource_id=one.resource_id,
        attention=one.attention,
        session_id=one.session_id if is_session else None,
        was=was,
    )
