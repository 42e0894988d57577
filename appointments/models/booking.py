"""Tables of what is booked."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlmodel import Field

from appointments import states
from appointments.models.partial import some
from yundian.platform.core import clock
from yundian.platform.db.base import (
    Row,
    brand_key,
    brand_reference,
    currency_code,
    minor_units,
    text_enum,
)


def _at_commit(column: str, table: str) -> sa.ForeignKeyConstraint:
    """A reference that is checked when the transaction ends."""
    targets = [f"{table}.brand_id", f"{table}.id"]
    return sa.ForeignKeyConstraint(["brand_id", column], targets, deferrable=True, initially="DEFERRED")


class GroupSession(Row, table=True):
    """One time of a service with several seats: its staff and chair are taken once, its seats are counted."""

    __tablename__ = "appointments_session"
    __table_args__ = (
        brand_reference("shop_id", "stores_shop"),
        brand_reference("service_id", "appointments_service"),
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("resource_id", "appointments_resource"),
        sa.CheckConstraint("taken BETWEEN 0 AND seats", name="taken_in_range"),
        some(
            "uq_appointments_session_open",
            "shop_id service_id starts_at",
            "is_open AND NOT is_private",
            unique=True,
        ),
    )

    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID
    resource_id: uuid.UUID | None = None
    starts_at: dt.datetime
    ends_at: dt.datetime
    seats: int
    taken: int
    is_open: bool = True
    # Of a group that buys it together: nobody else may join.
    is_private: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class Booking(Row, table=True):
    """One customer's appointment; what it was booked under is kept, whatever becomes of the service."""

    __tablename__ = "appointments_booking"
    __table_args__ = (
        brand_key("code"),
        brand_reference("shop_id", "stores_shop"),
        brand_reference("service_id", "appointments_service"),
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("resource_id", "appointments_resource"),
        brand_reference("session_id", "appointments_session"),
        brand_reference("member_id", "members_member"),
        sa.CheckConstraint("ends_at > starts_at", name="span"),
        sa.CheckConstraint("price_minor >= 0 AND deposit_minor >= 0", name="money"),
        sa.CheckConstraint("(deposit_state = 'none') = (deposit_minor = 0)", name="deposit"),
        sa.Index(None, "brand_id", "shop_id", "local_day", "starts_at"),
        sa.Index(None, "brand_id", "member_id", "starts_at"),
        sa.Index(None, "brand_id", "payment_id", postgresql_where=sa.text("payment_id IS NOT NULL")),
        sa.Index(None, "brand_id", "staff_id", "local_day"),
        some(
            "ix_appointments_booking_fairness",
            "staff_id created_at",
            "state IN ('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed')",
        ),
        some("uq_appointments_booking_request", "member_id request_key", "request_key IS NOT NULL", unique=True),
        some(
            "uq_appointments_booking_external",
            "external_source external_id",
            "external_id IS NOT NULL",
            unique=True,
        ),
        some("ix_appointments_booking_asked", "asked_at", "state <> 'rescheduled'"),
        some("ix_appointments_booking_arrived", "member_id arrived_at", "arrived_at IS NOT NULL"),
        some("uq_appointments_booking_moved", "moved_from", "moved_from IS NOT NULL", unique=True),
    )

    code: str = Field(sa_type=sa.String(16))
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID
    resource_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    state: states.BookingState = Field(sa_type=text_enum(states.BookingState))
    deposit_state: states.DepositState = Field(
        default=states.DepositState.NONE, sa_type=text_enum(states.DepositState)
    )
    source: states.Source = Field(sa_type=text_enum(states.Source))
    attention: states.Attention = Field(default=states.Attention.NONE, sa_type=text_enum(states.Attention))
    starts_at: dt.datetime
    ends_at: dt.datetime
    buffer_before_min: int
    buffer_after_min: int
    time_zone: str = Field(sa_type=sa.String(40))
    local_day: dt.date
    service_name: str = Field(sa_type=sa.String(80))
    is_any_staff: bool = False
    price_minor: int = minor_units()
    deposit_minor: int = minor_units(default=0)
    currency: str = currency_code()
    payment_id: uuid.UUID | None = None
    expires_at: dt.datetime | None = None
    arrived_at: dt.datetime | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    # In people's words; or what the house notes, by its code.
    reason: str = Field(default="", sa_type=sa.String(200))
    reason_code: states.ReasonCode = Field(
        default=states.ReasonCode.NONE,
        sa_type=text_enum(states.ReasonCode),
        sa_column_kwargs={"server_default": ""},
    )
    moved_from: uuid.UUID | None = None
    sequence: int = 0
    request_key: str | None = Field(default=None, sa_type=sa.String(80))
    # The terms she booked under, whatever becomes of the service.
    cutoff_min: int = Field(default=120, sa_column_kwargs={"server_default": "120"})
    grace_min: int = Field(default=15, sa_column_kwargs={"server_default": "15"})
    is_late_cancel_charged: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    is_no_show_charged: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    # How she came; and when she first asked, kept when it is moved.
    channel: str = Field(default="", sa_type=sa.String(20), sa_column_kwargs={"server_default": ""})
    asked_at: dt.datetime = Field(default_factory=clock.now, sa_column_kwargs={"server_default": sa.func.now()})
    confirmed_at: dt.datetime | None = None
    # Of a source that knows the day and no time of day.
    is_day_only: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    external_source: str = Field(default="", sa_type=sa.String(64), sa_column_kwargs={"server_default": ""})
    external_id: str | None = Field(default=None, sa_type=sa.String(160))
    external_client: str = Field(default="", sa_type=sa.String(80), sa_column_kwargs={"server_default": ""})
    # Another one ends the secret addresses that were given out.
    link_version: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class Occupancy(Row, table=True):
    """The time of one resource (somebody of the staff, a chair, a customer), buffers included.

    The exclusion constraint is the promise of this room: no two live rows of a resource overlap.
    """

    __tablename__ = "appointments_occupancy"
    __table_args__ = (
        # Time is taken first, and the booking written when all of it could be had.
        _at_commit("booking_id", "appointments_booking"),
        _at_commit("session_id", "appointments_session"),
        sa.CheckConstraint("ends_at > starts_at", name="span"),
        # Whoever looks for what lies in some hours need not look farther back.
        sa.CheckConstraint("ends_at - starts_at <= interval '24 hours'", name="length"),
        sa.CheckConstraint("(booking_id IS NULL) <> (session_id IS NULL)", name="one_owner"),
        ExcludeConstraint(
            ("brand_id", "="),
            ("resource_id", "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("is_live"),
            name="ex_appointments_occupancy_no_overlap",
        ),
        sa.Index(
            "ix_appointments_occupancy_live",
            "brand_id",
            "resource_id",
            "ends_at",
            postgresql_include=["starts_at", "booking_id"],
            postgresql_where=sa.text("is_live"),
        ),
        sa.Index(None, "brand_id", "booking_id", postgresql_where=sa.text("booking_id IS NOT NULL")),
        some("ix_appointments_occupancy_kept", "booking_id", "is_kept"),
        sa.Index(None, "brand_id", "session_id", postgresql_where=sa.text("session_id IS NOT NULL")),
    )

    resource_id: uuid.UUID
    starts_at: dt.datetime
    ends_at: dt.datetime
    is_live: bool = True
    booking_id: uuid.UUID | None = None
    session_id: uuid.UUID | None = None
    # Where it was before its shop moved it, until that is final: nobody is served then.
    is_kept: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class BookingEvent(Row, table=True):
    """What happened to a booking: who did it, and what was before. Never changed."""

    __tablename__ = "appointments_booking_event"
    __table_args__ = (
        brand_reference("booking_id", "appointments_booking"),
        sa.Index(None, "brand_id", "booking_id", "id"),
    )

    booking_id: uuid.UUID
    kind: str = Field(sa_type=sa.String(32))
    actor: str = Field(sa_type=sa.String(16))
    actor_id: uuid.UUID | None = None
    detail: str = Field(default="", sa_type=sa.String(200))


class Wait(Row, table=True):
    """A place on the waiting list: a service, a day, and what was offered."""

    __tablename__ = "appointments_wait"
    __table_args__ = (
        brand_reference("shop_id", "stores_shop"),
        brand_reference("service_id", "appointments_service"),
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("member_id", "members_member"),
        brand_reference("booking_id", "appointments_booking"),
        sa.CheckConstraint("from_min BETWEEN 0 AND 1439 AND until_min BETWEEN 1 AND 1440", name="window"),
        some("ix_appointments_wait_of_day", "shop_id day id", "state = 'waiting'"),
        some(
            "uq_appointments_wait_once",
            "member_id shop_id service_id day",
            "state IN ('waiting', 'offered')",
            unique=True,
        ),
        sa.Index(None, "brand_id", "booking_id"),
    )

    member_id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None = None
    day: dt.date
    from_min: int = Field(default=0, sa_type=sa.SmallInteger)
    until_min: int = Field(default=1440, sa_type=sa.SmallInteger)
    state: states.WaitState = Field(default=states.WaitState.WAITING, sa_type=text_enum(states.WaitState))
    offered_start: dt.datetime | None = None
    offer_expires_at: dt.datetime | None = None
    booking_id: uuid.UUID | None = None
