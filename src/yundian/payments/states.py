"""The lives of a payment, of one attempt at it, of a refund, and of money that fits nothing."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class PaymentState(StrEnum):
    PENDING = "pending"
    CLOSING = "closing"  # cancelled or expired: the providers are asked to let nobody pay any more
    SUCCEEDED = "succeeded"
    CLOSED = "closed"


PAYMENT = Lifecycle(
    {
        PaymentState.PENDING: frozenset({PaymentState.CLOSING, PaymentState.SUCCEEDED}),
        # Paying may be faster than closing.
        PaymentState.CLOSING: frozenset({PaymentState.SUCCEEDED, PaymentState.CLOSED}),
        PaymentState.SUCCEEDED: frozenset(),
        # Money that comes later is an orphan, and changes no closed payment.
        PaymentState.CLOSED: frozenset(),
    }
)


class AttemptState(StrEnum):
    INIT = "init"  # stored; whether the provider heard of it is not known yet
    PENDING = "pending"
    UNKNOWN = "unknown"  # asked, and the answer was lost
    SUCCEEDED = "succeeded"
    CLOSED = "closed"
    FAILED = "failed"


# What the provider may still let somebody pay.
LIVE_ATTEMPTS = frozenset({AttemptState.INIT, AttemptState.PENDING, AttemptState.UNKNOWN})


class RefundState(StrEnum):
    REQUESTED = "requested"
    APPROVED = "approved"
    SUBMITTED = "submitted"  # on its way: the provider may have it or not
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CLOSED = "closed"  # never happens; another one needs a new number
    ABNORMAL = "abnormal"  # somebody must act


_ENDS = frozenset({RefundState.SUCCEEDED, RefundState.CLOSED, RefundState.ABNORMAL})

REFUND = Lifecycle(
    {
        RefundState.REQUESTED: frozenset({RefundState.APPROVED, RefundState.CLOSED}),
        RefundState.APPROVED: frozenset({RefundState.SUBMITTED}),
        # Back to APPROVED: refused before anything was sent.
        RefundState.SUBMITTED: _ENDS | {RefundState.PROCESSING, RefundState.APPROVED},
        RefundState.PROCESSING: _ENDS,
        # Tried again under the same number, or given up.
        RefundState.ABNORMAL: frozenset({RefundState.APPROVED, RefundState.SUCCEEDED, RefundState.CLOSED}),
        RefundState.SUCCEEDED: frozenset(),
        RefundState.CLOSED: frozenset(),
    }
)


class OrphanReason(StrEnum):
    LATE = "late"  # for a payment that was closed
    DUPLICATE = "duplicate"  # for a payment that another attempt had paid
    MISMATCH = "mismatch"  # not the amount, currency, merchant or app that was asked for
    UNKNOWN = "unknown"  # under a number that is none of ours
    UNKNOWN_REFUND = "unknown_refund"  # money that went back though nobody here asked


class OrphanStatus(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    ADOPTED = "adopted"  # its money is a captured payment of another subject now


class OrphanStanding(StrEnum):
    """How such money stands to people: what was sent back needs nobody any more. Derived of status and amounts."""

    OPEN = "open"
    RETURNING = "returning"
    RETURNED = "returned"
    RESOLVED = "resolved"
    ADOPTED = "adopted"


class BillState(StrEnum):
    """How a provider's bill of one day stands to our books."""

    WAITING = "waiting"  # not there yet, or it could not be fetched or read
    AGREED = "agreed"
    DIFFERS = "differs"
    MISSING = "missing"  # nobody looks for it any more


class GapKind(StrEnum):
    """What differs between a bill and our books."""

    AMOUNT = "amount"
    OURS_ONLY = "ours_only"
    THEIRS_ONLY = "theirs_only"


class AccountStatus(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"  # takes no new payments; notices, queries and refunds go on
