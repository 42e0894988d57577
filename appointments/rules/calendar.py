"""Appointments as an iCalendar file."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import icalendar

from appointments.states import LIVE, BookingState
from appointments.types import BookingView

_PENDING = frozenset({BookingState.HELD, BookingState.REQUESTED})


def calendar_of(
    bookings: Sequence[BookingView], *, name: str, shops: Mapping[uuid.UUID, tuple[str, str]]
) -> bytes:
    """One event a booking, under an id that stays; the sequence number grows with every change.

    Nobody's name is in it. Times are UTC, which every calendar shows in its own zone.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Yundian//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    for one in bookings:
        shop, address = shops.get(one.shop_id, ("", ""))
        event = icalendar.Event()
        event.add("uid", f"{one.id}@yundian")
        event.add("sequence", one.sequence)
        event.add("dtstamp", max(one.created_at, one.ended_at or one.created_at))
        event.add("dtstart", one.starts_at.astimezone(dt.UTC))
        event.add("dtend", one.ends_at.astimezone(dt.UTC))
        event.add("summary", f"{one.service_name} · {shop}" if shop else one.service_name)
        event.add("location", ", ".join(part for part in (shop, address, one.resource_name) if part))
        event.add("status", _status(one.state))
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _status(state: BookingState) -> str:
    if state in _PENDING:
        return "TENTATIVE"
    return "CONFIRMED" if state in LIVE or state is BookingState.COMPLETED else "CANCELLED"
