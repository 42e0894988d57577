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
    """``moved_from``: it takes the place of another booking."""

    moved_from: uuid.UUID | None = None


class BookingDeclined(BookingEventBase, frozen=True, kw_only=True, tag="appointments.declined.v1"):
    """The shop said no, or nothing until the time had come."""

    reason: str


class BookingExpired(BookingEventBase, frozen=True, kw_only=True, tag="appointments.expired.v1"):
    """What was set aside was not paid, or not accepted, in time."""


class BookingCancelled(BookingEventBase, frozen=True, kw_only=True, tag="appointments.cancelled.v1"):
    """``by``: customer, shop or system. ``is_late``: after the cut-off."""

    by: str
    is_late: bool
    reason: str


class BookingReassigned(BookingEventBase, frozen=True, kw_only=True, tag="appointments.reassigned.v1"):
    """Somebody else will serve; ``is_open``: nobody can at this time, and the customer is asked to choose."""

    is_open: bool


class BookingArrived(BookingEventBase, frozen=True, kw_only=True, tag="appointments.arrived.v1"):
    """Checked in at the shop."""

    arrived_at: dt.datetime


class BookingCompleted(BookingEventBase, frozen=True, kw_only=True, tag="appointments.completed.v1"):
    """Served; the deposit counts towards what she buys."""

    completed_at: dt.datetime


class BookingMissed(BookingEventBase, frozen=True, kw_only=True, tag="appointments.missed.v1"):
    """She did not come. ``is_charged``: the deposit is kept."""

    is_charged: bool


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
    BookingDeclined,
    BookingExpired,
    BookingCancelled,
    BookingReassigned,
    BookingArrived,
    BookingCompleted,
    BookingMissed,
    ProductTried,
    SlotFreed,
    SlotOffered,
)
