"""Tables of what is offered by whom and where."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field

from appointments import states
from appointments.models.partial import some
from yundian.platform.db.base import (
    EditableRow,
    Row,
    brand_key,
    brand_reference,
    currency_code,
    english,
    minor_units,
    text_enum,
)


class Service(EditableRow, table=True):
    """What can be booked, with its policies. Times in minutes, multiples of five."""

    __tablename__ = "appointments_service"
    __table_args__ = (
        brand_key("code"),
        sa.CheckConstraint("code <> '' AND name <> ''", name="named"),
        sa.CheckConstraint("duration_min BETWEEN 5 AND 720 AND duration_min % 5 = 0", name="duration"),
        sa.CheckConstraint("buffer_before_min BETWEEN 0 AND 240 AND buffer_before_min % 5 = 0", name="before"),
        sa.CheckConstraint("buffer_after_min BETWEEN 0 AND 240 AND buffer_after_min % 5 = 0", name="after"),
        sa.CheckConstraint("step_min BETWEEN 5 AND 720 AND step_min % 5 = 0", name="step"),
        sa.CheckConstraint("seats BETWEEN 1 AND 100", name="seats"),
        sa.CheckConstraint("price_minor >= 0 AND deposit_minor >= 0 AND no_show_deposit_minor >= 0", name="money"),
        sa.CheckConstraint("horizon_days BETWEEN 1 AND 365", name="horizon"),
        sa.CheckConstraint(
            "notice_min >= 0 AND cutoff_min >= 0 AND grace_min >= 0 AND hold_min BETWEEN 1 AND 120"
            " AND offer_min BETWEEN 1 AND 1440 AND no_show_limit >= 0",
            name="policies",
        ),
    )

    code: str = Field(sa_type=sa.String(40))
    name: str = Field(sa_type=sa.String(80))
    name_en: str = english(80)
    category: str = Field(default="", sa_type=sa.String(40))
    category_en: str = english(40)
    description: str = Field(default="", sa_type=sa.String(400))
    description_en: str = english(400)
    status: states.Status = Field(default=states.Status.ACTIVE, sa_type=text_enum(states.Status))
    duration_min: int
    buffer_before_min: int = 0
    buffer_after_min: int = 0
    step_min: int = 15
    seats: int = 1
    chair_kind: str = Field(default="", sa_type=sa.String(32))
    price_minor: int = minor_units(default=0)
    deposit_minor: int = minor_units(default=0)
    no_show_deposit_minor: int = minor_units(default=0)
    currency: str = currency_code()
    needs_approval: bool = False
    notice_min: int = 60
    horizon_days: int = 30
    cutoff_min: int = 120
    hold_min: int = 10
    grace_min: int = 15
    is_late_cancel_charged: bool = False
    is_no_show_charged: bool = False
    no_show_limit: int = 0
    wait_mode: states.WaitMode = Field(default=states.WaitMode.SEQUENTIAL, sa_type=text_enum(states.WaitMode))
    offer_min: int = 30


class Staff(EditableRow, table=True):
    """Somebody who serves customers. ``daily_cap`` of 0 is none; ``feed_version`` ends older calendar feeds."""

    __tablename__ = "appointments_staff"
    __table_args__ = (
        brand_reference("home_shop_id", "stores_shop"),
        brand_reference("account_id", "auth_account"),
        sa.CheckConstraint("display_name <> ''", name="named"),
        sa.CheckConstraint("daily_cap >= 0", name="daily_cap"),
        sa.Index(None, "brand_id", "home_shop_id"),
        sa.Index(None, "brand_id", "account_id"),
    )

    display_name: str = Field(sa_type=sa.String(60))
    display_name_en: str = english(60)
    title: str = Field(default="", sa_type=sa.String(60))
    title_en: str = english(60)
    home_shop_id: uuid.UUID
    account_id: uuid.UUID | None = None
    daily_cap: int = 0
    status: states.Status = Field(default=states.Status.ACTIVE, sa_type=text_enum(states.Status))
    feed_version: int = 1


class StaffShop(Row, table=True):
    """A shop where somebody may serve: her home shop, and those she is a guest of."""

    __tablename__ = "appointments_staff_shop"
    __table_args__ = (
        brand_key("staff_id", "shop_id"),
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("shop_id", "stores_shop"),
        sa.Index(None, "brand_id", "shop_id"),
    )

    staff_id: uuid.UUID
    shop_id: uuid.UUID


class Skill(Row, table=True):
    """Who may perform what."""

    __tablename__ = "appointments_skill"
    __table_args__ = (
        brand_key("staff_id", "service_id"),
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("service_id", "appointments_service"),
        sa.Index(None, "brand_id", "service_id"),
    )

    staff_id: uuid.UUID
    service_id: uuid.UUID


class PlanSpan(Row, table=True):
    """Work or a break on a week day, in minutes of the shop's wall clock; past 1,440 it is the next day."""

    __tablename__ = "appointments_plan_span"
    __table_args__ = (
        brand_key("staff_id", "weekday", "kind", "starts"),
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("shop_id", "stores_shop"),
        sa.CheckConstraint("weekday BETWEEN 1 AND 7", name="weekday"),
        sa.CheckConstraint("starts BETWEEN 0 AND 1439 AND ends > starts AND ends <= starts + 1440", name="span"),
    )

    staff_id: uuid.UUID
    shop_id: uuid.UUID
    weekday: int = Field(sa_type=sa.SmallInteger)
    kind: states.SpanKind = Field(sa_type=text_enum(states.SpanKind))
    starts: int = Field(sa_type=sa.SmallInteger)
    ends: int = Field(sa_type=sa.SmallInteger)


