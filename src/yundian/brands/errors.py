"""Refusals of the brands room."""

from yundian.platform.core.errors import DomainError, NotFound


class BrandCodeTaken(DomainError):
    code = "brands.code_taken"
    title = "A brand with this code exists already"


class BrandUnknown(NotFound):
    code = "brands.unknown"
    title = "No such brand"
