"""What the page of a file that was looked at calls fields, states and kinds of words."""

import re
from typing import Any

from appointments.rules.layouts import FIELDS
from appointments.rules.surveyed import Flaw
from appointments.schemas.setups import weekdays
from appointments.service.meanings import Meanings
from stores import api as stores
from yundian.platform.web import reasons
from yundian.platform.web.i18n import gettext as _

_QUOTED = re.compile(r"%\(\w+\)s")


def words_of_looks(looked: Meanings | None) -> dict[str, Any]:
    """The words of the page."""
    if looked is None:
        return {}
    return {
        "fields": [(name, field_label(name)) for name in FIELDS],
        "columns": [(name, name) for name in looked.found.header],
        "states": state_choices(),
        "kinds": [(kind, kind_label(kind), looked.kinds[kind]) for kind in ("shop", "service", "staff", "state")],
        "zones": [(zone, zone) for zone in stores.time_zones()],
        "flaw_sentence": flaw_sentence,
        "span_label": span_label,
    }


def in_words(text: str) -> str:
    """A sentence that quotes something, of many records: without what is different in each."""
    return _QUOTED.sub("…", reasons.said(text))


def flaw_sentence(flaw: Flaw) -> str:
    """Why rows would be held back, of the first of them."""
    return reasons.reason_of(flaw)


def kind_label(kind: str) -> str:
    return {"shop": _("Shops"), "service": _("Services"), "staff": _("People"), "state": _("States")}[kind]


def field_label(name: str) -> str:
    """What a field of a list of appointments is called."""
    return {
        "external_id": _("Number of the appointment"),
        "shop_code": _("Shop"),
        "service_code": _("Service"),
        "staff": _("Person"),
        "state": _("Status"),
        "starts_at": _("Begins"),
        "day": _("Day, where no time is known"),
        "ends_at": _("Ends"),
        "duration_min": _("Length in minutes"),
        "booked_on": _("Booked on"),
        "ended_on": _("Cancelled on"),
        "client": _("Customer in the other system"),
        "reason": _("Reason of a cancellation"),
    }[name]


def state_choices() -> list[tuple[str, str]]:
    """What a word for a state, or all of a list, can mean."""
    return [
        ("confirmed", _("Still to come")),
        ("completed", _("Served")),
        ("cancelled", _("Cancelled")),
        ("cancelled_late", _("Cancelled late")),
        ("no_show", _("Did not come")),
        ("by_time", _("Served or still to come, by its time")),
    ]


def span_label(span: tuple[int, int, int]) -> str:
    """Hours of a week day."""
    day, first, last = span
    names = dict(weekdays())
    return f"{names[day]} {_clock(first)}–{_clock(last)}"


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}" if minute != 1440 else "24:00"
