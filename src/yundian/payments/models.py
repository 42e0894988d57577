"""Payments, the attempts at them, what providers said, refunds, and money that fits nothing."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.payments.states import (
    AccountStatus,
    AttemptState,
    BillState,
    GapKind,
    OrphanReason,
    OrphanStatus,
    PaymentState,
    RefundState,
)
from yundian.payments.types import PayKind, Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.base import Row, brand_key, brand_reference, currency_code, minor_units, text_enum

_LIVE = sa.text("state IN ('pending', 'closing', 'succeeded')")
_OPEN = sa.text("state IN ('pending', 'closing')")
_DUE = sa.text("next_poll_at IS NOT NULL")


def _number(length: int = 64, default: str = "") -> str:
    found: str = Field(default=default, sa_type=sa.String(length))
    return found


class Account(Row, table=True):
    """A merchant's account at a provider; ``sealed`` holds its keys, encrypted."""

    __tablename__ = "payments_account"
    __table_args__ = (
        brand_key("provider", "merchant_id", "app_id"),
        sa.Index(
            "ix_payments_account_active",
            "brand_id",
            "provider",
            unique=True,
            postgresql_where=sa.text("status = 'active'"),
        ),
    )

    provider: Provider = Field(sa_type=text_enum(Provider))
    label: str = _number(80)
    app_id: str = _number()
    merchant_id: str = _number()
    sealed: bytes
    status: AccountStatus = Field(default=AccountStatus.ACTIVE, sa_type=text_enum(AccountStatus))


class Payment(Row, table=True):
    """What somebody owes for a subject of another room; at most one that lives per subject."""

    __tablename__ = "payments_payment"
    __table_args__ = (
        sa.CheckConstraint("amount_minor > 0", name="amount_positive"),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= reserved_minor AND reserved_minor <= captured_minor",
            name="refunds_within_captured",
        ),
        sa.Index(
            "ix_payments_payment_live_subject",
            "brand_id",
            "subject_type",
            "subject_id",
            unique=True,
            postgresql_where=_LIVE,
        ),
        sa.Index("ix_payments_payment_expiring", "brand_id", "expires_at", postgresql_where=_OPEN),
        sa.Index(None, "brand_id", "state", "id"),
        sa.Index(None, "brand_id", "subject_id"),
    )

    subject_type: str = Field(sa_type=sa.String(40))
    subject_id: uuid.UUID
    description: str = _number(120)
    return_path: str = _number(200)
    amount_minor: int = minor_units()
    currency: str = currency_code()
    state: PaymentState = Field(default=PaymentState.PENDING, sa_type=text_enum(PaymentState))
    captured_minor: int = minor_units(default=0)
    reserved_minor: int = minor_units(default=0)
    refunded_minor: int = minor_units(default=0)
    payer_sealed: bytes | None = None
    expires_at: dt.datetime
    closing_at: dt.datetime | None = None
    paid_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None


class Attempt(Row, table=True):
    """One number under which a provider was asked; ``client_sealed`` is what the payer's browser needs."""

    __tablename__ = "payments_attempt"
    __table_args__ = (
        brand_key("out_trade_no"),
        brand_reference("payment_id", "payments_payment"),
        brand_reference("account_id", "payments_account"),
        sa.Index(None, "brand_id", "payment_id"),
        sa.Index("ix_payments_attempt_due", "brand_id", "next_poll_at", postgresql_where=_DUE),
        sa.Index(None, "brand_id", "provider_ref"),
    )

    payment_id: uuid.UUID
    account_id: uuid.UUID
    provider: Provider = Field(sa_type=text_enum(Provider))
    kind: PayKind = Field(sa_type=text_enum(PayKind))
    out_trade_no: str = _number(32)
    state: AttemptState = Field(default=AttemptState.INIT, sa_type=text_enum(AttemptState))
    failure: str = _number()
    client_sealed: bytes | None = None
    provider_ref: str = _number()
    paid_at: dt.datetime | None = None
    expires_at: dt.datetime
    next_poll_at: dt.datetime | None = None
    polls: int = 0


class Notice(Row, table=True):
    """A notice as received, and the facts in it once its signature held; the text goes after a time."""

    __tablename__ = "payments_notice"
    __table_args__ = (
        # No reference to the account: every notice would lock its one hot row.
        brand_key("account_id", "ref"),
        sa.Index(None, "brand_id", "out_trade_no"),
        sa.Index("ix_payments_notice_sealed", "brand_id", "id", postgresql_where=sa.text("sealed IS NOT NULL")),
    )

    account_id: uuid.UUID
    provider: Provider = Field(sa_type=text_enum(Provider))
    kind: str = _number(16)
    ref: str = _number(160)
    digest: bytes
    sealed: bytes | None
    signature_ok: bool
    merchant_id: str = _number()
    app_id: str = _number()
    out_trade_no: str = _number()
    standing: str = _number(16)
    provider_ref: str = _number()
    amount_minor: int | None = minor_units(default=None)
    currency: str | None = Field(default=None, sa_type=sa.CHAR(3))
    paid_at: dt.datetime | None = None
    out_refund_no: str = _number()
    refund_standing: str = _number(16)
    refund_minor: int | None = minor_units(default=None)
    refunded_at: dt.datetime | None = None
    refund_ref: str = _number()
    handled_at: dt.datetime | None = None
    outcome: str = _number()


