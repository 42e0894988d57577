"""Who may call a handler, in one line on its decorator. Every handler has exactly one of these.

``guards=[anyone]``, ``guards=[signed_in]``, ``guards=[requires(Role.HQ_ADMIN)]``,
``guards=[requires_scope("orders:write")]``, ``guards=[customer]``. What a caller may *see* is decided in the
query, by ``principal.shops()``: another shop's thing is unknown, not forbidden.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import quote

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
    CUSTOMER = "customer"


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
        principal = user if isinstance(user, Principal) else ANONYMOUS
        if self.access is Access.CUSTOMER:
            _check_customer(principal, connection.path_params.get(BRAND_IN_PATH))
        else:
            self.check(principal)

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


# A customer of the brand whose code is in the path as ``{brand_code:str}``; without one, of the token's brand.
customer = AccessGuard(Access.CUSTOMER)

# For pages of customers that anyone may see: ``opt=FOR_CUSTOMERS``, else the staff's cookie says who calls.
FOR_CUSTOMERS = {"audience": "customer"}
BRAND_IN_PATH = "brand_code"


def requires(*roles: Role, scope: str | None = None) -> AccessGuard:
    """Staff with one of the roles, or, if a scope is named, an API key that has it."""
    if not roles:
        raise ValueError("name at least one role")
    return AccessGuard(Access.ROLES, frozenset(roles), scope)


def requires_scope(scope: str) -> AccessGuard:
    """API keys with the scope, and nobody else."""
    return AccessGuard(Access.SCOPE, scope=scope)


def is_for_customers(handler: object) -> bool:
    """Whether the customers' cookie, and not the staff's, says who calls this handler."""
    if not isinstance(handler, BaseRouteHandler):
        return False
    if any(guard.access is Access.CUSTOMER for guard in access_guards(handler)):
        return True
    return bool(handler.opt.get("audience") == FOR_CUSTOMERS["audience"])


def _check_customer(principal: Principal, brand_code: str | None) -> None:
    """Who is a customer elsewhere is nobody here: she is sent to this brand's own sign-in page."""
    is_customer = principal.kind is PrincipalKind.CUSTOMER
    if is_customer and brand_code in (None, principal.brand_code):
        return
    if principal.is_authenticated and not is_customer:
        raise Forbidden
    if brand_code is None:
        raise NotAuthenticated
    raise NotAuthenticated(sign_in=f"/m/{quote(brand_code, safe='')}/sign-in")


def access_guards(handler: BaseRouteHandler) -> list[AccessGuard]:
    """The access guards of a handler, from every layer above it: exactly one, or a test fails."""
    return [guard for guard in handler.resolve_guards() if isinstance(guard, AccessGuard)]
