"""Refusals of the brands room."""

from yundian.platform.core.errors import DomainError


class BrandCodeTaken(DomainError):
    code = "brands.code_taken"
    title = "A brand with this code exists already"
