"""The table of what is given to others in the background, because whoever should serve cannot."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from yundian.platform.db.base import Row, brand_reference


class Replacement(Row, table=True):
    """Appointments of somebody, or of a shop, that others are to have, and how many were seen to.

    ``staff_ids`` are those who should have served them, in the order of ``booking_ids``; the first ``done`` of
    them were ``given`` to others, their customers ``asked``, or left as they were.
    """

    __tablename__ = "appointments_replacement"
    __table_args__ = (
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("shop_id", "stores_shop"),
        sa.CheckConstraint("(staff_id IS NULL) <> (shop_id IS NULL)", name="of_one"),
        sa.CheckConstraint(
            "done BETWEEN 0 AND cardinality(booking_ids) AND cardinality(staff_ids) = cardinality(booking_ids)",
            name="how_far",
        ),
        sa.Index(None, "brand_id", "staff_id"),
        sa.Index(None, "brand_id", "shop_id"),
    )

    staff_id: uuid.UUID | None = None
    shop_id: uuid.UUID | None = None
    actor_id: uuid.UUID | None = None
    booking_ids: list[uuid.UUID] = Field(sa_type=ARRAY(sa.Uuid()))
    staff_ids: list[uuid.UUID] = Field(sa_type=ARRAY(sa.Uuid()))
    done: int = 0
    given: int = 0
    asked: int = 0
    ended_at: dt.datetime | None = None
