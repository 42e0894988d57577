"""Refusals of attribution."""

from yundian.platform.core.errors import DomainError, NotFound


class LinkUnknown(NotFound):
    """No such link in this brand, or not one of the caller's shops'."""

    code = "attribution.link_unknown"
    title = "This link is not known"


class CreditUnknown(NotFound):
    """Nothing is credited under this subject, or it is another brand's."""

    code = "attribution.credit_unknown"
    title = "No credit is known for this"


class CreditMoved(DomainError):
    """Somebody else transferred it in between; ``shop_id`` is where it is now."""

    code = "attribution.credit_moved"
    title = "Somebody else transferred this credit in between: look again"


class CreditNotTransferable(DomainError):
    """It came to nothing, or the shop has it already."""

    code = "attribution.credit_not_transferable"
    title = "This credit cannot be transferred there"


class NotOurAddress(DomainError):
    """A share card is made for pages of this house only."""

    code = "attribution.not_our_address"
    status = 400
    title = "Only pages of this site can be shared"


class BadTarget(DomainError):
    """A link leads to a page of this house, by a local path."""

    code = "attribution.bad_target"
    status = 400
    title = "A link must lead to a page of this site"
