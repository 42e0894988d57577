"""Refusals of orders."""

from yundian.platform.core.errors import DomainError, NotFound


class OrderUnknown(NotFound):
    code = "orders.order_unknown"
    title = "No such order"


class OrderNotBalanced(DomainError):
    """The sums of an order and its lines contradict each other; ``reason`` says where."""

    code = "orders.not_balanced"
    status = 400
    title = "The amounts of the order do not add up"


class OrderExists(DomainError):
    """Another order has the number, or the outside id, already. A new number may be tried."""

    code = "orders.order_exists"
    title = "There is such an order already"


class OrderNotOpen(DomainError):
    """``state`` is where the order stands."""

    code = "orders.order_not_open"
    title = "Not possible for this order any more"


class PaymentNotExpected(DomainError):
    """A payment of another amount or currency than the order's: somebody must look."""

    code = "orders.payment_not_expected"
    title = "The payment is not the one the order asked for"


class RefundTooLarge(DomainError):
    """``refundable_minor``: what is left of what was paid."""

    code = "orders.refund_too_large"
    title = "More than what can still be refunded"


class CodeMistyped(DomainError):
    """The check digit does not fit: a slip of the finger, not counted as a try."""

    code = "orders.code_mistyped"
    status = 400
    title = "This is no pick-up code: check the digits"


class CodeUnknown(NotFound):
    """No order waits in this shop under this code; another shop's code looks the same."""

    code = "orders.code_unknown"
    title = "No order waits here under this code. Another shop's code works only there"


class CodeUsed(DomainError):
    """``at``: when it was handed over."""

    code = "orders.code_used"
    title = "This order was handed over already"


class RefundOpen(DomainError):
    """Nothing is handed over while its money may be on its way back."""

    code = "orders.refund_open"
    title = "A refund of this order is open: do not hand it over"


class NotReady(DomainError):
    """The group is not complete, or the order is over."""

    code = "orders.not_ready"
    title = "This order may not be handed over"


class UndoTooLate(DomainError):
    """``minutes``: how long a hand-over may be taken back."""

    code = "orders.undo_too_late"
    title = "This hand-over cannot be taken back any more"
