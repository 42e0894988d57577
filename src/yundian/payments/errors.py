"""Refusals of payments."""

from yundian.platform.core.errors import DomainError


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
