"""Says who calls: puts a ``Principal`` into ``scope["user"]``, before guards and dependencies look at it."""

from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from yundian.platform.auth import signing
from yundian.platform.auth.cookies import token_of
from yundian.platform.auth.guards import is_for_customers
from yundian.platform.auth.resolve import principal_of_signature, principal_of_token
from yundian.platform.auth.signing import SIGNABLE, Signed
from yundian.platform.auth.tokens import key_id_of
from yundian.platform.core.principal import ANONYMOUS, Principal
from yundian.platform.db.services import Services


class AuthMiddleware(ASGIMiddleware):
    """One query for a request that carries a token, none for the others.

    A token that is unknown, expired or revoked makes the caller anonymous: open pages stay open, and the guard
    of any other sends a browser to sign in and a program a 401. Where a route is ``SIGNABLE``, a key's id may come
    instead of its secret, with a signature of the body; ``scope["auth"]`` then holds it.
    """

    scopes = (ScopeType.HTTP, ScopeType.WEBSOCKET)
    exclude_opt_key = "no_principal"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        scope["user"], scope["auth"] = await self._principal(scope, receive)
        await next_app(scope, receive, send)

    async def _principal(self, scope: Scope, receive: Receive) -> tuple[Principal, Signed | None]:
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        services: Services = connection.app.state.services
        handler = scope.get("route_handler")
        token = token_of(
            services.settings,
            cookies=connection.cookies,
            authorization=connection.headers.get("authorization", ""),
            is_for_customers=is_for_customers(handler),
        )
        if token is None:
            return ANONYMOUS, None
        if isinstance(handler, BaseRouteHandler) and handler.opt.keys() >= SIGNABLE.keys():
            key_id, signed = key_id_of(token), signing.read(connection.headers)
            if key_id is not None and signed is not None:
                request: Request[Any, Any, Any] = Request(scope, receive)
                return await principal_of_signature(
                    services.database, keyring=services.keyring, key_id=key_id, signed=signed, body=request.body
                )
        return await principal_of_token(services.database, keyring=services.keyring, token=token), None
