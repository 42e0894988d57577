"""What the pages of customers and shops send, and the words they show."""

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appointments.schemas.setups import text_of
from appointments.states import BookingState, DepositState, ReasonCode
from appointments.types import Actor
from yundian.platform.core.errors import InvalidInput
from yundian.platform.web.i18n import gettext as _

Code = Annotated[str, Meta(min_length=4, max_length=16)]
Reason = Annotated[str, Meta(max_length=200)]


def utc(at: dt.datetime) -> dt.datetime:
    """The moment that was sent, or that there is none: the first and the last day of all have no other zones."""
    try:
        return at.astimezone(dt.UTC)
    except OverflowError as error:
        raise InvalidInput("start", "This is not a valid value") from error


class BookForm(msgspec.Struct, frozen=True, kw_only=True):
    """A time, and who is to serve (nobody named: anybody)."""

    start: Annotated[dt.datetime, Meta(tz=True)]
    staff: uuid.UUID | None = None


class GroupForm(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a group meets."""

    shop: uuid.UUID
    start: Annotated[dt.datetime, Meta(tz=True)]
    staff: uuid.UUID | None = None


class MoveForm(msgspec.Struct, frozen=True, kw_only=True):
    """Other people or another chair at the same time. ``version``: the booking's ``sequence`` as it was seen."""

    staff: uuid.UUID | None = None
    chair: uuid.UUID | None = None
    version: int | None = None


class TimeForm(msgspec.Struct, frozen=True, kw_only=True):
    """Another time; nobody named: whoever is free."""

    start: Annotated[dt.datetime, Meta(tz=True)]
    staff: uuid.UUID | None = None
    version: int | None = None


class PlaceForm(msgspec.Struct, frozen=True, kw_only=True):
    """A place on a board: when, and in whose lane."""

    start: Annotated[dt.datetime, Meta(tz=True)]
    lane: uuid.UUID
    version: int
    day: dt.date | None = None


class UndoForm(msgspec.Struct, frozen=True, kw_only=True):
    """A move that is taken back: ``version`` is the appointment's as the move left it."""

    version: int
    day: dt.date | None = None


class CodeForm(msgspec.Struct, frozen=True, kw_only=True):
    code: Code


class ReasonForm(msgspec.Struct, frozen=True, kw_only=True):
    reason: Reason = ""


class TriedForm(msgspec.Struct, frozen=True, kw_only=True):
    """A product that was tried, by the code on its box."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    note: Annotated[str, Meta(max_length=120)] = ""


class WalkInForm(msgspec.Struct, frozen=True, kw_only=True):
    shop: uuid.UUID
    service: uuid.UUID
    staff: uuid.UUID | None = None
    phone: Annotated[str, Meta(max_length=32)] = ""


class WaitForm(msgspec.Struct, frozen=True, kw_only=True):
    day: dt.date
    staff: uuid.UUID | None = None


TONES = {
    "held": "warn", "requested": "warn", "confirmed": "info", "arrived": "good", "in_service": "good",
    "completed": "good", "no_show": "bad", "no_show_penalized": "bad", "declined": "neutral",
}  # fmt: skip


def state_label(state: BookingState) -> str:
    return {
        BookingState.HELD: _("Held for payment"),
        BookingState.REQUESTED: _("Waiting for the shop"),
        BookingState.CONFIRMED: _("Booked"),
        BookingState.ARRIVED: _("Checked in"),
        BookingState.IN_SERVICE: _("In service"),
        BookingState.COMPLETED: _("Served"),
        BookingState.EXPIRED: _("Not paid in time"),
        BookingState.DECLINED: _("Declined by the shop"),
        BookingState.RESCHEDULED: _("Moved"),
        BookingState.CANCELLED: _("Cancelled"),
        BookingState.CANCELLED_LATE: _("Cancelled late"),
        BookingState.NO_SHOW: _("Did not come"),
        BookingState.NO_SHOW_PENALIZED: _("Did not come, deposit kept"),
        BookingState.WAIVED: _("Did not come, forgiven"),
    }[state]


def deposit_label(state: DepositState) -> str:
    return {
        DepositState.NONE: "",
        DepositState.REQUIRED: _("To be paid"),
        DepositState.PAID: _("Paid"),
        DepositState.APPLIED_TO_SALE: _("Counts towards the bill"),
        DepositState.REFUNDING: _("On its way back"),
        DepositState.REFUNDED: _("Refunded"),
        DepositState.FORFEITED: _("Kept"),
    }[state]


def reason_label(code: ReasonCode) -> str:
    """What the house itself notes, for customers and shops to read; empty for what people say in words."""
    return {
        ReasonCode.NO_ANSWER: _("The shop did not answer in time"),
        ReasonCode.REFUNDED: _("The order was paid back"),
        ReasonCode.NOT_CHOSEN: _("Nobody could serve at this time, and no other was chosen"),
    }.get(code, "")


def detail_label(actor: str, detail: str) -> str:
    """What a line of a booking's history adds: people's words as they are, the house's by their code."""
    if actor != Actor.SYSTEM.value:
        return detail
    notes = {"paid": _("Deposit paid"), "group": _("The group is complete")}
    codes = {code.value: reason_label(code) for code in ReasonCode}
    return {**notes, **codes}.get(detail, detail)


def event_label(kind: str) -> str:
    """A line of a booking's history."""
    if kind == "not_here":
        return _("Not here after all")
    if kind == "undone":
        return _("Move taken back")
    if kind == "reassigned":
        return _("Somebody else serves")
    if kind == "choose":
        return _("Nobody is free: the customer chooses")
    return state_label(BookingState(kind))


LABELS: dict[str, Any] = {
    "state_label": state_label,
    "deposit_label": deposit_label,
    "event_label": event_label,
    "detail_label": detail_label,
    "reason_label": reason_label,
    "text_of": text_of,
    "tones": TONES,
}
