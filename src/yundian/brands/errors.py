"""Refusals of the brands room."""

from yundian.platform.core.errors import DomainError, NotFound


class BrandCodeTaken(DomainError):
    code = "brands.code_taken"
    title = "A brand with this code exists already"


class BrandUnknown(NotFound):
    code = "brands.unknown"
    title = "No such brand"


class BrandNotNamed(DomainError):
    """There are several brands, or none: ``facts`` list their codes."""

    code = "brands.not_named"
    status = 400
    title = "Say which brand"
