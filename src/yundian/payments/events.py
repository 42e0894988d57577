"""What payments tells other rooms. Subjects are opaque: each room looks for its own type."""

import datetime as dt
import uuid

from yundian.platform.outbox.declare import Event


class PaymentCaptured(Event, frozen=True, kw_only=True, tag="payments.captured.v1"):
    """Paid, once per payment. ``paid_at`` is the provider's time."""

    payment_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    amount_minor: int
    currency: str
    provider: str
    paid_at: dt.datetime


class PaymentClosed(Event, frozen=True, kw_only=True, tag="payments.closed.v1"):
    """Nobody paid, and nobody should any more; what is paid all the same becomes an orphan."""

    payment_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID


class PaymentRefunded(Event, frozen=True, kw_only=True, tag="payments.refunded.v1"):
    """One refund arrived; ``refunded_minor`` is the sum of all of the payment so far."""

    refund_id: uuid.UUID
    payment_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    amount_minor: int
    refunded_minor: int
    currency: str
    refunded_at: dt.datetime


class RefundAbnormal(Event, frozen=True, kw_only=True, tag="payments.refund_abnormal.v1"):
    """A refund that needs a person."""

    refund_id: uuid.UUID
    payment_id: uuid.UUID | None
    amount_minor: int
    currency: str
    failure: str


class PaymentOrphaned(Event, frozen=True, kw_only=True, tag="payments.orphaned.v1"):
    """Money that fits nothing: ``late``, ``duplicate``, ``mismatch``, ``unknown``, ``unknown_refund``."""

    orphan_id: uuid.UUID
    reason: str
    payment_id: uuid.UUID | None
    subject_type: str
    subject_id: uuid.UUID | None
    amount_minor: int
    currency: str
    paid_at: dt.datetime | None


class NoticeReceived(Event, frozen=True, kw_only=True, tag="payments.notice_received.v1"):
    """A verified notice was stored and waits to be handled: for this room itself."""

    notice_id: uuid.UUID


EVENTS = (PaymentCaptured, PaymentClosed, PaymentRefunded, RefundAbnormal, PaymentOrphaned, NoticeReceived)
