"""The life of an order, of its hand-over code, and the statuses that follow from the amounts."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class OrderState(StrEnum):
    """Imported orders enter at the state their source reports; none of them waits for a group."""

    CREATED = "created"  # placed, not paid
    PAID = "paid"
    WAITING = "waiting"  # paid, and something outside is missing: a group that is not full
    READY = "ready"  # released: may be handed over
    COLLECTED = "collected"
    COMPLETED = "completed"  # collected, and the after-sale window is over
    CLOSED = "closed"  # never paid
    CANCELLED = "cancelled"  # paid, and over before it was handed over: refunded


# All other channels are of orders that other systems took.
OWN_CHANNELS = ("groupbuy", "shop", "appointment")

ORDER = Lifecycle(
    {
        OrderState.CREATED: frozenset({OrderState.PAID, OrderState.CLOSED}),
        OrderState.PAID: frozenset({OrderState.WAITING, OrderState.READY, OrderState.CANCELLED}),
        OrderState.WAITING: frozenset({OrderState.READY, OrderState.CANCELLED}),
        # To COMPLETED: nobody came for what was kept for her alone, and it is not paid back.
        OrderState.READY: frozenset({OrderState.COLLECTED, OrderState.COMPLETED, OrderState.CANCELLED}),
        # Back to READY: a clerk confirmed the wrong order, and her owner put it right.
        OrderState.COLLECTED: frozenset({OrderState.COMPLETED, OrderState.READY}),
        OrderState.COMPLETED: frozenset(),
        # Money that comes later is an orphan of payments, and opens no closed order.
        OrderState.CLOSED: frozenset(),
        OrderState.CANCELLED: frozenset(),
    }
)

# Somebody still waits for something: the shop's lists, and what a whole refund cancels.
OPEN = frozenset({OrderState.PAID, OrderState.WAITING, OrderState.READY})


class PaymentStatus(StrEnum):
    """Derived from the amounts, never stored."""

    UNPAID = "unpaid"
    PAID = "paid"
    REFUNDED_PARTLY = "refunded_partly"
    REFUNDED = "refunded"


class FulfilmentStatus(StrEnum):
    """Derived from the state, never stored."""

    NONE = "none"  # nothing to hand over: unpaid or over
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"


class RefundStatus(StrEnum):
    """Derived; ``OPEN`` while a refund is on its way."""

    NONE = "none"
    OPEN = "open"
    PARTIAL = "partial"
    ALL = "all"


class HandOverState(StrEnum):
    ISSUED = "issued"
    USED = "used"
    VOID = "void"  # the order was cancelled before anybody came


HAND_OVER = Lifecycle(
    {
        HandOverState.ISSUED: frozenset({HandOverState.USED, HandOverState.VOID}),
        HandOverState.USED: frozenset({HandOverState.ISSUED}),
        HandOverState.VOID: frozenset(),
    }
)


class UncollectedState(StrEnum):
    REMINDED = "reminded"
    KEPT = "kept"  # headquarters lets it wait
    REFUNDED = "refunded"


class EventKind(StrEnum):
    """What an order's history tells."""

    PLACED = "placed"
    PAID = "paid"
    WAITING = "waiting"
    RELEASED = "released"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REFUND_REQUESTED = "refund_requested"
    REFUNDED = "refunded"
    COLLECTED = "collected"
    COLLECTION_UNDONE = "collection_undone"
    COMPLETED = "completed"
    FORFEITED = "forfeited"


class ActorKind(StrEnum):
    """Who did it. The house itself: a payment, a timer, a group."""

    HOUSE = "house"
    CUSTOMER = "customer"
    STAFF = "staff"
