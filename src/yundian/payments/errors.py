"""Refusals of payments."""

from yundian.platform.core.errors import DomainError, NotFound


class BadNotice(DomainError):
    """A notice that cannot be believed."""

    code = "payments.bad_notice"
    status = 400
    title = "Not a notice of the payment provider"


class MalformedNotice(BadNotice):
    """Not the provider's form, or a field that must be there is missing."""

    code = "payments.malformed_notice"


class BadSignature(BadNotice):
    """Unsigned, signed with another key or a weaker algorithm, sealed with another key, or changed on the way."""

    code = "payments.bad_signature"


class KindNotOffered(DomainError):
    """The provider has no such way to pay."""

    code = "payments.kind_not_offered"
    title = "This way of paying is not offered"


class BadCredentials(DomainError):
    """A key of the merchant's account cannot be read."""

    code = "payments.bad_credentials"
    status = 400
    title = "A key of the account cannot be read"


class PaymentUnknown(NotFound):
    code = "payments.payment_unknown"
    title = "No such payment"


class RefundUnknown(NotFound):
    code = "payments.refund_unknown"
    title = "No such refund"


class OrphanUnknown(NotFound):
    code = "payments.orphan_unknown"
    title = "No such entry"


class NoticeUnknown(NotFound):
    code = "payments.notice_unknown"
    title = "No such notice"


class AccountUnknown(NotFound):
    code = "payments.account_unknown"
    title = "No such merchant account"


class SubjectBusy(DomainError):
    """The subject has a payment already, of another amount."""

    code = "payments.subject_busy"
    title = "There is another payment for this already"


class PaymentEnded(DomainError):
    """Paid, closed or expired: nothing more can be started."""

    code = "payments.payment_ended"
    title = "This payment has ended"


class NotRefundable(DomainError):
    """More than what was paid and not refunded yet."""

    code = "payments.not_refundable"
    title = "More than what can still be refunded"


class TooManyRefunds(DomainError):
    """WeChat takes so many refunds of one payment and no more."""

    code = "payments.too_many_refunds"
    title = "This payment was refunded in too many parts"


class OrphanTaken(DomainError):
    """Another subject has it, it is on its way back, or somebody resolved it."""

    code = "payments.orphan_taken"
    title = "This money has gone somewhere already"


class NotAdoptable(DomainError):
    """Money that does not match what was asked for, or was never asked for."""

    code = "payments.not_adoptable"
    title = "This money cannot become a payment"


class NoAccount(DomainError):
    code = "payments.no_account"
    title = "This way of paying is not set up"


class AccountTaken(DomainError):
    code = "payments.account_taken"
    title = "This merchant account is in use already"


class BadBill(DomainError):
    """Not a bill of the provider, or one whose sums do not fit its lines."""

    code = "payments.bad_bill"
    status = 400
    title = "Not a bill of the payment provider"


class BillUnknown(DomainError):
    code = "payments.bill_unknown"
    status = 404
    title = "No such bill"


class ProviderRefused(DomainError):
    code = "payments.provider_refused"
    title = "The payment provider refused; choose another way to pay"


class ProviderUnavailable(DomainError):
    code = "payments.provider_unavailable"
    status = 503
    title = "The payment provider does not answer; try again"
