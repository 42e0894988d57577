"""What somebody cannot keep is given to others: a few at once, many in the background.

A timer does it, a stretch at a time. What becomes of one appointment and that it was seen to are one transaction,
so that a worker that is killed leaves nothing half done, and the next one goes on behind the last appointment.
"""

import datetime as dt
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ReplacementUnknown
from appointments.repository import bookings
from appointments.repository import replacements as repository
from appointments.repository.replacements import Next, Replacement
from appointments.service import moving, setup
from appointments.service.misfits import misfits
from appointments.service.moving import Replaced
from appointments.states import MOVABLE, BookingState
from appointments.types import BookingView
from stores import api as stores
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import timers
from yundian.platform.outbox.declare import DueTimer
from yundian.platform.outbox.door import Door

TIMER = "appointments.replace"
# So many are done while one waits for the answer.
AT_ONCE = 50
STRETCH_S = 1.5


@dataclass(frozen=True, kw_only=True)
class Begun:
    """How many were given to others, and how many customers asked; or ``run_id``, by which that is told later."""

    given: int = 0
    asked: int = 0
    total: int
    run_id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Days:
    """The days on which somebody is away, both included."""

    first: dt.date
    last: dt.date


class _SeenToElsewhere(Exception):
    """Another worker has done this one: what was done here is not kept."""


async def replace_absent(
    database: Database, *, brand_id: uuid.UUID, staff_id: uuid.UUID, days: Days, actor_id: uuid.UUID | None
) -> Begun:
    """Somebody is away on these days: each of her bookings that she cannot keep is given to whoever is free then.

    Where nobody else is free, the customer is asked to choose. Records ``BookingReassigned`` for each.
    """
    async with database.connection(brand_id) as tx:
        which = await bookings.of_staff(
            tx, staff_id=staff_id, first=days.first, last=days.last, states=MOVABLE | {BookingState.HELD}
        )
    return await _replace(database, brand_id, which, actor_id=actor_id, staff_id=staff_id)


async def replace_misfits(
    database: Database,
    *,
    brand_id: uuid.UUID,
    actor_id: uuid.UUID | None,
    staff_id: uuid.UUID | None = None,
    shop_id: uuid.UUID | None = None,
) -> Begun:
    """The same of what does not fit the plans of somebody, or of a shop, any more.

    Raises:
        StaffUnknown, ShopUnknown
    """
    async with database.unit_of_work(brand_id) as session:
        if staff_id is not None:
            await setup.get_staff(session, staff_id=staff_id)
        if shop_id is not None:
            await stores.get_shop(session, shop_id=shop_id)
        which = await misfits(session, staff_id=staff_id, shop_id=shop_id)
    return await _replace(database, brand_id, which, actor_id=actor_id, staff_id=staff_id, shop_id=shop_id)


async def _replace(
    database: Database,
    brand_id: uuid.UUID,
    which: Sequence[BookingView],
    *,
    actor_id: uuid.UUID | None,
    staff_id: uuid.UUID | None = None,
    shop_id: uuid.UUID | None = None,
) -> Begun:
    coming = [one for one in which if one.starts_at > one.seen_at]
    if len(coming) > AT_ONCE:
        now = clock.now()
        async with database.connection(brand_id) as tx:
            run_id = await repository.start(
                tx,
                staff_id=staff_id,
                shop_id=shop_id,
                actor_id=actor_id,
                bookings=[(one.id, one.staff_id) for one in coming],
                now=now,
            )
            await timers.set_timer(tx, name=TIMER, key=str(run_id), due_at=now)
        return Begun(total=len(coming), run_id=run_id)
    ended = Counter[Replaced]()
    for one in coming:
        became = await moving.replace(
            database, brand_id=brand_id, booking_id=one.id, absent=one.staff_id, actor_id=actor_id
        )
        ended[became] += 1
    return Begun(given=ended[Replaced.GIVEN], asked=ended[Replaced.ASKED], total=len(coming))


async def go_on(session: AsyncSession, timer: DueTimer) -> None:
    """One stretch, each appointment in a transaction of its own; the timer is set again until all were seen to."""
    database: Database = session.info["database"]
    run_id, ends_at = uuid.UUID(timer.key), time.monotonic() + STRETCH_S
    while True:
        async with database.connection(timer.brand_id) as tx:
            one = await repository.following(tx, run_id=run_id)
        if one is None:
            return
        try:
            await _see_to(database, timer.brand_id, run_id, one)
        except _SeenToElsewhere:
            return
        step("appointments.replaced")
        if time.monotonic() >= ends_at:
            await timers.set_timer(session, name=TIMER, key=timer.key, due_at=clock.now())
            return


async def _see_to(database: Database, brand_id: uuid.UUID, run_id: uuid.UUID, one: Next) -> None:
    async def note(tx: Tx, became: Replaced) -> None:
        given, asked = int(became is Replaced.GIVEN), int(became is Replaced.ASKED)
        if not await repository.count(tx, run_id=run_id, place=one.place, given=given, asked=asked):
            raise _SeenToElsewhere

    await moving.replace(
        database,
        brand_id=brand_id,
        booking_id=one.booking_id,
        absent=one.absent,
        actor_id=one.actor_id,
        note=note,
    )


async def see(door: Door, *, run_id: uuid.UUID) -> Replacement:
    """How far it is, or what came of it; ``ReplacementUnknown`` for none of the brand's."""
    found = await repository.get(door, run_id=run_id)
    if found is None:
        raise ReplacementUnknown
    return found
