"""What the page of a file that was looked at calls fields, states and kinds of words."""

import re
from typing import Any

from appointments.rules.layouts import FIELDS
from appointments.rules.surveyed import Flaw
from appointments.schemas.setups import weekdays
from appointments.service.meanings import ASKED, UNNAMED, Meanings
from stores import api as stores
from yundian.platform.web import reasons
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _

KINDS = ("shop", "service", "staff", "state")
_QUOTED = re.compile(r"%\(\w+\)s")


def shown_part(form: Form, looked: Meanings) -> int:
    """Which part of many words the page shows: the one asked for, else the first with something to say."""
    text = form.value("part")
    if text.isascii() and text.isdigit() and int(text) in looked.parts:
        return int(text)
    found = looked.next_open()
    return found if found is not None else min(looked.parts, default=0)


def words_of_looks(looked: Meanings | None, form: Form) -> dict[str, Any]:
    """The words of the page."""
    if looked is None:
        return {}
    part = shown_part(form, looked)
    kinds = looked.part(part)
    return {
        "part": part,
        "unnamed": UNNAMED,
        "parts": [(number, number * ASKED + 1, (number + 1) * ASKED) for number in looked.parts],
        "too_many": {name: names.too_many for name, names in looked.names.items() if names.too_many},
        # Days without times, and nobody says what became of them: all of it is held back.
        "wants_state": looked.found.layout is not None
        and "state" not in looked.found.layout.columns
        and any(flaw.code == "appointments.no_time" for flaw in looked.found.flaws),
        "has_more": looked.next_open(part) is not None,
        "fields": [(name, field_label(name)) for name in FIELDS],
        "columns": [(name, name) for name in looked.found.header],
        "states": state_choices(),
        "kinds": [(kind, kind_label(kind), kinds[kind]) for kind in KINDS],
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


def one_label(kind: str) -> str:
    return {"shop": _("Shop"), "service": _("Service"), "staff": _("Person"), "state": _("Status")}[kind]


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
