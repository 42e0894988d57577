"""Refusals: one class each, with a stable code beside the code that refuses.

A code is ``room.reason`` and never changes; clients switch on it. The web layer renders a refusal as
``application/problem+json`` with its ``facts``; nothing here knows HTTP beyond the status number.
"""

from typing import ClassVar


class DomainError(Exception):
    """A refusal with a stable code. ``facts`` are safe to show to the caller."""

    code: ClassVar[str] = "core.refused"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Refused"
    # Where a person can put it right: browsers are sent to this page.
    remedy: ClassVar[str] = ""

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code, facts)
        self.facts = facts


class NotFound(DomainError):
    """The thing does not exist, or belongs to another brand or shop: both look the same from outside."""

    code = "core.not_found"
    status = 404
    title = "Not found"


class NotAuthenticated(DomainError):
    code = "auth.not_authenticated"
    status = 401
    title = "Sign in first"


class Forbidden(DomainError):
    code = "auth.forbidden"
    status = 403
    title = "Not allowed for your role"


class InvalidInput(DomainError):
    """A field is wrong. ``errors`` names each one: ``{"field": ..., "message": ...}``."""

    code = "core.invalid_input"
    status = 400
    title = "Invalid input"

    def __init__(self, field: str, message: str, **facts: object) -> None:
        super().__init__(errors=[{"field": field, "message": message}], **facts)


class VersionConflict(DomainError):
    """Somebody else saved this in between; reload and try again."""

    code = "core.version_conflict"
    title = "Changed by somebody else"


class TooManyRequests(DomainError):
    """A limit was reached; ``retry_after_s`` says when to come back."""

    code = "core.too_many_requests"
    status = 429
    title = "Too many requests"


class Unavailable(DomainError):
    """A part is down or busy; the same request may succeed later."""

    code = "core.unavailable"
    status = 503
    title = "Temporarily unavailable"
