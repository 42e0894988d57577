"""A record of another system's list: what a mapping fills, and what can be told of it with nothing looked up."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from appointments.rules import words
from appointments.states import BookingState
from yundian.platform.intake.types import Problem

Code = Annotated[str, Meta(min_length=1, max_length=64)]
# Whose time somebody's was, or will be; the others ended without.
TAKING = frozenset({BookingState.CONFIRMED, BookingState.COMPLETED})
_MISSED = BookingState.NO_SHOW
# What other systems write where they know no date lies before or after, as 9999-12-31 does.
_DATES = dt.date(1970, 1, 2), dt.date(2999, 12, 31)
LENGTHS = 5, 720


class BookingRecord(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An appointment in a file. Of what was cancelled or missed ``day`` is enough; all else needs ``starts_at``.

    ``state`` is one of ours or another system's word for one; ``by_time``: over or to come, as its time is.
    ``client`` is what the other system calls the customer; it finds no member by itself.
    """

    external_id: Annotated[str, Meta(min_length=1, max_length=160)]
    shop_code: Code
    service_code: Code
    staff: Annotated[str, Meta(min_length=1, max_length=60)]
    state: Annotated[str, Meta(min_length=1, max_length=40)]
    day: dt.date | None = None
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    duration_min: Annotated[int, Meta(ge=5, le=720)] | None = None
    booked_on: dt.date | None = None
    ended_on: dt.date | None = None
    client: Annotated[str, Meta(max_length=80)] | None = None
    reason: Annotated[str, Meta(max_length=200)] | None = None


def state_of(record: BookingRecord, meant: Mapping[str, str], now: dt.datetime) -> BookingState | None:
    """What its word for its state means, by HQ's own word first; none: nobody knows."""
    said = words.known_as(record.state)
    found = meant.get(said) or words.STATES.get(said)
    if found != words.BY_TIME:
        return BookingState(found) if found is not None else None
    is_coming = record.starts_at is not None and record.starts_at > now
    return BookingState.CONFIRMED if is_coming else BookingState.COMPLETED


def begins(record: BookingRecord, state: BookingState, zone: ZoneInfo, now: dt.datetime) -> dt.datetime | Problem:
    """When it begins; or why it cannot have been."""
    start = record.starts_at
    if start is None and record.day is not None and state not in TAKING:
        start = dt.datetime.combine(record.day, dt.time(), zone)
    if start is None:
        return Problem("appointments.no_time", "what takes somebody's time needs its time", "starts_at")
    return _impossible(record, state, start, start.astimezone(zone).date(), now) or start


def length_of(record: BookingRecord) -> int | None:
    """How long it takes by the file, where it says so."""
    if record.duration_min is not None or record.ends_at is None or record.starts_at is None:
        return record.duration_min
    minutes = int((record.ends_at - record.starts_at).total_seconds()) // 60
    return minutes if LENGTHS[0] <= minutes <= LENGTHS[1] else None


def no_date(record: BookingRecord) -> Problem | None:
    """What stands where a date should, and is none."""
    for name in ("day", "starts_at", "ends_at", "booked_on", "ended_on"):
        found = getattr(record, name)
        day = found.date() if isinstance(found, dt.datetime) else found
        if day is not None and not _DATES[0] <= day <= _DATES[1]:
            return Problem("appointments.impossible", "no appointment has such a date", name)
    return None


def _impossible(
    record: BookingRecord, state: BookingState, start: dt.datetime, day: dt.date, now: dt.datetime
) -> Problem | None:
    """What cannot have been."""
    if record.day is not None and record.starts_at is not None and record.day != day:
        return Problem("appointments.impossible", "its time lies on another day than it says", "day")
    if record.ends_at is not None and record.starts_at is not None and length_of(record) is None:
        return Problem("appointments.impossible", "it ends before it begins, or takes too long", "ends_at")
    if record.booked_on is not None and record.booked_on > day:
        return Problem("appointments.impossible", "booked after its own day", "booked_on")
    if record.ended_on is not None and record.ended_on > day and state is not _MISSED:
        return Problem("appointments.impossible", "cancelled after its own day", "ended_on")
    if state is BookingState.CONFIRMED and start <= now:
        return Problem("appointments.impossible", "still to come, and its time has passed", "starts_at")
    if state in (BookingState.COMPLETED, _MISSED) and start > now:
        return Problem("appointments.impossible", "over, and its time has not come", "starts_at")
    return None
