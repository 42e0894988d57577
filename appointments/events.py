"""What appointments tells: the facts of a booking travel with it, so that nobody has to read them back."""

import datetime as dt
import uuid

import msgspec

from yundian.platform.outbox.declare import Event


class BookingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A booking when the fact happened. ``time_zone`` is the shop's; money in minor units."""

    booking_id: uuid.UUID
    code: str
    shop_id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    staff_id: uuid.UUID
    member_id: uuid.UUID | None
    source: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    price_minor: int
    deposit_minor: int
    currency: str


class BookingEventBase(Event, frozen=True, kw_only=True):
    booking: BookingFacts


class BookingHeld(BookingEventBase, frozen=True, kw_only=True, tag="appointments.held.v1"):
    """Set aside until ``expires_at``; ``wait_id``: it is an offer to somebody on the waiting list."""

    expires_at: dt.datetime
    wait_id: uuid.UUID | None = None


class BookingRequested(BookingEventBase, frozen=True, kw_only=True, tag="appointments.requested.v1"):
    """Waits for the shop's word."""


class BookingConfirmed(BookingEventBase, frozen=True, kw_only=True, tag="appointments.confirmed.v1"):
    """``moved_from``: it takes the place of another booking; ``is_told_later``: she is told when that is final."""

    moved_from: uuid.UUID | None = None
    is_told_later: bool = False


class MoveUndone(BookingEventBase, frozen=True, kw_only=True, tag="appointments.move_undone.v1"):
    """The shop took a move back before anybody was told: it stands as before, in place of ``instead_of``."""

    instead_of: uuid.UUID


class BookingDeclined(BookingEventBase, frozen=True, kw_only=True, tag="appointments.declined.v1"):
    """The shop said no, or nothing until the time had come.

    ``reason``: in people's words; ``reason_code``: what the house notes, ``None`` in events older than the codes.
    """

    reason: str
    reason_code: str | None = None


class BookingExpired(BookingEventBase, frozen=True, kw_only=True, tag="appointments.expired.v1"):
    """What was set aside was not paid, or not accepted, in time."""


class BookingCancelled(BookingEventBase, frozen=True, kw_only=True, tag="appointments.cancelled.v1"):
    """``by``: customer, shop or system. ``is_late``: after the cut-off. Reasons as in ``BookingDeclined``.

    ``known_as``: the booking that she knows, where her shop moved it and she was not told of that.
    """

    by: str
    is_late: bool
    reason: str
    reason_code: str | None = None
    known_as: uuid.UUID | None = None


class BookingReassigned(BookingEventBase, frozen=True, kw_only=True, tag="appointments.reassigned.v1"):
    """Somebody else will serve; ``is_open``: nobody can at this time, and the customer is asked to choose."""

    is_open: bool


class BookingArrived(BookingEventBase, frozen=True, kw_only=True, tag="appointments.arrived.v1"):
    """Checked in at the shop."""

    arrived_at: dt.datetime


class ArrivalTakenBack(BookingEventBase, frozen=True, kw_only=True, tag="appointments.arrival_taken_back.v1"):
    """She was checked in by mistake, and is expected as before."""


class BookingCompleted(BookingEventBase, frozen=True, kw_only=True, tag="appointments.completed.v1"):
    """Served; the deposit counts towards what she buys."""

    completed_at: dt.datetime


class BookingMissed(BookingEventBase, frozen=True, kw_only=True, tag="appointments.missed.v1"):
    """She did not come. ``is_charged``: the deposit is kept."""

    is_charged: bool


class BookingForgiven(BookingEventBase, frozen=True, kw_only=True, tag="appointments.forgiven.v1"):
    """That she did not come counts no more."""


class ProductTried(BookingEventBase, frozen=True, kw_only=True, tag="appointments.product_tried.v1"):
    """She tried a product, noted by whoever served her."""

    sku_id: uuid.UUID
    sku_code: str
    name: str
    tried_at: dt.datetime


class SlotFreed(Event, frozen=True, kw_only=True, tag="appointments.slot_freed.v1"):
    """A time that was taken can be had again: for the waiting list."""

    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID
    starts_at: dt.datetime
    local_day: dt.date


class PlansChanged(Event, frozen=True, kw_only=True, tag="appointments.plans_changed.v1"):
    """A service, people, their weeks and days, chairs, or the days of these shops: more may be had than before."""

    shop_ids: tuple[uuid.UUID, ...]


class LineCalled(Event, frozen=True, kw_only=True, tag="appointments.line_called.v1"):
    """Whoever waits at a shop is to be offered what can be had, from a day on."""

    shop_id: uuid.UUID
    since: dt.date | None = None


class SlotOffered(Event, frozen=True, kw_only=True, tag="appointments.slot_offered.v1"):
    """A freed time was offered; ``booking_id``: it is held for her until ``expires_at``."""

    wait_id: uuid.UUID
    member_id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    starts_at: dt.datetime
    expires_at: dt.datetime
    booking_id: uuid.UUID | None


EVENTS = (
    BookingHeld,
    BookingRequested,
    BookingConfirmed,
    MoveUndone,
    BookingDeclined,
    BookingExpired,
    BookingCancelled,
    BookingReassigned,
    BookingArrived,
    ArrivalTakenBack,
    BookingCompleted,
    BookingMissed,
    BookingForgiven,
    ProductTried,
    SlotFreed,
    SlotOffered,
    PlansChanged,
    LineCalled,
)
