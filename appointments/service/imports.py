"""Appointments from other systems: what ``platform.intake`` needs to know about them.

What is to come takes its time under the constraint like any other; what was is kept for the reports. A row that
cannot be true is refused with its reason: booked after its own day, an unknown shop or person, a time taken twice.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from appointments.repository import imports as repository
from appointments.repository import words
from appointments.repository.imports import Known, Lost
from appointments.repository.words import Meant
from appointments.rules import life
from appointments.rules.imported import NewImport
from appointments.rules.words import known_as
from appointments.service import surveys
from appointments.service.records import TAKING, BookingRecord, begins, length_of, no_date, state_of
from appointments.states import BookingState
from stores import api as stores
from stores.types import ShopPlace
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Database, Tx
from yundian.platform.files.types import FileKind
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.service import run_import
from yundian.platform.intake.types import Applied, ImportKind, Origin, Problem, RunSummary
from yundian.platform.outbox import timers

MAPPINGS = Path(__file__).parents[1] / "mappings"

_LOST = {
    Lost.STAFF: Problem("appointments.overlap", "this person is in another appointment then", "starts_at"),
    Lost.CHAIR: Problem("appointments.overlap", "no chair is free then", "starts_at"),
    Lost.SESSION: Problem("appointments.overlap", "this service has its session with somebody else then", "staff"),
    Lost.SEAT: Problem("appointments.session_full", "every seat of its session is taken", "starts_at"),
}


async def apply(tx: Tx, origin: Origin, records: Sequence[BookingRecord]) -> Applied:
    """Bring a batch of appointments in; what came before is left as it is here. Set-based."""
    now = clock.now()
    meant = await words.meant(tx, source=origin.mapping, said=_said(records))
    shop_ids = await _shops(tx, records, meant)
    places = await stores.places_of(tx, ids=list(set(shop_ids.values())))
    known = await repository.known(
        tx,
        shop_ids=list(places),
        services={one.service_code for one in records} | set(meant.services.values()),
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
        if shop_id is None or shop_id not in places:
            refused[position] = Problem("appointments.shop_unknown", "no shop has this code", "shop_code")
            continue
        made = _ready(record, known, meant, places[shop_id], shop_id=shop_id, source=origin.mapping, now=now)
        if isinstance(made, Problem):
            refused[position] = made
        else:
            ready[position] = made
    bookings = list(ready.values())
    lost = await repository.put(tx, run_id=origin.run_id, bookings=bookings, known=known, now=now)
    applied = 0
    for position, one in ready.items():
        if one.id in lost:
            refused[position] = _LOST[lost[one.id]]
        else:
            applied += 1
            if one.is_coming:
                due_at = life.waited_until(one.starts_at, one.service.grace_min)
                await timers.set_timer(tx, name=life.NO_SHOW_TIMER, key=str(one.id), due_at=due_at)
    return Applied(applied=applied, unchanged=unchanged, refused=refused)


BOOKINGS = ImportKind(
    name="appointments.bookings", record=BookingRecord, key=lambda record: record.external_id, apply=apply
)


async def _take(
    database: Database, brand: uuid.UUID, scope: str, file: Path, mapping: mappings.Mapping
) -> RunSummary:
    """A file with a scope is only looked at: the scope is the look's id."""
    if scope:
        return await surveys.look(database, brand=brand, survey_id=uuid.UUID(scope), file=file, mapping=mapping)
    return await run_import(database, brand=brand, kind=BOOKINGS, file=file, mapping=mapping)


# The same, of files that HQ uploads.
FILES = FileKind(
    name=BOOKINGS.name,
    record=BookingRecord,
    timer="appointments.import_upload",
    take=_take,
    mappings=MAPPINGS,
    path="/hq/appointments",
)


def _said(records: Sequence[BookingRecord]) -> set[str]:
    """The words of a batch that somebody may have said the meaning of."""
    return {known_as(text) for one in records for text in (one.shop_code, one.service_code, one.staff, one.state)}


async def _shops(tx: Tx, records: Sequence[BookingRecord], meant: Meant) -> dict[str, uuid.UUID]:
    """Which shop each code is: what HQ said of it, else the shop that has it."""
    codes = {one.shop_code for one in records}
    said = {code: meant.shops[known_as(code)] for code in codes if known_as(code) in meant.shops}
    return await stores.ids_of(tx, codes=codes - set(said)) | said


def _who(record: BookingRecord, known: Known, meant: Meant, shop_id: uuid.UUID) -> uuid.UUID | Problem:
    name = meant.people.get((shop_id, known_as(record.staff))) or record.staff.casefold()
    people = known.people.get((shop_id, name), [])
    if not people:
        return Problem("appointments.staff_unknown", "nobody of this name serves in this shop", "staff")
    if len(people) > 1:
        return Problem("appointments.staff_unknown", "several of this name serve in this shop", "staff")
    return people[0]


def _ready(
    record: BookingRecord,
    known: Known,
    meant: Meant,
    place: ShopPlace,
    *,
    shop_id: uuid.UUID,
    source: str,
    now: dt.datetime,
) -> NewImport | Problem:
    zone = ZoneInfo(place.time_zone)
    wrong = no_date(record)
    if wrong is not None:
        return wrong
    service = known.services.get(meant.services.get(known_as(record.service_code), record.service_code))
    if service is None:
        return Problem("appointments.service_unknown", "no service has this code", "service_code")
    staff_id = _who(record, known, meant, shop_id)
    if isinstance(staff_id, Problem):
        return staff_id
    state = state_of(record, meant.states, now)
    if state is None:
        return Problem("appointments.state_unknown", "nobody said yet what this state means", "state")
    start = begins(record, state, zone, now)
    if isinstance(start, Problem):
        return start
    day = start.astimezone(zone).date()
    minutes = length_of(record) or service.duration_min
    asked = _moment(record.booked_on, zone) or min(start, now)
    return NewImport(
        id=new_id(),
        code=readable_code(10),
        shop_id=shop_id,
        service=service,
        staff_id=staff_id,
        state=state.value,
        starts_at=start.astimezone(dt.UTC),
        ends_at=start.astimezone(dt.UTC) + dt.timedelta(minutes=minutes),
        time_zone=place.time_zone,
        local_day=day,
        asked_at=asked,
        ended_at=_moment(record.ended_on, zone) if state is not BookingState.CONFIRMED else None,
        is_day_only=record.starts_at is None,
        takes_time=state in TAKING,
        is_coming=state is BookingState.CONFIRMED,
        source=source,
        external_id=record.external_id,
        client=record.client or "",
        reason=record.reason or "",
    )


def _moment(day: dt.date | None, zone: ZoneInfo) -> dt.datetime | None:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC) if day is not None else None
