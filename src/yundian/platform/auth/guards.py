"""Who may call a handler, in one line on its decorator. Every handler has exactly one of these.

``guards=[anyone]``, ``guards=[signed_in]``, ``guards=[requires(Role.HQ_ADMIN)]``,
``guards=[requires_scope("orders:write")]``. What a caller may *see* is decided in the query, by
``principal.shops()``: another shop's thing is unknown, not forbidden.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from yundian.platform.auth.errors import PasswordChangeRequired
from yundian.platform.core.errors import Forbidden, NotAuthenticated
from yundian.platform.core.principal import ANONYMOUS, Principal, PrincipalKind, Role


class Access(StrEnum):
    """The kinds of access guards."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    ROLES = "roles"
    SCOPE = "scope"


@dataclass(frozen=True, slots=True)
class AccessGuard:
    """A guard that tells what it allows, so that tests and the OpenAPI document can read it.

    ``roles`` and ``scope`` are alternatives: staff with one of the roles, or an API key with the scope.
    """

    access: Access
    roles: frozenset[Role] = frozenset()
    scope: str | None = None

    async def __call__(self, connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        user = connection.scope.get("user")
        self.check(user if isinstance(user, Principal) else ANONYMOUS)

    def check(self, principal: Principal) -> None:
        """Refuse with 401 whoever is not known, with 403 whoever may not."""
        if self.access is Access.ANYONE:
            return
        if not principal.is_authenticated:
            raise NotAuthenticated
        if self.access is Access.SIGNED_IN:
            if principal.kind is not PrincipalKind.STAFF:
                raise Forbidden
            return
        if principal.must_change_password:
            raise PasswordChangeRequired
        if not (principal.roles & self.roles or (self.scope is not None and self.scope in principal.scopes)):
            raise Forbidden


anyone = AccessGuard(Access.ANYONE)

# Staff with or without a role, also while a temporary password still has to be changed.
signed_in = AccessGuard(Access.SIGNED_IN)


def requires(*roles: Role, scope: str | None = None) -> AccessGuard:
    """Staff with one of the roles, or, if a scope is named, an API key that has it."""
    if not roles:
        raise ValueError("name at least one role")
    return AccessGuard(Access.ROLES, frozenset(roles), scope)


def requires_scope(scope: str) -> AccessGuard:
    """API keys with the scope, and nobody else."""
    return AccessGuard(Access.SCOPE, scope=scope)


def access_guards(handler: BaseRouteHandler) -> list[AccessGuard]:
    """The access guards of a handler, from every layer above it: exactly one, or a test fails."""
    return [guard for guard in handler.resolve_guards() if isinstance(guard, AccessGuard)]
