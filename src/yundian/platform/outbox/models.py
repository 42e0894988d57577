"""The courier's three tables. Rows are written by the set-based statements of this package, not by the ORM.

There is no foreign key from a delivery to its event: both are written and deleted by the same statements, and a
check per row would be paid on every effect.
"""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from yundian.platform.db.base import Row, brand_key, text_enum


class DeliveryState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    PARKED = "parked"


class TimerState(StrEnum):
    SET = "set"
    DONE = "done"
    CANCELLED = "cancelled"
    PARKED = "parked"


class OutboxEvent(Row, table=True):
    """A recorded fact; ``expanded_at`` says when the relay made its deliveries."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        sa.Index("ix_outbox_event_fresh", "brand_id", "id", postgresql_where=sa.text("expanded_at IS NULL")),
    )

    created_at: dt.datetime = Field(sa_column_kwargs={"server_default": sa.func.now()})
    tag: str = Field(sa_type=sa.String(80))
    payload: dict[str, Any] = Field(sa_type=JSONB)
    trace_parent: str | None = Field(default=None, sa_type=sa.String(55))
    expanded_at: dt.datetime | None = None


class OutboxDelivery(SQLModel, table=True):
    """One event on its way to one subscriber. ``next_at`` is its lease, or the end of its back-off."""

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        sa.CheckConstraint("state IN ('pending', 'done', 'parked')", name="state"),
        sa.Index("ix_outbox_delivery_due", "brand_id", "next_at", postgresql_where=sa.text("state = 'pending'")),
        sa.Index(
            "ix_outbox_delivery_parked",
            "brand_id",
            "event_id",
            "subscriber",
            postgresql_where=sa.text("state = 'parked'"),
        ),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    event_id: uuid.UUID = Field(primary_key=True)
    subscriber: str = Field(primary_key=True, sa_type=sa.String(80))
    state: DeliveryState = Field(
        default=DeliveryState.PENDING,
        sa_type=text_enum(DeliveryState, 16),
        sa_column_kwargs={"server_default": DeliveryState.PENDING.value},
    )
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    recorded_at: dt.datetime
    next_at: dt.datetime
    last_error: str | None = Field(default=None, sa_type=sa.String(300))
    done_at: dt.datetime | None = None


class OutboxTimer(Row, table=True):
    """Something to look at again at ``due_at``; one per business key, moved by setting it again."""

    __tablename__ = "outbox_timer"
    __table_args__ = (
        brand_key("name", "key"),
        sa.CheckConstraint("state IN ('set', 'done', 'cancelled', 'parked')", name="state"),
        sa.Index("ix_outbox_timer_due", "brand_id", "next_at", postgresql_where=sa.text("state = 'set'")),
        sa.Index("ix_outbox_timer_parked", "brand_id", "id", postgresql_where=sa.text("state = 'parked'")),
    )

    created_at: dt.datetime = Field(sa_column_kwargs={"server_default": sa.func.now()})
    name: str = Field(sa_type=sa.String(80))
    key: str = Field(sa_type=sa.String(200))
    due_at: dt.datetime
    payload: dict[str, Any] = Field(sa_type=JSONB)
    state: TimerState = Field(
        default=TimerState.SET,
        sa_type=text_enum(TimerState, 16),
        sa_column_kwargs={"server_default": TimerState.SET.value},
    )
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    next_at: dt.datetime
    last_error: str | None = Field(default=None, sa_type=sa.String(300))
    ended_at: dt.datetime | None = None