class Orphan(Row, table=True):
    """Money at a provider that fits nothing here; kept until somebody says what became of it."""

    __tablename__ = "payments_orphan"
    __table_args__ = (
        brand_key("out_trade_no", "reason", "provider_ref"),
        brand_reference("account_id", "payments_account"),
        sa.CheckConstraint(
            "0 <= refunded_minor AND refunded_minor <= reserved_minor AND reserved_minor <= amount_minor",
            name="refunds_within_amount",
        ),
        sa.Index(None, "brand_id", "status", "id"),
        sa.Index(None, "brand_id", "payment_id"),
    )

    reason: OrphanReason = Field(sa_type=text_enum(OrphanReason))
    status: OrphanStatus = Field(default=OrphanStatus.OPEN, sa_type=text_enum(OrphanStatus))
    provider: Provider = Field(sa_type=text_enum(Provider))
    account_id: uuid.UUID
    out_trade_no: str = _number()
    provider_ref: str = _number()
    amount_minor: int = minor_units(default=0)
    currency: str = currency_code()
    detail: str = _number(200)
    payment_id: uuid.UUID | None = None
    linked_payment_id: uuid.UUID | None = None
    reserved_minor: int = minor_units(default=0)
    refunded_minor: int = minor_units(default=0)
    paid_at: dt.datetime | None = None


class OrphanAction(Row, table=True):
    """What somebody did about an orphan."""

    __tablename__ = "payments_orphan_action"
    __table_args__ = (
        brand_reference("orphan_id", "payments_orphan"),
        sa.Index(None, "brand_id", "orphan_id"),
    )

    orphan_id: uuid.UUID
    action: str = _number(16)
    text: str = _number(400)
    actor_id: uuid.UUID | None = None


class Refund(Row, table=True):
    """Money on its way back, under a number that is never used for another refund."""

    __tablename__ = "payments_refund"
    __table_args__ = (
        brand_key("out_refund_no"),
        brand_reference("payment_id", "payments_payment"),
        brand_reference("orphan_id", "payments_orphan"),
        brand_reference("account_id", "payments_account"),
        sa.CheckConstraint("amount_minor > 0 AND amount_minor <= total_minor", name="amount_within_total"),
        sa.CheckConstraint("(payment_id IS NULL) <> (orphan_id IS NULL)", name="one_origin"),
        sa.Index(None, "brand_id", "payment_id"),
        sa.Index(None, "brand_id", "orphan_id"),
        sa.Index("ix_payments_refund_due", "brand_id", "next_poll_at", postgresql_where=_DUE),
        sa.Index(None, "brand_id", "state", "id"),
    )

    payment_id: uuid.UUID | None = None
    orphan_id: uuid.UUID | None = None
    account_id: uuid.UUID
    out_trade_no: str = _number()
    out_refund_no: str = _number()
    amount_minor: int = minor_units()
    total_minor: int = minor_units()
    currency: str = currency_code()
    reason: str = _number(80)
    state: RefundState = Field(default=RefundState.REQUESTED, sa_type=text_enum(RefundState))
    failure: str = _number()
    provider_ref: str = _number()
    requested_by: uuid.UUID | None = None
    approved_by: uuid.UUID | None = None
    refunded_at: dt.datetime | None = None
    sent_at: dt.datetime | None = None
    next_poll_at: dt.datetime | None = None
    polls: int = 0


class BillDay(Row, table=True):
    """A provider's bill of one day for one merchant: whether it is there, and what it said beside our books."""

    __tablename__ = "payments_bill"
    __table_args__ = (
        brand_key("provider", "merchant_id", "day"),
        brand_reference("account_id", "payments_account"),
        sa.Index("ix_payments_bill_due", "brand_id", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")),
        sa.Index("ix_payments_bill_day", "brand_id", "day", "id"),
    )

    provider: Provider = Field(sa_type=text_enum(Provider))
    merchant_id: str = _number()
    account_id: uuid.UUID
    day: dt.date
    state: BillState = Field(default=BillState.WAITING, sa_type=text_enum(BillState))
    tries: int = 0
    next_at: dt.datetime | None = None
    failure: str = _number()
    compared_at: dt.datetime | None = None
    payments: int = 0
    refunds: int = 0
    currency: str = currency_code()
    paid_minor: int = minor_units(default=0)
    refunded_minor: int = minor_units(default=0)
    # Thousandths of a fen.
    fee_millis: int = minor_units(default=0)
    near_midnight: int = 0
    gaps: int = 0


class BillGap(Row, table=True):
    """A payment or refund that is not the same in a bill and in our books."""

    __tablename__ = "payments_bill_gap"
    __table_args__ = (brand_reference("bill_id", "payments_bill"), sa.Index(None, "brand_id", "bill_id"))

    bill_id: uuid.UUID
    kind: GapKind = Field(sa_type=text_enum(GapKind))
    out_trade_no: str = _number()
    out_refund_no: str = _number()
    currency: str = currency_code()
    ours_minor: int | None = minor_units(default=None)
    theirs_minor: int | None = minor_units(default=None)


class UnclaimedNotice(SQLModel, table=True):
    """Global: a notice for no account that we know, unverified, kept sealed for whoever looks for it."""

    __tablename__ = "unclaimed_notice"
    __table_args__ = (sa.UniqueConstraint("digest"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    created_at: dt.datetime = Field(default_factory=clock.now)
    provider: str = _number(16)
    path: str = _number(200)
    digest: bytes
    sealed: bytes
