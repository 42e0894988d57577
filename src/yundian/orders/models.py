"""Orders of every channel, their lines, their history, their hand-over and what was paid back."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from yundian.orders.states import ActorKind, EventKind, HandOverState, OrderState, UncollectedState
from yundian.platform.db.base import Row, brand_key, brand_reference, currency_code, minor_units, text_enum


def _text(length: int) -> str:
    found: str = Field(default="", sa_type=sa.String(length))
    return found


def _added_text(length: int) -> str:
    """A column that the release before leaves out."""
    found: str = Field(default="", sa_type=sa.String(length), sa_column_kwargs={"server_default": ""})
    return found


def _listed(name: str, which: str, *by: str) -> sa.Index:
    """Some orders, as lists show them; of each ``by`` by itself."""
    columns = ("brand_id", *by, "placed_at", "id")
    return sa.Index(f"ix_orders_order_{name}", *columns, postgresql_where=sa.text(which))


def _elsewhere(role: str) -> str:
    """Not at the shop that sold it, whose lists have another index: with most orders all shops are one."""
    return f"{role}_shop_id IS NOT NULL AND {role}_shop_id IS DISTINCT FROM attributed_shop_id"


class Order(Row, table=True):
    """One order. No index looks at ``state``, ``paid_at`` or ``released_at``: moving it rewrites no index entry.

    No reference to shops: every order would lock its shop's one hot row.
    """

    __tablename__ = "orders_order"
    __table_args__ = (
        brand_key("number"),
        brand_reference("member_id", "members_member"),
        sa.CheckConstraint(
            "total_minor = goods_minor - discount_minor + shipping_minor + difference_minor", name="sums_up"
        ),
        # What other systems say is kept as they say it.
        sa.CheckConstraint(
            "external_id <> '' OR (0 <= refunded_minor AND refunded_minor <= paid_minor)",
            name="refunds_within_paid",
        ),
        sa.Index(
            "uq_orders_order_external",
            "brand_id",
            "channel",
            "external_shop",
            "external_id",
            unique=True,
            postgresql_where=sa.text("external_id <> ''"),
        ),
        sa.Index(None, "brand_id", "placed_at", "id"),
        sa.Index("ix_orders_order_member", "brand_id", "member_id", "placed_at", "id"),
        sa.Index("ix_orders_order_attributed", "brand_id", "attributed_shop_id", "placed_at", "id"),
        sa.Index(
            "ix_orders_order_campaign",
            "brand_id",
            "campaign_id",
            "placed_at",
            "id",
            postgresql_where=sa.text("campaign_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_orders_order_open_at_shop",
            "brand_id",
            "fulfil_shop_id",
            "placed_at",
            "id",
            postgresql_where=sa.text("handed_over_at IS NULL AND closed_at IS NULL AND external_id = ''"),
        ),
        sa.Index(
            "ix_orders_order_handed_over",
            "brand_id",
            "fulfil_shop_id",
            "handed_over_at",
            "id",
            postgresql_where=sa.text("handed_over_at IS NOT NULL AND external_id = ''"),
        ),
        # Of other houses: nearly all of our own come by one channel, and each would pay for an entry.
        _listed("channel", "external_id <> ''", "channel"),
        _listed("fulfilled_elsewhere", _elsewhere("fulfil"), "fulfil_shop_id"),
        _listed("home_elsewhere", _elsewhere("home"), "home_shop_id"),
        # By status, without one.
        _listed("ended", "closed_at IS NOT NULL"),
        _listed("ended_of_channel", "closed_at IS NOT NULL", "channel"),
        _listed("cancelled", "is_cancelled"),
        _listed("collected", "handed_over_at IS NOT NULL AND completed_at IS NULL"),
        _listed("unfinished_abroad", "external_id <> '' AND completed_at IS NULL AND closed_at IS NULL"),
    )

    number: str = Field(sa_type=sa.String(32))
    channel: str = Field(sa_type=sa.String(32))
    external_shop: str = _text(64)
    external_id: str = _text(120)
    source_state: str = _text(64)
    origin_type: str = _text(40)
    origin_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    state: OrderState = Field(default=OrderState.CREATED, sa_type=text_enum(OrderState))
    close_reason: str = _text(80)
    attributed_shop_id: uuid.UUID | None = None
    fulfil_shop_id: uuid.UUID | None = None
    home_shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    payment_id: uuid.UUID | None = None
    stock_reference: str = _text(80)
    currency: str = currency_code()
    goods_minor: int = minor_units()
    discount_minor: int = minor_units(default=0)
    shipping_minor: int = minor_units(default=0)
    total_minor: int = minor_units()
    paid_minor: int = minor_units(default=0)
    refunded_minor: int = minor_units(default=0)
    placed_at: dt.datetime
    expires_at: dt.datetime | None = None
    paid_at: dt.datetime | None = None
    released_at: dt.datetime | None = None
    handed_over_at: dt.datetime | None = None
    completed_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    note: str = _text(400)
    # Of other systems' orders: where the goods went, and by how much the source's total is not its lines.
    country: str = _added_text(2)
    province: str = _added_text(60)
    difference_minor: int = minor_units(default=0, sa_column_kwargs={"server_default": "0"})
    is_backfill: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    # The upper room that hands it over by a code of its own; empty: the counter, by a pick-up code.
    handed_by: str = _added_text(32)
    # Changes with the last move only: an index may look at it. A trigger sets it, whoever writes the state.
    is_cancelled: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class Line(SQLModel, table=True):
    """What was sold, with the names and prices of that moment. ``total_minor`` is after the line's discount."""

    __tablename__ = "orders_line"
    __table_args__ = (
        brand_reference("order_id", "orders_order"),
        # Other systems' lines may be negative (an exchange); the house checks its own as it places them.
        sa.CheckConstraint(
            "refunded_minor = 0 OR (0 < refunded_minor AND refunded_minor <= total_minor)",
            name="refunds_within_total",
        ),
        sa.CheckConstraint(
            "refunded_quantity = 0 OR (0 < refunded_quantity AND refunded_quantity <= quantity)",
            name="refunded_pieces_within_quantity",
        ),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    order_id: uuid.UUID = Field(primary_key=True)
    line_no: int = Field(primary_key=True)
    sku_id: uuid.UUID | None = None
    sku_code: str = _text(64)
    name: str = _text(160)
    shade_name: str = _text(80)
    quantity: int
    currency: str = currency_code()
    unit_minor: int = minor_units()
    discount_minor: int = minor_units(default=0)
    total_minor: int = minor_units()
    refunded_minor: int = minor_units(default=0)
    refunded_quantity: int = 0
    # The source's own name of the line.
    external_id: str = _added_text(64)


class HistoryEvent(SQLModel, table=True):
    """One thing that happened to an order; only ever added to."""

    __tablename__ = "orders_event"
    __table_args__ = (brand_reference("order_id", "orders_order"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    order_id: uuid.UUID = Field(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    at: dt.datetime
    kind: EventKind = Field(sa_type=text_enum(EventKind))
    actor_kind: ActorKind = Field(sa_type=text_enum(ActorKind, 16))
    actor_id: uuid.UUID | None = None
    facts: dict[str, Any] = Field(sa_type=JSONB)


class HandOver(Row, table=True):
    """The code an order is collected with: found by its keyed hash within its shop, sealed to be shown again."""

    __tablename__ = "orders_handover"
    __table_args__ = (
        brand_key("order_id"),
        brand_reference("order_id", "orders_order"),
        sa.Index(
            "uq_orders_handover_live_code",
            "brand_id",
            "shop_id",
            "code_hash",
            unique=True,
            postgresql_where=sa.text("state = 'issued'"),
        ),
        sa.Index("ix_orders_handover_code", "brand_id", "shop_id", "code_hash"),
    )

    order_id: uuid.UUID
    shop_id: uuid.UUID
    code_hash: bytes
    code_sealed: bytes
    state: HandOverState = Field(default=HandOverState.ISSUED, sa_type=text_enum(HandOverState, 16))
    used_at: dt.datetime | None = None
    used_by: uuid.UUID | None = None


class Refund(Row, table=True):
    """What is or was paid back; ``lines`` says of which lines, once that is decided."""

    __tablename__ = "orders_refund"
    __table_args__ = (
        brand_key("order_id", "reference"),
        brand_reference("order_id", "orders_order"),
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
    )

    order_id: uuid.UUID
    reference: str = Field(sa_type=sa.String(120))
    amount_minor: int = minor_units()
    currency: str = currency_code()
    reason: str = _text(200)
    requested_by: uuid.UUID | None = None
    refunded_at: dt.datetime | None = None
    was_released: bool = False
    lines: list[dict[str, int]] = Field(default_factory=list, sa_type=JSONB)


class Return(Row, table=True):
    """Money that another system gave back: told by its order, or by a document of its own (``is_own``).

    ``order_id`` is empty while its order was never seen; ``order_external_id`` names it where the source does.
    Both may tell of the same refund: then the document of its own counts. Amounts are positive.
    """

    __tablename__ = "orders_return"
    __table_args__ = (
        brand_key(
            "channel",
            "external_shop",
            "order_external_id",
            "external_id",
            "is_own",
            name="uq_orders_return_external",
        ),
        brand_reference("order_id", "orders_order"),
        brand_reference("member_id", "members_member"),
        sa.CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
        sa.Index(
            "ix_orders_return_order", "brand_id", "order_id", postgresql_where=sa.text("order_id IS NOT NULL")
        ),
        sa.Index(
            "ix_orders_return_unseen",
            "brand_id",
            "channel",
            "refunded_at",
            "id",
            postgresql_where=sa.text("order_id IS NULL"),
        ),
    )

    channel: str = Field(sa_type=sa.String(32))
    external_shop: str = Field(sa_type=sa.String(64))
    external_id: str = Field(sa_type=sa.String(120))
    order_external_id: str = Field(sa_type=sa.String(120))
    is_own: bool
    is_counted: bool = True
    order_id: uuid.UUID | None = None
    # Who is named beside the refund itself; its order's member comes first.
    member_id: uuid.UUID | None = None
    shop_id: uuid.UUID | None = None
    number: str = Field(sa_type=sa.String(32))
    amount_minor: int = minor_units()
    currency: str = currency_code()
    refunded_at: dt.datetime
    is_estimated: bool = False
    country: str = _text(2)
    province: str = _text(60)
    lines: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)


class Uncollected(SQLModel, table=True):
    """An order that nobody came for: its customer was told that it is paid back at ``refund_at``."""

    __tablename__ = "orders_uncollected"
    __table_args__ = (
        brand_reference("order_id", "orders_order"),
        sa.Index(
            "ix_orders_uncollected_due",
            "brand_id",
            "refund_at",
            "order_id",
            postgresql_where=sa.text("state = 'reminded'"),
        ),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    order_id: uuid.UUID = Field(primary_key=True)
    state: UncollectedState = Field(default=UncollectedState.REMINDED, sa_type=text_enum(UncollectedState, 16))
    reminded_at: dt.datetime
    refund_at: dt.datetime
    decided_at: dt.datetime | None = None
    decided_by: uuid.UUID | None = None
