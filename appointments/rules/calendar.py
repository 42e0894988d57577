"""Appointments as an iCalendar file."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import icalendar

from appointments.states import LIVE, BookingState
from appointments.types import BookingView

_REFRESH = dt.timedelta(minutes=15)
_PENDING = frozenset({BookingState.HELD, BookingState.REQUESTED})


def calendar_of(
    bookings: Sequence[BookingView],
    *,
    name: str,
    shops: Mapping[uuid.UUID, tuple[str, str]],
    is_feed: bool = False,
) -> bytes:
    """One event a booking, under an id that stays; the sequence number grows with every change.

    Nobody's name is in it. Times are UTC, which every calendar shows in its own zone. A feed is that of
    who serves: it has a group session once, however many sit in it, and is asked again every quarter of an hour.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Yundian//Appointments//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    if is_feed:
        calendar.add("refresh-interval", _REFRESH, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", "PT15M")
    together: dict[uuid.UUID, list[BookingView]] = {}
    for one in bookings:
        together.setdefault((one.session_id if is_feed else None) or one.id, []).append(one)
    for uid, group in together.items():
        calendar.add_component(_event(uid, group, shops.get(group[0].shop_id, ("", ""))))
    return bytes(calendar.to_ical())


def _event(uid: uuid.UUID, group: list[BookingView], where: tuple[str, str]) -> icalendar.Event:
    shop, address = where
    live = [each for each in group if _status(each.state) != "CANCELLED"]
    one = (live or group)[0]
    event = icalendar.Event()
    event.add("uid", f"{uid}@yundian")
    # Whoever joins, moves or leaves makes the sum larger.
    event.add("sequence", sum(each.sequence for each in group) + len(group) - 1)
    event.add("dtstamp", max(each.ended_at or each.created_at for each in group))
    if one.is_day_only:
        event.add("dtstart", one.local_day)
        event.add("dtend", one.local_day + dt.timedelta(days=1))
    else:
        event.add("dtstart", one.starts_at.astimezone(dt.UTC))
        event.add("dtend", one.ends_at.astimezone(dt.UTC))
    what = f"{one.service_name} ×{len(live)}" if len(live) > 1 else one.service_name
    event.add("summary", f"{what} · {shop}" if shop else what)
    event.add("location", ", ".join(part for part in (shop, address, one.resource_name) if part))
    event.add("status", _status(one.state))
    return event


def _status(state: BookingState) -> str:
    if state in _PENDING:
        return "TENTATIVE"
    return "CONFIRMED" if state in LIVE or state is BookingState.COMPLETED else "CANCELLED"
