"""Appointments from other systems: what ``platform.intake`` needs to know about them.

What is to come takes its time under the constraint like any other; what was is kept for the reports. A row that
cannot be true is refused with its reason: booked after its own day, an unknown shop or person, a time taken twice.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from appointments.repository import imports as repository
from appointments.repository.imports import Known, NewImport
from appointments.states import BookingState
from stores import api as stores
from stores.types import ShopPlace
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Tx
from yundian.platform.intake.types import Applied, ImportKind, Origin, Problem

MAPPINGS = Path(__file__).parents[1] / "mappings"

Code = Annotated[str, Meta(min_length=1, max_length=64)]
# Whose time somebody's was, or will be; the others ended without.
_TAKING = frozenset({BookingState.CONFIRMED, BookingState.COMPLETED})
_MISSED = BookingState.NO_SHOW


class BookingRecord(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An appointment in a file. Of what was cancelled or missed ``day`` is enough; all else needs ``starts_at``.

    ``client`` is what the other system calls the customer; it finds no member by itself.
    """

    external_id: Annotated[str, Meta(min_length=1, max_length=160)]
    shop_code: Code
    service_code: Annotated[str, Meta(min_length=1, max_length=40)]
    staff: Annotated[str, Meta(min_length=1, max_length=60)]
    state: Literal["confirmed", "completed", "cancelled", "cancelled_late", "no_show"]
    day: dt.date | None = None
    starts_at: dt.datetime | None = None
    duration_min: Annotated[int, Meta(ge=5, le=720)] | None = None
    booked_on: dt.date | None = None
    ended_on: dt.date | None = None
    client: Annotated[str, Meta(max_length=80)] | None = None
    reason: Annotated[str, Meta(max_length=200)] | None = None


async def apply(tx: Tx, origin: Origin, records: Sequence[BookingRecord]) -> Applied:
    """Bring a batch of appointments in; what came before is left as it is here. Set-based."""
    now = clock.now()
    shop_ids = await stores.ids_of(tx, codes={one.shop_code for one in records})
    places = await stores.places_of(tx, ids=list(shop_ids.values()))
    known = await repository.known(
        tx,
        shop_ids=list(shop_ids.values()),
        services={one.service_code for one in records},
        source=origin.mapping,
        external_ids=[one.external_id for one in records],
    )
    refused: dict[int, Problem] = {}
    ready: dict[int, NewImport] = {}
    unchanged = 0
    for position, record in enumerate(records):
        if record.external_id in known.here:
            unchanged += 1
            continue
        shop_id = shop_ids.get(record.shop_code)
        if shop_id is None:
            refused[position] = Problem("appointments.shop_unknown", "no shop has this code", "shop_code")
            continue
        made = _ready(record, known, places[shop_id], shop_id=shop_id, source=origin.mapping, now=now)
        if isinstance(made, Problem):
            refused[position] = made
        else:
            ready[position] = made
    taken = await repository.put(tx, bookings=list(ready.values()), now=now)
    for position, one in ready.items():
        if one.id in taken:
            reason = "this person is in another appointment then"
            refused[position] = Problem("appointments.overlap", reason, "starts_at")
    applied = len(ready) - len(taken)
    return Applied(applied=applied, unchanged=unchanged, refused=refused)


BOOKINGS = ImportKind(
    name="appointments.bookings", record=BookingRecord, key=lambda record: record.external_id, apply=apply
)


def _ready(
    record: BookingRecord,
    known: Known,
    place: ShopPlace,
    *,
    shop_id: uuid.UUID,
    source: str,
    now: dt.datetime,
) -> NewImport | Problem:
    zone = ZoneInfo(place.time_zone)
    service = known.services.get(record.service_code)
    if service is None:
        return Problem("appointments.service_unknown", "no service has this code", "service_code")
    people = known.people.get((shop_id, record.staff.casefold()), [])
    if len(people) != 1:
        reason = "nobody of this name serves in this shop" if not people else "several of this name serve there"
        return Problem("appointments.staff_unknown", reason, "staff")
    state = BookingState(record.state)
    start = record.starts_at
    if start is None and record.day is not None and state not in _TAKING:
        start = dt.datetime.combine(record.day, dt.time(), zone)
    if start is None:
        return Problem("appointments.no_time", "what takes somebody's time needs its time", "starts_at")
    day = start.astimezone(zone).date()
    impossible = _impossible(record, state, start, day, now)
    if impossible is not None:
        return impossible
    minutes = record.duration_min or service.duration_min
    asked = _moment(record.booked_on, zone) or min(start, now)
    return NewImport(
        id=new_id(),
        code=readable_code(10),
        shop_id=shop_id,
        service=service,
        staff_id=people[0],
        state=state.value,
        starts_at=start.astimezone(dt.UTC),
        ends_at=start.astimezone(dt.UTC) + dt.timedelta(minutes=minutes),
        time_zone=place.time_zone,
        local_day=day,
        asked_at=asked,
        ended_at=_moment(record.ended_on, zone) if state is not BookingState.CONFIRMED else None,
        is_day_only=record.starts_at is None,
        takes_time=state in _TAKING,
        is_coming=state is BookingState.CONFIRMED,
        source=source,
        external_id=record.external_id,
        client=record.client or "",
        reason=record.reason or "",
    )


def _impossible(
    record: BookingRecord, state: BookingState, start: dt.datetime, day: dt.date, now: dt.datetime
) -> Problem | None:
    """What cannot have been."""
    if record.day is not None and record.starts_at is not None and record.day != day:
        return Problem("appointments.impossible", "its time lies on another day than it says", "day")
    if record.booked_on is not None and record.booked_on > day:
        return Problem("appointments.impossible", "booked after its own day", "booked_on")
    if record.ended_on is not None and record.ended_on > day and state is not _MISSED:
        return Problem("appointments.impossible", "cancelled after its own day", "ended_on")
    if state is BookingState.CONFIRMED and start <= now:
        return Problem("appointments.impossible", "still to come, and its time has passed", "starts_at")
    if state in (BookingState.COMPLETED, _MISSED) and start > now:
        return Problem("appointments.impossible", "over, and its time has not come", "starts_at")
    return None


def _moment(day: dt.date | None, zone: ZoneInfo) -> dt.datetime | None:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC) if day is not None else None
