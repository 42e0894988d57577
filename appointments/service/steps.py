"""What a shop does with an appointment, by name: the same for its screens and for the JSON API."""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from appointments.errors import BookingUnknown
from appointments.repository import parties
from appointments.service import life
from appointments.service.booking import decided
from appointments.states import BookingState
from appointments.types import Actor, BookingView
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox.door import Door

# Between two taps that mean one thing.
_TWO_TAPS = dt.timedelta(seconds=20)


class Step(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"
    ARRIVE = "arrive"
    NOT_HERE = "not_here"
    START = "start"
    COMPLETE = "complete"
    MISSED = "missed"
    WAIVE = "waive"
    CANCEL = "cancel"


@dataclass(frozen=True)
class By:
    """Who of which shops takes the step, and why."""

    account_id: uuid.UUID | None
    shops: frozenset[uuid.UUID]
    reason: str = ""


async def take(database: Database, *, brand_id: uuid.UUID, booking_id: uuid.UUID, step: Step, by: By) -> None:
    """One step of an appointment of these shops, else ``BookingUnknown``; raises what the step refuses."""

    async def attempt(tx: Tx) -> None:
        one = await life.see(tx, booking_id=booking_id, shops=by.shops, is_locked=True)
        await _DO[step](tx, one, by, one.seen_at)

    await decided(database, brand_id, attempt)


async def check_in(database: Database, *, brand_id: uuid.UUID, code: str, by: By) -> uuid.UUID:
    """She shows her code at one of these shops, and is here; which appointment that is."""

    async def attempt(tx: Tx) -> uuid.UUID:
        found = await life.see_code(tx, code=code.strip().upper())
        one = await life.see(tx, booking_id=found.id, shops=by.shops, is_locked=True)
        await _arrive(tx, one, by, one.seen_at)
        return one.id

    return await decided(database, brand_id, attempt)


async def _arrive(door: Door, one: BookingView, by: By, now: dt.datetime) -> None:
    """Whoever taps twice has checked her in once; a code that is shown again later, or to others, is used up."""
    is_just_in = (
        one.state is BookingState.ARRIVED and one.arrived_at is not None and now - one.arrived_at < _TWO_TAPS
    )
    if is_just_in and await parties.checked_in_by(door, booking_id=one.id) == by.account_id:
        return
    await life.check_in(door, one, actor_id=by.account_id, now=now)


_Do = Callable[[Door, BookingView, By, dt.datetime], Awaitable[None]]
_SHOP = Actor.SHOP
_DO: dict[Step, _Do] = {
    Step.APPROVE: lambda tx, one, by, now: life.approve(tx, one, actor_id=by.account_id, now=now),
    Step.DECLINE: lambda tx, one, by, now: life.decline(
        tx, one, by=_SHOP, actor_id=by.account_id, now=now, reason=by.reason
    ),
    Step.ARRIVE: _arrive,
    Step.NOT_HERE: lambda tx, one, by, now: life.take_back_arrival(tx, one, actor_id=by.account_id, now=now),
    Step.START: lambda tx, one, by, now: life.start(tx, one, actor_id=by.account_id, now=now),
    Step.COMPLETE: lambda tx, one, by, now: life.complete(tx, one, actor_id=by.account_id, now=now),
    Step.MISSED: lambda tx, one, by, now: life.miss(tx, one, by=_SHOP, actor_id=by.account_id, now=now),
    Step.WAIVE: lambda tx, one, by, now: life.waive(tx, one, actor_id=by.account_id, now=now, reason=by.reason),
    Step.CANCEL: lambda tx, one, by, now: life.cancel(
        tx, one, by=_SHOP, actor_id=by.account_id, now=now, reason=by.reason
    ),
}


def named(step: str) -> Step:
    """A step by its name; ``BookingUnknown`` for none, as for an address that leads nowhere."""
    try:
        return Step(step)
    except ValueError as error:
        raise BookingUnknown from error
