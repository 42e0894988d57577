"""Says who calls: puts a ``Principal`` into ``scope["user"]``, before guards and dependencies look at it."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from yundian.platform.auth.cookies import token_of
from yundian.platform.auth.guards import is_for_customers
from yundian.platform.auth.resolve import principal_of_token
from yundian.platform.core.principal import ANONYMOUS, Principal
from yundian.platform.db.services import Services


class AuthMiddleware(ASGIMiddleware):
    """One query for a request that carries a token, none for the others.

    A token that is unknown, expired or revoked makes the caller anonymous: open pages stay open, and the guard
    of any other sends a browser to sign in and a program a 401.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)
    exclude_opt_key = "no_principal"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["user"] = await self._principal(scope)
        scope["auth"] = None
        await next_app(scope, receive, send)

    async def _principal(self, scope: Scope) -> Principal:
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        services: Services = connection.app.state.services
        token = token_of(
            services.settings,
            cookies=connection.cookies,
            authorization=connection.headers.get("authorization", ""),
            is_for_customers=is_for_customers(scope.get("route_handler")),
        )
        if token is None:
            return ANONYMOUS
        return await principal_of_token(services.database, keyring=services.keyring, token=token)
