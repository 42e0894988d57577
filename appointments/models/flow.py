"""Tables of what came before and after: who looked, what was tried, who bought, and groups that buy a session."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from appointments import states
from yundian.platform.db.base import (
    Row,
    brand_key,
    brand_reference,
    currency_code,
    minor_units,
    text_enum,
)


class Viewing(Row, table=True):
    """Somebody looked at the times of a service; once a day. ``visitor`` is a keyed hash that no other day has."""

    __tablename__ = "appointments_viewing"
    __table_args__ = (
        sa.Index(
            "uq_appointments_viewing_once",
            "brand_id",
            "day",
            "shop_id",
            "service_id",
            "visitor",
            "staff_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    day: dt.date
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID | None = None
    channel: str = Field(sa_type=sa.String(20))
    visitor: bytes


class ViewingCount(Row, table=True):
    """How many looked on a day, after it is forgotten who: in all (``all``), at somebody, or through a channel.

    ``key`` is whom or which; empty: nobody in particular.
    """

    __tablename__ = "appointments_viewing_count"
    __table_args__ = (
        brand_key("day", "shop_id", "service_id", "kind", "key", name="uq_appointments_viewing_count_once"),
        sa.CheckConstraint("viewers > 0", name="viewers"),
    )

    day: dt.date
    shop_id: uuid.UUID
    service_id: uuid.UUID
    kind: str = Field(sa_type=sa.String(8))
    key: str = Field(sa_type=sa.String(40))
    viewers: int


class Tried(Row, table=True):
    """A product that was tried in an appointment, noted by staff."""

    __tablename__ = "appointments_tried"
    __table_args__ = (
        brand_key("booking_id", "sku_id"),
        brand_reference("booking_id", "appointments_booking"),
        brand_reference("sku_id", "catalog_sku"),
        sa.Index(None, "brand_id", "sku_id"),
    )

    booking_id: uuid.UUID
    sku_id: uuid.UUID
    note: str = Field(default="", sa_type=sa.String(120))
    noted_by: uuid.UUID | None = None


class Purchase(Row, table=True):
    """An order that followed an appointment soon enough; an order follows one appointment only.

    ``staff_id`` and ``shop_id`` are those who served; ``tried_lines`` of its lines were tried there.
    """

    __tablename__ = "appointments_purchase"
    __table_args__ = (
        brand_key("order_id"),
        brand_reference("booking_id", "appointments_booking"),
        # What another system's document says no more was no purchase either.
        brand_reference("order_id", "orders_order", ondelete="CASCADE"),
        sa.CheckConstraint("amount_minor >= 0 AND refunded_minor >= 0", name="money"),
        sa.Index(None, "brand_id", "booking_id"),
        sa.Index(None, "brand_id", "bought_at"),
    )

    booking_id: uuid.UUID
    order_id: uuid.UUID
    member_id: uuid.UUID
    shop_id: uuid.UUID
    staff_id: uuid.UUID
    amount_minor: int = minor_units()
    refunded_minor: int = minor_units(default=0)
    currency: str = currency_code()
    bought_at: dt.datetime
    tried_lines: int = 0


class Policy(Row, table=True):
    """What a brand decided, the highest ``number`` last: an order within so many days follows an appointment, and
    after so many days it is forgotten who looked at times (the numbers stay)."""

    __tablename__ = "appointments_policy"
    __table_args__ = (
        brand_key("number"),
        sa.CheckConstraint("purchase_days BETWEEN 1 AND 365", name="purchase_days"),
        sa.CheckConstraint("viewing_days BETWEEN 7 AND 400", name="viewing_days"),
    )

    number: int
    purchase_days: int
    viewing_days: int = Field(default=60, sa_column_kwargs={"server_default": "60"})
    actor_id: uuid.UUID | None = None


class GroupOffer(Row, table=True):
    """A group-buy campaign whose groups buy a session of this service."""

    __tablename__ = "appointments_group_offer"
    __table_args__ = (
        brand_key("campaign_id"),
        brand_reference("campaign_id", "groupbuy_campaign"),
        brand_reference("service_id", "appointments_service"),
        sa.Index(None, "brand_id", "service_id"),
    )

    campaign_id: uuid.UUID
    service_id: uuid.UUID


class Party(Row, table=True):
    """A group and the session it buys: held while the group fills, booked when it is full, else freed."""

    __tablename__ = "appointments_party"
    __table_args__ = (
        brand_key("group_id"),
        brand_reference("group_id", "groupbuy_group"),
        brand_reference("campaign_id", "groupbuy_campaign"),
        brand_reference("session_id", "appointments_session"),
        brand_reference("shop_id", "stores_shop"),
        brand_reference("service_id", "appointments_service"),
        sa.Index(None, "brand_id", "session_id"),
        sa.Index(None, "brand_id", "shop_id", "state"),
    )

    group_id: uuid.UUID
    campaign_id: uuid.UUID
    session_id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    state: states.PartyState = Field(default=states.PartyState.HELD, sa_type=text_enum(states.PartyState))
    ended_at: dt.datetime | None = None


class Imported(SQLModel, table=True):
    """Which run of an import brought a booking in: so that an import can be taken back."""

    __tablename__ = "appointments_import"
    __table_args__ = (
        brand_reference("run_id", "intake_run", ondelete="CASCADE"),
        brand_reference("booking_id", "appointments_booking", ondelete="CASCADE"),
        sa.Index(None, "brand_id", "booking_id"),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    run_id: uuid.UUID = Field(primary_key=True)
    booking_id: uuid.UUID = Field(primary_key=True)


class ImportUndo(SQLModel, table=True):
    """How far taking an import back is, or what came of it. ``kept`` counts by reason; ``last_id``: looked at."""

    __tablename__ = "appointments_import_undo"
    __table_args__ = (brand_reference("run_id", "intake_run", ondelete="CASCADE"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    run_id: uuid.UUID = Field(primary_key=True)
    created_at: dt.datetime
    account_id: uuid.UUID | None = None
    total: int = Field(sa_type=sa.BigInteger)
    removed: int = Field(sa_type=sa.BigInteger)
    kept: dict[str, int] = Field(sa_type=JSONB)
    last_id: uuid.UUID
    ended_at: dt.datetime | None = None


class Planned(SQLModel, table=True):
    """How long somebody was planned to work in a shop that was open, on a day that is over (ADR 0026)."""

    __tablename__ = "appointments_planned"
    __table_args__ = (
        brand_reference("shop_id", "stores_shop"),
        brand_reference("staff_id", "appointments_staff"),
        # The longest day has 25 hours.
        sa.CheckConstraint("minutes BETWEEN 1 AND 1500", name="minutes"),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    shop_id: uuid.UUID = Field(primary_key=True)
    day: dt.date = Field(primary_key=True)
    staff_id: uuid.UUID = Field(primary_key=True)
    minutes: int = Field(sa_type=sa.SmallInteger)


class PlannedShop(SQLModel, table=True):
    """Until which day of a shop it is kept how long people were planned to work."""

    __tablename__ = "appointments_planned_shop"
    __table_args__ = (
        brand_reference("shop_id", "stores_shop"),
        sa.Index(None, "brand_id", "kept_until"),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    shop_id: uuid.UUID = Field(primary_key=True)
    kept_until: dt.date