class StaffDay(Row, table=True):
    """A date on which the plan does not hold."""

    __tablename__ = "appointments_staff_day"
    __table_args__ = (
        brand_reference("staff_id", "appointments_staff"),
        brand_reference("shop_id", "stores_shop"),
        sa.CheckConstraint(
            "(kind = 'off') = (starts IS NULL) AND (kind = 'work') = (shop_id IS NOT NULL)", name="kind"
        ),
        sa.CheckConstraint("(starts IS NULL) = (ends IS NULL)", name="both_ends"),
        sa.CheckConstraint("starts BETWEEN 0 AND 1439 AND ends > starts AND ends <= starts + 1440", name="span"),
        sa.Index(None, "brand_id", "staff_id", "day"),
        some("uq_appointments_staff_day_off", "staff_id day", "kind = 'off'", unique=True),
        some("uq_appointments_staff_day_break", "staff_id day starts ends", "kind = 'break'", unique=True),
    )

    staff_id: uuid.UUID
    day: dt.date
    kind: states.DayKind = Field(sa_type=text_enum(states.DayKind))
    shop_id: uuid.UUID | None = None
    starts: int | None = Field(default=None, sa_type=sa.SmallInteger)
    ends: int | None = Field(default=None, sa_type=sa.SmallInteger)
    reason: str = Field(default="", sa_type=sa.String(120))


class Resource(EditableRow, table=True):
    """A chair, a room: one customer (or one group session) at a time."""

    __tablename__ = "appointments_resource"
    __table_args__ = (
        brand_key("shop_id", "name"),
        brand_reference("shop_id", "stores_shop"),
        sa.CheckConstraint("name <> '' AND kind <> ''", name="named"),
        sa.Index(None, "brand_id", "shop_id", "kind"),
    )

    shop_id: uuid.UUID
    kind: str = Field(sa_type=sa.String(32))
    name: str = Field(sa_type=sa.String(40))
    status: states.Status = Field(default=states.Status.ACTIVE, sa_type=text_enum(states.Status))


class ShopRule(EditableRow, table=True):
    """How a shop treats public holidays and make-up workdays; no row: as usual."""

    __tablename__ = "appointments_shop_rule"
    __table_args__ = (brand_key("shop_id"), brand_reference("shop_id", "stores_shop"))

    shop_id: uuid.UUID
    holidays: states.DayRule = Field(default=states.DayRule.AS_USUAL, sa_type=text_enum(states.DayRule))
    workdays: states.DayRule = Field(default=states.DayRule.AS_USUAL, sa_type=text_enum(states.DayRule))


class ShopDay(Row, table=True):
    """A date on which a shop is closed (no hours), or open at other hours than its week says."""

    __tablename__ = "appointments_shop_day"
    __table_args__ = (
        brand_key("shop_id", "day"),
        brand_reference("shop_id", "stores_shop"),
        sa.CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="both_ends"),
        sa.CheckConstraint("opens BETWEEN 0 AND 1439 AND closes > opens AND closes <= opens + 1440", name="span"),
    )

    shop_id: uuid.UUID
    day: dt.date
    opens: int | None = Field(default=None, sa_type=sa.SmallInteger)
    closes: int | None = Field(default=None, sa_type=sa.SmallInteger)
    reason: str = Field(default="", sa_type=sa.String(120))


class SetupRevision(Row, table=True):
    """Another ``revision`` each time a service, skills or a week of the staff, or a chair changes (ADR 0024).

    One row, whose id is the brand's. Written by triggers only, at the commit; ``changed_in`` is the transaction.
    """

    __tablename__ = "appointments_setup_revision"

    revision: uuid.UUID
    changed_in: int = Field(sa_type=sa.BigInteger)
