"""Moving on a board: where an appointment could go, and letting it go there."""

import datetime as dt
import uuid
from dataclasses import dataclass

from appointments.repository import sessions as repository
from appointments.rules.openings import Openings
from appointments.service import life, moving, planning, sessions
from appointments.service.moving import NewTime
from appointments.states import LIVE, MOVABLE, BookingState
from appointments.types import Actor, BookingView, Stretch
from yundian.platform.db.database import Database, Tx


@dataclass(frozen=True, kw_only=True)
class Drop:
    """A place on a board: when, and whose lane (or which chair's). ``sequence``: the booking's as it was seen."""

    start: dt.datetime
    lane: uuid.UUID
    is_by_chair: bool
    sequence: int | None


async def places(
    tx: Tx, *, booking_id: uuid.UUID, shops: frozenset[uuid.UUID], day: dt.date, is_by_chair: bool
) -> dict[uuid.UUID, list[dt.datetime]]:
    """By lane, when an appointment could begin on a day, its own time counted as free.

    Among chairs it stays with whoever serves. What has begun can only go to somebody else, or another chair.
    """
    one = await life.see(tx, booking_id=booking_id, shops=shops)
    if one.state not in LIVE or one.state is BookingState.HELD:
        return {}
    if one.session_id is not None:
        return await _places_of_session(tx, one, planning.near(day, one.local_day), is_by_chair)
    now = one.seen_at
    has_begun = one.state not in MOVABLE
    day = planning.near(day, one.local_day)
    asked = await planning.ask(
        tx,
        shop_id=one.shop_id,
        service_id=one.service_id,
        stretch=None if has_begun else Stretch(day, day),
        at=one.starts_at if has_begun else None,
        now=min(now, one.starts_at) if has_begun else now,
        is_by_shop=True,
        moving=one.id,
    )
    found = {lane: openings.starts(staff) for lane, staff, openings in _lanes(asked.openings, one, is_by_chair)}
    # In its own lane its own time is not another one.
    return {lane: [at for at in starts if not has_begun or at == one.starts_at] for lane, starts in found.items()}


async def _places_of_session(
    tx: Tx, one: BookingView, day: dt.date, is_by_chair: bool
) -> dict[uuid.UUID, list[dt.datetime]]:
    people = await repository.seated(tx, session_id=one.session_id or one.id)
    if any(each.state not in MOVABLE for each in people):
        return {}
    asked = await sessions.openings_of(tx, one, stretch=Stretch(day, day))
    return {lane: openings.starts(staff) for lane, staff, openings in _lanes(asked.openings, one, is_by_chair)}


def _lanes(openings: Openings, one: BookingView, is_by_chair: bool) -> list[tuple[uuid.UUID, uuid.UUID, Openings]]:
    if not is_by_chair:
        return [(staff, staff, openings) for staff in openings.staff]
    return [(chair, one.staff_id, openings.on_chair(chair)) for chair in openings.chair_of]


async def drop(
    database: Database,
    *,
    brand_id: uuid.UUID,
    booking_id: uuid.UUID,
    to: Drop,
    shops: frozenset[uuid.UUID],
    actor_id: uuid.UUID | None,
) -> BookingView:
    """Another time, somebody else, another chair, as the place says; a group session goes as a whole.

    Raises what ``moving`` refuses, ``VersionConflict`` when it was changed since it was seen.
    """
    async with database.connection(brand_id) as tx:
        one = await life.see(tx, booking_id=booking_id, shops=shops)
    staff_id, chair_id = (one.staff_id, to.lane) if to.is_by_chair else (to.lane, None)
    new = NewTime(
        start=to.start,
        staff_id=staff_id,
        chair_id=chair_id,
        by=Actor.SHOP,
        actor_id=actor_id,
        sequence=to.sequence,
    )
    if one.session_id is not None:
        return await sessions.reschedule(database, brand_id=brand_id, booking_id=booking_id, to=new, shops=shops)
    if to.start == one.starts_at:
        return await moving.reassign(
            database,
            brand_id=brand_id,
            booking_id=booking_id,
            staff_id=staff_id,
            resource_id=chair_id,
            shops=shops,
            actor_id=actor_id,
            sequence=to.sequence,
        )
    return await moving.reschedule(database, brand_id=brand_id, booking_id=booking_id, to=new, shops=shops)
